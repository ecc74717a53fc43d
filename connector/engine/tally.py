"""Which rules of a policy bear on a lead as it stands: for forecasts, which count them over a whole base. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from connector.engine.plan import Plan
from connector.engine.view import LeadView
from connector.policy.model import FieldType


def bearing(plan: Plan, view: LeadView) -> list[str]:
    """The ids of the rules that bear on a lead, in no order: the score rules that give points, the value rules that
    decide, and the rules that would act if their event came, since their `when` holds.
    """
    if not view.holds:  # else one by one, looking at what a person wrote
        return plan.program.survey(view)
    return [*_acting(plan, view), *_ready(plan, view)]


def _acting(plan: Plan, view: LeadView) -> Iterator[str]:
    for score in plan.policy.scores:
        for giving, _, _ in view.score(score).parts:
            yield giving.id
    for definition in plan.policy.computed:
        if view.is_held(definition.name):
            continue
        for rule in definition.rules:
            if rule.when is None or rule.when.test(view) is True:
                yield rule.id
                if definition.type is not FieldType.CHOICES:
                    break


def _ready(plan: Plan, view: LeadView) -> Iterator[str]:
    for rule in plan.policy.rules:
        if rule.when is None or rule.when.test(view) is True:
            yield rule.id
    for route in plan.policy.routing.rules if plan.policy.routing is not None else ():
        if route.when is None or route.when.test(view) is True:
            yield route.id


def rule_ids(plan: Plan) -> Iterator[tuple[str, str]]:
    """Every rule that a forecast counts, with its kind: score, value, transition, work, routing; in file order."""
    policy = plan.policy
    for score in policy.scores.values():
        for one in score.rules:
            yield one.id, "score"
    for definition in policy.computed:
        for value in definition.rules:
            yield value.id, "value"
    for transition in policy.transitions:
        yield transition.id, "transition"
    for work in policy.rules:
        yield work.id, "work"
    for route in policy.routing.rules if policy.routing is not None else ():
        yield route.id, "routing"
