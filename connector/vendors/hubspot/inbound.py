"""HubSpot deliveries without I/O: raw bytes in, events out.

`verify` proves a request (see `signature.py`), `parse` reads a webhook batch, `parse_workflow` the body of a
workflow's "Send a webhook" action. A batch is never lost for one bad event: what cannot be read becomes an event of
kind UNKNOWN, and the raw delivery stays in the inbox. Shapes: HubSpot's webhooks guide; `eventType` (the docs) and
`subscriptionType` (what is sent) are both accepted, and an association event may lack `objectId`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from connector.errors import InboundError
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.hubspot.events import (
    BULK_SOURCES,
    EVENT_KINDS,
    INTEGRATION_SOURCES,
    OBJECT_TYPE_IDS,
    PERSON_SOURCES,
    object_type,
)
from connector.vendors.hubspot.signature import SignatureVersion, sign, verify
from connector.vendors.hubspot.workflow import parse_workflow
from connector.vendors.wire import is_storable, load_json

__all__ = ["MAX_EVENTS", "SignatureVersion", "is_bulk", "parse", "parse_workflow", "sign", "verify"]

MAX_EVENTS = 1_000
"""HubSpot sends up to 100 events a request; a batch beyond this is not HubSpot's."""

#: Not part of what happened: how often it was told, by which subscription of which app, under which
#: (not unique) id. Two distinct events that share an `eventId` differ in something else and are both kept.
_NOT_IDENTITY = ("attemptNumber", "eventId", "subscriptionId", "appId")
_REDACTED = "REDACTED"
_SOURCE = re.compile(rb'"changeSource"\s*:\s*"([A-Z_]+)"')
_BULK = frozenset(source.encode() for source in BULK_SOURCES)
_LATEST_MS = 253_402_300_799_000  # the year 9999, where datetime ends


def parse(body: bytes, *, received_at: datetime, our_source_ids: Collection[str] = ()) -> list[InboundEvent]:
    """The events of one webhook delivery, in the order sent (which is not the order in which they occurred).

    `received_at` dates events that carry no usable time; `our_source_ids` are the ids of our own app, as HubSpot
    names them in `sourceId`. Raises `InboundError` (400) when the body is not a JSON array of a plausible size.
    """
    raw_events = load_json(body)
    if isinstance(raw_events, dict):
        raw_events = [raw_events]  # the "test" button of the app settings sends a bare object
    if not isinstance(raw_events, list) or len(raw_events) > MAX_EVENTS:
        raise InboundError("The body is not a batch of events.", reason="not_a_batch", status=400)
    return [_event(raw, received_at, our_source_ids) for raw in raw_events]


def is_bulk(body: bytes) -> bool:
    """True when every change in a delivery comes by the thousand (an import, a program): nobody waits for it.

    A look at the bytes, cheap enough for the receiver; being wrong costs seconds, never a fact.
    """
    found = False
    for match in _SOURCE.finditer(body):
        if match[1] not in _BULK:
            return False
        found = True
    return found


def event_key(raw: Any) -> bytes:
    """16 bytes that name what happened: equal for every attempt to deliver the same event."""
    if isinstance(raw, dict):
        raw = {name: value for name, value in raw.items() if name not in _NOT_IDENTITY}
    return blake2b(_canonical(raw), digest_size=16).digest()


def _canonical(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # a lone surrogate, or an integer beyond 64 bits
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _user(source_id: str | None) -> str | None:
    """The user of a source id such as `userId:123`; None for what is not one (a workflow's, an import's)."""
    kind, _, user = (source_id or "").partition(":")
    return user if kind == "userId" and user.isascii() and user.isdigit() else None


def _event(raw: Any, received_at: datetime, our_source_ids: Collection[str]) -> InboundEvent:
    """One event; anything unreadable in it makes it UNKNOWN and keeps what could be read."""
    key = event_key(raw)
    if not isinstance(raw, dict):
        return _unknown(key, received_at)
    reader = _Reader(raw)
    type_name = reader.text("subscriptionType") or reader.text("eventType") or ""
    kind = EVENT_KINDS.get(type_name, EventKind.UNKNOWN)
    source, source_id = reader.text("changeSource"), reader.text("sourceId")
    occurred_at = reader.moment("occurredAt")
    value, redacted = reader.value("propertyValue")
    object_id = reader.identifier("objectId")
    fields: dict[str, Any] = {
        "key": key,
        "account_id": reader.identifier("portalId") or "",
        "object_type": object_type(type_name, reader.text("objectTypeId")),
        "object_id": object_id,
        "occurred_at": occurred_at or received_at,
        "property_name": reader.text("propertyName"),
        "value": value,
        "redacted": redacted,
        "source": source,
        "source_id": source_id,
        "actor_is_us": source in INTEGRATION_SOURCES and source_id is not None and source_id in our_source_ids,
        "actor_is_person": source in PERSON_SOURCES,
        "person": _user(source_id) if source in PERSON_SOURCES else None,
        "is_bulk": source in BULK_SOURCES,
        "type_name": type_name,
    }
    if kind is EventKind.MERGED:
        fields |= reader.merge()
    elif kind is EventKind.ASSOCIATED:
        fields |= reader.association()
    complete = bool(fields["account_id"]) and fields["object_id"] is not None and occurred_at is not None
    if kind is EventKind.CHANGED and fields["object_type"] != "other":
        complete = complete and fields["property_name"] is not None
    if not complete or reader.faulty:
        kind = EventKind.UNKNOWN
    return InboundEvent(kind=kind, **fields)


def _unknown(key: bytes, received_at: datetime) -> InboundEvent:
    return InboundEvent(
        key=key,
        kind=EventKind.UNKNOWN,
        account_id="",
        object_type="other",
        object_id=None,
        occurred_at=received_at,
    )


class _Reader:
    """Reads one event's members by type. A member of the wrong type or with unstorable text marks it faulty."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self.faulty = False

    def text(self, name: str) -> str | None:
        value = self._raw.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.faulty = True
            return None
        return self._storable(str(value))

    def identifier(self, name: str) -> str | None:
        """A HubSpot record id: digits, sent as a number or as text."""
        return self._as_id(self._raw.get(name))

    def value(self, name: str) -> tuple[str | None, bool]:
        """A property's new value as HubSpot would store it, and whether it was withheld as sensitive."""
        value = self._raw.get(name)
        if value is None:
            return None, False
        if isinstance(value, bool):
            return ("true" if value else "false"), False
        if isinstance(value, int | float):
            return str(value), False
        if not isinstance(value, str):
            self.faulty = True
            return None, False
        if value == _REDACTED:
            return None, True
        return self._storable(value), False

    def moment(self, name: str) -> datetime | None:
        """Epoch milliseconds as UTC."""
        value = self._raw.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _LATEST_MS:
            self.faulty = True
            return None
        return datetime.fromtimestamp(value / 1000, tz=UTC)

    def merge(self) -> dict[str, Any]:
        """The losers and the record that holds everything afterwards (it may be a new one)."""
        merged = self._raw.get("mergedObjectIds")
        losers = [self._as_id(one) for one in merged] if isinstance(merged, list) else []
        primary = self.identifier("primaryObjectId") or self.identifier("objectId")
        return {
            "object_id": primary,
            "merged_ids": tuple(one for one in losers if one is not None),
            "new_id": self.identifier("newObjectId") or primary,
        }

    def association(self) -> dict[str, Any]:
        """Both ends; `objectId` may be absent, and then the `from` side is the record."""
        removed = self._raw.get("associationRemoved")
        if removed is not None and not isinstance(removed, bool):
            self.faulty = True
        ends = _association_ends(self.text("associationType") or "")
        from_type, to_type = self.text("fromObjectTypeId"), self.text("toObjectTypeId")
        found: dict[str, Any] = {
            "object_id": self.identifier("fromObjectId") or self.identifier("objectId"),
            "other_id": self.identifier("toObjectId"),
            "other_type": OBJECT_TYPE_IDS.get(to_type, "other") if to_type else ends[1],
            "removed": removed is True,
        }
        if from_type in OBJECT_TYPE_IDS:
            found["object_type"] = OBJECT_TYPE_IDS[from_type]
        return found

    def _as_id(self, value: Any) -> str | None:
        if value is None:
            return None
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            self.faulty = True
            return None
        return text

    def _storable(self, text: str) -> str | None:
        """PostgreSQL's text holds neither NUL nor lone surrogates."""
        if not is_storable(text):
            self.faulty = True
            return None
        return text


def _association_ends(association_type: str) -> tuple[str | None, str | None]:
    """`CONTACT_TO_COMPANY` → (contact, company); labelled and custom types name no ends."""
    source, arrow, target = association_type.lower().partition("_to_")
    if not arrow:
        return None, None
    known = ("contact", "company", "deal", "task", "note", "call", "email", "meeting", "communication")
    return source if source in known else "other", target if target in known else "other"
