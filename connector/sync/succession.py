"""A person's record becomes another one: people merged two, or converted a lead into a contact. The lead follows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from connector.store import leads, links, mirrors, wanted
from connector.store.database import Connection
from connector.sync.context import Line, Tenant
from connector.sync.deals import whose_deals
from connector.sync.merging import merge_leads, rebase_counters
from connector.vendors.base import Lane, Record
from connector.vendors.dialect import Dialect

PAST = ("erased", "merged")
"""How an identity has gone that no merge brings anywhere else."""


def merged_into(dialect: Dialect, records: Iterable[Record]) -> Iterator[tuple[str, str]]:
    """(record that people merged away, record that stands for it), as those that stand tell themselves."""
    name = dialect.merged_property
    for record in records if name is not None else ():
        for loser in (record.properties.get(name or "") or "").split(";"):
            if loser and loser != record.id:
                yield loser, record.id


def merged_away(line: Line, conn: Connection, people: Iterable[Record]) -> dict[str, str]:
    """The same of people: those who are leads of ours still, as if nothing had been told."""
    told = dict(merged_into(line.dialect, people))
    known = leads.identities(conn, line.connection_id, line.dialect.person_type, sorted(told)) if told else {}
    return {one: told[one] for one, (_, gone) in known.items() if gone not in PAST}


def standing(records: Mapping[str, Record]) -> dict[str, Record]:
    """Those that have not become another record: what has is read, and followed, the ordinary way."""
    return {one: record for one, record in records.items() if record.became is None}


def succeed(
    tenant: Tenant, conn: Connection, connection_id: int, *, winner: str, losers: Sequence[str], first: Sequence[str]
) -> int | None:
    """Make one lead of those behind these records, under the record `winner`; returns it, or None: it was erased.

    `first` names the records in the order in which their history is the one that goes on; one of them must be known.
    Whoever was never decided has none.
    """
    binding = tenant.bindings[connection_id]
    person_type = binding.dialect.person_type
    known = leads.identities(conn, connection_id, person_type, [winner, *losers])
    if any(gone == "erased" for _, gone in known.values()):
        return None
    ids = sorted({lead_id for lead_id, _ in known.values()})
    decided = {one for one, row in leads.load(conn, ids, results=False).items() if row.evaluated_at is not None}
    candidates = [known[one][0] for one in first if one in known]
    target = next((one for one in candidates if one in decided), candidates[0])
    mirrors.lock(conn, connection_id, person_type, [winner])
    links.lock(conn, ids)
    leads.lock(conn, ids)
    for lead_id in ids:
        if lead_id != target:
            merge_leads(conn, lead_id, target)
    leads.become(conn, tenant.installation_id, connection_id, person_type, target, winner, losers)
    rebase_counters(conn, tenant.installation_id, connection_id, binding, winner)
    if tenant.reading[
        connection_id
    ].deal_properties:  # the losers' deals are the winner's, and not every CRM counts them on the person
        mark = whose_deals(binding.dialect)
        wanted.want(conn, tenant.installation_id, connection_id, mark, [winner], lane=Lane.HOT.value)
    return target
