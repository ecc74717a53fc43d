"""Which deal a lead is seen with: the newest open one of the policy's pipeline, else the newest closed one of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from connector.store import associations, managed, mirrors
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync.binding import Binding
from connector.sync.record_kinds import REUSED

_EPOCH = datetime.fromtimestamp(0, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealView:
    """A lead's deal. `known`: it has been read which deals the person has, so that None means none.

    Of several people who have one deal, one `speaks` for it: whoever's hand-over made it, else the oldest record.
    `taken_at`: it stood already when a hand-over of this lead would have made one, which then took it.
    """

    row: MirrorRow | None = None
    known: bool = False
    speaks: bool = True
    taken_at: datetime | None = None


UNREAD_DEAL = DealView()


def deals_shown(
    conn: Connection, connection_id: int, binding: Binding, people: Sequence[MirrorRow]
) -> dict[str, DealView]:
    """Each person's deal by the person's id; a person whose deals nobody has read is absent."""
    if not binding.deal_properties:
        return {}
    dialect = binding.dialect
    deal_type = dialect.deal.object_type
    belongs = associations.of(
        conn, connection_id, dialect.person_type, [person.vendor_id for person in people], deal_type
    )
    ids = sorted({one for found in belongs.values() for one in found})
    rows = mirrors.load(conn, connection_id, deal_type, ids) if ids else {}
    shown = {
        person.vendor_id: _shown(binding, person, belongs.get(person.vendor_id), rows)
        for person in people
        if person.vendor_id in belongs or _has_none(binding, person)
    }
    return _with_hand_overs(conn, connection_id, binding, shown)


def _with_hand_overs(
    conn: Connection, connection_id: int, binding: Binding, shown: Mapping[str, DealView]
) -> dict[str, DealView]:
    """The same, with who speaks for each deal and whose hand-over took it as it stood."""
    dialect = binding.dialect
    ids = sorted({view.row.vendor_id for view in shown.values() if view.row is not None})
    if not ids:
        return dict(shown)
    deal_type = dialect.deal.object_type
    made, taken = _hand_overs(managed.of_records(conn, connection_id, deal_type, ids))
    speakers: dict[str, str] = {}
    having = associations.having(conn, connection_id, dialect.person_type, deal_type, ids)
    for person in sorted(having, key=lambda one: (len(one), one)):
        for deal in having[person]:
            speakers.setdefault(deal, person)
    speakers |= made
    return {
        person: view
        if view.row is None
        else replace(
            view,
            speaks=speakers.get(view.row.vendor_id, person) == person,
            taken_at=taken.get((view.row.vendor_id, person)),
        )
        for person, view in shown.items()
    }


def _hand_overs(
    records: Iterable[tuple[str, str, Mapping[str, Any]]],
) -> tuple[dict[str, str], dict[tuple[str, str], datetime]]:
    """Deal → whose hand-over made it; (deal, person) → when that person's hand-over took it."""
    made: dict[str, str] = {}
    taken: dict[tuple[str, str], datetime] = {}
    for deal, person, mirrored in records:
        if REUSED in mirrored:
            taken[deal, person] = datetime.fromisoformat(mirrored[REUSED])
        else:
            made.setdefault(deal, person)
    return made, taken


def _has_none(binding: Binding, person: MirrorRow) -> bool:
    """The person's own count says that there is no deal."""
    name = binding.dialect.deal.person_count
    return name is not None and name in person.properties and counted(person.properties[name]) == 0


def counted(raw: str | None) -> int:
    """How many deals the person's own count says; a blank is none."""
    try:
        return int(float(raw or 0))
    except ValueError:
        return 0


def _shown(binding: Binding, person: MirrorRow, ids: Sequence[str] | None, rows: Mapping[str, MirrorRow]) -> DealView:
    found = [rows[one] for one in ids or () if one in rows and rows[one].gone is None]
    if any(row.read_at is None for row in found):
        return UNREAD_DEAL  # which one counts cannot be told before all are read
    return DealView(row=chosen(binding, found), known=binding.knows_deal_pipeline)


def chosen(binding: Binding, rows: Iterable[MirrorRow]) -> MirrorRow | None:
    """The one that counts; deals of other pipelines (renewals, partners) say nothing of the lead."""
    words = binding.dialect.deal
    mine = [
        row
        for row in rows
        if binding.deal_pipeline is None or row.properties.get(words.pipeline) == binding.deal_pipeline.id
    ]
    return max(mine, key=lambda row: (not is_closed(binding, row), _made_at(binding, row), row.vendor_id), default=None)


def is_closed(binding: Binding, row: MirrorRow) -> bool:
    """True when the deal is won or lost: by its stage where we know the pipeline, else by the CRM's own mark."""
    words = binding.dialect.deal
    closed = binding.deal_stage_closed.get(row.properties.get(words.stage) or "")
    return closed if closed is not None else row.properties.get(words.closed) == "true"


def _made_at(binding: Binding, row: MirrorRow) -> datetime:
    return binding.dialect.moment(row.properties.get(binding.dialect.deal.created)) or _EPOCH
