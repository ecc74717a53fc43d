"""A score of however many rules, against asking each of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.lead import FieldFact, Lead
from connector.domain.value import BLANK, UNREAD, Value
from connector.engine.crossing import Fall
from connector.engine.fading import limited
from connector.engine.plan import Plan
from connector.engine.scoring import AT_ONCE, Part, stretches
from connector.engine.view import LeadView
from tests.unit.engine.stories import FIELDS, LIFECYCLE, NOW, plan_of

CONDITIONS = (
    "{employees: {at_least: 100}}",
    "{employees: {between: [10, 300]}}",
    "{employees: {less_than: 50}}",
    "{employees: known}",
    "{industry: it}",
    "{industry: {not_in: [it]}}",
    "{need: known}",
    "{need: {contains_any: [価格, 事例]}}",
    "{email: {domain_in: [ac.jp]}}",
    "{email: {domain_in: [example.com]}}",
    "{no_mail: no}",
    "{any: [{timeline: soon}, {need: known}]}",
    "{none: [{timeline: later}, {employees: known}]}",
    "{industry: it, employees: {at_least: 200}}",
    "{timeline: unknown}",
)
POINTS = ("10", "-4", "0.1", "2.5", "-0.7", "7")
SIZES = (1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE, 2 * AT_ONCE + 1, 40)
VALUES = {
    "employees": st.sampled_from((5, 40, 150, 900, BLANK, UNREAD)),
    "industry": st.sampled_from(("it", "retail", BLANK)),
    "need": st.sampled_from(("価格を知りたい", "その他", BLANK)),
    "email": st.sampled_from(("a@tokyo.ac.jp", "b@mail.example.com", BLANK)),
    "no_mail": st.sampled_from((True, False, UNREAD)),
    "timeline": st.sampled_from(("soon", "later", BLANK, UNREAD)),
}


def _plan(size: int) -> Plan:
    """A score of so many rules, and one of a rule whose points fade."""
    listed = ((CONDITIONS[n % len(CONDITIONS)], POINTS[n % len(POINTS)]) for n in range(size))
    rules = "".join(
        f"      - {{id: r{n}, when: {when}, points: {points}}}\n" for n, (when, points) in enumerate(listed)
    )
    fading = "    decay: {half_life: 3d}\n    rules:\n      - {id: b0, signal: visit, points: 7}\n"
    scoring = f"scores:\n  fit:\n    floor: -8\n    cap: 40\n    rules:\n{rules}  behaviour:\n{fading}"
    return plan_of(fields=FIELDS, lifecycle=LIFECYCLE.replace("band: hot", "need: known"), scoring=scoring)


PLANS = {size: _plan(size) for size in SIZES}


def _view(plan: Plan, values: dict[str, Value], ages: list[float]) -> LeadView:
    fields = {name: FieldFact(value=value) for name, value in values.items()}
    moments = {"visit": tuple(sorted(NOW - timedelta(hours=age) for age in ages))} if ages else {}
    return LeadView(plan, Lead(id=1, created_at=NOW, fields=fields), moments, None, {}, NOW)


@pytest.mark.parametrize("size", SIZES)
@given(values=st.fixed_dictionaries(VALUES))
def test_a_score_is_the_sum_of_the_rules_that_hold(size: int, values: dict[str, Value]) -> None:
    plan = PLANS[size]
    definition, view = plan.policy.scores["fit"], _view(plan, values, [])
    holding = [rule for rule in definition.rules if rule.when is not None and rule.when.test(view) is True]
    found, points = view.score("fit"), sum(rule.points for rule in holding)
    assert [(one.rule, one.points, one.at) for one in found.contributions] == [(one, one.points, ()) for one in holding]
    assert found.basis == pytest.approx(points)
    assert found.value == pytest.approx(limited(definition, points))
    assert _view(plan, values, []).settle().results["fit"] == found
    borne = [one for one in plan.program.survey(_view(plan, values, [])) if one in {rule.id for rule in holding}]
    assert borne == [rule.id for rule in holding]


@pytest.mark.parametrize("size", SIZES)
def test_every_rule_stands_in_one_stretch_that_a_table_has_room_for(size: int) -> None:
    rules = PLANS[size].policy.scores["fit"].rules
    found = list(stretches(rules))
    assert [rule for _, some in found for rule in some] == list(rules)
    assert all(rules[first] is some[0] and len(some) <= AT_ONCE for first, some in found)


@given(st.lists(st.floats(0, 2_000), min_size=1, max_size=6))
def test_what_fades_is_now_what_the_score_says_to_the_last_bit(ages: list[float]) -> None:
    """Else a crossing would be looked for beside where the score itself puts it."""
    view = _view(PLANS[1], dict.fromkeys(VALUES, BLANK), ages)
    found = view.score("behaviour")
    parts: tuple[Part, ...] = found.parts
    assert Fall(PLANS[1].policy.scores["behaviour"], found).value(NOW) == found.value
    assert [at for _, _, at in parts] == [view.times("visit")]
