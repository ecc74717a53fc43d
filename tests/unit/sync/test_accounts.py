"""Whose turn it is at a company, and where its people stand: the same however many of them are asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.codec_work import encode_cadence
from connector.domain.runs import CadenceRun
from connector.engine.cadences import takes_turn
from connector.engine.plan import Plan, prepare
from connector.policy.loader import load_policy
from connector.store.companies import Colleague
from connector.sync.accounts import _Company, _place, run_of
from tests.unit.engine.stories import DAY, NOW

PLAN = prepare(load_policy(Path(__file__).parents[3] / "mappings" / "b2b-ja"))
(NAME,) = PLAN.turns
CADENCE = PLAN.turns[NAME]
RUNS = st.one_of(
    st.none(),
    st.builds(
        lambda days, ended, waiting: encode_cadence(
            CadenceRun(
                number=1,
                started_at=NOW - days * DAY,
                waiting=waiting,
                stopped_at=NOW if ended == "stopped" else None,
                finished_at=NOW if ended == "finished" else None,
            )
        ),
        st.integers(0, 2),
        st.sampled_from(("", "stopped", "finished")),
        st.booleans(),
    ),
)


@st.composite
def _people(draw: Any) -> list[Colleague]:
    return [
        Colleague(
            company_id="c",
            lead_id=lead_id,
            stage=draw(st.sampled_from((None, *PLAN.policy.stages))),
            cadences={NAME: run} if (run := draw(RUNS)) is not None else None,
            scores={"priority": draw(st.sampled_from((0.0, 10.0)))},
            parked=draw(st.booleans()),
        )
        for lead_id in range(draw(st.integers(1, 5)))
    ]


def _has_to_wait(plan: Plan, people: list[Colleague], mine: Colleague) -> bool:
    """Said for one lead alone: somebody else has the turn, or waits and comes first."""
    own = run_of(mine, NAME)
    for other in people:
        theirs = run_of(other, NAME)
        if other.lead_id == mine.lead_id or theirs is None:
            continue
        if takes_turn(CADENCE, theirs, other.stage, plan.policy.stages):
            return True
        holds_up = theirs.waiting and theirs.running and not other.parked
        if holds_up and (own is None or not own.waiting or _place(CADENCE, other, theirs) < _place(CADENCE, mine, own)):
            return True
    return False


@settings(max_examples=50)
@given(_people())
def test_each_lead_is_told_what_its_colleagues_alone_come_to(people: list[Colleague]) -> None:
    company = _Company.of(PLAN, people)
    for mine in people:
        assert company.turns[NAME].is_taken_from(mine.lead_id) is _has_to_wait(PLAN, people, mine)
        others = {one.stage for one in people if one.lead_id != mine.lead_id and one.stage is not None}
        told = {stage for stage, ids in company.stages.items() if len(ids) > 1 or mine.lead_id not in ids}
        assert told == others
