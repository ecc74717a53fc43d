"""How promises were kept: whose the time was, what a period counts, how parts are told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.runs import ClockRun
from connector.engine.deadlines import used
from connector.store.clock_runs import RunRow
from connector.sync.sla_report import By, Figures, Standing, figures, is_by_system, standing, taken
from tests.unit.engine.clocks import HOUR, MINUTE, tokyo
from tests.unit.engine.test_sla_time import clock_of, office

HOUR_OF_WORK = clock_of("60 business minutes", office(holidays="JP"))
CLOCKS = {"c": HOUR_OF_WORK}
FRIDAY, TEN = tokyo("2026-11-20 17:30"), tokyo("2026-11-24 10:00")  # a weekend and a holiday between
LONG_AGO, LATER = tokyo("2026-01-01 00:00"), tokyo("2027-01-01 00:00")


def row(
    start: datetime = FRIDAY, stop: datetime | None = None, *, written: datetime | None = None, **run: datetime | None
) -> RunRow:
    """A run whose start the CRM showed at once, unless `written` says when."""
    return RunRow(
        lead_id=1, clock="c", run=ClockRun(number=1, started_at=start, stopped_at=stop, **run), known_at=start,
        written_at=written or start, person="7", pool="sdr",
    )  # fmt: skip


def only(rows: list[RunRow], since: datetime = LONG_AGO, until: datetime = LATER, now: datetime = LATER) -> Figures:
    (found,) = figures(CLOCKS, rows, since, until, now, By.CLOCK)
    return found


# ── whose the time was ───────────────────────────────────────────────────────────────────────────────────────────
def test_time_counts_while_the_office_is_open_and_is_the_systems_until_the_crm_shows_it() -> None:
    found = taken(HOUR_OF_WORK, row(stop=TEN, written=FRIDAY + 10 * MINUTE), LATER)
    assert (found.system, found.human, found.total) == (10 * MINUTE, 80 * MINUTE, 90 * MINUTE)


def test_it_begins_when_it_happened_in_the_crm_not_when_we_knew_of_it() -> None:
    late = row(start=FRIDAY + 5 * MINUTE, stop=FRIDAY + 20 * MINUTE, occurred_at=FRIDAY, written=FRIDAY + 8 * MINUTE)
    found = taken(HOUR_OF_WORK, late, LATER)
    assert (found.system, found.human) == (8 * MINUTE, 12 * MINUTE)


def test_what_never_reached_the_crm_is_all_the_systems() -> None:
    unwritten = replace(row(), written_at=None)
    assert taken(HOUR_OF_WORK, unwritten, TEN).human == timedelta()
    assert taken(HOUR_OF_WORK, unwritten, TEN).system == 90 * MINUTE
    answered = replace(row(stop=FRIDAY + 20 * MINUTE), written_at=None)
    assert taken(HOUR_OF_WORK, answered, LATER).total == 20 * MINUTE


def test_pauses_are_nobodys_time() -> None:
    waited = row(stop=TEN, written=FRIDAY + 10 * MINUTE)
    waited = replace(waited, run=replace(waited.run, pauses=((FRIDAY + 20 * MINUTE, TEN - 30 * MINUTE),)))
    assert taken(HOUR_OF_WORK, waited, LATER).human == 40 * MINUTE


def test_a_breach_is_the_systems_when_people_kept_it_from_when_they_could_see_it() -> None:
    due, stop = tokyo("2026-11-24 09:30"), tokyo("2026-11-24 09:45")
    shown_late = row(stop=stop, written=FRIDAY + 20 * MINUTE, breached_at=due)
    assert is_by_system(HOUR_OF_WORK, shown_late, LATER)
    assert not is_by_system(HOUR_OF_WORK, replace(shown_late, written_at=FRIDAY + 5 * MINUTE), LATER)
    assert not is_by_system(HOUR_OF_WORK, row(stop=tokyo("2026-11-24 09:20")), LATER), "no breach at all"
    assert not is_by_system(HOUR_OF_WORK, row(breached_at=due), due), "at the deadline, shown at once"


@settings(max_examples=50)
@given(
    minutes=st.lists(st.integers(0, 6 * 1440), min_size=4, max_size=4).map(sorted),
    pause=st.one_of(st.none(), st.tuples(st.integers(0, 6000), st.integers(0, 6000))),
)
def test_both_parts_are_never_less_than_nothing_and_make_the_whole(
    minutes: list[int], pause: tuple[int, int] | None
) -> None:
    occurred, start, written, stop = (FRIDAY - 48 * HOUR + one * MINUTE for one in minutes)
    run = ClockRun(number=1, started_at=start, occurred_at=occurred, stopped_at=stop)
    if pause is not None:
        run = replace(run, pauses=((start + pause[0] * MINUTE, start + (pause[0] + pause[1]) * MINUTE),))
    for written_at in (written, None, stop + HOUR):
        found = taken(HOUR_OF_WORK, replace(row(), run=run, written_at=written_at), LATER)
        assert found.system >= timedelta()
        assert found.human >= timedelta()
        assert found.total == used(HOUR_OF_WORK, replace(run, started_at=occurred), stop)


# ── what a period counts ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("run", "stands"),
    [
        ({}, Standing.RUNNING),
        ({"warned_at": TEN}, Standing.WARNED),
        ({"warned_at": TEN, "breached_at": TEN}, Standing.BREACHED),
        ({"stopped_at": TEN, "warned_at": TEN}, Standing.MET),
        ({"stopped_at": TEN, "breached_at": TEN}, Standing.LATE),
        ({"ended_at": TEN, "warned_at": TEN}, Standing.ENDED),
    ],
)
def test_standings(run: dict[str, datetime], stands: Standing) -> None:
    assert standing(ClockRun(number=1, started_at=FRIDAY, **run)) is stands


def test_each_moment_counts_in_the_period_in_which_it_came_and_once() -> None:
    due, stop = tokyo("2026-11-24 09:30"), tokyo("2026-11-25 10:00")
    late = [row(stop=stop, breached_at=due)]
    days = [tokyo(f"2026-11-{day} 00:00") for day in (20, 21, 24, 25, 26)]
    found = [only(late, since, until) for since, until in pairwise(days)]
    assert [one.started for one in found] == [1, 0, 0, 0]
    assert [one.breached for one in found] == [0, 0, 1, 0]
    assert [one.met for one in found] == [0, 0, 0, 0], "late is not met"
    assert [one.median_minutes for one in found] == [None, None, None, 30 + 540 + 60]
    assert [one.kept_share for one in found] == [None, None, 0, None]


def test_now_is_counted_whatever_the_period() -> None:
    rows = [row(), row(warned_at=TEN), row(warned_at=TEN, breached_at=TEN), row(stop=TEN), row(ended_at=TEN)]
    found = only(rows, LATER - HOUR, LATER)
    assert (found.running, found.warned, found.overdue) == (1, 1, 1)
    assert (found.started, found.met, found.breached, found.ended) == (0, 0, 0, 0)
    assert only(rows).ended == 1
    gone = only([replace(one, gone=True) for one in rows])
    assert (gone.running, gone.warned, gone.overdue, gone.started) == (0, 0, 0, 5), "what is not in the CRM waits"


def test_medians_and_the_ninth_of_ten() -> None:
    rows = [row(stop=FRIDAY + n * MINUTE, written=FRIDAY + MINUTE) for n in range(1, 12)]
    found = only(rows)
    assert (found.median_minutes, found.p90_minutes, found.human_median_minutes) == (6, 10, 5)
    assert found.system_share == pytest.approx(11 / 66)
    assert (only(rows[:1]).median_minutes, only(rows[:1]).p90_minutes) == (1, 1)
    assert only([]).median_minutes is None


def test_parts_come_in_the_policys_order_the_busiest_first_and_nobody_is_told_apart() -> None:
    rows = [row(), replace(row(), person="8"), replace(row(), person="8"), replace(row(), person=None, pool=None)]
    found = figures(CLOCKS | {"d": HOUR_OF_WORK}, rows, LONG_AGO, LATER, LATER, By.OWNER)
    assert [(one.clock, one.key, one.started) for one in found] == [("c", "8", 2), ("c", "7", 1), ("c", None, 1)]
    found = figures(CLOCKS, rows, LONG_AGO, LATER, LATER, By.POOL)
    assert [(one.key, one.started) for one in found] == [("sdr", 3), (None, 1)]
    quiet = figures(CLOCKS | {"d": HOUR_OF_WORK}, rows, LONG_AGO, LATER, LATER, By.CLOCK)
    assert [(one.clock, one.started) for one in quiet] == [("c", 4), ("d", 0)]


def test_a_clock_that_the_policy_dropped_is_counted_and_not_measured() -> None:
    dropped = [replace(row(stop=TEN), clock="old")]
    found = figures(CLOCKS, dropped, LONG_AGO, LATER, LATER, By.CLOCK)
    assert [(one.clock, one.met, one.median_minutes) for one in found] == [("c", 0, None), ("old", 1, None)]
