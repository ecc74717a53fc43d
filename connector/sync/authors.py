"""Whose a change is. A CRM names its author, and people can use our name: what bears it is ours by its value alone.

Our writes are known by the properties' `meta`, see `mirror`: `sent`, `got` and `wrote` of those whose answers we had,
`tried` and the link's `unanswered` of those without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.domain.codec_work import moment_text
from connector.domain.lead import Actor
from connector.store.mirrors import MirrorRow
from connector.sync.unanswered import APPLIED_WITHIN, Same, may_stand
from connector.vendors.base import Change, InboundEvent

Ours = Callable[[str, str | None, datetime | None], bool]
"""ours(property, value, the earliest moment at which it may have come to stand): it may be a write of ours whose answer
we do not have; see `unanswered`."""

ANSWERS_LAG = timedelta(minutes=2)
"""A list or a read that shows a state from before our last write is out of date for so long at the most."""

WRITES_REMEMBERED = 3
"""Of more of ours that follow each other without a read, a change under our name before them is taken for one."""


def nothing_sent(name: str, value: str | None, since: datetime | None) -> bool:
    """Of what is written down elsewhere, or not by us: an `Ours`."""
    return False


def is_by_us(row: MirrorRow, name: str, event: InboundEvent, same: Same, ours: Ours) -> bool:
    """True for a change of our own making: it bears our name, and is one of our writes by its value."""
    if not (event.actor_is_us or event.may_be_us or event.shows_state):
        return False
    if event.redacted:
        return event.actor_is_us  # nothing tells which value it was
    value, at = event.value or None, event.occurred_at
    if event.shows_state and event.person is not None and not is_before(at, row.meta.get(name, {}).get("sent_at")):
        return ours(name, value, at)  # somebody has saved the record after our last write of it was answered
    told_late = event.shows_state and event.actor_is_us
    return ours(name, value, at) or is_write_of_ours(row, name, value, at, same, told_late=told_late)


def is_write_of_ours(
    row: MirrorRow, name: str, value: str | None, at: datetime, same: Same, *, told_late: bool = False
) -> bool:
    """True when a change under our name is one of the writes whose answers we had: by its value, as it was stored.

    A call that had an answer only when it was repeated may be applied once more, a while later. What came before the
    oldest write that we remember is not told apart, and neither is (`told_late`) an older state of the record.
    """
    meta = row.meta.get(name, {})
    if is_tried(row, name, value, at, same):
        return True
    if is_before(at, meta.get("sent_at")):
        if told_late or (meta.get("cleared") and value is None):
            return True
        if len(meta.get("wrote", ())) == WRITES_REMEMBERED and is_before(at, meta["wrote"][0][1]):
            return True
    writes = [*meta.get("wrote", ()), *([(meta["got"], meta["sent_at"])] if "got" in meta else ())]
    return any(same(name, one, value) and at <= datetime.fromisoformat(then) + APPLIED_WITHIN for one, then in writes)


def is_tried(row: MirrorRow, name: str, value: str | None, since: datetime | None, same: Same) -> bool:
    """True when this value may be one that we sent to a shared record and have no answer to."""
    tried = row.meta.get(name, {}).get("tried")
    return tried is not None and may_stand({name: [tried]}, name, value, since, same)


def is_unanswered(
    row: MirrorRow,
    name: str,
    value: str | None,
    version: Change | None,
    since: datetime | None,
    same: Same,
    ours: Ours,
) -> bool:
    """True when a value that a read shows may be one of those without an answer, and nobody else is named for it, by
    the CRM's history or by an event."""
    hint = row.meta.get(name, {}).get("hint")
    if hint is not None and hint["by"] != Actor.TASUKI.value and same(name, hint["v"], value):
        return False
    if version is not None and not version.by_us:
        return False
    return ours(name, value, since) or is_tried(row, name, value, since, same)


def is_outdated(row: MirrorRow, name: str, modified_at: datetime | None, now: datetime) -> bool:
    """True for a property of a record that was fetched before our last write of it was applied, and is taken in after:
    what it shows there was gone over. Long after, a state from before our write is the CRM's truth."""
    text = row.meta.get(name, {}).get("sent_at")
    if text is None or modified_at is None:
        return False
    return modified_at < (sent_at := datetime.fromisoformat(text)) and now - sent_at < ANSWERS_LAG


def tries(row: MirrorRow, sent: Mapping[str, str], *, now: datetime) -> None:
    """Write down what is about to be sent, to be committed before it is."""
    for name, value in sent.items():
        row.meta.setdefault(name, {})["tried"] = [value, moment_text(now)]


def remember(meta: dict[str, Any], since: datetime) -> None:
    """What we wrote last is followed by another write: its event may still come."""
    if "got" in meta:
        wrote = [*meta.pop("wrote", ()), [meta["got"], meta["sent_at"]]][-WRITES_REMEMBERED:]
        kept = [one for one in wrote if datetime.fromisoformat(one[1]) > since]
        meta |= {"wrote": kept} if kept else {}


def heard(event: InboundEvent, *, by_us: bool) -> dict[str, Any]:
    """What an event says of a change, as the mirror remembers it: a person's unless it names somebody else."""
    by = Actor.PERSON if event.actor_is_person or event.actor_is_us else Actor.VENDOR
    told = {
        "v": event.value or None,
        "at": moment_text(event.occurred_at),
        "by": (Actor.TASUKI if by_us else by).value,
        "src": event.source,
    }
    return told | ({"who": event.person} if event.person is not None else {})


def is_before(moment: datetime, text: str | None) -> bool:
    """True when the moment is not later than the other, if there is one."""
    return text is not None and moment <= datetime.fromisoformat(text)
