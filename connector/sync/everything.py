"""A list of everything, round by round: a page of each of its stretches, compared with what we hold.

The next round is asked for before this one is compared: the CRM answers while we compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connector.errors import RetryableError
from connector.store import mirrors
from connector.store.mirrors import Held
from connector.store.reconcile_passes import Pass, Place, Step
from connector.sync.comparing import Comparison, Difference
from connector.sync.context import Line
from connector.sync.facts import same_on
from connector.sync.marking import mark, mark_gone
from connector.sync.stretches import Stretch
from connector.vendors.base import Lane, Record
from connector.vendors.sheet import Coming


def asked_of(line: Line, object_type: str) -> tuple[str, ...]:
    """What is compared of these records; nothing: they go by the time of modification alone."""
    binding, dialect = line.binding, line.dialect
    role = dialect.deal.role
    if role is not None and object_type == role.object_type:
        return role.person, role.deal
    return {
        dialect.person_type: binding.person_properties,
        dialect.company_type: binding.company_properties,
        dialect.deal.object_type: binding.deal_properties,
        dialect.task_type: dialect.task_properties,
    }.get(object_type, ())


def closer(line: Line, object_type: str, records: Sequence[Record]) -> list[Difference]:
    """Those of these records that are not as we hold them, property by property."""
    if not records:
        return []
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        ids = [record.id for record in records]
        held = mirrors.properties_of(conn, line.connection_id, object_type, ids)
    return Comparison(asked_of(line, object_type), same_on(line.binding, object_type)).differing(records, held)


class Rounds:
    """The rounds of one pass. What was asked for ahead and is not wanted any more is to be dropped at the end."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ahead: tuple[Sequence[Place], Coming] | None = None

    def look(self, one: Pass, *, ahead: bool) -> Pass:
        """Look at the next page of every stretch; with `ahead` ask for those that follow meanwhile."""
        line, sheets = self._line, self._coming(one).read()
        stretches = [Stretch.of(place, sheet) for place, sheet in zip(one.places, sheets, strict=True)]
        if len(stretches) > 1 and not all(stretch.by_id for stretch in stretches):
            return replace(one, places=(Place(),))  # this list does not go by id: from the start, in one stretch
        places = tuple(stretch.following for stretch in stretches if stretch.following is not None)
        if ahead and places:
            self._ask_ahead(one, places)
        held = _held(line, one.object_type, stretches)
        others = [(stretch, ours) for stretch, ours in zip(stretches, held, strict=True) if not stretch.is_as(ours)]
        records = [stretch.sheet.read(at) for stretch, ours in others for at in stretch.differing(ours)]
        if one.object_type == line.dialect.deal.object_type:  # what hangs on a deal moves its time alone
            records = [stretch.sheet.read(at) for stretch in stretches for at in range(len(stretch.ids))]
        found = mark(line, one.object_type, records, closer(line, one.object_type, records))
        missing = [vendor_id for stretch, ours in others for vendor_id in stretch.missing(ours.ids)]
        return replace(
            one,
            pages=one.pages + len(sheets),
            looked=one.looked + sum(len(stretch.ids) for stretch in stretches),
            marked=one.marked + found.count,
            drifted=one.drifted + found.drifted,
            archived=one.archived + mark_gone(line, one.object_type, missing),
            places=places,
            step=Step.LIVE if places else Step.DONE,
        )

    def drop(self) -> None:
        """Nobody wants what was asked for ahead."""
        if self._ahead is not None:
            self._ahead[1].drop()
        self._ahead = None

    def _coming(self, one: Pass) -> Coming:
        """The pages of this round: under way already, or asked for now."""
        if self._ahead is not None and self._ahead[0] == one.places:
            (_, coming), self._ahead = self._ahead, None
            return coming
        self.drop()
        return self._ask(one, one.places)

    def _ask(self, one: Pass, places: Sequence[Place]) -> Coming:
        asked, afters = asked_of(self._line, one.object_type), [place.after for place in places]
        return self._line.vendor.sheets(one.object_type, asked, afters=afters, lane=Lane.BACKGROUND)

    def _ask_ahead(self, one: Pass, places: Sequence[Place]) -> None:
        try:
            self._ahead = (places, self._ask(one, places))
        except RetryableError:
            self._ahead = None  # said when it is their turn: this round is looked at all the same


def _held(line: Line, object_type: str, stretches: Sequence[Stretch]) -> list[Held]:
    """What we hold where each of these sheets lies. It was archived, merged or erased if the sheet does not show it, or
    it is newer than the sheet: the read tells."""
    connection_id = line.connection_id
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        held = mirrors.beside(conn, connection_id, object_type, [stretch.range for stretch in stretches])
        for at, stretch in enumerate(stretches):
            if stretch.by_id and len(held[at].ids) >= mirrors.MOST_BESIDE:
                # much of it is gone: what else we hold there, to be looked at closer
                others = mirrors.between(conn, connection_id, object_type, *stretch.range)
                held[at] = held[at].among(others)
    return held
