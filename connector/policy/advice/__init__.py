"""Advice: policies that can run but that teams were seen to fail with. Each is a module with its reason and its remedy.

    for advice in advise(policy):
        print(advice.text("ja"))

A module holds `ADVICE`: an id, what is wrong and what to do in both languages, and `deserves`, a pure question to the
compiled policy that answers with the names at fault (none: the policy does not deserve it).
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.policy.advice import (
    activity_alone,
    everything_hot,
    everything_to_sales,
    handoff_without_fields,
    no_first_response,
    no_negatives,
    no_recycle,
    reasons_optional,
    tasks_without_owner,
)
from connector.policy.advice.rule import Advice, Rule
from connector.policy.model import Policy

__all__ = ["RULES", "Advice", "advise"]

RULES: Mapping[str, Rule] = {
    module.ADVICE.id: module.ADVICE
    for module in (
        everything_to_sales,
        everything_hot,
        no_negatives,
        no_first_response,
        tasks_without_owner,
        handoff_without_fields,
        reasons_optional,
        no_recycle,
        activity_alone,
    )
}
"""Every advice by id, in the order of a lead's way."""


def advise(policy: Policy) -> tuple[Advice, ...]:
    """What this policy deserves to be told."""
    found = ((rule, tuple(rule.deserves(policy))) for rule in RULES.values())
    return tuple(Advice(id=rule.id, about=about, says=rule.says, do=rule.do) for rule, about in found if about)
