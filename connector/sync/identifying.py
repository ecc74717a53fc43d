"""The same person in two CRMs becomes one lead, before anything is decided for either half.

A lead that one CRM has is looked for in the others by the groups of `identity.same_lead`, each time its values there
change. Exactly one that fits is joined; of several nobody is chosen, the pairs wait for a person (`tasuki identity`).
A company with one CRM pays nothing for this.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from connector.domain.identity import Candidate, Found, key_of, match
from connector.domain.value import UNREAD, Value
from connector.store import history, identities, leads, links
from connector.store.database import Connection
from connector.store.identities import Same
from connector.sync.cases import Case
from connector.sync.context import Tenant
from connector.sync.merging import merge_leads

log = structlog.get_logger()

_HOT = "hot"
_BY_LINK = "native_sync"


def identify(tenant: Tenant, conn: Connection, cases: Sequence[Case], now: datetime) -> set[int]:
    """Look for the other halves of these leads; returns those that are another lead's half now, or have become whole:
    they are decided as one."""
    groups = _groups(tenant)
    if len(tenant.bindings) < 2 or not groups or not cases:
        return set()
    ids = [case.row.id for case in cases]
    stored = identities.keys_of(conn, ids)
    keys = {case.row.id: _keys(case, groups) for case in cases}
    changed = {lead_id: found for lead_id, found in keys.items() if found != stored.get(lead_id, {})}
    if not changed:
        return set()
    _ask_anew(tenant, conn, sorted(lead_id for lead_id in changed if lead_id in stored), now)
    identities.put_keys(conn, tenant.installation_id, changed)
    same: dict[int, list[Same]] = {}
    for one in identities.same_as(conn, sorted(changed)):
        same.setdefault(one.mine, []).append(one)
    done: set[int] = set()
    for case in cases:
        found = _match(case, same.get(case.row.id, ()))
        rule = "+".join(groups[found.rank]) if found.rank is not None else ""
        if found.one is not None and not case.elsewhere and not done & {case.row.id, found.one}:
            if join(tenant, conn, case.row.id, found.one, rule=rule, now=now):
                done |= {case.row.id, found.one}
        elif found.review:
            pairs = [(case.row.id, other, rule, reason) for other, reason in found.review]
            identities.put_review(conn, tenant.installation_id, pairs, now=now)
    return done


def _ask_anew(tenant: Tenant, conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Leads whose values are others now fit other people; whoever they stood in the way of is looked at again."""
    others = sorted(identities.withdraw(conn, ids)) if ids else []
    if others:
        identities.forget_keys(conn, others)
        leads.mark_due(conn, tenant.installation_id, others, at=now, why="identity", lane="background")


def join(tenant: Tenant, conn: Connection, one: int, other: int, *, rule: str, now: datetime) -> bool:
    """Make one lead of two that no CRM has both of; False where that is not so (any more). The one that was worked on
    first goes on, with everything that was made for the other."""
    ids = sorted((one, other))
    links.lock(conn, ids)
    leads.lock(conn, ids)
    rows = leads.load(conn, ids)
    if len(rows) < 2 or any(row.gone is not None for row in rows.values()) or identities.share_a_crm(conn, ids):
        return False
    winner, loser = sorted(rows.values(), key=lambda row: (row.stage is None, row.evaluated_at is None, row.id))
    merge_leads(conn, loser.id, winner.id)
    row = {"at": now, "lead_id": winner.id, "kind": "joined", "policy_hash": tenant.policy.hash}
    history.add_ledger(conn, tenant.installation_id, [row | {"data": {"lead": loser.id, "rule": rule[:80]}}])
    leads.mark_due(conn, tenant.installation_id, [winner.id], at=now, why="joined", lane=_HOT)
    log.info("leads_joined", winner=winner.id, loser=loser.id, rule=rule)
    return True


def _groups(tenant: Tenant) -> Sequence[Sequence[str]]:
    """The groups in order; the CRMs' own link comes before them all."""
    identity = tenant.plan.policy.identity
    return ((_BY_LINK,), *identity.same_lead) if identity.native_sync else identity.same_lead


def _keys(case: Case, groups: Sequence[Sequence[str]]) -> dict[int, bytes]:
    found = {rank: key_of(names, [_value(case, name) for name in names]) for rank, names in enumerate(groups)}
    return {rank: key for rank, key in found.items() if key is not None}


def _value(case: Case, name: str) -> Value:
    """What the lead's record says of a field: in the CRM in which it is worked, where several have it."""
    binding, dialect = case.binding, case.binding.dialect
    if name == _BY_LINK:
        return dialect.partner_record(case.person.vendor_id, case.person.properties) or UNREAD
    definition = case.binding.plan.policy.fields[name]
    rows = {dialect.person_type: case.person, dialect.company_type: case.named_company}
    for home in dialect.homes(definition):
        row = rows.get(home.object_type)
        if row is not None and home.name in row.properties:
            return binding.dialect.to_canonical(definition, home, row.properties[home.name])
    return UNREAD


def _match(case: Case, same: Iterable[Same]) -> Found:
    by_rank: dict[int, list[Candidate]] = {}
    for one in same:
        candidate = Candidate(lead_id=one.other, crms=frozenset(one.crms), refused=one.refused)
        by_rank.setdefault(one.rank, []).append(candidate)
    return match(frozenset(crm.connection_id for crm in case.all), by_rank)
