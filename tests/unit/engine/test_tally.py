"""What bears on a lead: the generated function says the same as a look at every rule."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.lead import FieldFact, Lead
from connector.domain.signal import Signal
from connector.domain.state import Hold, LeadState, Mover, StageEntry
from connector.domain.value import BLANK, UNREAD
from connector.engine.plan import Plan, prepare
from connector.engine.tally import bearing, rule_ids
from connector.engine.view import LeadView, occurrences
from connector.policy.loader import load_policy
from tests.unit.engine.stories import DAY, NOW

PLAN = prepare(load_policy(Path(__file__).parents[3] / "mappings" / "b2b-ja"))
KINDS = ("inquiry", "pricing_page", "case_page", "replied", "document_request", "mail_open")
VALUES = {
    "employees": st.sampled_from((8, 400, 2_000, BLANK, UNREAD)),
    "job_title": st.sampled_from(("代表取締役", "営業部長", "担当", BLANK)),
    "source": st.sampled_from(("inquiry", "bdr_list", "ads", BLANK)),
    "industry": st.sampled_from(("manufacturing", "other", BLANK)),
    "rep_temperature": st.sampled_from(("hot", "cold", BLANK, UNREAD)),
    "no_mail": st.booleans(),
}


def _view(plan: Plan, values: dict[str, object], signals: list[Signal], stage: str, *, held: bool) -> LeadView:
    fields = {name: FieldFact(value=BLANK) for name in plan.policy.fields}
    fields |= {name: FieldFact(value=value) for name, value in values.items()}  # type: ignore[arg-type]
    entry = StageEntry(seq=2, stage=stage, entered_at=NOW - 2 * DAY, mover=Mover.RULE)
    over = Hold(value="hot", since=NOW - 40 * DAY, until=NOW - DAY)  # it has run out, and makes the look a closer one
    times = occurrences(plan.unions, signals, NOW)
    lead = Lead(id=1, fields=fields, created_at=NOW - 90 * DAY)
    return LeadView(plan, lead, times, entry, {"band": over} if held else {}, NOW, LeadState(entry=entry)).settle()


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(VALUES),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 200)), max_size=6),
    st.sampled_from(list(PLAN.policy.stages)),
)
def test_the_generated_tally_is_that_of_a_look_at_every_rule(
    values: dict[str, object], behaviour: list[tuple[str, int]], stage: str
) -> None:
    signals = [
        Signal(id=place, kind=kind, occurred_at=(at := NOW - timedelta(days=days, hours=1)), learnt_at=at, seen=True)
        for place, (kind, days) in enumerate(behaviour)
    ]
    quickly = bearing(PLAN, _view(PLAN, values, signals, stage, held=False))
    assert sorted(quickly) == sorted(bearing(PLAN, _view(PLAN, values, signals, stage, held=True)))
    assert set(quickly) <= {rule for rule, _ in rule_ids(PLAN)}
    assert sum(rule.startswith("band_") for rule in quickly) == 1  # exactly one rule decides the rating
