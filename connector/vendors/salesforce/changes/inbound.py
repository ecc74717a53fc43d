"""Changes as they are stored in the inbox, and the events that they mean. No I/O.

What is stored says which record changed and the names of the changed fields, not their values: what stands in the
record is read. Only of a change under our own name (our app's, or our user's) the values are kept, which are ours:
where the mirror holds them already there is nothing to read. The name is a hint and no proof, since flows and triggers
of the org that run on our write change other fields under it; those are not as the mirror holds them, and lead to a
look.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import orjson

from connector.errors import InboundError
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.moments import to_moment
from connector.vendors.salesforce.protocol import CALL_OPTIONS, is_id
from connector.vendors.wire import is_storable, load_json

SOURCE: Final = "salesforce_changes"
ENTITIES: Final = ("Lead", "Contact", "Account", "Opportunity", "Task", "Event")
"""The objects whose changes say something here; a channel may bear others."""

BULK_IDS: Final = 20
"""A change of so many records at once is an import's or a program's: nobody waits for it."""

MARGIN: Final = timedelta(hours=1)
"""A record is stamped when it is saved, and its event when all of the transaction is committed."""

UNREADABLE: Final = "UNREADABLE"
"""Our own word for an event that could not be decoded."""

_BOOKKEEPING: Final = frozenset(
    {"LastModifiedDate", "LastModifiedById", "SystemModstamp", "CreatedDate", "CreatedById", "LastActivityDate"}
    | {"LastViewedDate", "LastReferencedDate", "IsUnreadByOwner"}
)
_KINDS: Final = {
    "CREATE": EventKind.CREATED,
    "UPDATE": EventKind.CHANGED,
    "DELETE": EventKind.DELETED,
    "UNDELETE": EventKind.RESTORED,
    # A gap says that a change was too large or was made behind the application's back: whatever it was, look.
    "GAP_CREATE": EventKind.CHANGED,
    "GAP_UPDATE": EventKind.CHANGED,
    "GAP_DELETE": EventKind.DELETED,
    "GAP_UNDELETE": EventKind.CHANGED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change event. `fields` are the changed fields, each with its value where we keep it; `type` is Salesforce's
    word, `at` ISO 8601, `replay_id` hexadecimal."""

    replay_id: str
    entity: str
    ids: tuple[str, ...]
    type: str
    at: str
    origin: str = ""
    user: str = ""
    fields: Mapping[str, str | None] = field(default_factory=dict)
    told: bool = False  #: `fields` holds the values, not the names alone.

    @property
    def is_bulk(self) -> bool:
        """True for one of thousands."""
        return len(self.ids) >= BULK_IDS or "/bulk" in self.origin.lower()


def is_our_name(origin: str) -> bool:
    """True when a change's origin bears the name that our calls give (`com/salesforce/api/rest/66.0;client=tasuki`)."""
    return CALL_OPTIONS in origin.split(";")


def written(changes: Iterable[Change]) -> bytes:
    """A delivery of changes, as it is stored: a list, so that an erasure takes out a person's part alone."""
    return orjson.dumps([asdict(one) for one in changes])


def missed(since: str) -> bytes:
    """A delivery that says that everything since this moment (ISO 8601) may have been missed."""
    return orjson.dumps([{"missed_since": since}])


def parse(body: bytes, *, organization_id: str, received_at: datetime) -> list[InboundEvent]:
    """The events of one delivery. Raises `InboundError` (400) for what we did not write."""
    raw = load_json(body)
    try:
        return [event for one in raw for event in _told(one, organization_id, received_at)]
    except (KeyError, TypeError, AttributeError) as error:
        raise InboundError("The body holds no changes.", reason="not_a_batch", status=400) from error


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────


def _told(raw: Mapping[str, Any], account_id: str, received_at: datetime) -> Iterator[InboundEvent]:
    since = to_moment(raw.get("missed_since"))
    if since is not None:
        yield from (_missed(account_id, entity, since, since.isoformat()) for entity in ENTITIES)
    else:
        yield from _events(Change(**{**raw, "ids": tuple(raw["ids"])}), account_id, received_at)


def _events(change: Change, account_id: str, received_at: datetime) -> Iterator[InboundEvent]:
    at = to_moment(change.at) or received_at
    named = [one for one in change.ids if is_id(one)]
    if not named or len(named) < len(change.ids) or change.type in ("GAP_OVERFLOW", UNREADABLE):
        # no record is named, or records by a wildcard: everything of this kind may have changed
        kind = EventKind.OVERFLOWED if change.type != UNREADABLE else EventKind.MISSED
        yield _missed(account_id, change.entity, at - MARGIN, change.replay_id, kind=kind)
    for record_id in named:
        yield from _of_record(change, account_id, record_id, at)


def _of_record(change: Change, account_id: str, record_id: str, at: datetime) -> Iterator[InboundEvent]:
    kind = _KINDS.get(change.type, EventKind.CHANGED)
    shared: dict[str, Any] = {
        "kind": kind,
        "account_id": account_id,
        "object_type": change.entity,
        "object_id": record_id,
        "occurred_at": at,
        "source": "CHANGE_EVENT",
        "source_id": change.user or None,
        "person": change.user or None,
        "may_be_us": change.told,
        "actor_is_person": True,  # as of a change of which nothing tells who made it: a person's edit must not be lost
        "is_bulk": change.is_bulk,
        "type_name": change.type,
    }
    names = _names(change) if kind is EventKind.CHANGED else []
    if change.fields and not names and kind is EventKind.CHANGED:
        return  # nothing but the record's own times
    for name in names:
        key, value = _key(account_id, change.replay_id, record_id, name), change.fields[name]
        yield InboundEvent(key=key, property_name=name, value=value, redacted=not change.told, **shared)
    if not names:
        yield InboundEvent(key=_key(account_id, change.replay_id, record_id, ""), **shared)


def _names(change: Change) -> Sequence[str]:
    return [name for name in change.fields if name not in _BOOKKEEPING and is_storable(name)]


def _missed(
    account_id: str, entity: str, since: datetime, what: str, *, kind: EventKind = EventKind.MISSED
) -> InboundEvent:
    return InboundEvent(
        key=_key(account_id, what, entity, kind.value),
        kind=kind,
        account_id=account_id,
        object_type=entity,
        object_id=None,
        occurred_at=since,
        source="CHANGE_EVENT",
        type_name=kind.value,
    )


def _key(account_id: str, *parts: str) -> bytes:
    named = "|".join(("salesforce-change", account_id[:15], *parts))
    return blake2b(named.encode("utf-8", "replace"), digest_size=16).digest()
