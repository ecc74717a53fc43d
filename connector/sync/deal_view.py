"""Which deal a lead is seen with: the newest open one of the policy's pipeline, else the newest closed one of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.store import associations, mirrors
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync.binding import Binding

_EPOCH = datetime.fromtimestamp(0, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealView:
    """A lead's deal. `known`: it has been read which deals the person has, so that None means none."""

    row: MirrorRow | None = None
    known: bool = False


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
    return {
        person.vendor_id: _shown(binding, person, belongs.get(person.vendor_id), rows)
        for person in people
        if person.vendor_id in belongs or _has_none(binding, person)
    }


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
