"""SLA clocks: start, pause, stop, rungs, breaches; derived deadlines; what is learnt late takes a breach back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.calendar import Calendar, Span
from connector.domain.effects import WorkState
from connector.domain.runs import ClockRun
from connector.engine.deadlines import deadline
from connector.policy.model import Clock
from tests.unit.engine.stories import DAY, NOW, PLAIN_FIELDS, POLICY, Story, plan_of, started

MINUTE = timedelta(minutes=1)
TOKYO = """\
calendars:
  tokyo: {default: true, hours: {mon: 9:00-18:00, tue: 9:00-18:00, wed: 9:00-18:00, thu: 9:00-18:00, fri: 9:00-18:00}, holidays: JP}
channels: {alerts: {kind: slack}}
"""  # noqa: E501
FIRST = """\
clocks:
  - id: first
    between: [marketing, inside_sales]
    starts: {enters: mql}
    stops: {signal: attempted}
    paused_while: {noted: 先方回答待ち}
    limit: 60 business minutes
    escalation:
      - {at: 50%, do: [{notify: {to: [alerts], text: 半分}}]}
      - {at: 100%, do: [{task: {kind: todo, to: owner, due: 30 business minutes, title: 未対応}}]}
      - {after: 30 business minutes, do: [{assign: {pool: sdr}}]}
"""
ROUTING = "pools: {sdr: {members: {hubspot_team: SDR}}}\n"


def story(sla: str = FIRST, **files: str) -> Story:
    return started(plan_of(sla=sla, routing=ROUTING, **({"policy": POLICY + TOKYO, "work": "rules: []\n"} | files)))


def mql(sla: str = FIRST, **files: str) -> Story:
    """Friday at ten in Tokyo: the lead has just become an MQL."""
    found = story(sla, **files).happens("inquiry")
    found.decide()
    assert found.stage == "mql"
    return found


def run(found: Story, clock: str = "first") -> ClockRun:
    return found.state.clocks[clock]


def tokyo(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_rungs_come_in_their_time_each_once() -> None:
    found = mql()
    assert found.last.wake is not None
    assert found.last.wake.at == NOW + 30 * MINUTE
    notices, requests = [], []
    while found.last.wake is not None and found.last.wake.at <= NOW + 3 * 60 * MINUTE:
        found.now = found.last.wake.at
        found.decide()
        notices += [(found.now, one.key.slot) for one in found.last.notices]
        requests += [(found.now, one.pool, one.key.slot) for one in found.last.requests]
    assert notices == [(NOW + 30 * MINUTE, "rung_1.notify")]
    assert requests == [(NOW + 90 * MINUTE, "sdr", "rung_3.assign")]
    assert [task.opened_at for task in found.tasks()] == [NOW + 60 * MINUTE]
    assert run(found) == ClockRun(
        number=1, started_at=NOW, fired=3, warned_at=NOW + 30 * MINUTE, breached_at=NOW + 60 * MINUTE
    )


def test_a_stop_in_time_is_met_and_ends_the_ladder() -> None:
    found = mql().wait(20 * MINUTE).happens("attempted")
    found.decide()
    assert run(found).stopped_at == NOW + 20 * MINUTE
    assert run(found).breached_at is None
    found.pass_time(10 * DAY)
    assert (found.tasks(), run(found).fired) == ([], 0)


def test_a_stop_after_the_breach_stays_a_breach_and_closes_what_the_ladder_opened() -> None:
    found = mql().pass_time(70 * MINUTE).happens("attempted")
    assert found.rules() == ["first"]
    found.decide()
    assert found.rules(WorkState.CLOSED) == ["first"]
    assert (run(found).breached_at, run(found).stopped_at) == (NOW + 60 * MINUTE, NOW + 70 * MINUTE)


def test_a_stop_that_is_learnt_late_takes_the_breach_back() -> None:
    found = mql().pass_time(70 * MINUTE)
    assert run(found).breached_at is not None
    found.happens("attempted", at=NOW + 59 * MINUTE)
    found.decide()
    assert (run(found).breached_at, run(found).stopped_at) == (None, NOW + 59 * MINUTE)
    assert found.rules(WorkState.CLOSED) == ["first"]


def test_leaving_for_a_side_stage_ends_the_clock_without_a_verdict() -> None:
    found = mql().wait(MINUTE).change(recycle_reason="timing")
    found.decide()
    assert found.stage == "recycled"
    assert run(found).ended_at == found.now
    assert run(found).breached_at is None
    found.pass_time(5 * DAY)
    assert found.tasks() == []


def test_a_lead_that_comes_again_has_a_run_of_its_own() -> None:
    found = mql().wait(MINUTE).change(recycle_reason="timing")
    found.decide()
    found.pass_time(91 * DAY)
    found.happens("inquiry").decide()
    assert found.stage == "mql"
    assert (run(found).number, run(found).started_at) == (2, found.now)


# ── pauses ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_pause_moves_the_deadline_by_its_working_time() -> None:
    found = mql().wait(10 * MINUTE).change(noted="先方回答待ち")
    found.decide()
    found.pass_time(40 * MINUTE)
    assert run(found).pauses == ((NOW + 10 * MINUTE, None),)
    assert run(found).warned_at is None
    found.change(noted="済み").decide()
    assert run(found).pauses == ((NOW + 10 * MINUTE, NOW + 50 * MINUTE),)
    found.pass_time(49 * MINUTE)
    assert run(found).breached_at is None
    found.pass_time(MINUTE)
    assert run(found).breached_at == NOW + 100 * MINUTE


def test_a_pause_that_is_learnt_late_counts_from_when_it_began() -> None:
    found = mql().wait(25 * MINUTE).change(noted="先方回答待ち", at=NOW + 5 * MINUTE)
    found.decide()
    assert run(found).pauses == ((NOW + 5 * MINUTE, None),)


# ── what starts nothing ──────────────────────────────────────────────────────────────────────────────────────────
def test_activation_starts_no_clock_and_breaks_no_promise() -> None:
    old = story(sla="clocks: []\n").happens("inquiry")
    old.decide()
    old.wait(40 * DAY)
    old.under(plan_of(sla=FIRST, routing=ROUTING, policy=POLICY + TOKYO, work="rules: []\n"))
    old.decide()
    assert (old.stage, old.state.clocks, old.tasks()) == ("mql", {}, [])
    old.pass_time(30 * DAY)
    assert (old.state.clocks, old.tasks()) == ({}, [])


def test_a_clock_starts_only_while_its_when_holds() -> None:
    sla = FIRST.replace("    limit:", "    when: {industry: it}\n    limit:")
    assert mql(sla).state.clocks == {}
    found = story(sla).change(industry="it").happens("inquiry")
    found.decide()
    assert run(found).number == 1


def test_conditions_see_where_a_clock_stands() -> None:
    lifecycle = """\
stages: {lead: {}, mql: {}, late: {side: true}}
transitions:
  - {id: to_mql_act, from: [lead], to: mql, when: {signal.inquiry: {at_least: 1}}}
  - {id: too_late, from: [mql], to: late, when: {clock.first: breached}}
"""
    plan = plan_of(
        sla=FIRST, routing=ROUTING, policy=POLICY + TOKYO, work="rules: []\n", fields=PLAIN_FIELDS, lifecycle=lifecycle,
        handoff=None, recycle=None,
    )  # fmt: skip
    found = started(plan).happens("inquiry")
    found.decide()
    found.pass_time(59 * MINUTE)
    assert found.stage == "mql"
    found.pass_time(MINUTE)
    assert (found.stage, found.by) == ("late", "too_late")


def test_a_breach_is_an_event_for_rules() -> None:
    work = "rules:\n  - {id: told, on: {breaches: first}, do: [{task: {kind: call, due: 1d, title: 遅れ}}]}\n"
    found = mql(work=work).pass_time(60 * MINUTE)
    assert sorted(found.rules()) == ["first", "told"]
    assert {task.key.text() for task in found.tasks() if task.key.rule == "told"} == {"clock:first#1:told:task"}


# ── the cases of the papers ──────────────────────────────────────────────────────────────────────────────────────
def clock_of(limit: str, calendar: Calendar) -> Clock:
    return Clock(
        id="c", label={}, between=None, starts=(), stops=(), when=None, paused_while=None, limit=Span.parse(limit),
        calendar=calendar, escalation=(),
    )  # fmt: skip


WEEK = ("mon", "tue", "wed", "thu", "fri")


@pytest.mark.parametrize(
    ("hours", "holidays", "limit", "start", "due"),
    [
        pytest.param("9:00-17:00", None, "1 business hours", "2026-11-21 16:55", "2026-11-23 10:00", id="saturday"),
        pytest.param("9:00-18:00", "JP", "5 business minutes", "2026-11-20 17:58", "2026-11-24 09:03", id="holiday"),
        pytest.param("9:00-18:00", "JP", "2 business days", "2026-11-20 10:00", "2026-11-25 18:00", id="two days"),
        pytest.param("9:00-18:00", "JP", "0 business days", "2026-11-20 10:00", "2026-11-20 18:00", id="today"),
        pytest.param("9:00-18:00", "JP", "48h", "2026-11-20 17:58", "2026-11-22 17:58", id="ordinary time"),
    ],
)
def test_deadlines(hours: str, holidays: str | None, limit: str, start: str, due: str) -> None:
    calendar = Calendar.build(id="c", zone="Asia/Tokyo", hours=dict.fromkeys(WEEK, hours), holidays=holidays)
    found = deadline(clock_of(limit, calendar), ClockRun(number=1, started_at=tokyo(start)))
    assert found == tokyo(due)


ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, ClockRun, int]:
    zone = draw(st.sampled_from(ZONES))
    split = draw(st.booleans())
    hours = ["9:00-12:00", "13:00-17:30"] if split else ["8:30-18:00"]
    calendar = Calendar.build(id="c", zone=zone, hours=dict.fromkeys(WEEK, hours), closed=["12-29", "12-30"])
    around = draw(st.sampled_from([datetime(2026, 3, 7), datetime(2026, 10, 24), datetime(2026, 12, 26)]))
    start = around.replace(tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 4 * 1440)))
    pauses, at = [], start
    for _ in range(draw(st.integers(0, 3))):
        begun = at + timedelta(minutes=draw(st.integers(0, 600)))
        at = begun + timedelta(minutes=draw(st.integers(0, 900)))
        pauses.append((begun, at))
    return calendar, ClockRun(number=1, started_at=start, pauses=tuple(pauses)), draw(st.integers(1, 900))


def by_the_minute(calendar: Calendar, run: ClockRun, minutes: int) -> datetime:
    """Slow and obvious: every minute that is open and not paused counts."""
    at, left = run.started_at, minutes
    while True:
        paused = any(begun <= at < ended for begun, ended in run.pauses if ended is not None)
        if calendar.is_open(at) and not paused:
            left -= 1
            if left == 0:
                return at + MINUTE
        at += MINUTE


@settings(max_examples=150, deadline=None)
@given(case=cases())
def test_business_minutes_agree_with_a_clock_that_walks_every_minute(case: tuple[Calendar, ClockRun, int]) -> None:
    calendar, run_, minutes = case
    assert deadline(clock_of(f"{minutes} business minutes", calendar), run_) == by_the_minute(calendar, run_, minutes)


# ── the laws ─────────────────────────────────────────────────────────────────────────────────────────────────────
HAPPENS = st.lists(st.tuples(st.sampled_from(["attempted", "wait", "go", "visit"]), st.integers(0, 200)), max_size=6)


def _lived(happens: list[tuple[str, int]], *, every: timedelta | None) -> Story:
    """The same life, looked at when woken (and when something happens), or at every step of time too."""
    found = mql()
    for what, minutes in sorted(happens, key=lambda one: one[1]):
        _until(found, NOW + minutes * MINUTE, every)
        if what in ("wait", "go"):
            found.change(noted="先方回答待ち" if what == "wait" else "済み")
        else:
            found.happens(what)
        found.decide()
    _until(found, NOW + 5 * DAY, timedelta(hours=7) if every else None)
    return found


def _until(found: Story, end: datetime, every: timedelta | None) -> None:
    while every is not None and found.now + every < end:
        found.pass_time(every)
    if end > found.now:
        found.pass_time(end - found.now)


@settings(max_examples=60, deadline=None)
@given(happens=HAPPENS)
def test_looking_when_woken_and_looking_all_the_time_give_one_history(happens: list[tuple[str, int]]) -> None:
    woken, watched = _lived(happens, every=None), _lived(happens, every=7 * MINUTE)
    assert woken.state.clocks == watched.state.clocks
    assert [(task.key, task.opened_at, task.state) for task in woken.state.tasks] == [
        (task.key, task.opened_at, task.state) for task in watched.state.tasks
    ]


@settings(max_examples=60, deadline=None)
@given(attempts=st.lists(st.integers(1, 200), min_size=1, max_size=4), order=st.randoms())
def test_the_order_in_which_contacts_are_learnt_does_not_matter(attempts: list[int], order: object) -> None:
    def lived(moments: list[int]) -> ClockRun:
        found = mql().pass_time(201 * MINUTE)
        for minutes in moments:
            found.happens("attempted", at=NOW + minutes * MINUTE)
            found.decide()
        return run(found)

    shuffled = list(attempts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert lived(sorted(attempts)) == lived(shuffled) == lived([*shuffled, *shuffled])
