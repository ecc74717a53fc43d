"""What a flow or a trigger of the org posts, signed with a secret of ours (see `vendors/signed.py`). No I/O.

Outbound messages tell neither deletions nor merges; Apex can, after commit:

    {"organization_id": "00D…", "events": [
        {"id": "…", "event": "changed", "object": "Lead", "record_id": "00Q…", "occurred_at": "2026-01-01T00:00:00Z",
         "by": "005…", "fields": {"Title": "部長"}},
        {"id": "…", "event": "merged", "object": "Lead", "record_id": "00Q…", "merged_ids": ["00Q…"], …}]}

`event`: created, changed, deleted, restored, merged (`record_id` is the winner), converted. `id` is the sender's own
key: the same one sent again counts once. A field that is null or empty says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from connector.errors import InboundError
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.moments import to_moment
from connector.vendors.salesforce.protocol import is_id
from connector.vendors.wire import is_name, is_storable, load_json, text_of

MAX_EVENTS: Final = 2_000
_KINDS: Final = {
    "created": EventKind.CREATED,
    "changed": EventKind.CHANGED,
    "converted": EventKind.CHANGED,
    "deleted": EventKind.DELETED,
    "restored": EventKind.RESTORED,
    "merged": EventKind.MERGED,
}


def parse(
    body: bytes, *, organization_id: str, received_at: datetime, our_user_id: str | None = None
) -> list[InboundEvent]:
    """The events of one callout. Raises `InboundError` (400) for what is none, or is another organisation's."""
    raw = load_json(body)
    events = raw.get("events") if isinstance(raw, dict) else None
    if not isinstance(events, list) or len(events) > MAX_EVENTS:
        raise InboundError("The body is no callout.", reason="not_a_batch", status=400)
    if str(raw.get("organization_id") or "")[:15] != organization_id[:15]:
        raise InboundError("The callout is another organisation's.", reason="other_organization", status=400)
    return [event for one in events for event in _events(one, organization_id, received_at, our_user_id)]


def _events(raw: Any, account_id: str, received_at: datetime, our_user_id: str | None) -> Iterator[InboundEvent]:
    members: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    word, record_id, who = (text_of(members.get(name)) for name in ("event", "record_id", "by"))
    kind = _KINDS.get(word or "", EventKind.UNKNOWN)
    own_key = text_of(members.get("id"))
    object_type = text_of(members.get("object"))
    if object_type is not None and not is_name(object_type):
        object_type = None
    if own_key is None or object_type is None or record_id is None or not is_id(record_id):
        kind = EventKind.UNKNOWN
    losers = members.get("merged_ids")
    merged = tuple(one for one in losers if isinstance(one, str) and is_id(one)) if isinstance(losers, list) else ()
    if kind is EventKind.MERGED and not merged:
        kind = EventKind.UNKNOWN
    ours = who is not None and our_user_id is not None and who[:15] == our_user_id[:15]
    shared: dict[str, Any] = {
        "kind": kind,
        "account_id": account_id,
        "object_type": object_type or "other",
        "object_id": record_id if record_id is not None and is_id(record_id) else None,
        "occurred_at": to_moment(text_of(members.get("occurred_at"))) or received_at,
        "source": "CALLOUT",
        "source_id": who,
        "actor_is_us": ours,
        "person": who if not ours else None,
        "shows_state": True,
        "actor_is_person": True,  # as of a message
        "merged_ids": merged,
        "new_id": record_id if kind is EventKind.MERGED else None,
        "type_name": word or "",
    }
    fields = _fields(members.get("fields")) if kind is EventKind.CHANGED else {}
    for name, value in fields.items():
        yield InboundEvent(key=_key(account_id, own_key or repr(raw), name), property_name=name, value=value, **shared)
    if not fields:
        yield InboundEvent(key=_key(account_id, own_key or repr(raw), ""), **shared)


def _fields(raw: Any) -> dict[str, str]:
    if not isinstance(raw, dict):
        return {}
    pairs = ((name, text_of(value)) for name, value in raw.items() if is_storable(name))
    return {name: value for name, value in pairs if value is not None}


def _key(account_id: str, own_key: str, field: str) -> bytes:
    named = f"salesforce-callout|{account_id[:15]}|{own_key}|{field}"
    return blake2b(named.encode("utf-8", "replace"), digest_size=16).digest()
