"""What several policies read, as one plan. Nothing is decided by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from connector.engine.plan import Plan
from connector.policy.united import united


@dataclass(frozen=True, kw_only=True)
class ReadingPlan(Plan):
    """The plan of a united policy, with what each of its policies asks besides fields."""

    plans: tuple[Plan, ...]

    @cached_property
    def reads_colleagues(self) -> bool:
        """See `Plan.reads_colleagues`."""
        return any(plan.reads_colleagues for plan in self.plans)

    @cached_property
    def reads_company_owner(self) -> bool:
        """See `Plan.reads_company_owner`."""
        return any(plan.reads_company_owner for plan in self.plans)


def reading_plan(plans: Sequence[Plan]) -> Plan:
    """What these policies read together; a policy alone reads for itself."""
    if len(plans) == 1:
        return plans[0]
    return ReadingPlan(policy=united([plan.policy for plan in plans]), plans=tuple(plans))
