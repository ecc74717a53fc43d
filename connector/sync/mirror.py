"""What we know of each property's last change, and how it grows: by reads, by events, by our own writes.

`MirrorRow.meta` holds, per property and only where there is something to know:

    seen       {v, at, by, src, noted}: the latest change by somebody else: value, when it happened at the vendor
               (latest possible moment), person | vendor, the vendor's word for who (None: nobody told us), when noted;
               since: the earliest possible moment, where nobody told us
    hint       {v, at, by, src}: an event told of a change that no read has confirmed yet
    sent, got  what we wrote last, and what the vendor says it stored for it
    sent_at    when (vendor's time); base_at: as of when we had read what we wrote over
    wrote      [what stood, when we wrote it] of our writes before, as far as an event may still tell of them
    tried      [value, business time] of a write without an answer, of what several leads share; see `unanswered`
    kept       the vendor accepted what we wrote and kept what had stood before
    drift      the classes of drift that were told of it and have not ended
    cleared    the property was cleared before it was set: a backward move that was made as the vendor wants it
    overtaken  {v, at, by, src, since}: somebody's change that our write overtook; the rules decide again
    past       when somebody last changed it, of the changes that count no longer
    flips      moments at which somebody changed back what we wrote
    frozen     {until, writers}: the breaker: nobody wins, a person must look
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connector.domain.codec_work import moment_text
from connector.domain.lead import Actor
from connector.store.mirrors import MirrorRow
from connector.sync import authors
from connector.sync.authors import Ours
from connector.sync.unanswered import APPLIED_WITHIN, Same
from connector.vendors.base import Change, InboundEvent, Record

Judge = Callable[[str, str | None], bool]
"""judge(property, value as read): sees a change by somebody else before it is noted; True: it is none, the vendor lost
what we wrote."""

FLIPS_TO_FREEZE = 5
FLIP_WINDOW = timedelta(hours=1)
FREEZE_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class PropertyFact:
    """A property's value with the change that brought it."""

    raw: str | None
    changed_at: datetime | None
    actor: Actor
    person: str | None = None  #: The vendor's id of the user who made it, where an event told.


def absorb(
    row: MirrorRow,
    record: Record,
    *,
    now: datetime,
    same: Same,
    agreed: Callable[[], Mapping[str, str]] = dict,
    judge: Judge = lambda name, value: False,
    ours: Ours = authors.nothing_sent,
    seen_until: datetime | None = None,
) -> set[str]:
    """Bring the mirror up to date with a record as read; returns the properties that somebody else changed.

    `now` is business time. `agreed` gives what we want to stand: a change to that needs no defence, whoever made it
    (most likely we did, and its answer was lost). A read that is older than what we have (a lagging replica) is
    ignored. Where the record brings its history, that says who changed what. `seen_until`: what was changed before was
    seen before.
    """
    if row.modified_at is not None and record.modified_at is not None and record.modified_at < row.modified_at:
        return set()
    at = record.modified_at or now
    changed: set[str] = set()
    since = _since(row, at, seen_until)
    for name, read in record.properties.items():
        value = read or None
        known = name in row.properties
        if known and same(name, row.properties[name], value):
            row.meta.get(name, {}).pop("hint", None)
            continue
        if known and authors.is_outdated(row, name, record.modified_at, now):
            continue
        version = _version(record, name, value, same)
        if known and (
            is_ours(row, name, value, same)
            or _is_agreed(name, value, agreed, same)
            or authors.is_unanswered(row, name, value, version, since, same, ours)
        ):
            _take_as_ours(row, name, value, at)
            continue
        if known and judge(name, value):
            forget_write(row, name)
        elif known or "hint" in row.meta.get(name, {}):
            _note_change(row, name, value, at, now, same, version, since=since, who=record.modified_by)
            changed.add(name)
        row.properties[name] = value
    row.modified_at = record.modified_at
    row.read_at = now
    row.gone = None
    return changed


def hear(row: MirrorRow, event: InboundEvent, *, same: Same, ours: Ours = authors.nothing_sent) -> bool:
    """Take in what an event says of a property; True when the record must be read.

    An event that says what the mirror has confirmed needs no read; neither does one that happened before the
    state that we have read. A change that our write overtook is kept: see `overtaking`. What bears our name and is none
    of our writes, by its value, is a person's.
    """
    name = event.property_name
    if name is None or name not in row.properties:
        return True
    by_us = authors.is_by_us(row, name, event, same, ours)
    if not event.redacted and same(name, row.properties[name], event.value or None):
        return _learn_who(row, name, event, same, by_us=by_us)
    meta = row.meta.setdefault(name, {})
    if _is_older_than_known(meta, event.occurred_at):
        return False
    heard = authors.heard(event, by_us=by_us)
    if authors.is_before(event.occurred_at, meta.get("sent_at")):
        base = meta.get("base_at")
        lost = base is not None and event.occurred_at > datetime.fromisoformat(base) and not event.redacted
        if lost and not by_us:
            meta["overtaken"] = heard
            return True
        return False  # an older write of ours, or what we had read before we wrote
    if row.modified_at is not None and event.occurred_at < row.modified_at:
        return False
    told = meta.get("hint")
    if by_us and told is not None and told["by"] != Actor.TASUKI.value:
        meta["overtaken"] = told  # a write of ours whose answer we do not have yet came after it
    meta["hint"] = heard
    return True


def heard_so_far(row: MirrorRow | None) -> Mapping[str, Mapping[str, Any]]:
    """What `hear` may add to, as it is now: most events are the echo of our own writes, and change nothing."""
    return {name: dict(meta) for name, meta in row.meta.items()} if row is not None else {}


def wrote(
    row: MirrorRow,
    sent: Mapping[str, str],
    record: Record | None,
    *,
    now: datetime,
    same: Same,
    forward_only: Collection[str] = (),
    cleared: str | None = None,
) -> dict[str, str | None]:
    """Take in our own write and the vendor's answer; returns what was stored, for each property sent.

    The mirror's own modification time stays that of the last read: what others did just before our write, and we
    have not read, must still count as news. `cleared` is the property that was cleared before it was set. A property
    of `forward_only` that turns out to stand where neither we nor the mirror had it was moved by somebody else.
    """
    stored: dict[str, str | None] = {}
    at = (record.modified_at if record else None) or now
    for name, value in sent.items():
        got = (record.properties.get(name, value) if record else value) or None
        stored[name] = got
        before = None if name == cleared else row.properties.get(name)
        if name in forward_only and not any(same(name, got, one) for one in (value or None, before)):
            _note_change(row, name, got, at, now, same)
            row.properties[name] = got
            continue
        meta = row.meta.setdefault(name, {})
        authors.remember(meta, since=min(row.modified_at or at, at - APPLIED_WITHIN))
        meta |= {"sent": value, "got": got, "sent_at": moment_text(at), "cleared": name == cleared}
        for told in ("kept", "tried"):
            meta.pop(told, None)
        if not same(name, got, value or None) and same(name, got, row.properties.get(name)):
            meta["kept"] = True
        if row.modified_at is not None:
            meta["base_at"] = moment_text(row.modified_at)
        _settle_earlier(meta, name, (value or None, got), at, now, same)
        row.properties[name] = got
    return stored


def _settle_earlier(
    meta: dict[str, Any], name: str, ours: tuple[str | None, str | None], at: datetime, now: datetime, same: Same
) -> None:
    """What we knew of others' changes, now that our write stands over them."""
    if "overtaken" in meta and any(same(name, one, meta["overtaken"]["v"]) for one in ours):
        # Written back for the person who wrote it first: it keeps that origin.
        meta["seen"] = meta.pop("overtaken") | {"noted": moment_text(now)}
    elif "seen" in meta and not any(same(name, one, meta["seen"]["v"]) for one in ours):
        meta["past"] = meta.pop("seen")["at"]
    hint = meta.get("hint")
    if hint is not None and datetime.fromisoformat(hint["at"]) <= at:
        del meta["hint"]
        if hint["by"] != Actor.TASUKI.value and not any(same(name, one, hint["v"]) for one in ours):
            meta["overtaken"] = hint  # it was told while our write was on its way


def is_written_over(meta: Mapping[str, Any]) -> bool:
    """True when an event has told of a write of ours, not confirmed yet, over the overtaken change."""
    hint, over = meta.get("hint"), meta.get("overtaken")
    if hint is None or over is None or hint["by"] != Actor.TASUKI.value:
        return False
    return datetime.fromisoformat(over["at"]) <= datetime.fromisoformat(hint["at"])


def frozen(row: MirrorRow) -> dict[str, Mapping[str, Any]]:
    """The properties that the breaker holds, each with {until, writers}."""
    return {name: meta["frozen"] for name, meta in row.meta.items() if "frozen" in meta}


def fact(row: MirrorRow, name: str, same: Same) -> PropertyFact:
    """A property's value as the rules should see it: a change that we overtook counts as standing."""
    meta = row.meta.get(name, {})
    if "overtaken" in meta:
        over = meta["overtaken"]
        return PropertyFact(over["v"], datetime.fromisoformat(over["at"]), Actor(over["by"]), over.get("who"))
    raw = row.properties.get(name)
    seen = meta.get("seen")
    if seen is not None and same(name, seen["v"], raw):
        return PropertyFact(raw, datetime.fromisoformat(seen["at"]), Actor(seen["by"]), seen.get("who"))
    if "sent" in meta:
        return PropertyFact(raw, datetime.fromisoformat(meta["sent_at"]), Actor.TASUKI)
    return PropertyFact(raw, None, Actor.VENDOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A property's value as another CRM's is compared with it: what we wrote, in whatever form it stands now.

    The last change by somebody else came after `after` and by `until`. `over` is what we had written before that
    change, `overtaken` that it came before a write of ours that stands over it.
    """

    raw: str | None
    after: datetime | None
    until: datetime | None
    actor: Actor
    over: str | None = None
    overtaken: bool = False


def standing(row: MirrorRow, name: str, same: Same) -> Standing:
    """How a property stands: see `Standing`."""
    meta, raw = row.meta.get(name, {}), row.properties.get(name)
    if "overtaken" in meta:
        over = meta["overtaken"]
        since, at = (datetime.fromisoformat(one) for one in (over.get("since", over["at"]), over["at"]))
        return Standing(raw=over["v"], after=since, until=at, actor=Actor(over["by"]), overtaken=True)
    seen = meta.get("seen")
    if seen is not None and same(name, seen["v"], raw):
        until = datetime.fromisoformat(seen["at"])
        after = datetime.fromisoformat(seen["since"]) if "since" in seen else until if seen["src"] else None
        is_over = "sent" in meta and datetime.fromisoformat(meta["sent_at"]) <= (after or until)
        over = meta["sent"] if is_over else None
        return Standing(raw=raw, after=after, until=until, actor=Actor(seen["by"]), over=over)
    if "sent" in meta:
        at = datetime.fromisoformat(meta["sent_at"])
        ours = (meta["sent"] or None) if raw == meta["got"] else raw
        return Standing(raw=ours, after=at, until=at, actor=Actor.TASUKI)
    return Standing(raw=raw, after=None, until=None, actor=Actor.VENDOR)


def is_frozen(row: MirrorRow, name: str, now: datetime) -> bool:
    """True while the breaker keeps us from writing this property."""
    frozen = row.meta.get(name, {}).get("frozen")
    return frozen is not None and now < datetime.fromisoformat(frozen["until"])


def stands(row: MirrorRow, name: str, wanted: str, same: Same) -> bool:
    """True when the wanted value stands, also in the form into which the vendor turned it.

    Where an event has told of a write of ours whose answer we never had, that is what stands.
    """
    current, meta = row.properties.get(name), row.meta.get(name, {})
    hint = meta.get("hint")
    if hint is not None and hint["by"] == Actor.TASUKI.value and not same(name, hint["v"], wanted or None):
        return False
    if same(name, current, wanted or None):
        return True
    return "sent" in meta and meta["sent"] == wanted and meta.get("got") == current


def refused_backward(row: MirrorRow, name: str, wanted: str, same: Same) -> bool:
    """True when the vendor took this forward-only property without a word and kept another: it wants it cleared."""
    meta = row.meta.get(name, {})
    if meta.get("sent") != wanted or not wanted or meta.get("cleared"):
        return False
    return not same(name, row.properties.get(name), wanted) and meta.get("got") == row.properties.get(name)


def forget_write(row: MirrorRow, name: str) -> None:
    """What we wrote last does not count as written any more: it is written again if it should stand."""
    meta = row.meta.get(name, {})
    if "got" in meta:
        authors.remember(meta, since=datetime.fromisoformat(meta["sent_at"]) - APPLIED_WITHIN)
    for one in ("sent", "got", "sent_at", "base_at", "cleared", "kept", "seen", "overtaken"):
        row.meta.get(name, {}).pop(one, None)


def is_ours(row: MirrorRow, name: str, value: str | None, same: Same) -> bool:
    """The value that we wrote has turned up (its answer was lost, or the vendor normalised it late)."""
    meta = row.meta.get(name, {})
    return "sent" in meta and "seen" not in meta and same(name, meta["sent"] or None, value)


def _is_agreed(name: str, value: str | None, agreed: Callable[[], Mapping[str, str]], same: Same) -> bool:
    wanted = agreed()
    return name in wanted and same(name, wanted[name] or None, value)


def _take_as_ours(row: MirrorRow, name: str, value: str | None, at: datetime) -> None:
    meta = row.meta.setdefault(name, {})
    for told in ("hint", "seen") if is_written_over(meta) else ("hint", "seen", "overtaken"):
        meta.pop(told, None)
    meta |= {"sent": value or "", "got": value, "sent_at": moment_text(at)}
    row.properties[name] = value


def _learn_who(row: MirrorRow, name: str, event: InboundEvent, same: Same, *, by_us: bool) -> bool:
    """An event tells who made a change that a read has shown already. True: not a person, as was assumed."""
    meta = row.meta.get(name, {})
    seen = meta.get("seen")
    if seen is None or seen["src"] is not None or not same(name, seen["v"], event.value or None):
        return False
    if by_us:
        _take_as_ours(row, name, row.properties[name], event.occurred_at)
        return True
    told = {name: one for name, one in seen.items() if name != "since"}
    meta["seen"] = told | authors.heard(event, by_us=False) | {"v": seen["v"]}
    return bool(meta["seen"]["by"] != Actor.PERSON.value)


def _is_older_than_known(meta: Mapping[str, Any], moment: datetime) -> bool:
    """True when a later change of this property by somebody else is known: late events never bring back older ones."""
    known = [meta[one]["at"] for one in ("hint", "seen", "overtaken") if one in meta]
    known += [meta["past"]] if "past" in meta else []
    return any(moment < datetime.fromisoformat(at) for at in known)


def _version(record: Record, name: str, value: str | None, same: Same) -> Change | None:
    """The change that brought this value, where the record's history tells of it."""
    newest = next(iter(record.history.get(name, ())), None)
    return newest if newest is not None and same(name, newest.value, value) else None


def _since(row: MirrorRow, at: datetime, seen_until: datetime | None) -> datetime | None:
    """After what moment a change was made that this read shows first."""
    known = [one for one in (row.modified_at, seen_until) if one is not None and one <= at]
    return max(known, default=None)


def _note_change(
    row: MirrorRow,
    name: str,
    value: str | None,
    at: datetime,
    now: datetime,
    same: Same,
    version: Change | None = None,
    *,
    since: datetime | None = None,
    who: str | None = None,
) -> None:
    meta = row.meta.setdefault(name, {})
    hint = meta.get("hint")
    if version is None or version.by_us:
        if hint is not None and hint["by"] == Actor.TASUKI.value and same(name, hint["v"], value):
            _take_as_ours(row, name, value, datetime.fromisoformat(hint["at"]))
            return
        if version is not None and authors.is_write_of_ours(row, name, value, version.at, same):
            _take_as_ours(row, name, value, version.at)
            return
    meta.pop("hint", None)
    meta.pop("overtaken", None)
    if version is not None:
        by = Actor.PERSON if (version.by_person or version.by_us) and not version.by_merge else Actor.VENDOR
        seen: dict[str, Any] = {"v": value, "at": moment_text(version.at), "by": by.value, "src": version.source}
        if hint is not None and "who" in hint and same(name, hint["v"], value):
            seen["who"] = hint["who"]
    elif hint is not None and same(name, hint["v"], value):
        seen = hint
    else:
        # No event told us whose it is: a person's edit is what we must not lose.
        told = {"at": moment_text(at), "by": Actor.PERSON.value, "who": who, "since": since and moment_text(since)}
        seen = {"v": value, "src": None} | {name: one for name, one in told.items() if one is not None}
    meta["seen"] = seen | {"v": value, "noted": moment_text(now)}
    if "sent" in meta:
        _count_flip(meta, seen, now)


def _count_flip(meta: dict[str, Any], seen: Mapping[str, Any], now: datetime) -> None:
    since = now - FLIP_WINDOW
    flips = [moment for moment in meta.get("flips", []) if datetime.fromisoformat(moment) > since]
    meta["flips"] = [*flips, moment_text(now)]
    if len(meta["flips"]) >= FLIPS_TO_FREEZE:
        meta["frozen"] = {"until": moment_text(now + FREEZE_FOR), "writers": ["tasuki", seen.get("src") or "unknown"]}
        meta["flips"] = []
