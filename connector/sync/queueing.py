"""The call lists: what stands in a queue now, in its order, worked out when asked for. Reads only.

A CRM sorts its queue by a property that it has; the order is the policy's own, by any name that rules may read, and is
the same that a published score gives the CRM's list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from connector.domain.value import Value
from connector.engine.view import LeadView, occurrences
from connector.engine.words import reasons
from connector.policy.model import Queue
from connector.store import managed
from connector.store.database import Connection
from connector.store.managed import ManagedRow
from connector.sync.cases import Case, load_cases
from connector.sync.context import Tenant

AT_ONCE = 400
"""Leads that are read together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One task of a queue. `order` is the value that it is sorted by (None: unknown, and so last)."""

    queue: str
    lead_id: int
    contact_id: str
    title: str
    kind: str
    rule: str
    due_at: datetime
    overdue: bool
    owner: str | None
    order: float | None
    reasons: str


def waiting(tenant: Tenant, conn: Connection, queues: Sequence[Queue], now: datetime) -> dict[str, list[Waiting]]:
    """Queue → its open tasks: highest first, then what is due first."""
    kinds = {binding.dialect.task_type for binding in tenant.bindings.values()}
    rows = [row for kind in sorted(kinds) for row in managed.queued(conn, kind)]
    wanted = {queue.id: queue for queue in queues}
    rows = [row for row in rows if row.desired["queue"] in wanted]
    found: dict[str, list[Waiting]] = {queue.id: [] for queue in queues}
    ids = sorted({row.lead_id for row in rows})
    for some in (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)):
        found_cases = load_cases([one.bindings for one in tenant.running], conn, some, now=now)
        cases = {lead_id: case for lead_id, case in found_cases.items() if case.policy == tenant.plan.policy.name}
        for one in _of(tenant, [row for row in rows if row.lead_id in cases], cases, wanted, now):
            found[one.queue].append(one)
    return {queue: sorted(tasks, key=_place) for queue, tasks in found.items()}


def _of(
    tenant: Tenant, rows: Sequence[ManagedRow], cases: Mapping[int, Case], queues: Mapping[str, Queue], now: datetime
) -> Iterator[Waiting]:
    views = {lead_id: _view(tenant, case, now) for lead_id, case in cases.items()}
    for row in rows:
        view, task = views[row.lead_id], row.desired
        queue = queues[str(task["queue"])]
        due_at = datetime.fromisoformat(task["due_at"])
        yield Waiting(
            queue=queue.id,
            lead_id=row.lead_id,
            contact_id=cases[row.lead_id].person.vendor_id,
            title=str(task["title"]),
            kind=str(task["kind"]),
            rule=str(task["key"]["rule"]),
            due_at=due_at,
            overdue=due_at < now,
            owner=task["owner"],
            order=_sortable(view.value(queue.order)) if queue.order is not None else None,
            reasons=reasons(view),
        )


def _view(tenant: Tenant, case: Case, now: datetime) -> LeadView:
    state = case.state()
    moments = occurrences(tenant.plan.unions, case.signals, now)
    return LeadView(tenant.plan, case.lead(state), moments, state.entry, state.holds, now, state)


def _sortable(value: Value) -> float | None:
    """Numbers and dates have an order of their own; what is unknown has none."""
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value.toordinal()) if isinstance(value, date) else None


def _place(one: Waiting) -> tuple[float, datetime, int]:
    highest_first = -one.order if one.order is not None else float("inf")
    return (highest_first, one.due_at, one.lead_id)
