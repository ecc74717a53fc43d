"""Whom the records that were read have become: the claims go on under the record that stands now.

A converted lead or the loser of a merge may tell it by itself, and the winner of a merge names whom it stands for. So a
merge that no event told of is none the less a merge, and never taken for a deletion.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.domain.drift import DriftClass
from connector.store import drifts, leads
from connector.store.database import Connection
from connector.store.links import ReadClaim
from connector.store.mirrors import MirrorRow
from connector.sync.arrivals import Harvest
from connector.sync.context import Line
from connector.sync.drifting import MERGED, new_drift
from connector.sync.looking import is_old
from connector.sync.succession import PAST, merged_away, succeed


def followed(
    line: Line, conn: Connection, claims: Sequence[ReadClaim], harvest: Harvest, now: datetime
) -> list[ReadClaim]:
    """The claims under what their records have become: a converted lead's contact, the winner of a merge. Each person
    once: the other one may have been claimed as well."""
    told = merged_away(line, conn, harvest.people.values())
    found: dict[str, ReadClaim] = {}
    for claim in claims:
        winner, losers, goes_on = _succession(claim.vendor_id, harvest, told)
        if not losers:
            found.setdefault(claim.vendor_id or f"{claim.lead_id}", claim)
            continue
        news = () if goes_on else _unheard(line, conn, losers)
        first = (*losers, winner) if goes_on else (winner, *losers)
        lead_id = succeed(line.tenant, conn, line.connection_id, winner=winner, losers=losers, first=first)
        if lead_id is not None:
            found[winner] = replace(claim, lead_id=lead_id, vendor_id=winner)
            _tell(line, conn, harvest, winner, lead_id, news, now)
    return list(found.values())


def _succession(vendor_id: str, harvest: Harvest, told: Mapping[str, str]) -> tuple[str, list[str], bool]:
    """(the record that stands, those that it stands for, whether their history goes on in it)."""
    record = harvest.people.get(vendor_id)
    heir = record.became if record is not None else None
    if heir is not None and heir.id in harvest.people and heir.goes_on:
        return heir.id, [vendor_id], True
    own = [vendor_id] if heir is not None and heir.id in harvest.people else []
    stands = heir.id if heir is not None and own else told.get(vendor_id, vendor_id)
    losers = [*dict.fromkeys((*own, *(loser for loser, winner in told.items() if winner == stands)))]
    if losers:
        return stands, losers, False
    earlier = harvest.came_of.get(vendor_id)
    return vendor_id, [earlier] if earlier is not None else [], True


def _unheard(line: Line, conn: Connection, losers: Sequence[str]) -> Collection[str]:
    """Those of whose merge no event has told. A CRM that is looked through need not tell."""
    if line.poll_seconds is not None:
        return ()
    known = leads.identities(conn, line.connection_id, line.dialect.person_type, losers)
    return [one for one, (_, gone) in known.items() if gone not in PAST]


def _tell(
    line: Line,
    conn: Connection,
    harvest: Harvest,
    winner: str,
    lead_id: int,
    news: Collection[str],
    now: datetime,
) -> None:
    """A merge that an event would have told of by now is drift, made good by following it."""
    if not news or not is_old(harvest.people[winner], now):
        return
    row = MirrorRow(object_type=line.dialect.person_type, vendor_id=winner)
    told = new_drift(line, row, lead_id, MERGED, DriftClass.MERGE, found_at=now, ended=True)
    drifts.add(conn, line.tenant.installation_id, line.connection_id, [told])
