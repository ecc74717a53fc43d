"""Several policies: which one a lead is under, and what becomes of it when it passes from one to another."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.domain.effects import WorkState
from connector.domain.lead import FieldFact
from connector.domain.value import UNREAD
from connector.engine.belonging import Belonging, Taker, belonging
from connector.engine.passing import leave, since
from connector.engine.plan import Plan
from connector.engine.view import LeadView, occurrences
from tests.unit.engine.stories import DAY, PLAIN_FIELDS, POLICY, WORK, Story, plan_of, started

HOUR = timedelta(hours=1)
SLA = """\
clocks:
  - id: first_response
    label: 初回対応
    starts: {enters: mql}
    stops: {signal: contacted}
    limit: 4h
    escalation: [{at: 100%, do: [{task: {kind: todo, to: owner, due: 1d, title: 遅れ}}]}]
"""
CADENCE = """\
cadences:
  follow:
    stop_on: [{signal: reply}]
    steps: [{day: 0, mail: ご挨拶}, {day: 3, call: "{last_name}様"}]
"""
STARTED = WORK.replace("do: [{task:", "do: [{start: follow}, {task:") + CADENCE


def named(name: str, applies_to: str, **files: str | None) -> Plan:
    text = POLICY.replace("policy: test", f"policy: {name}") + f"applies_to: {applies_to}\n"
    return plan_of(policy=text, **files)


def it(**files: str | None) -> Plan:
    return named("it", "{industry: it}", **files)


def rest(**files: str | None) -> Plan:
    return named("rest", "all", **files)


def belongs(story: Story, *plans: Plan, current: str | None = None) -> Belonging:
    """Where the story's lead belongs, as the shell asks."""

    def seen_by(plan: Plan) -> LeadView:
        times = occurrences(plan.unions, story.signals, story.now)
        return LeadView(plan, story.lead, times, story.state.entry, story.state.holds, story.now, story.state)

    return belonging([Taker(plan, lambda plan=plan: seen_by(plan)) for plan in plans], current)  # type: ignore[misc]


def passed(story: Story, plan: Plan) -> Story:
    """The story goes on under another policy that ran beside its own."""
    left = leave(story.plan, story.lead, story.signals, story.state, story.now)
    story.runs |= {(name, run.number): run for name, run in left.clocks}
    story.plan, story.state = plan, left.state
    story.since = since(left.state, story.since)
    story.decide()
    return story


# ── which one ────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_first_that_takes_the_lead_has_it() -> None:
    story = started(rest()).given(industry="it")
    assert belongs(story, it(), rest()).place == 0
    assert belongs(story, rest(), it()).place == 0
    assert belongs(story.given(industry="retail"), it(), rest(), current="it").place == 1


def test_whom_nobody_takes_stays_where_it_was_or_is_the_first_ones() -> None:
    story = started(it()).given(industry="retail")
    big = named("big", "{employees: {at_least: 100}}")
    assert belongs(story, it(), big).place == 0
    assert belongs(story, it(), big, current="big").place == 1
    assert belongs(story, it(), big, current="gone").place == 0


def test_what_has_not_been_read_decides_nothing() -> None:
    story = started(it())
    story.fields["industry"] = FieldFact(value=UNREAD)
    assert belongs(story, it(), rest(), current="it").place == 0
    assert belongs(story, it(), rest(), current="rest").place == 1
    assert belongs(story, it(), rest()).place == 1, "a lead that nobody has decided yet is somebody's"


def test_time_alone_gives_a_lead_to_another_and_says_when() -> None:
    story = started(rest()).happens("visit")
    active = named("active", "{signal.visit: {at_least: 1, within: 14d}}")
    found = belongs(story, active, rest())
    assert (found.place, found.until) == (0, story.now + 14 * DAY)
    story.now += 14 * DAY
    assert (belongs(story, active, rest()).place, belongs(story, active, rest()).until) == (1, None)


# ── passing over ─────────────────────────────────────────────────────────────────────────────────────────────────
def test_nothing_stays_open_that_nobody_would_close() -> None:
    story = started(rest(work=STARTED, sla=SLA)).happens("inquiry")
    story.decide()
    assert sorted(story.rules()) == ["call", "follow"]
    story.now += HOUR
    passed(story.change(industry="it"), it(work=WORK))
    assert story.rules() == []
    assert sorted(story.rules(WorkState.CLOSED)) == ["call", "follow"]
    assert (story.state.clocks["first_response"].ended_at, story.state.cadences["follow"].stopped_by) == (
        story.now,
        "policy",
    )
    assert story.last.desired["band"] == "hot", "the new one's values stand"
    assert (story.stage, story.last.stage_desired) == ("mql", "mql"), "it stays where people see it"


def test_the_new_policy_begins_without_a_storm() -> None:
    """Entries, signals and breaches of before start nothing; what comes from now on does."""
    story = started(rest(work=None)).happens("inquiry")
    story.decide()
    story.now += DAY
    passed(story.change(industry="it"), it(sla=SLA))
    assert (story.stage, story.tasks(), story.last.fired) == ("mql", [], ())
    assert [run for run in story.state.clocks.values() if run.running] == []
    story.pass_time(3 * DAY)
    assert story.tasks() == []
    story.change(recycle_reason="timing").decide()
    assert story.stage == "recycled", "what people do from now on counts"


def test_what_nobody_has_looked_at_yet_is_the_new_ones_news() -> None:
    """The form that brings a lead over is worked by the policy that it comes to."""
    story = started(rest(work=None)).wait(DAY)
    story.decide()
    story.happens("inquiry", at=story.now - HOUR, learnt=story.now).change(industry="it")
    passed(story, it())
    assert (story.stage, story.rules()) == ("mql", ["call"])
    assert story.state.begun_at == story.now - HOUR


def test_there_and_back_again_opens_nothing_twice() -> None:
    story = started(rest()).happens("inquiry")
    story.decide()
    for plan, industry in ((it(), "it"), (rest(), "retail"), (it(), "it")):
        story.now += HOUR
        passed(story.change(industry=industry), plan)
        assert story.tasks() == []
    assert len({key for key in story.opened if key.rule == "call"}) == 1


def test_a_stage_that_the_new_policy_does_not_know_is_where_its_crm_says() -> None:
    story = started(rest()).happens("inquiry")
    story.decide()
    story.now += DAY
    stages = "stages: {new: {label: 新規}, talking: {label: 商談中}}\n"
    other = it(fields=PLAIN_FIELDS, lifecycle=stages, recycle=None, handoff=None, work=None)
    left = leave(story.plan, story.lead, story.signals, story.state, story.now)
    story.plan, story.state, story.since = other, left.state, since(left.state, story.since)
    story.moved("talking", at=story.now - 30 * DAY, first_sight=True).decide()
    assert (story.stage, story.state.entry.initial) == ("talking", True)  # type: ignore[union-attr]
    assert story.last.fired == ()


def test_the_activation_of_a_policy_counts_where_it_is_later_than_the_passing() -> None:
    story = started(rest())
    later: datetime = story.now + DAY
    assert since(story.state, story.now) == story.now
    state = replace(story.state, begun_at=story.now)
    assert (since(state, later), since(state, story.now - DAY)) == (later, story.now)
