"""On whom a policy acts: what applies_to and a trial leave out is decided, recorded, and reaches no CRM."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.effects import WorkState
from connector.engine.reach import share_of
from tests.unit.engine.stories import POLICY, Story, plan_of, started


def policy(line: str) -> Story:
    return started(plan_of(policy=f"{POLICY}{line}\n"))


@pytest.mark.parametrize("line", ["applies_to: {industry: it}", "trial: {when: {industry: it}}", "trial: {share: 0%}"])
def test_a_lead_outside_is_decided_and_nothing_reaches_the_crm(line: str) -> None:
    story = policy(line).happens("inquiry")
    decision = story.decide()
    assert story.stage == "mql"
    assert (decision.desired, decision.stage_desired, decision.tasks_changed, decision.fired) == ({}, None, (), ())
    assert decision.shadowed == ("call",)


@pytest.mark.parametrize(
    "line", ["applies_to: {industry: it}", "trial: {when: {industry: it}}", "trial: {share: 100%}"]
)
def test_a_lead_inside_is_worked(line: str) -> None:
    story = policy(line).change(industry="it").happens("inquiry")
    decision = story.decide()
    assert decision.stage_desired == "mql"
    assert (decision.fired, decision.shadowed) == (("call",), ())
    assert "band" in decision.desired


def test_a_lead_that_leaves_the_reach_has_its_tasks_closed() -> None:
    story = policy("applies_to: {industry: it}").change(industry="it").happens("inquiry")
    story.decide()
    assert story.rules() == ["call"]
    story.change(industry="retail").decide()
    assert story.rules(WorkState.CLOSED) == ["call"]
    assert story.last.desired == {}


def test_a_lead_that_comes_into_reach_gets_its_fields_and_no_old_task() -> None:
    story = policy("applies_to: {industry: it}").happens("inquiry")
    story.decide()
    story.change(industry="it").decide()
    assert story.last.stage_desired == "mql"
    assert story.tasks() == []


@given(lead=st.integers(1, 2**40), share=st.floats(0, 1), more=st.floats(0, 1))
def test_a_larger_share_keeps_whom_it_had(lead: int, share: float, more: float) -> None:
    small, large = sorted((share, more))
    assert not share_of(lead) < small or share_of(lead) < large


def test_a_share_is_about_that_share() -> None:
    inside = sum(share_of(lead) < 0.2 for lead in range(10_000))
    assert 1_850 < inside < 2_150


def test_a_trial_with_share_and_condition_asks_for_both() -> None:
    story = policy("trial: {share: 0%, when: {industry: it}}").change(industry="it")
    story.decide()
    assert story.last.desired == {}
