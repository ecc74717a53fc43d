"""HubSpot as a `Vendor`: one portal, through one private app or OAuth grant.

    vendor = HubSpotVendor(account_id="4711", base_url="https://api.hubapi.com", credentials=…, tokens=…)
    vendor.read("contact", ["1", "2"], ["email"], lane=Lane.HOT)

Values stay HubSpot's strings. Nothing is looked up by search, which lags behind by up to half a minute; `changed` alone
searches, for reconcile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from connector.errors import RetryableError
from connector.vendors.base import (
    ActivityKind,
    Create,
    DealPipeline,
    Lane,
    Owner,
    Page,
    PropertyInfo,
    Record,
    Submission,
    Update,
    WriteResult,
)
from connector.vendors.batches import write_all
from connector.vendors.flight import Flight
from connector.vendors.http import Timeouts, TokenProvider, Tokens
from connector.vendors.hubspot import listing, protocol, records
from connector.vendors.hubspot.api import Api
from connector.vendors.hubspot.enrolling import HubSpotEnroller
from connector.vendors.hubspot.failures import context_ids, is_missing
from connector.vendors.hubspot.outcomes import activity_outcomes
from connector.vendors.hubspot.reading import FOLLOWED, Reader
from connector.vendors.hubspot.wanted import KEYED_TYPES
from connector.vendors.hubspot.writing import Labels, ids_in_error, ids_in_result, labelled
from connector.vendors.refusal import RefusedError
from connector.vendors.sheet import Coming

_ASSOCIATIONS = "associations"
_TRACE = "objectWriteTraceId"


class HubSpotVendor:
    """One HubSpot account. Safe to share between threads; `close` it when the connection is let go.

    `our_source_ids` are our app's ids as HubSpot names them in change sources; `rate_per_second` bounds the requests
    kept in flight; `key_property` is the unique property that holds our keys.
    """

    name = "hubspot"
    batch_size = protocol.BATCH_SIZE

    def __init__(
        self,
        *,
        account_id: str,
        base_url: str,
        credentials: TokenProvider,
        tokens: Tokens,
        api_version: str = "2026-03",
        our_source_ids: Collection[str] = (),
        rate_per_second: float = 19.0,
        most_in_flight: int = 8,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        key_property: str = protocol.KEY_PROPERTY,
    ) -> None:
        self.account_id = account_id
        self.paths = protocol.family(api_version)
        self.key_property = key_property
        self._ours = frozenset(our_source_ids)
        self.flight = Flight(rate_per_second=rate_per_second, most=most_in_flight)
        self.api = Api(
            base_url=base_url,
            credentials=credentials,
            tokens=tokens,
            flight=self.flight,
            timeouts=timeouts,
            most_connections=most_in_flight,
        )
        self._listing = listing.Listing(self.api, self.paths, self._ours)
        self._reader = Reader(self.api, self.paths, self.flight, self._ours)
        self.enroller = HubSpotEnroller(self.api, self.paths, self.flight)

    def close(self) -> None:
        """End the threads and close the connections."""
        self.flight.close()
        self.api.close()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────

    def read(
        self,
        object_type: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        lane: Lane,
        history: Sequence[str] = (),
    ) -> dict[str, Record]:
        """See `Vendor.read`: 100 records a call (50 with history)."""
        size = protocol.HISTORY_BATCH_SIZE if history else protocol.BATCH_SIZE
        unique = list(dict.fromkeys(ids))
        extra = {"propertiesWithHistory": list(history)} if history else {}
        wanted = set(unique)
        answer = self._reader.batch(object_type, unique, properties, size=size, lane=lane, extra=extra)
        found = {one.id: one for one in answer.records if one.id in wanted}
        left = [one for one in unique if one not in found and one not in answer.missing]
        return found | self._reader.became(object_type, left, lane=lane) if left and object_type in FOLLOWED else found

    def find_by_key(
        self, object_type: str, keys: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, Record]:
        """Records by our key property; exact and current, not by search."""
        wanted = [*properties, self.key_property]
        extra = {"idProperty": self.key_property}
        answer = self._reader.batch(object_type, list(dict.fromkeys(keys)), wanted, lane=lane, extra=extra)
        return {key: one for one in answer.records if (key := one.properties.get(self.key_property)) is not None}

    def find_by_email(self, emails: Sequence[str], properties: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        """Contacts by e-mail address (lower case), secondary addresses included."""
        unique = list(dict.fromkeys(email.lower() for email in emails))
        wanted = [*properties, "email", "hs_additional_emails"]
        answer = self._reader.batch("contact", unique, wanted, lane=lane, extra={"idProperty": "email"})
        by_address: dict[str, Record] = {}
        for one in answer.records:
            others = (one.properties.get("hs_additional_emails") or "").split(";")
            for address in (one.properties.get("email") or "", *others):
                by_address[address.strip().lower()] = one
        return {email: by_address[email] for email in unique if email in by_address}

    def associated(self, from_type: str, ids: Sequence[str], to_type: str, *, lane: Lane) -> dict[str, tuple[str, ...]]:
        """Associated ids of each record (an empty tuple for none), 1,000 records a call, all pages."""
        path = self.paths.association(from_type, to_type, "read")
        unique = list(dict.fromkeys(ids))
        found: dict[str, list[str]] = {one: [] for one in unique}
        inputs = [{"id": one} for one in unique]
        while inputs:
            following: list[dict[str, str]] = []
            for answer in self.flight.map(
                lambda chunk: self.api.call("POST", path, {"inputs": chunk}, lane=lane, kind=_ASSOCIATIONS),
                _chunks(inputs, protocol.ASSOCIATIONS_BATCH_SIZE),
            ):
                following += _collect_associations(answer, found)
            inputs = following
        return {one: tuple(dict.fromkeys(others)) for one, others in found.items()}

    def changed(
        self,
        object_type: str,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after: str | None = None,
        lane: Lane,
    ) -> Page:
        """A page of the records modified in this window, by search."""
        return self._listing.changed(object_type, properties, since=since, until=until, after=after, lane=lane)

    def page(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool = False
    ) -> Page:
        """One page of the list endpoint (by id; no cap, unlike search)."""
        return self._listing.page(object_type, properties, after=after, lane=lane, archived=archived)

    def sheets(
        self, object_type: str, properties: Sequence[str], *, afters: Sequence[str | None], lane: Lane
    ) -> Coming:
        """Several pages of the list endpoint, sent one after the other as the limits allow."""
        return self._listing.sheets(object_type, properties, afters=afters, lane=lane)

    def converted_into(self, ids: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """A contact stays the record that it is."""
        return {}

    def behind(self, object_type: str, vendor_id: str) -> str | None:
        """Lists go by id, and `after` names the id at which they go on (recorded: the last id of a page, plus one)."""
        return str(int(vendor_id) + 1) if vendor_id.isdigit() else None

    def owners(self) -> tuple[Owner, ...]:
        """Everybody who may own records, the deactivated included."""
        found: dict[str, Owner] = {}
        for archived in ("true", "false"):  # an owner who came back is listed twice: the active entry stands
            query = {"limit": str(protocol.OWNERS_PAGE), "archived": archived}
            for raw in self._listing.rows(self.paths.owners, query):
                one = records.owner(raw)
                found[one.id] = one
        return tuple(found.values())

    def describe(self, object_type: str) -> Mapping[str, PropertyInfo]:
        """All properties of an object type, by name."""
        path = self.paths.properties.format(object=protocol.object_name(object_type))
        answer = self.api.get(path, {"archived": "false"}, lane=Lane.BACKGROUND)
        return {one.name: one for one in map(records.property_info, answer["results"])}

    def pipelines(self) -> tuple[DealPipeline, ...]:
        """The pipelines of deals, in display order."""
        path = self.paths.pipelines.format(object=protocol.object_name("deal"))
        answer = self.api.get(path, {}, lane=Lane.BACKGROUND)
        found = sorted(answer["results"], key=lambda raw: raw.get("displayOrder") or 0)
        return tuple(records.pipeline(raw) for raw in found)

    def activity_outcomes(self) -> Mapping[ActivityKind, Mapping[str, str]]:
        """The portal's outcomes of calls and meetings: stored value → label."""
        return activity_outcomes(self.api, self.describe, self.paths.dispositions)

    def forms(self) -> Mapping[str, str]:
        """Form id → name."""
        raw = self._listing.rows(self.paths.forms, {"limit": "100"})
        return {str(form["id"]): str(form.get("name") or form["id"]) for form in raw}

    def submissions(self, form_id: str, *, since: datetime) -> Iterator[Submission]:
        """Submissions of a form, newest first, down to `since`; read page by page as they are asked for."""
        path = self.paths.submissions.format(form=protocol.segment(form_id))
        for raw in self._listing.rows(path, {"limit": str(protocol.SUBMISSIONS_PAGE)}):
            one = records.submission(raw, form_id, None)
            if one.submitted_at < since:
                return
            yield one

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────

    def update(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """Set properties, 100 records a call; setting a value twice is harmless, so time-outs are repeated."""
        path = self.paths.object(object_type, "/batch/update")

        def send(rows: Sequence[Update]) -> Any:
            inputs = [{"id": row.id, "properties": dict(row.properties)} for row in rows]
            return self.api.call("POST", path, {"inputs": inputs}, lane=lane)

        words: Labels[Update] = Labels(
            labels=lambda row: (row.id,),
            result_labels=ids_in_result,
            error_labels=ids_in_error,
            read=lambda raw: records.record(raw, object_type, self._ours),
        )
        batch = labelled(
            words,
            send=send,
            name=lambda row: row.id,
            uses=lambda row, name: name in row.properties,
            repeatable=True,
        )
        return write_all(batch, updates, size=protocol.BATCH_SIZE, flight=self.flight)

    def create(self, object_type: str, creates: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """Create records with their associations, 100 a call; an uncertain call is never repeated."""
        path = self.paths.object(object_type, "/batch/create")

        def send(rows: Sequence[Create]) -> Any:
            inputs = [self._create_input(object_type, row) for row in rows]
            return self.api.call("POST", path, {"inputs": inputs}, lane=lane, repeatable=False)

        words: Labels[Create] = Labels(
            labels=lambda row: (_trace(row.key), row.key),
            result_labels=self._created_labels,
            error_labels=lambda raw: context_ids(raw, _TRACE),
            read=lambda raw: records.record(raw, object_type, self._ours),
        )
        batch = labelled(
            words,
            send=send,
            name=lambda row: row.key,
            uses=lambda row, name: name in row.properties or name == self.key_property,
            repeatable=False,
        )
        return write_all(batch, creates, size=protocol.BATCH_SIZE, flight=self.flight)

    def archive(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> list[WriteResult]:
        """Archive records; one that is already gone counts as done."""
        path = self.paths.object(object_type, "/batch/archive")

        def send(rows: Sequence[str]) -> Any:
            inputs = [{"id": row} for row in rows]
            self.api.call("POST", path, {"inputs": inputs}, lane=lane)
            # 204 says nothing of single records
            return {"results": [{"id": row, "archived": True} for row in rows]}

        words: Labels[str] = Labels(
            labels=lambda row: (row,),
            result_labels=ids_in_result,
            error_labels=ids_in_error,
            read=lambda raw: records.record(raw, object_type, self._ours),
        )
        batch = labelled(
            words,
            send=send,
            name=str,
            uses=lambda row, name: False,
            repeatable=True,
        )
        return write_all(batch, ids, size=protocol.BATCH_SIZE, flight=self.flight)

    def associate(self, from_type: str, to_type: str, pairs: Sequence[tuple[str, str]], *, lane: Lane) -> None:
        """Associate by the unlabelled default type, 2,000 pairs a call; a pair whose record is gone is left out."""
        path = self.paths.association(from_type, to_type, "associate/default")
        inputs = [{"from": {"id": one}, "to": {"id": other}} for one, other in dict.fromkeys(pairs)]
        for chunk in _chunks(inputs, protocol.ASSOCIATE_BATCH_SIZE):
            try:
                _complete(self.api.call("POST", path, {"inputs": chunk}, lane=lane, kind=_ASSOCIATIONS) or {})
            except RefusedError as error:
                if error.status != 404:  # a chunk of which nothing exists
                    raise RetryableError(error.message, reason=f"associate_{error.reason}") from error

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _create_input(self, object_type: str, row: Create) -> dict[str, Any]:
        return {
            "properties": {**row.properties, **({self.key_property: row.key} if object_type in KEYED_TYPES else {})},
            "associations": [
                {
                    "to": {"id": other_id},
                    "types": [
                        {
                            "associationCategory": "HUBSPOT_DEFINED",
                            "associationTypeId": protocol.association_type(object_type, other_type),
                        }
                    ],
                }
                for other_type, other_id in row.associate
            ],
            _TRACE: _trace(row.key),
        }

    def _created_labels(self, raw: Mapping[str, Any]) -> list[str]:
        """A created record is known by its trace id, or by our key in its properties."""
        named = (raw.get(_TRACE), (raw.get("properties") or {}).get(self.key_property))
        return [str(label) for label in named if label]


def _trace(key: str) -> str:
    """A trace id for a create: short, and the same for the same key."""
    return blake2b(key.encode(), digest_size=12).hexdigest()


def _complete(answer: Mapping[str, Any]) -> None:
    """A record that a 207 leaves out for any reason but that it does not exist must not look deleted."""
    for error in answer.get("errors") or ():
        if not is_missing(error):
            raise RetryableError("HubSpot could not read every record.", reason="partial_read")


def _collect_associations(answer: Any, found: dict[str, list[str]]) -> list[dict[str, str]]:
    """Add one answer's ids; the inputs for the pages that follow."""
    following = []
    for error in answer.get("errors") or ():
        if error.get("subCategory") != "crm.associations.NO_ASSOCIATIONS_FOUND" and not is_missing(error):
            raise RetryableError("HubSpot could not read every association.", reason="partial_read")
    for row in answer.get("results") or ():
        source = str(row["from"]["id"])
        found.setdefault(source, []).extend(str(target["toObjectId"]) for target in row.get("to") or ())
        after = listing.following(row)
        if after is not None:
            following.append({"id": source, "after": after})
    return following


def _chunks(items: Sequence[Any], size: int) -> list[Any]:
    return [items[start : start + size] for start in range(0, len(items), size)]
