"""A policy on trial: the leads on which it acts beside those on which it only decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from connector.engine.makers import CONTACTS
from connector.engine.reach import acts_on
from connector.engine.view import LeadView, occurrences
from connector.store import trials
from connector.sync.cases import Case, load_cases
from connector.sync.context import Tenant

SLICE = 1000


@dataclass(slots=True)
class Group:
    """One side of the trial. `entered`: stage → leads that entered it since the policy was activated."""

    leads: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    contacted: list[float] = field(default_factory=list)  #: Seconds from the second stage to the first contact.

    @property
    def contact_median_seconds(self) -> float | None:
        """The middle of them; None without any."""
        return median(self.contacted) if self.contacted else None


def compare(tenant: Tenant) -> tuple[Group, Group]:
    """The leads on which the running policy acts, and the others."""
    acting, resting = Group(), Group()
    after = 0
    while True:
        with tenant.database.transaction(tenant.installation_id) as conn:
            rows = conn.execute(
                "SELECT id FROM lead WHERE gone IS NULL AND id > %s ORDER BY id LIMIT %s", [after, SLICE]
            ).fetchall()
            if not rows:
                return acting, resting
            after = int(rows[-1]["id"])
            ids = [int(row["id"]) for row in rows]
            cases = load_cases([one.bindings for one in tenant.running], conn, ids, now=tenant.now(conn))
            sides: dict[bool, list[int]] = {True: [], False: []}
            for lead_id, case in cases.items():
                if case.policy != tenant.plan.policy.name:
                    continue
                sides[_acts(tenant, case)].append(lead_id)
            since, stages = tenant.policy.activated_at, list(tenant.plan.policy.stages)
            for side, group in ((True, acting), (False, resting)):
                ids = sides[side]
                group.leads += len(ids)
                group.entered.update(trials.entered(conn, ids, since))
                if len(stages) > 1:
                    group.contacted += trials.contact_seconds(conn, ids, since, stage=stages[1], contacts=CONTACTS)


def _acts(tenant: Tenant, case: Case) -> bool:
    state = case.state()
    lead = case.lead(state)
    now = case.row.evaluated_at or case.row.created_at
    times = occurrences(tenant.plan.unions, case.signals, now)
    return acts_on(tenant.plan, LeadView(tenant.plan, lead, times, state.entry, state.holds, now, state))
