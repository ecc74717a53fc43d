"""SLA clocks: start, pause, stop, rungs, breaches; what is learnt late takes a breach back; the laws of every story."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.effects import WorkState
from connector.domain.runs import ClockRun
from tests.unit.engine.clocks import FILES, FIRST, HOUR, MINUTE, TOKYO, mql, run, story, tokyo
from tests.unit.engine.stories import DAY, LIFECYCLE, NOW, PLAIN_FIELDS, POLICY, SECOND, Story, plan_of, started


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
        number=1, started_at=NOW, occurred_at=NOW, fired=3, warned_at=NOW + 30 * MINUTE, breached_at=NOW + 60 * MINUTE
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
    old.under(plan_of(sla=FIRST, **FILES))
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
    plan = plan_of(sla=FIRST, fields=PLAIN_FIELDS, lifecycle=lifecycle, handoff=None, recycle=None, **FILES)
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


def test_a_breach_that_is_only_learnt_with_its_late_stop_is_one_all_the_same() -> None:
    work = "rules:\n  - {id: told, on: {breaches: first}, do: [{task: {kind: call, due: 1d, title: 遅れ}}]}\n"
    found = mql(work=work).wait(100 * MINUTE).happens("attempted", at=NOW + 90 * MINUTE)
    found.decide()
    assert (run(found).breached_at, run(found).fired) == (NOW + 60 * MINUTE, 0)
    assert found.rules() == ["told"]


def test_conditions_read_no_verdict_of_an_earlier_stay() -> None:
    """A lead that comes into the stage again has a promise of its own, from the first moment on."""
    lifecycle = LIFECYCLE.replace(
        "manual_moves:", "  - {id: kept, from: [mql], to: sal, when: {clock.first: met}}\nmanual_moves:"
    ).replace("backward: {needs: recycle_reason}", "backward: allowed")
    found = mql(lifecycle=lifecycle).wait(MINUTE).happens("attempted")
    found.decide()
    assert (found.stage, found.by) == ("sal", "kept")
    found.wait(HOUR).moved("lead").decide()
    found.wait(MINUTE).happens("inquiry").decide()
    assert (found.stage, run(found).number) == ("mql", 2)
    found.wait(MINUTE).happens("attempted").decide()
    assert (found.stage, found.by) == ("sal", "kept")


# ── one run at a time ────────────────────────────────────────────────────────────────────────────────────────────
TWICE = FIRST.replace("{enters: mql}", "{signal: inquiry}")


def test_a_start_while_the_clock_runs_does_nothing() -> None:
    found = mql(TWICE).wait(10 * MINUTE).happens("inquiry")
    found.decide()
    assert (run(found).number, run(found).started_at) == (1, NOW)


def test_a_start_that_came_after_a_stop_which_is_learnt_later_begins_its_own_run() -> None:
    found = mql(TWICE).wait(20 * MINUTE).happens("inquiry")
    found.decide()
    found.wait(10 * MINUTE).happens("attempted", at=NOW + 15 * MINUTE).decide()
    assert (run(found).number, run(found).started_at, run(found).stopped_at) == (2, NOW + 20 * MINUTE, None)
    assert [(name, one.number, one.stopped_at) for name, one in found.last.clocks] == [
        ("first", 1, NOW + 15 * MINUTE),
        ("first", 2, None),
    ]


def test_start_stop_and_start_that_are_learnt_at_once_are_two_runs() -> None:
    found = story(TWICE).wait(30 * MINUTE)
    found.happens("inquiry", at=NOW).happens("inquiry", at=NOW + 20 * MINUTE)
    found.happens("attempted", at=NOW + 15 * MINUTE).decide()
    assert [(one.number, one.started_at, one.stopped_at) for _, one in found.last.clocks] == [
        (1, NOW, NOW + 15 * MINUTE),
        (2, NOW + 20 * MINUTE, None),
    ]


def test_a_stage_that_is_passed_starts_nothing() -> None:
    second = FIRST.replace("clocks:\n", "").replace("id: first", "id: second").replace("mql", "sal")
    found = mql(FIRST + second).wait(SECOND)
    found.change(decision="accepted", need="あり", timeline="soon", email="a@example.com").decide()
    assert found.stages[-2:] == ["sal", "sql"]
    assert "second" not in found.state.clocks


def test_a_stage_that_is_passed_stops_what_waits_for_it() -> None:
    found = mql(FIRST.replace("{signal: attempted}", "[{enters: sal}, {enters: recycled}]")).wait(SECOND)
    found.change(decision="accepted", need="あり", timeline="soon", email="a@example.com").decide()
    assert (found.stage, run(found).stopped_at) == ("sql", found.now)


HOT = """\
clocks:
  - {id: hot, starts: {becomes: {band: hot}}, stops: {enters: mql}, limit: 24h}
"""


def test_what_the_start_itself_brings_about_stops_the_clock() -> None:
    found = story(HOT, lifecycle=LIFECYCLE).given(employees=100, industry="it").happens("visit")
    found.decide()
    assert (found.stage, found.by) == ("mql", "to_mql_hot")
    assert (run(found, "hot").started_at, run(found, "hot").stopped_at) == (found.now, found.now)
    found.pass_time(2 * DAY)
    assert run(found, "hot").breached_at is None


# ── learnt late ──────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_the_breach_brought_about_is_taken_back_with_it_and_told() -> None:
    found = mql().pass_time(70 * MINUTE)
    assert found.rules() == ["first"]
    found.happens("attempted", at=NOW + 60 * MINUTE).decide()
    assert (run(found).breached_at, run(found).withdrawn_at) == (None, found.now)
    assert found.last.clocks == (("first", run(found)),)
    assert (found.rules(), found.rules(WorkState.CLOSED)) == ([], ["first"])


def test_a_contact_before_the_lead_went_aside_counts_however_late_it_is_learnt() -> None:
    found = mql().pass_time(70 * MINUTE).change(recycle_reason="timing")
    found.decide()
    assert (run(found).ended_at, run(found).breached_at) == (found.now, NOW + 60 * MINUTE)
    found.wait(DAY).happens("attempted", at=NOW + 59 * MINUTE).decide()
    assert (run(found).stopped_at, run(found).ended_at, run(found).breached_at) == (NOW + 59 * MINUTE, None, None)


def test_a_contact_after_the_lead_went_aside_does_not() -> None:
    found = mql().wait(MINUTE).change(recycle_reason="timing")
    found.decide()
    found.wait(MINUTE).happens("attempted").decide()
    assert (run(found).stopped_at, run(found).ended_at) == (None, NOW + MINUTE)


def test_going_aside_may_be_what_the_clock_waits_for() -> None:
    found = mql(FIRST.replace("{signal: attempted}", "[{enters: sal}, {enters: recycled}]"))
    found.wait(MINUTE).change(recycle_reason="timing").decide()
    assert (run(found).stopped_at, run(found).ended_at) == (found.now, None)


ANSWER = FIRST.replace("{signal: attempted}", "{becomes: {need: known}}")


def test_a_field_stops_the_clock_when_it_was_filled_in_not_when_we_saw_it() -> None:
    found = mql(ANSWER).pass_time(65 * MINUTE)
    assert run(found).breached_at is not None
    found.change(need="あり", at=NOW + 55 * MINUTE).decide()
    assert (run(found).stopped_at, run(found).breached_at) == (NOW + 55 * MINUTE, None)


def test_a_field_that_was_filled_in_before_the_start_stops_nothing() -> None:
    found = story(ANSWER).change(need="あり", at=NOW - HOUR)
    found.decide()
    found.happens("inquiry").decide()
    found.wait(MINUTE).change(need="とてもあり").decide()
    assert run(found).running


def test_a_clock_that_starts_late_runs_from_when_it_happened() -> None:
    found = story().wait(50 * MINUTE).moved("mql", at=NOW)
    found.decide()
    assert (run(found).started_at, run(found).fired) == (NOW, 1)
    found.pass_time(10 * MINUTE)
    assert run(found).breached_at == NOW + HOUR


# ── what lies behind a start ─────────────────────────────────────────────────────────────────────────────────────
def test_the_signal_behind_a_stage_entry_is_remembered() -> None:
    found = story().wait(7 * MINUTE).happens("inquiry", at=NOW)
    found.decide()
    assert (run(found).occurred_at, run(found).started_at) == (NOW, NOW + 7 * MINUTE)


# ── what was not certain ─────────────────────────────────────────────────────────────────────────────────────────
def test_a_decision_says_until_when_nothing_may_have_happened_unseen() -> None:
    found = mql()
    assert found.last.absent_until is None
    found.wait(31 * MINUTE).decide()
    assert found.last.absent_until == NOW + 30 * MINUTE
    found.wait(31 * MINUTE).decide()
    assert found.last.absent_until == NOW + 60 * MINUTE
    found.wait(MINUTE).happens("attempted").decide()
    assert found.last.absent_until is None


# ── the calendar is edited ───────────────────────────────────────────────────────────────────────────────────────
def with_calendar(found: Story, change: str, sla: str = FIRST) -> Story:
    """The running policy with another calendar."""
    old, _, new = change.partition(" => ")
    edited = POLICY + TOKYO.replace(old, new)
    assert edited != POLICY + TOKYO
    return found.under(plan_of(sla=sla, **{**FILES, "policy": edited})).wait(SECOND)


HOLIDAY = "holidays: JP} => holidays: JP, closed: [2026-11-20]}"


def test_a_holiday_that_is_entered_later_moves_what_was_not_acted_on() -> None:
    found = mql().pass_time(10 * MINUTE)
    with_calendar(found, HOLIDAY).decide()
    found.pass_time(2 * HOUR)
    assert (run(found).fired, run(found).breached_at) == (0, None)
    found.pass_time(5 * DAY)
    assert run(found).breached_at == tokyo("2026-11-24 10:00")


def test_it_never_undoes_a_breach_that_was_acted_on() -> None:
    found = mql().pass_time(70 * MINUTE)
    with_calendar(found, HOLIDAY).decide()
    assert run(found).breached_at == NOW + HOUR
    assert found.rules() == ["first"]
    found.wait(MINUTE).happens("attempted").decide()
    assert run(found).breached_at == NOW + HOUR, "a contact after the breach does not undo it either"


def test_deadlines_that_an_edit_moves_before_the_activation_are_recorded_and_start_nothing() -> None:
    found = mql().pass_time(40 * MINUTE)
    shorter = FIRST.replace("60 business minutes", "20 business minutes")
    found.under(plan_of(sla=shorter, **FILES)).wait(SECOND).decide()
    assert run(found).breached_at == NOW + 20 * MINUTE
    found.pass_time(DAY)
    assert (found.tasks(), found.state.requests) == ([], ())


def test_a_clock_that_a_policy_drops_ends_and_does_not_come_back_with_the_next() -> None:
    found = mql()
    found.wait(MINUTE).under(plan_of(**{**FILES, "routing": None})).wait(SECOND).decide()
    assert run(found).ended_at == found.now
    found.wait(20 * DAY).under(plan_of(sla=FIRST, **FILES)).wait(SECOND).decide()
    found.pass_time(DAY)
    assert (found.tasks(), run(found).number) == ([], 1)


def test_activating_clocks_on_a_base_of_old_leads_starts_none() -> None:
    """Two hundred leads that have stood in the stage for one to two hundred days."""
    before, after = plan_of(**{**FILES, "routing": None}), plan_of(sla=FIRST, **FILES)
    for n in range(1, 201):
        old = Story(plan=before, now=NOW - n * DAY, created_at=NOW - n * DAY).happens("inquiry")
        old.decide()
        old.now = NOW
        old.under(after, since=NOW).wait(SECOND).decide()
        assert (old.stage, old.state.clocks) == ("mql", {})
        old.pass_time(3 * DAY)
        assert (old.state.clocks, old.tasks(), old.state.requests) == ({}, [], ())


# ── the laws ─────────────────────────────────────────────────────────────────────────────────────────────────────
HAPPENS = st.lists(st.tuples(st.sampled_from(["attempted", "wait", "go", "visit"]), st.integers(0, 200)), max_size=6)


def _lived(happens: list[tuple[str, int]], *, every: timedelta | None, asleep: bool = False) -> Story:
    """The same life, looked at when woken (and when something happens), or at every step of time too.

    `asleep`: nobody looks for 26 hours after the last thing that happened; then every due instant is stepped through.
    """
    found = mql()
    for what, minutes in sorted(happens, key=lambda one: one[1]):
        _until(found, NOW + minutes * MINUTE, every)
        if what in ("wait", "go"):
            found.change(noted="先方回答待ち" if what == "wait" else "済み")
        else:
            found.happens(what)
        found.decide()
    if asleep:
        found = _stepped(found, found.now + 26 * HOUR)
    _until(found, NOW + 5 * DAY, timedelta(hours=7) if every else None)
    return found


def _until(found: Story, end: datetime, every: timedelta | None) -> None:
    while every is not None and found.now + every < end:
        found.pass_time(every)
    if end > found.now:
        found.pass_time(end - found.now)


def _stepped(found: Story, end: datetime) -> Story:
    """As the shell does after a standstill: every due instant in order, then now."""
    while (wake := found.last.wake) is not None and found.now < wake.at < end:
        found.now = wake.at
        found.decide()
    found.now = end
    found.decide()
    return found


def _told(found: Story) -> tuple[object, ...]:
    tasks = [(task.key, task.opened_at, task.state) for task in found.state.tasks]
    return found.state.clocks, tasks, sorted(found.opened.items())


@settings(max_examples=40)
@given(happens=HAPPENS, every=st.sampled_from([MINUTE * 7, MINUTE * 13, HOUR]))
def test_looking_when_woken_and_looking_all_the_time_give_one_history(
    happens: list[tuple[str, int]], every: timedelta
) -> None:
    assert _told(_lived(happens, every=None)) == _told(_lived(happens, every=every))


@settings(max_examples=8)
@given(happens=HAPPENS.map(lambda found: [(what, minutes // 2) for what, minutes in found]))
def test_looking_every_minute_gives_it_too(happens: list[tuple[str, int]]) -> None:
    assert _told(_lived(happens, every=None)) == _told(_lived(happens, every=MINUTE))


@settings(max_examples=40)
@given(happens=HAPPENS)
def test_so_does_a_standstill_of_26_hours(happens: list[tuple[str, int]]) -> None:
    assert _told(_lived(happens, every=None)) == _told(_lived(happens, every=None, asleep=True))


@settings(max_examples=50)
@given(
    attempts=st.lists(st.tuples(st.integers(1, 200), st.integers(0, 240)), min_size=1, max_size=4),
    aside=st.one_of(st.none(), st.integers(1, 300)),
)
def test_late_news_and_news_that_comes_again_end_in_the_same_run(
    attempts: list[tuple[int, int]], aside: int | None
) -> None:
    def lived(news: list[tuple[int, int]]) -> ClockRun:
        """`news`: (minute of the contact, minutes until we hear of it); the lead goes aside in its time."""
        found = mql()
        steps: list[tuple[int, int | None]] = [(at + late, at) for at, late in news]
        steps += [(aside, None)] if aside is not None else []
        for minute, at in sorted(steps, key=lambda one: one[0]):
            _until(found, NOW + minute * MINUTE, None)
            if at is None:
                found.change(recycle_reason="timing")
            else:
                found.happens("attempted", at=NOW + at * MINUTE)
            found.decide()
        _until(found, NOW + 500 * MINUTE, None)
        return replace(run(found), fired=0, warned_at=None, withdrawn_at=None)

    punctual = [(at, 0) for at, _ in attempts]
    assert lived(attempts) == lived(punctual) == lived([*attempts, *attempts])
