"""The past of every lead as a back-test needs it, read from what is stored; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.domain.state import Mover, StageEntry
from connector.engine.backtest import Move, Past
from connector.policy.model import Policy
from connector.store.database import Connection
from connector.sync.binding import Binding
from connector.sync.cases import Case, load_cases
from connector.sync.colleagues import everybody
from connector.sync.context import Tenant

_ENTRIES = """
SELECT lead_id, seq, stage, entered_at, mover, transition, reason, passed, initial FROM stage_entry
WHERE lead_id = ANY(%s) AND entered_at <= %s ORDER BY lead_id, seq
"""

_IDS = "SELECT id FROM lead WHERE gone IS NULL AND id > %s AND created_at <= %s ORDER BY id LIMIT %s"


def pasts(
    conn: Connection,
    policies: Sequence[Mapping[int, Binding]],
    name: str,
    start: datetime,
    end: datetime,
    *,
    after: int,
    limit: int,
) -> tuple[list[Past], int]:
    """The next leads after lead id `after` that the policy of this name takes, beside the others in their order; and
    the last id looked at (0: there are no more).
    """
    ids = [int(row["id"]) for row in conn.execute(_IDS, [after, end, limit])]
    if not ids:
        return [], 0
    entries: dict[int, list[StageEntry]] = {}
    for row in conn.execute(_ENTRIES, [ids, end]):
        lead_id = int(row.pop("lead_id"))
        entries.setdefault(lead_id, []).append(StageEntry(**{**row, "mover": Mover(row["mover"])}))
    cases = load_cases(policies, conn, ids, now=end)
    found = [_past(case, entries.get(lead_id, ()), start) for lead_id, case in cases.items() if case.policy == name]
    return found, ids[-1]


def _past(case: Case, entries: Sequence[StageEntry], start: datetime) -> Past:
    lead = case.lead(case.state())
    before = [entry for entry in entries if entry.entered_at <= start]
    later = [entry for entry in entries if entry.entered_at > start]
    reached: dict[str, datetime] = {}
    for entry in later:
        reached.setdefault(entry.stage, entry.entered_at)
    return Past(
        lead_id=case.row.id,
        created_at=lead.created_at,
        owner=lead.owner,
        fields=lead.fields,
        signals=case.signals,
        entry=before[-1] if before else None,
        moves=[Move(at=entry.entered_at, stage=entry.stage) for entry in later if entry.mover is Mover.PERSON],
        reached=reached,
    )


def pool_people(tenant: Tenant, conn: Connection, policy: Policy, now: datetime) -> dict[str, list[str]]:
    """Each pool's active people, by the CRMs' teams as last read; who is in two CRMs is one."""
    found = [one for one in everybody(tenant, conn, now) if one.active]
    pools = policy.routing.pools.values() if policy.routing is not None else ()
    return {pool.id: sorted(one.person for one in found if one.is_in(pool.members)) for pool in pools}
