"""A person's record becomes another one: people merged two, or converted a lead into a contact. The lead follows it."""

from __future__ import annotations

from collections.abc import Sequence

from connector.store import leads, links, mirrors, wanted
from connector.store.database import Connection
from connector.sync.context import Tenant
from connector.sync.deals import whose_deals
from connector.sync.merging import merge_leads, rebase_counters
from connector.vendors.base import Lane


def succeed(
    tenant: Tenant, conn: Connection, connection_id: int, *, winner: str, losers: Sequence[str], first: Sequence[str]
) -> int | None:
    """Make one lead of those behind these records, under the record `winner`; returns it, or None: it was erased.

    `first` names the records in the order in which their history is the one that goes on; one of them must be known.
    """
    binding = tenant.bindings[connection_id]
    person_type = binding.dialect.person_type
    known = leads.identities(conn, connection_id, person_type, [winner, *losers])
    if any(gone == "erased" for _, gone in known.values()):
        return None
    target = known[next(one for one in first if one in known)][0]
    ids = sorted({lead_id for lead_id, _ in known.values()})
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
