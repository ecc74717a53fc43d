"""What became of promises: every run of a clock is kept beside the decision that brought it about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connector.domain.runs import ClockRun
from connector.engine.routing import DEAL, LEAD, owner_now
from connector.policy.model import Clock
from connector.store import clock_runs
from connector.store.clock_runs import RunRow
from connector.store.database import Connection
from connector.sync.context import Tenant
from connector.sync.deciding import Result


def keep_runs(
    tenant: Tenant, conn: Connection, results: Sequence[Result], outstanding: Mapping[int, str], now: datetime
) -> None:
    """Keep the runs that these decisions changed, and those that run on, with who has to keep them now.

    Of a lead that is not `outstanding` the CRM shows everything already.
    """
    rows: list[RunRow] = []
    for result in results:
        lead_id = result.case.row.id
        written_at = None if lead_id in outstanding else now
        rows += _rows(tenant.plan.policy.clocks, result, now, written_at)
    clock_runs.keep(conn, tenant.installation_id, tenant.policy.hash, rows, now=now)


def _rows(clocks: Mapping[str, Clock], result: Result, now: datetime, written_at: datetime | None) -> Iterator[RunRow]:
    running = {(name, run.number): run for name, run in result.decision.state.clocks.items() if run.running}
    changed: Mapping[tuple[str, int], ClockRun] = {**running, **result.clocks}
    assigned = result.decision.state.assigned
    for (name, _), run in changed.items():
        clock = clocks.get(name)
        owner_of = DEAL if clock is not None and clock.is_of_deal else LEAD
        person = owner_now(assigned, result.lead, owner_of)
        given = assigned.get(owner_of)
        yield RunRow(
            lead_id=result.case.row.id,
            clock=name,
            run=run,
            known_at=now,
            written_at=written_at,
            person=person,
            pool=given.pool if given is not None and given.person == person else None,
        )
