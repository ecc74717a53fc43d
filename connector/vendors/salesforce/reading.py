"""Reads by SOQL: only the fields that are wanted, 200 ids a query, never by search (which lags)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connector.errors import RetryableError
from connector.texts import say
from connector.vendors.base import Change, Lane, Page, Record
from connector.vendors.flight import Flight
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import protocol, records
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.describing import Fields
from connector.vendors.salesforce.protocol import (
    BATCH_SIZE,
    HISTORIES,
    HISTORY_NAMES,
    KEY_PROPERTY,
    MODIFIED,
    MODIFIER,
    PAGE_SIZE,
)

ADDRESS_BYTES = 12_000
"""Salesforce takes addresses of 16 KB, headers included; the names of the fields need room too."""

_MERGED = "MasterRecordId"
_CONTACT = "ConvertedContactId"
_UNKNOWN = "unknown_property"


class Reader:
    """Reads of one org. `user_id` is the user that we run as."""

    def __init__(self, api: Api, fields: Fields, flight: Flight, *, user_id: str | None) -> None:
        self._api = api
        self._fields = fields
        self._flight = flight
        self._user_id = user_id

    def by_id(
        self, object_type: str, ids: Sequence[str], properties: Sequence[str], *, lane: Lane, history: Sequence[str]
    ) -> dict[str, Record]:
        """Records by id; what is deleted or merged is absent."""
        wanted = protocol.ids_of(ids, object_type)
        by_long = {one.id: one for one in self._among(object_type, "Id", wanted, properties, lane=lane)}
        found = {asked: one for asked in wanted if (one := _match(asked, by_long)) is not None}
        if not history:
            return found
        changes = self._history(object_type, list(by_long), history, lane=lane)
        return {asked: replace(one, history=changes.get(one.id, {})) for asked, one in found.items()}

    def by_key(
        self, object_type: str, keys: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, Record]:
        """Records by our key; exact and current."""
        wanted = list(dict.fromkeys(keys))
        found = self._among(object_type, KEY_PROPERTY, wanted, [*properties, KEY_PROPERTY], lane=lane)
        by_key = {one.properties.get(KEY_PROPERTY): one for one in found}
        return {key: by_key[key] for key in wanted if key in by_key}

    def by_email(
        self, object_type: str, emails: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, list[Record]]:
        """Every live person of this object with one of these addresses (lower case); converted leads are contacts."""
        wanted = list(dict.fromkeys(email.lower() for email in emails))
        extra = "IsConverted = false" if object_type == "Lead" else ""
        found = self._among(object_type, "Email", wanted, [*properties, "Email"], lane=lane, extra=extra)
        several: dict[str, list[Record]] = {}
        for one in found:
            several.setdefault((one.properties.get("Email") or "").lower(), []).append(one)
        return several

    def linked(self, from_type: str, ids: Sequence[str], to_type: str, *, lane: Lane) -> dict[str, tuple[str, ...]]:
        """Associated ids of each record (an empty tuple for none), all pages."""
        link = protocol.link(from_type, to_type)
        prefix = protocol.PREFIXES.get(to_type, "")
        found: dict[str, list[str]] = {one: [] for one in ids}
        names = list(dict.fromkeys((link.left, link.right)))

        def one(chunk: Sequence[str]) -> list[Mapping[str, Any]]:
            where = f"{protocol.among(link.left, chunk)} AND {link.right} != null"
            return list(self._api.query(protocol.select(names, link.object, where, order="Id"), lane=lane))

        for rows in self._flight.map(one, chunks(protocol.ids_of(ids, from_type))):
            for row in rows:
                other = str(row[link.right])
                if other.startswith(prefix):
                    found.setdefault(str(row[link.left]), []).append(other)
        return {one: tuple(dict.fromkeys(others)) for one, others in found.items()}

    def changed(
        self,
        object_type: str,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after: str | None,
        lane: Lane,
    ) -> Page:
        """A page of those modified in [since, until), both cut to the second; deleted ones are `archived`."""
        low, high = protocol.moment_text(since), protocol.moment_text(until)
        where = f"{MODIFIED} >= {low} AND {MODIFIED} < {high}"
        return self._listed(object_type, [*properties, "IsDeleted", _MERGED], where, after, lane=lane, deleted=True)

    def winners(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """Merged record → its winner, through however many merges, as long as the bin remembers them."""
        found: dict[str, str] = {}
        asked = protocol.ids_of(ids, object_type)
        while asked:
            told: dict[str, str] = {}
            for chunk in chunks(asked):
                where = f"{protocol.among('Id', chunk)} AND {_MERGED} != null"
                for raw in self._api.query(
                    protocol.select(["Id", _MERGED], object_type, where), lane=lane, deleted=True
                ):
                    told[str(raw["Id"])] = str(raw[_MERGED])
            found |= {one: winner for one, winner in told.items() if one not in found}
            asked = sorted(set(told.values()) - set(found))
        return {one: _last(found, one) for one in ids if one in found}

    def converted_into(self, contacts: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """Contact → the lead that was converted into it last."""

        def one(chunk: Sequence[str]) -> list[Mapping[str, Any]]:
            where = f"IsConverted = true AND {protocol.among(_CONTACT, chunk)}"
            soql = protocol.select(["Id", _CONTACT], "Lead", where, order="ConvertedDate, Id")
            return list(self._api.query(soql, lane=lane))

        parts = self._flight.map(one, chunks(protocol.ids_of(contacts, "Contact")))
        return {str(raw[_CONTACT]): str(raw["Id"]) for rows in parts for raw in rows}

    def page(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool
    ) -> Page:
        """One page by id. A cursor of ours, not a locator: those are forgotten after two days."""
        where, names = ("IsDeleted = true", ["IsDeleted"]) if archived else ("", [])
        return self._listed(object_type, [*properties, *names], where, after, lane=lane, deleted=archived)

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _listed(
        self, object_type: str, properties: Sequence[str], where: str, after: str | None, *, lane: Lane, deleted: bool
    ) -> Page:
        above = f"Id > {protocol.quoted(after)}" if after is not None else ""
        clause = " AND ".join(part for part in (where, above) if part)
        names = self._names(object_type, properties, lane=lane)
        soql = protocol.select(names, object_type, clause, order="Id", limit=PAGE_SIZE)
        found = tuple(records.record(raw, object_type) for raw in self._api.query(soql, lane=lane, deleted=deleted))
        return Page(records=found, after=found[-1].id if len(found) == PAGE_SIZE else None)

    def _among(
        self,
        object_type: str,
        name: str,
        values: Sequence[str],
        properties: Sequence[str],
        *,
        lane: Lane,
        extra: str = "",
    ) -> list[Record]:
        if not values:
            return []
        if name not in self._fields.of(object_type, lane=lane):
            raise RetryableError(
                say(
                    "Salesforce shows no field {name} of {object_type} to our user; provision it and grant it.",
                    name=name,
                    object_type=object_type,
                ),
                reason="read_unknown_property",
            )

        def one(chunk: Sequence[str]) -> list[Record]:
            where = protocol.among(name, chunk) + (f" AND {extra}" if extra else "")
            return self._selected(object_type, properties, where, lane=lane)

        return [found for part in self._flight.map(one, fitting(values)) for found in part]

    def _selected(self, object_type: str, properties: Sequence[str], where: str, *, lane: Lane) -> list[Record]:
        """One query; a field that was taken from us meanwhile is found out and left out."""
        for last in (False, True):
            names = self._names(object_type, (*properties, MODIFIER), lane=lane)
            try:
                rows = list(self._api.query(protocol.select(names, object_type, where), lane=lane))
            except RefusedError as error:
                if error.reason != _UNKNOWN or last:
                    raise RetryableError(
                        say(
                            "Salesforce refuses to read {object_type} records ({why}); check the fields that the "
                            "policy names.",
                            object_type=object_type,
                            why=error.message,
                        ),
                        reason=f"read_{error.reason}",
                    ) from error
                self._fields.forget(object_type)
                continue
            return [self._signed(raw, object_type) for raw in rows]
        raise AssertionError("the loop returns or raises")

    def _signed(self, raw: Mapping[str, Any], object_type: str) -> Record:
        """A record with who saved it last; that we did tells of nobody."""
        found = records.record(raw, object_type)
        told = {name: value for name, value in found.properties.items() if name != MODIFIER}
        who = found.properties.get(MODIFIER)
        return replace(found, properties=told, modified_by=who if who != self._user_id else None)

    def _names(self, object_type: str, properties: Sequence[str], *, lane: Lane) -> list[str]:
        return self._fields.visible(object_type, ["Id", *properties, MODIFIED], lane=lane)

    def _history(
        self, object_type: str, ids: Sequence[str], names: Sequence[str], *, lane: Lane
    ) -> dict[str, dict[str, tuple[Change, ...]]]:
        """Past values of fields whose history the org keeps, newest first."""
        if object_type not in HISTORIES:
            return {}
        source, parent = HISTORIES[object_type]
        wanted = {HISTORY_NAMES.get(name, name): name for name in names}
        fields = [parent, "Field", "NewValue", "CreatedDate", "CreatedById", "CreatedBy.UserType"]

        def one(chunk: Sequence[str]) -> list[Mapping[str, Any]]:
            where = f"{protocol.among(parent, chunk)} AND {protocol.among('Field', wanted)}"
            soql = protocol.select(fields, source, where, order="CreatedDate DESC, Id DESC")
            return list(self._api.query(soql, lane=lane))

        found: dict[str, dict[str, list[Change]]] = {}
        for rows in self._flight.map(one, chunks(ids)):
            for raw in rows:
                name = wanted.get(str(raw["Field"]))
                if name is not None:
                    entries = found.setdefault(str(raw[parent]), {}).setdefault(name, [])
                    entries.append(records.change(raw, self._user_id))
        return {one: {name: tuple(entries) for name, entries in told.items()} for one, told in found.items()}


def fitting(values: Sequence[str]) -> list[list[str]]:
    """Texts in parts that a query's address can hold: 200 of them, fewer where they are long."""
    parts: list[list[str]] = []
    room = 0
    for value in values:
        size = len(quote(protocol.quoted(value))) + len("%2C")
        if not parts or len(parts[-1]) == BATCH_SIZE or size > room:
            parts.append([])
            room = ADDRESS_BYTES
        parts[-1].append(value)
        room -= size
    return parts


def chunks(items: Sequence[Any], size: int = BATCH_SIZE) -> list[Any]:
    """The items in parts of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def _last(winners: Mapping[str, str], one: str) -> str:
    """The winner of the winner, and so on."""
    seen = {one}
    while (following := winners.get(one)) is not None and following not in seen:
        seen.add(following)
        one = following
    return one


def _match(asked: str, by_long: Mapping[str, Record]) -> Record | None:
    """An id may be asked for in its short form; records carry the long one."""
    if asked in by_long or len(asked) != 15:
        return by_long.get(asked)
    return next((one for long, one in by_long.items() if long.startswith(asked)), None)
