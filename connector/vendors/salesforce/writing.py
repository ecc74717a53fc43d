"""Writes by Collections, 200 rows a call, each call with the look at what was stored beside it.

One Composite call holds the write and a query for the same rows: it counts once against the org's day, and it tells
what rules, triggers and normalising made of our values. An update has a query before it too, which tells what it
overtook, and one for the fields' history, which tells what fell between the parts. A few rows at once go one by one in
that call, each guarded against what falls between (`guarding.py`). Subrequests inherit no headers, so each carries the
safety headers itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from connector.errors import UsageError
from connector.vendors.base import Create, Lane, Outcome, Record, Update, WriteResult
from connector.vendors.batches import Batch, after, write_all
from connector.vendors.flight import Flight
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import between, guarding, protocol, records
from connector.vendors.salesforce.api import Api, Json
from connector.vendors.salesforce.describing import Fields
from connector.vendors.salesforce.failures import LOCKED_SECONDS, PASSING, failure, refused
from connector.vendors.salesforce.protocol import BATCH_SIZE, KEY_PROPERTY, LOCKS_PARENT, MODIFIED, MODIFIER

Row = TypeVar("Row")

#: (object, other) → the field of a new record that names the other.
_REFERENCES: Mapping[tuple[str, str], str] = {
    **{(one, who): "WhoId" for one in ("Task", "Event") for who in ("Lead", "Contact")},
    **{(one, what): "WhatId" for one in ("Task", "Event") for what in ("Opportunity", "Account")},
    ("Opportunity", "Account"): "AccountId",
    ("Opportunity", "Contact"): "ContactId",
    ("Contact", "Account"): "AccountId",
}


class Writer:
    """Writes of one org. `user_id` is the user that we run as."""

    def __init__(self, api: Api, fields: Fields, flight: Flight, *, user_id: str | None) -> None:
        self._api = api
        self._fields = fields
        self._flight = flight
        self._user_id = user_id
        self._alone = Flight(most=1)

    def close(self) -> None:
        """End the threads."""
        self._alone.close()

    def update(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """Set properties; setting a value twice is harmless, so what had no answer is repeated."""
        good = [row for row in updates if protocol.is_id(row.id)]
        told = guarding.tried(good, lambda rows: self._one_by_one(object_type, rows, lane=lane))
        many = [row for row in good if row.id not in told]
        batch = self._updates(object_type, lane=lane)
        ids = [row.id for row in many]
        results = iter(after(list(told.values()), ids, lambda: self._sent(batch, many, object_type)))
        return [(told.get(row.id) or next(results)) if protocol.is_id(row.id) else _no_id(row.id) for row in updates]

    def create(self, object_type: str, creates: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """Create records; an uncertain call is never repeated."""
        known = self._fields.of(object_type, lane=lane)
        keyed = KEY_PROPERTY in known

        def send(rows: Sequence[Create]) -> Json:
            given = [_json(known, self._content(object_type, row, keyed=keyed)) for row in rows]
            names = dict.fromkeys(name for one in given for name in one)
            look = protocol.among(KEY_PROPERTY, [row.key for row in rows]) if keyed else ""
            return self._write("POST", object_type, given, list(names), look, lane=lane, repeatable=False)

        def uses(row: Create, name: str) -> bool:
            return name in row.properties or name == KEY_PROPERTY

        batch = self._batch(object_type, send, name=lambda row: row.key, uses=uses, repeatable=False)
        return self._sent(batch, creates, object_type)

    def upsert(self, object_type: str, key_property: str, rows: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """Create or update by an External ID. Raises `UsageError` for one that is not unique: two records could have
        one value, and Salesforce would then refuse to choose (or choose for those with wide rights)."""
        known = self._fields.of(object_type, lane=lane)
        if key_property not in known or not known[key_property].unique:
            raise UsageError(
                f"{object_type}.{key_property} must be a unique External ID that our user sees.",
                reason="key_not_unique",
            )

        def send(part: Sequence[Create]) -> Json:
            given = [
                {**_json(known, self._content(object_type, row, keyed=False)), key_property: row.key} for row in part
            ]
            names = dict.fromkeys(name for one in given for name in one)
            look = protocol.among(key_property, [row.key for row in part])
            path = f"composite/sobjects/{object_type}/{key_property}"
            return self._write("PATCH", object_type, given, list(names), look, lane=lane, repeatable=True, path=path)

        def uses(row: Create, name: str) -> bool:
            return name in row.properties or name == key_property

        batch = self._batch(object_type, send, name=lambda row: row.key, uses=uses, repeatable=True)
        return self._sent(batch, rows, object_type)

    def delete(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> list[WriteResult]:
        """Into the recycle bin; one that is already gone counts as done."""

        def send(rows: Sequence[str]) -> Json:
            path = f"composite/sobjects?ids={quote(','.join(rows))}&allOrNone=false"
            return {"written": self._api.call("DELETE", path, lane=lane), "stored": []}

        batch = self._batch(object_type, send, name=str, uses=lambda row, name: False, repeatable=True)
        results = self._sent(batch, [one for one in ids if protocol.is_id(one)], object_type)
        told = {one.id: one for one in results}
        done = [told.get(one) or _no_id(one) for one in ids]
        return [
            WriteResult(id=one.id, outcome=Outcome.APPLIED) if one.outcome is Outcome.MISSING else one for one in done
        ]

    # ── updates ──────────────────────────────────────────────────────────────────────────────────────────────

    def _updates(self, object_type: str, *, lane: Lane) -> Batch[Update]:
        """Updates as Collections take them."""
        known = self._fields.of(object_type, lane=lane)

        def send(rows: Sequence[Update]) -> Json:
            given = [{"Id": row.id, **_json(known, row.properties)} for row in rows]
            names, look, past = _looks(object_type, rows)
            return self._write(
                "PATCH", object_type, given, names, look, lane=lane, repeatable=True, twice=True, past=past
            )

        return self._batch(object_type, send, name=lambda row: row.id, uses=_sets, repeatable=True)

    def _one_by_one(self, object_type: str, rows: Sequence[Update], *, lane: Lane) -> guarding.Told:
        """One guarded attempt at each of these rows, in one call."""
        known = self._fields.of(object_type, lane=lane)
        stands: dict[str, datetime] = {}

        def send(part: Sequence[Update]) -> Json:
            values = [_json(known, row.properties) for row in part]
            names, look, past = _looks(object_type, part)
            shown = self._look(object_type, names, look, lane=lane)
            address = f"{self._api.data_path}sobjects/{object_type}"
            writes = guarding.writes(address, part, values, self._api.safety)
            wanted = [shown | {"referenceId": "before"}, *writes, shown]
            try:
                parts = self._composed(wanted, past, lane=lane, repeatable=True)
            except RefusedError:  # the call as it is, not a value in it: the rows go as many rows do
                return {"written": [guarding.NOT_UNDERSTOOD] * len(part), "stored": ()}
            looks = _shown(parts)
            stands.update(
                {one.id: one.modified_at for one in _records(looks["stored"], object_type) if one.modified_at}
            )
            written = [guarding.result_of(row.id, parts.get(guarding.reference(n))) for n, row in enumerate(part)]
            return {"written": written, **looks}

        batch = self._batch(object_type, send, name=lambda row: row.id, uses=_sets, repeatable=True)
        results = self._sent(batch, rows, object_type)
        if any(one.reason == "unknown_property" for one in results):
            self._fields.forget(object_type)
        return results, stands

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _write(
        self,
        method: str,
        object_type: str,
        given: Sequence[Mapping[str, Any]],
        names: Sequence[str],
        look: str,
        *,
        lane: Lane,
        repeatable: bool,
        path: str = "composite/sobjects",
        twice: bool = False,
        past: str | None = None,
    ) -> Json:
        """The rows' results, what is stored of them, (`twice`) what stood right before, and (`past`) what changed then.

        Raises what the write itself was refused with.
        """
        rows = [{"attributes": {"type": object_type}, **one} for one in given]
        write = {"method": method, "url": self._api.data_path + path, "referenceId": "write"}
        wanted = [write | {"httpHeaders": self._api.safety, "body": {"allOrNone": False, "records": rows}}]
        if look:
            shown = self._look(object_type, names, look, lane=lane)
            wanted = [*([shown | {"referenceId": "before"}] if twice else ()), *wanted, shown]
        parts = self._composed(wanted, past, lane=lane, repeatable=repeatable)
        written = parts.get("write") or {}
        status = int(written.get("httpStatusCode") or 500)
        if status >= 300:
            error = failure(status, written.get("body"), repeatable=repeatable)
            if error.reason == "unknown_property":
                self._fields.forget(object_type)
            raise error
        return {"written": written["body"], **_shown(parts)}

    def _composed(
        self, wanted: Sequence[Mapping[str, Any]], past: str | None, *, lane: Lane, repeatable: bool
    ) -> dict[str, Any]:
        """The answers of one Composite call, in the order in which it was asked, by their names."""
        asked = [*wanted, *([self._query(past, "past")] if past is not None else ())]
        body = {"allOrNone": False, "collateSubrequests": False, "compositeRequest": asked}
        answer = self._api.call("POST", "composite", body, lane=lane, repeatable=repeatable)
        return {str(one["referenceId"]): one for one in (answer or {}).get("compositeResponse") or ()}

    def _look(self, object_type: str, names: Sequence[str], where: str, *, lane: Lane) -> dict[str, Any]:
        """The subrequest that reads what is stored."""
        fields = self._fields.visible(object_type, ["Id", *names, KEY_PROPERTY, MODIFIED, MODIFIER], lane=lane)
        return self._query(protocol.select(fields, object_type, where), "look")

    def _query(self, soql: str, name: str) -> dict[str, Any]:
        return {"method": "GET", "url": f"{self._api.data_path}query?q={quote(soql)}", "referenceId": name}

    def _content(self, object_type: str, row: Create, *, keyed: bool) -> dict[str, str]:
        content = dict(row.properties)
        for other_type, other_id in row.associate:
            name = _REFERENCES.get((object_type, other_type))
            if name is not None:
                content.setdefault(name, other_id)
        if str(content.get("WhoId", "")).startswith(protocol.PREFIXES["Lead"]):
            content.pop("WhatId", None)  # an activity of a lead hangs on nothing else
        return {**content, **({KEY_PROPERTY: row.key} if keyed else {})}

    def _batch(
        self,
        object_type: str,
        send: Callable[[Sequence[Row]], Json],
        *,
        name: Callable[[Row], str],
        uses: Callable[[Row, str], bool],
        repeatable: bool,
    ) -> Batch[Row]:
        def matched(rows: Sequence[Row], answer: Json) -> list[WriteResult]:
            return _matched(batch, object_type, rows, answer, us=self._user_id)

        batch = Batch(send=send, name=name, uses=uses, matched=matched, repeatable=repeatable)
        return batch

    def _sent(self, batch: Batch[Row], rows: Sequence[Row], object_type: str) -> list[WriteResult]:
        """Children lock their parents: their calls go one after another."""
        flight = self._alone if object_type in LOCKS_PARENT else self._flight
        return write_all(batch, rows, size=BATCH_SIZE, flight=flight)


def _looks(object_type: str, rows: Sequence[Update]) -> tuple[list[str], str, str | None]:
    """The fields of some updates, the condition for their rows, and the question for what changed of them lately."""
    names = list(dict.fromkeys(name for row in rows for name in row.properties))
    ids = [row.id for row in rows]
    return names, protocol.among("Id", ids), between.question(object_type, ids, names)


def _shown(parts: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: _seen(parts, part) for name, part in (("stored", "look"), ("before", "before"), ("past", "past"))}


def _seen(parts: Mapping[str, Any], name: str) -> list[Any]:
    """The rows of a look; none where it failed: the write is told all the same."""
    part = parts.get(name) or {}
    return list((part.get("body") or {}).get("records") or ()) if part.get("httpStatusCode") == 200 else []


def _records(rows: Sequence[Mapping[str, Any]], object_type: str) -> list[Record]:
    return [records.record(one, object_type) for one in rows]


def _matched(
    batch: Batch[Row], object_type: str, rows: Sequence[Row], answer: Json, *, us: str | None
) -> list[WriteResult]:
    """Results stand in the rows' order; a failed one has no id. A row of which nothing is said is not called done."""
    stored = {one.id: one for one in _records(answer["stored"], object_type)}
    before = {one.id: one for one in _records(answer.get("before", ()), object_type)}
    sent = {row.id: row.properties for row in rows if isinstance(row, Update)}
    stored = between.without_theirs(stored, sent, us=us)
    before, stored = between.told_apart(object_type, answer.get("past", ()), before, stored, us=us)
    results = answer["written"] if isinstance(answer["written"], list) else []
    told: list[WriteResult] = []
    for number, row in enumerate(rows):
        raw = results[number] if number < len(results) else None
        told.append(_result(batch, row, raw, stored, before))
    return told


def _result(
    batch: Batch[Row],
    row: Row,
    raw: Mapping[str, Any] | None,
    stored: Mapping[str, Record],
    before: Mapping[str, Record],
) -> WriteResult:
    if raw is None:
        outcome = Outcome.RETRY if batch.repeatable else Outcome.UNCERTAIN
        return batch.result(row, outcome, "unanswered", "Salesforce's answer says nothing of this record.")
    if raw.get("success") is True:
        record_id = str(raw["id"])
        return WriteResult(
            id=record_id, outcome=Outcome.APPLIED, record=stored.get(record_id), before=before.get(record_id)
        )
    problems = [one for one in raw.get("errors") or () if isinstance(one, Mapping)]
    code = str(problems[0].get("statusCode")) if problems else ""
    if code in PASSING:
        return WriteResult(
            id=batch.name(row),
            outcome=Outcome.RETRY,
            reason=code.lower(),
            message="Salesforce asks for another attempt at this record.",
            retry_after_seconds=LOCKED_SECONDS,
        )
    return batch.refused(row, refused(200, problems))


def _json(known: Mapping[str, Any], properties: Mapping[str, str]) -> dict[str, Any]:
    return {name: records.to_json(known.get(name), value) for name, value in properties.items()}


def _sets(row: Update, name: str) -> bool:
    return name in row.properties


def _no_id(text: str) -> WriteResult:
    return WriteResult(
        id=text, outcome=Outcome.MISSING, reason="not_found", message="Salesforce has no record of this id."
    )
