"""Once a night, what drifted and stands open is gone through: ended where what should be stands, written once more
where the policy repairs what the CRM would not store."""

from __future__ import annotations

from collections.abc import Sequence

from connector.domain.drift import DriftClass, Handling
from connector.store import drifts, leads, links, mirrors
from connector.store.database import Connection
from connector.store.drifts import DriftRow
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.context import Line
from connector.sync.facts import same_on
from connector.sync.observe import wanted_of

AT_ONCE = 200
AGAIN = (DriftClass.NOT_STORED.value, DriftClass.NORMALISED.value)


def mend(line: Line) -> None:
    """Go through what stands open of people."""
    above = 0
    while True:
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            found = drifts.still_open(conn, line.connection_id, line.dialect.person_type, above=above, limit=AT_ONCE)
            if not found:
                return
            _mend(line, conn, found)
            above = found[-1].id


def _mend(line: Line, conn: Connection, found: Sequence[DriftRow]) -> None:
    now, person_type = line.tenant.now(conn), line.dialect.person_type
    ids = sorted({one.vendor_id for one in found})
    rows = mirrors.load(conn, line.connection_id, person_type, ids, lock=True)
    lead_ids = sorted({one.lead_id for one in found if one.lead_id is not None})
    links.lock(conn, lead_ids)
    known = leads.load(conn, lead_ids)
    for one in found:
        row, lead = rows.get(one.vendor_id), known.get(one.lead_id or 0)
        if row is None or lead is None or row.gone is not None or lead.gone is not None:
            drifts.end(conn, line.connection_id, person_type, one.vendor_id, [one.property], at=now)
            continue
        wanted = wanted_of(line, lead)
        if _stands(line, row, one.property, wanted.get(one.property)):
            row.meta.get(one.property, {}).pop("drift", None)
            drifts.end(conn, line.connection_id, person_type, one.vendor_id, [one.property], at=now)
            if one.handling != Handling.REPAIR.value:
                drifts.write_again(conn, line.connection_id, lead.id, [one.property])
        elif one.drift_class in AGAIN and one.handling == Handling.REPAIR.value:
            mirror.forget_write(row, one.property)
            drifts.write_again(conn, line.connection_id, lead.id, [one.property])
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, list(rows.values()))


def _stands(line: Line, row: MirrorRow, name: str, wanted: str | None) -> bool:
    """True when what should be stands in this property, or nothing should be there any more."""
    return wanted is None or same_on(line.binding, row.object_type)(name, row.properties.get(name), wanted or None)
