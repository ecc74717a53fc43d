"""Salesforce's outbound messages without I/O: raw bytes in, events out, and the answer that Salesforce waits for.

A message holds 1 to 100 notifications, each with a record as it was when the message was sent: not what changed, in no
order, perhaps again. It is signed by nobody: the secret in its address, the organisation and the action prove it, and
what it says only leads to a look at the record. A field that is absent, empty or nil says nothing, and never blanks
one. `Ack` is one word for the whole message, so it is given only once all of it is stored.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from lxml import etree

from connector.errors import InboundError
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.moments import to_moment
from connector.vendors.salesforce.protocol import is_id
from connector.vendors.wire import is_storable
from connector.vendors.xml import parse_xml

MAX_NOTIFICATIONS: Final = 100
BULK_NOTIFICATIONS: Final = 20
"""A message with so many tells of an import or a program's run: nobody waits for it."""

TYPE_NAME: Final = "outbound_message"
_SPACE = "http://soap.sforce.com/2005/09/outbound"
_ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NOTIFICATION = b"<Notification>"
#: Fields that say when and by whom, not what.
_WHEN: Final = ("SystemModstamp", "LastModifiedDate")
_WHO: Final = "LastModifiedById"
_NOT_VALUES: Final = ("Id", *_WHEN, _WHO)


def prove(
    given_secret: str, body: bytes, *, secrets: Sequence[str], organization_id: str, actions: Collection[str]
) -> None:
    """Return when the message is one of this connection's; else raise `InboundError` (401, or 400 for no message).

    `actions` are the ids of the org's outbound messages that are expected; empty: any.
    """
    sent = given_secret.encode("utf-8", "replace")
    # Every secret is tried, so that the time taken does not tell which one matched.
    matches = [hmac.compare_digest(one.encode(), sent) for one in secrets]
    if not any(matches):
        raise _refused("secret_mismatch")
    message = _message(body)
    if _text(message, "OrganizationId")[:15] != organization_id[:15]:
        raise _refused("other_organization")
    if actions and _text(message, "ActionId")[:15] not in {one[:15] for one in actions}:
        raise _refused("other_action")


def parse(body: bytes, *, received_at: datetime, our_user_id: str | None = None) -> list[InboundEvent]:
    """The events of one message: one for every field that a notification tells, or one for the record alone.

    The notification's id is in each key, so a message that comes again says nothing new. Raises `InboundError` (400)
    when the body is no outbound message of a plausible size.
    """
    message = _message(body)
    account_id = _text(message, "OrganizationId")
    notifications = message.findall(f"{{{_SPACE}}}Notification")
    if not 1 <= len(notifications) <= MAX_NOTIFICATIONS:
        raise InboundError("The message holds no plausible number of notifications.", reason="not_a_batch", status=400)
    return [event for one in notifications for event in _events(one, account_id, received_at, our_user_id)]


def answer(*, taken: bool = True) -> bytes:
    """The document that Salesforce reads; anything else, whatever the status, makes it send the message again."""
    word = "true" if taken else "false"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"><soapenv:Body>'
        f'<notificationsResponse xmlns="{_SPACE}"><Ack>{word}</Ack></notificationsResponse>'
        "</soapenv:Body></soapenv:Envelope>"
    ).encode()


def is_bulk(body: bytes) -> bool:
    """A look at the bytes, cheap enough for the receiver; being wrong costs seconds, never a fact."""
    return body.count(_NOTIFICATION) >= BULK_NOTIFICATIONS


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────


def _message(body: bytes) -> Any:
    root = parse_xml(body)
    found = root.find(f"{{{_ENVELOPE}}}Body/{{{_SPACE}}}notifications")
    if root.tag != f"{{{_ENVELOPE}}}Envelope" or found is None:
        raise InboundError("The body is no outbound message.", reason="not_a_message", status=400)
    return found


def _events(
    notification: Any, account_id: str, received_at: datetime, our_user_id: str | None
) -> Iterator[InboundEvent]:
    """What one notification tells; anything unreadable in it makes it one UNKNOWN event."""
    told = _text(notification, "Id")
    record = notification.find(f"{{{_SPACE}}}sObject")
    values = _values(record) if record is not None else {}
    record_id = values.get("Id", "")
    if not told or not is_id(record_id) or not is_id(account_id):
        yield InboundEvent(
            key=_key(account_id, told or etree.tostring(notification).decode("utf-8", "replace"), ""),
            kind=EventKind.UNKNOWN,
            account_id=account_id,
            object_type="other",
            object_id=record_id if is_id(record_id) else None,
            occurred_at=received_at,
            type_name=TYPE_NAME,
        )
        return
    who = values.get(_WHO)
    ours = who is not None and our_user_id is not None and who[:15] == our_user_id[:15]
    shared: dict[str, Any] = {
        "kind": EventKind.CHANGED,
        "account_id": account_id,
        "object_type": _object_type(record),
        "object_id": record_id,
        "occurred_at": next((at for name in _WHEN if (at := to_moment(values.get(name)))), received_at),
        "source": "OUTBOUND_MESSAGE",
        "source_id": who,
        "actor_is_us": ours,
        "person": who if not ours else None,
        "shows_state": True,
        "actor_is_person": True,  # the last change's author need not be this one's: a person's edit must not be lost
        "type_name": TYPE_NAME,
    }
    fields = {name: value for name, value in values.items() if name not in _NOT_VALUES}
    for name, value in fields.items():
        yield InboundEvent(key=_key(account_id, told, name), property_name=name, value=value, **shared)
    if not fields:
        yield InboundEvent(key=_key(account_id, told, ""), **shared)


def _values(record: Any) -> Mapping[str, str]:
    """The fields that say something: not the absent, the empty, the nil, or what a database cannot hold."""
    found: dict[str, str] = {}
    for part in record:
        if not isinstance(part.tag, str) or part.get(_NIL) in ("true", "1") or len(part):
            continue
        text = (part.text or "").strip()
        if text and is_storable(text):
            found[etree.QName(part).localname] = text
    return found


def _object_type(record: Any) -> str:
    """`sf:Lead` → Lead."""
    return str(record.get(_TYPE) or "").rpartition(":")[2] or "other"


def _text(node: Any, name: str) -> str:
    found = node.find(f"{{{_SPACE}}}{name}")
    text = "" if found is None else (found.text or "").strip()
    return text if is_storable(text) else ""


def _key(account_id: str, notification_id: str, field: str) -> bytes:
    named = f"salesforce|{account_id[:15]}|{notification_id}|{field}"
    return blake2b(named.encode("utf-8", "replace"), digest_size=16).digest()


def _refused(reason: str) -> InboundError:
    """One error for every fault: the reason goes to our metrics, never to the sender."""
    return InboundError("The message is none of this connection's; check its address.", reason=reason)
