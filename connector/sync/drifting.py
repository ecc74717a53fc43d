"""Drift: what a record shows and should not is judged with what we know, told, and dealt with as the policy says.

Judging is `domain.drift.classify`; here its evidence is put together from the mirror, from what events told and from
the history that a read brings. Where nobody looked for it (an ordinary read), a change that no event told of is none:
its event is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connector.domain.drift import Author, DriftClass, Evidence, Handling, Version, Write, classify
from connector.domain.lead import Actor
from connector.store import drifts
from connector.store.database import Connection
from connector.store.drifts import NewDrift
from connector.store.leads import LeadRow
from connector.store.mirrors import MirrorRow
from connector.sync import authors
from connector.sync.binding import Binding
from connector.sync.context import Line
from connector.sync.facts import same_on
from connector.sync.unanswered import Unanswered, may_stand
from connector.vendors.base import Change, Record

EVENTS_COME_WITHIN = timedelta(minutes=5)
"""An event that has not come by then is missed; before, it may be on its way."""

MERGED = "merged"
"""The property, as the history of drift has it, of a record into which others were merged."""

_REMEMBERED = (DriftClass.NOT_STORED, DriftClass.NORMALISED)
"""The mirror itself remembers what an answer made of these: such a value stands until another is wanted."""

_AUTHORS = {Actor.PERSON: Author.PERSON, Actor.VENDOR: Author.APP, Actor.TASUKI: Author.US}


@dataclass(slots=True, kw_only=True)
class Inquiry:
    """One person's record as read, beside what we knew and what should stand. `looked`: it was read to find drift."""

    line: Line
    lead: LeadRow | None
    row: MirrorRow
    record: Record
    wanted: Callable[[], Mapping[str, str]]
    looked: bool = False
    unanswered: Unanswered = field(default_factory=dict)  #: What was sent of this lead and has no answer.
    found: dict[str, DriftClass] = field(default_factory=dict)

    def judge(self, name: str, value: str | None) -> bool:
        """See a change before it is noted; True: it is none, the CRM lost our write. See `mirror.absorb`."""
        binding = self.line.binding
        asked = binding.person_properties if self.looked else binding.written
        if self.lead is None or name not in asked or name == self.line.dialect.merged_property:
            return False  # a merge is told when it is followed
        same = same_on(binding, self.row.object_type)
        found = classify(self._evidence(name, value), lambda one, other: same(name, one, other))
        if found is None or (found is DriftClass.MISSED_EVENT and not self.looked):
            return False
        self.found[name] = found
        return found is DriftClass.LOST_WRITE

    def tell(self, conn: Connection, *, now: datetime) -> None:
        """Keep what was found, and leave alone what the policy says is not to be written."""
        if self.lead is None or not self.found:
            return
        wanted = self.wanted()
        handling = {name: handling_of(self.line, one) for name, one in self.found.items()}
        ended = {
            name
            for name, one in self.found.items()
            if handling[name] is not Handling.HOLD and (name not in wanted or one is DriftClass.MISSED_EVENT)
        }
        for name, one in self.found.items():
            if name not in ended:
                note(self.row, name, one)
        drifts.add(
            conn,
            self.line.tenant.installation_id,
            self.line.connection_id,
            [
                new_drift(self.line, self.row, self.lead.id, name, one, found_at=now, ended=name in ended)
                for name, one in self.found.items()
            ],
        )
        leave(self.line, conn, self.lead.id, self.found, wanted)

    def _evidence(self, name: str, value: str | None) -> Evidence:
        wanted, meta = self.wanted(), self.row.meta.get(name, {})
        return Evidence(
            wanted=name in wanted,
            intent=wanted.get(name) or None,
            known=self.row.properties.get(name),
            write=_write(meta),
            now=value,
            history=self._history(name) if name in self.record.history else None,
            told=self._told(name, value, meta),
            shared=name in self.line.binding.contested,
        )

    def ours(self, name: str, value: str | None, since: datetime | None) -> bool:
        """See `authors.Ours`."""
        same = same_on(self.line.binding, self.row.object_type)
        return may_stand(self.unanswered, name, value, since, same)

    def _history(self, name: str) -> tuple[Version, ...]:
        """The CRM's versions. One under our name that is none of our writes, by its value, is a person's."""
        same, found = same_on(self.line.binding, self.row.object_type), list[Version]()
        for change in self.record.history[name]:
            one = version(change)
            if one.author is Author.US and not (
                self.ours(name, one.value, one.at) or authors.is_write_of_ours(self.row, name, one.value, one.at, same)
            ):
                one = replace(one, author=Author.PERSON)
            found.append(one)
        return tuple(found)

    def _told(self, name: str, value: str | None, meta: Mapping[str, Any]) -> Author | None:
        hint = meta.get("hint")
        if hint is None or not same_on(self.line.binding, self.row.object_type)(name, hint["v"], value):
            return None
        return _AUTHORS[Actor(hint["by"])]


def version(change: Change) -> Version:
    """A change of the CRM's history as the judge sees it."""
    if change.by_us:
        author = Author.US
    elif change.by_merge:
        author = Author.MERGE
    else:
        author = Author.PERSON if change.by_person else Author.APP
    return Version(value=change.value or None, at=change.at, author=author)


def _write(meta: Mapping[str, Any]) -> Write | None:
    if "sent" not in meta:
        return None
    at = datetime.fromisoformat(meta["sent_at"])
    return Write(sent=meta["sent"] or None, stored=meta.get("got"), at=at, kept=bool(meta.get("kept")))


def handling_of(line: Line, found: DriftClass) -> Handling:
    """What the running policy does about it. The breaker's freeze is only told: it ends by itself."""
    return line.tenant.plan.policy.drift.get(found, Handling.REPORT)


def field_named(binding: Binding, name: str) -> str:
    """The policy's name for a property of a person: a field, `owner`, `stage`; else the property's own."""
    if name == binding.dialect.owner_property:
        return "owner"
    if any(home.name == name for _, home in binding.stores):
        return "stage"
    definition = binding.definition_of(name)
    return definition.name if definition is not None else name


def new_drift(
    line: Line,
    row: MirrorRow,
    lead_id: int | None,
    name: str,
    found: DriftClass,
    *,
    found_at: datetime,
    ended: bool = False,
    cause: str | None = None,
    data: Mapping[str, Any] | None = None,
) -> NewDrift:
    """A drift of this record's property, to be kept."""
    people = row.object_type == line.dialect.person_type
    return NewDrift(
        lead_id=lead_id,
        object_type=row.object_type,
        vendor_id=row.vendor_id,
        field=field_named(line.binding, name) if people or name == MERGED else f"{row.object_type}.{name}",
        property=name,
        drift_class=found.value,
        handling=handling_of(line, found).value,
        found_at=found_at,
        cause=cause,
        ended=ended,
        data=data,
    )


def note(row: MirrorRow, name: str, found: DriftClass) -> None:
    """Remember with the property that a drift of it stands open: whoever makes it good ends it."""
    meta = row.meta.setdefault(name, {})
    meta["drift"] = sorted({*meta.get("drift", ()), found.value})


def leave(
    line: Line, conn: Connection, lead_id: int, found: Mapping[str, DriftClass], wanted: Mapping[str, str]
) -> None:
    """What the policy reports or holds is not written on this lead's record; see `drifts.leave_alone`."""
    left: dict[str, dict[str, Any]] = {}
    for name, one in found.items():
        handling = handling_of(line, one)
        held = handling is Handling.HOLD
        if held or (handling is Handling.REPORT and name in wanted and one not in _REMEMBERED):
            left[name] = {"class": one.value, "value": wanted.get(name), "held": held}
    if left:
        drifts.leave_alone(conn, line.connection_id, lead_id, left)


def end(line: Line, conn: Connection, row: MirrorRow, names: list[str], *, now: datetime) -> None:
    """What should be stands again in these properties."""
    settled = [name for name in names if row.meta.get(name, {}).pop("drift", None)]
    if settled:
        drifts.end(conn, line.connection_id, row.object_type, row.vendor_id, settled, at=now)
