"""What holds for every story: neither deciding twice, nor another order, nor looking more often changes anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.lead import Actor
from connector.domain.signal import Signal
from connector.domain.state import LeadState, StageEntry
from connector.domain.value import BLANK, UNREAD
from connector.engine.decide import decide
from connector.engine.plan import Plan, prepare
from connector.policy.loader import load_policy
from tests.unit.engine.stories import DAY, LIFECYCLE, NOW, WORK, Story, cases, plan_of
from tests.unit.policy.folders import MAPPINGS

SHIPPED = prepare(load_policy(MAPPINGS / "b2b-ja"))
TODO = "do: [{task: {kind: todo, to: owner, due: 1 business day, title: '{reasons}'}}]"
RICH_TEXTS = {
    "lifecycle": LIFECYCLE.replace(
        "manual_moves:",
        "  - {id: cools, from: [mql], to: lead, when: {band: low, signal.anything: {at_most: 0, within: 20d}}}\n"
        "  - {id: tired, from: [sal], to: recycled, when: {stage_entered_at: {older_than: 40d}}, reason: timing}\n"
        "  - {id: renewal, from: [lead], to: sal, when: {renewal_on: {within: 14d}}}\n"
        "manual_moves:",
    ),
    "work": WORK
    + f"  - {{id: hot, on: {{becomes: {{band: hot}}}}, {TODO}}}\n"
    + f"  - {{id: quiet, on: {{becomes: {{signal.visit: {{at_most: 0, within: 10d}}}}}}, {TODO}}}\n"
    + f"  - {{id: reply, on: [{{signal: anything}}, {{leaves: mql}}], {TODO}}}\n"
    + "never:\n  - {id: optout, what: [task], when: {no_mail: yes, signal.reply: {at_least: 1, within: 5d}}}\n",
}
RICH = plan_of(**RICH_TEXTS)
HOUR = timedelta(hours=1)


Doing: TypeAlias = tuple[str, Any]

signals = st.tuples(st.just("signal"), st.sampled_from(["inquiry", "visit", "visit", "reply", "attempted"]))
changes = st.tuples(
    st.just("change"),
    st.one_of(
        st.tuples(st.just("employees"), st.sampled_from([10, 500, BLANK, UNREAD])),
        st.tuples(st.just("industry"), st.sampled_from(["it", "retail", BLANK])),
        st.tuples(st.just("email"), st.sampled_from(["a@tokyo.ac.jp", "b@example.com"])),
        st.tuples(st.just("timeline"), st.sampled_from(["soon", BLANK])),
        st.tuples(st.just("need"), st.sampled_from(["あり", BLANK])),
        st.tuples(st.just("noted"), st.just("x")),
        st.tuples(st.just("no_mail"), st.booleans()),
        st.tuples(st.just("renewal_on"), st.sampled_from([date(2026, 12, 24), date(2027, 3, 1)])),
        st.tuples(st.just("decision"), st.sampled_from(["accepted", "returned"])),
        st.tuples(st.just("recycle_reason"), st.sampled_from(["timing", "price", "contract", "budget", "never"])),
        st.tuples(st.just("discard_reason"), st.just("student")),
        st.tuples(st.just("band"), st.sampled_from(["hot", "low", BLANK])),
    ),
)
moves = st.tuples(st.just("move"), st.sampled_from(["lead", "mql", "sal", "sql", "recycled", "discarded"]))
owners = st.tuples(st.just("owner"), st.sampled_from(["sato", "suzuki", None]))
waits = st.tuples(st.just("wait"), st.timedeltas(timedelta(seconds=1), 45 * DAY))
doings = st.lists(st.one_of(signals, signals, changes, changes, moves, owners, waits, waits), max_size=14)


def do(story: Story, doing: Doing) -> None:
    """One thing happens; the lead is evaluated at once."""
    kind, what = doing
    story.now += timedelta(microseconds=1)
    if kind == "signal":
        story.happens(what)
    elif kind == "change":
        story.change(actor=Actor.PERSON, **{what[0]: what[1]})
    elif kind == "move":
        story.moved(what)
    elif kind == "owner":
        story.owner = what
    story.decide()


@settings(max_examples=cases(50, most=4_000))
@given(doings=doings)
def test_deciding_twice_changes_nothing_no_key_has_two_causes_and_wakes_lie_ahead(doings: list[Doing]) -> None:
    story = Story(plan=RICH)
    story.decide()
    for doing in doings:
        if doing[0] == "wait":
            story.pass_time(doing[1])  # evaluates at every wake; Zeno is an error there
        else:
            do(story, doing)
    # every evaluation was checked by Story itself; the entries tell one unbroken story
    assert [entry.seq for entry in story.history] == list(range(1, len(story.history) + 1))
    moments = [entry.entered_at for entry in story.history]
    assert moments == sorted(moments)


def told(doings: list[Doing], extra: list[timedelta], *, plan: Plan = RICH) -> list[tuple[str, datetime]]:
    """The stages and their moments if the lead is looked at when it wakes, and so long after each doing too."""
    story = Story(plan=plan)
    story.decide()
    for doing in doings:
        if doing[0] != "wait":
            do(story, doing)
            continue
        end = story.now + doing[1]
        for length in [*sorted(one for one in extra if one < doing[1]), doing[1]]:
            story.pass_time(end - doing[1] + length - story.now)
    return [(entry.stage, entry.entered_at) for entry in story.history]


@settings(max_examples=cases(30))
@given(doings=doings, extra=st.lists(st.timedeltas(timedelta(0), 45 * DAY), max_size=30))
def test_looking_more_often_changes_no_history(doings: list[Doing], extra: list[timedelta]) -> None:
    assert told(doings, extra) == told(doings, [])


@pytest.mark.fault("L2")
@settings(max_examples=cases(8, most=400))
@given(doings=doings)
def test_looking_every_hour_changes_no_history(doings: list[Doing]) -> None:
    short = [(kind, min(what, 8 * DAY)) if kind == "wait" else (kind, what) for kind, what in doings]
    assert told(short, [HOUR * n for n in range(1, 8 * 24)]) == told(short, [])


def _stand_still(story: Story, length: timedelta) -> None:
    """Nobody looks for so long; then every due instant is stepped through in order, as the shell does."""
    end = story.now + length
    while (wake := story.last.wake) is not None and wake.at < end:
        story.now = wake.at
        story.decide()
    story.now = end
    story.decide()


@pytest.mark.fault("F13", "L1")
@settings(max_examples=cases(30))
@given(doings=doings)
def test_after_a_standstill_the_history_is_the_same(doings: list[Doing]) -> None:
    stood = Story(plan=RICH)
    stood.decide()
    for doing in doings:
        if doing[0] == "wait":
            _stand_still(stood, 26 * HOUR)
        else:
            do(stood, doing)
    went = [(kind, 26 * HOUR) if kind == "wait" else (kind, what) for kind, what in doings]
    assert [(entry.stage, entry.entered_at) for entry in stood.history] == told(went, [])


occurred = st.lists(
    st.tuples(st.sampled_from(["inquiry", "visit", "reply", "attempted"]), st.integers(0, 40 * 24)),
    min_size=2,
    max_size=10,
)


@given(found=occurred, data=st.data(), fresh=st.booleans())
def test_the_order_of_signals_does_not_matter(found: list[tuple[str, int]], data: st.DataObject, fresh: bool) -> None:
    listed = [
        Signal(id=n, kind=kind, occurred_at=NOW - HOUR * ago, learnt_at=NOW - HOUR * ago if fresh else NOW)
        for n, (kind, ago) in enumerate(found)
    ]
    mixed = data.draw(st.permutations(listed))
    lead = replace(Story(plan=RICH).given(employees=100).lead, created_at=NOW - 41 * DAY)
    one, other = (decide(RICH, lead, order, LeadState(), NOW, since=NOW - 400 * DAY) for order in (listed, mixed))
    assert one == other


@given(found=occurred, split=st.integers(1, 9))
def test_signals_learnt_in_two_parts_end_in_the_same_scores_and_fields(
    found: list[tuple[str, int]], split: int
) -> None:
    listed = [
        Signal(id=n, kind=kind, occurred_at=NOW - HOUR * ago, learnt_at=NOW) for n, (kind, ago) in enumerate(found)
    ]
    lead = replace(Story(plan=RICH).given(employees=100).lead, created_at=NOW - 41 * DAY)
    at_once = decide(RICH, lead, listed, LeadState(), NOW, since=NOW - 400 * DAY)
    first = decide(RICH, lead, listed[:split], LeadState(), NOW, since=NOW - 400 * DAY)
    seen = [replace(one, seen=True) for one in listed[:split]]
    then = decide(RICH, lead, [*listed[split:], *seen], first.state, NOW, since=NOW - 400 * DAY)
    assert then.scores == at_once.scores
    assert then.desired["band"] == at_once.desired["band"]


@settings(max_examples=cases(20))
@given(found=occurred, employees=st.sampled_from([50, 300, 3000]), industry=st.sampled_from(["software", "retail"]))
def test_the_shipped_policy_runs_quietly_through_a_month(
    found: list[tuple[str, int]], employees: int, industry: str
) -> None:
    names = {"inquiry": "inquiry", "visit": "pricing_page", "reply": "replied", "attempted": "mail_click"}
    story = Story(plan=SHIPPED, now=NOW - 41 * DAY, created_at=NOW - 41 * DAY)
    story.given(employees=employees, industry=industry, email="a@example.co.jp")
    story.decide()
    for kind, ago in sorted(found, key=lambda one: -one[1]):
        story.pass_time(max(NOW - HOUR * ago - story.now, timedelta(0)))
        story.happens(names[kind]).decide()
    before: StageEntry | None = story.state.entry
    story.pass_time(30 * DAY)
    assert before is not None
    assert story.stage in ("lead", "mql")
