"""A lead at rest that another version of the policy leaves alone need not be decided under it: the same comes of both.

Stories end with a lead at rest; then the policy is changed here and there, and the lead is seen as a forecast sees it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from hypothesis import event, given, settings
from hypothesis import strategies as st

from connector.domain.codec import Json, encode_state
from connector.domain.effects import WorkState
from connector.domain.lead import FieldFact, Lead
from connector.domain.state import Hold
from connector.domain.value import BLANK, is_known
from connector.engine import tally
from connector.engine.decide import weighed
from connector.engine.plan import Plan
from connector.engine.versions import Alike, alike
from connector.engine.view import LeadView, occurrences
from connector.policy.versions import apart
from connector.store.resting_leads import UNSETTLED, RestingRow
from connector.sync.resting import is_quiet, is_told_by_values, of_this_job, read_entry, read_state
from tests.unit.engine.stories import BASE, DAY, Story, plan_of
from tests.unit.engine.test_properties import RICH_TEXTS, Doing, cases, do, doings

TEXTS = {path.removesuffix(".yaml"): text for path, text in BASE.items()} | RICH_TEXTS
TEXTS["work"] = TEXTS["work"].replace(
    "signal.visit: {at_most: 0, within: 10d}", "signal.visit: {at_least: 2, within: 10d}"
)
WHY = "  why: {label: 理由, type: long_text, shows: reasons, hubspot: contact.why}\n"
TEXTS["fields"] = TEXTS["fields"].replace("company:\n", WHY + "company:\n")
RICH = plan_of(**TEXTS)
EDITS = (
    ("scoring", "score.total: {at_least: 60}", "score.total: {at_least: 30}"),
    ("scoring", "score.total: {at_least: 60}", "score.behaviour: {at_least: 5}"),
    ("scoring", "when: {employees: {at_least: 100}}, points: 30", "when: {employees: {at_least: 1000}}, points: 30"),
    ("scoring", "half_life: 10d", "half_life: 20d"),
    ("scoring", "signal: visit, points: 10", "signal: visit, points: 12"),
    ("scoring", "{id: student, when", "{id: pupil, when"),
    ("lifecycle", "to: mql, when: {band: hot}", "to: mql, when: {score.fit: {at_least: 50}}"),
    ("lifecycle", "when: {timeline: known}", "when: {timeline: soon}"),
    ("lifecycle", "older_than: 40d", "older_than: 20d"),
    ("lifecycle", "signal.anything: {at_most: 0, within: 20d}", "signal.anything: {at_most: 0, within: 10d}"),
    ("work", "{becomes: {band: hot}}", "{becomes: {band: low}}"),
    ("work", "{becomes: {band: hot}}", "{changes: industry}"),
    ("work", "  - {id: quiet, ", "  - {id: still, "),
    ("work", "{at_least: 2, within: 10d}", "{at_least: 1, within: 20d}"),
    ("work", "title: '{reasons}'", "title: '{stage}'"),
    ("recycle", "after: 90d", "after: 80d"),
)


@cache
def _changed(edits: tuple[tuple[str, str, str], ...]) -> tuple[Plan, Alike | None, frozenset[str]]:
    texts = dict(TEXTS)
    for stem, old, new in edits:
        assert old in TEXTS[stem]
        texts[stem] = texts[stem].replace(old, new)
    new_plan = plan_of(**texts)
    differing = apart(*({f"{stem}.yaml": text.encode() for stem, text in one.items()} for one in (TEXTS, texts)))
    if differing is None:
        return new_plan, None, frozenset()
    return new_plan, alike(RICH, new_plan, differing), differing.rules


def _row(story: Story, raw: Json) -> RestingRow | None:
    """The lead as the store gives it; None for one that it leaves out."""
    entry, since = raw.get("entry"), (raw.get("employer") or (None, None))[1]
    if entry is None or entry["reason"] is not None or entry["came_back_at"] is not None:
        return None
    if any(name in raw for name in UNSETTLED):
        return None
    return RestingRow(
        id=7,
        created_at=story.created_at,
        **{name: str(entry[name]) for name in ("seq", "stage", "entered_at", "mover")},
        **{name: str(entry[name]).lower() for name in ("passed", "initial")},
        transition=entry["transition"],
        published_at=raw.get("published_at"),
        job_since=since,
        rest={name: part for name, part in raw.items() if name not in ("entry", "edges", "trail")} or None,
    )


def _brief(plan: Plan, story: Story, now: datetime, rules: frozenset[str] = frozenset()) -> LeadView | None:
    """The lead as a forecast sees it that does not decide it; None where it has to."""
    row = _row(story, encode_state(story.state))
    fields = {name: FieldFact(value=fact.value) for name, fact in story.fields.items()}
    fields |= {name: FieldFact(value=value) for name, value in story.last.desired.items()}
    lead = Lead(id=7, fields=fields, owner=story.owner, created_at=story.created_at)
    answered = any(is_known(lead.fact(name).value) for name in plan.policy.answers)
    if row is None or answered or not is_quiet(row, rules, now):
        return None
    done = occurrences(plan.unions, of_this_job(story.signals, row.job_since), now)
    assert read_entry(row) == story.state.entry
    view = LeadView(plan, lead, done, read_entry(row), {}, now, read_state(row))
    return view.settle() if is_told_by_values(view, row) else None


def _one_by_one(view: LeadView) -> LeadView:
    """The same lead with a value that a person wrote over one day ago, for a moment: nothing is worked out at once."""
    past = Hold(value=BLANK, since=view.now - DAY, until=view.now - DAY)
    return LeadView(view.plan, view.lead, view.moments, view.entry, {"band": past}, view.now, view.state)


def _comes_to_nothing(plan: Plan, story: Story, view: LeadView, now: datetime) -> None:
    """What a decision under the newer version comes to: nothing, and what was to be published last still is."""
    after, seen = weighed(plan, story.lead, story.signals, story.state, now, since=now)
    assert (after.changed, after.fired, after.notes, after.clocks) == (False, (), (), ())
    assert (after.desired, after.stage_desired) == (story.last.desired, story.last.stage_desired)
    assert (after.state.ratings, after.state.published) == (story.state.ratings, story.state.published)
    assert after.state.clocks == story.state.clocks
    bearing = sorted(tally.bearing(plan, view))
    assert bearing == sorted(tally.bearing(plan, seen)) == sorted(tally.bearing(plan, _one_by_one(seen)))


@settings(max_examples=cases(50, most=4_000))
@given(
    doings=doings,
    edits=st.lists(st.sampled_from(EDITS), min_size=1, max_size=2, unique_by=lambda one: one[:2]).map(tuple),
    later=st.timedeltas(timedelta(), 3 * DAY),
)
def test_nothing_becomes_of_a_lead_that_both_versions_leave_alone(
    doings: list[Doing], edits: tuple[tuple[str, str, str], ...], later: timedelta
) -> None:
    story = Story(plan=RICH)
    story.decide()
    for doing in doings:
        if doing[0] == "wait":
            story.pass_time(doing[1])
        else:
            do(story, doing)
    now, wake = story.now + later, story.last.wake
    if wake is not None and wake.at <= now:
        now = story.now + (wake.at - story.now) / 2
    plan, tells, rules = _changed(edits)
    view = _brief(plan, story, now, rules)
    if tells is None or view is None:
        event("to be decided")
    elif not tells(view):
        event("not alike")
    else:
        event("left alone")
        _comes_to_nothing(plan, story, view, now)


def _left_alone(story: Story, *edits: tuple[str, str, str]) -> bool:
    plan, tells, rules = _changed(edits)
    view = _brief(plan, story, story.now, rules)
    assert tells is not None
    assert view is not None
    is_left = tells(view)
    if is_left:
        _comes_to_nothing(plan, story, view, story.now)
    return is_left


def test_a_lead_is_left_alone_unless_what_differs_says_something_else_of_it() -> None:
    lower, later_out, becomes = EDITS[0], EDITS[8], EDITS[10]
    small, large = (Story(plan=RICH).given(employees=size, industry="retail") for size in (10, 500))
    small.decide()
    large.decide()
    assert _left_alone(small, lower)
    assert not _left_alone(large, lower), "30 points make it hot now"
    assert _left_alone(large, later_out)
    assert not _left_alone(small, becomes), "it comes as soon as the rule watches for it"


def test_a_score_that_fades_otherwise_is_noticed_before_it_says_something_else() -> None:
    story = Story(plan=RICH)
    story.decide()
    assert _left_alone(story, EDITS[3])
    story.happens("visit", at=story.now - 2 * DAY).decide()
    story.now += timedelta(minutes=1)
    assert not _left_alone(story, EDITS[3])


def test_who_has_answered_or_has_a_task_of_a_rule_that_differs_is_decided() -> None:
    plan, _, _ = _changed(EDITS[:1])
    answered = Story(plan=RICH).given(decision="returned", need=BLANK)
    answered.decide()
    assert _brief(plan, answered, answered.now) is None
    working = Story(plan=RICH).given(employees=500, industry="it")
    working.decide()
    working.happens("inquiry").decide()
    assert "reply" in working.rules()
    assert _brief(plan, working, working.now) is not None
    assert _brief(plan, working, working.now, frozenset({"reply"})) is None
    working.person_did("reply", WorkState.DONE)
    assert _brief(plan, working, working.now) is None, "nobody has seen yet that it is done"
    working.decide()
    assert _brief(plan, working, working.now, frozenset({"reply"})) is not None
