"""When clocks run out: the cases of the papers, and the law that a walk through every minute comes to the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.calendar import ALWAYS, Calendar, Span
from connector.domain.runs import ClockRun, Pauses
from connector.engine.deadlines import allowed, deadline, rung_at, used
from connector.policy.model import Clock, Rung
from tests.unit.engine.clocks import HOUR, MINUTE, tokyo

WEEK = ("mon", "tue", "wed", "thu", "fri")


def clock_of(limit: str, calendar: Calendar) -> Clock:
    return Clock(
        id="c", label={}, between=None, starts=(), stops=(), when=None, paused_while=None, limit=Span.parse(limit),
        calendar=calendar, escalation=(),
    )  # fmt: skip


def office(hours: str | list[str] = "9:00-18:00", holidays: str | None = None, **more: list[str]) -> Calendar:
    week = dict.fromkeys(WEEK, hours)
    return Calendar.build(id="c", zone="Asia/Tokyo", hours=week, holidays=holidays, **more)


@pytest.mark.parametrize(
    ("hours", "holidays", "limit", "start", "due"),
    [
        pytest.param("9:00-17:00", None, "1 business hours", "2026-11-21 16:55", "2026-11-23 10:00", id="saturday"),
        pytest.param("9:00-18:00", "JP", "5 business minutes", "2026-11-20 17:58", "2026-11-24 09:03", id="holiday"),
        pytest.param("9:00-18:00", "JP", "2 business days", "2026-11-20 10:00", "2026-11-25 18:00", id="two days"),
        pytest.param("9:00-18:00", "JP", "2 business days", "2026-11-21 10:00", "2026-11-25 18:00", id="from saturday"),
        pytest.param("9:00-18:00", "JP", "0 business days", "2026-11-20 10:00", "2026-11-20 18:00", id="today"),
        pytest.param("9:00-18:00", "JP", "0 business days", "2026-11-20 18:00", "2026-11-24 18:00", id="today is over"),
        pytest.param(
            "9:00-12:00, 13:00-18:00",
            "JP",
            "90 business minutes",
            "2026-11-20 11:30",
            "2026-11-20 14:00",
            id="over the break",
        ),
        pytest.param(
            "9:00-12:00, 13:00-18:00",
            "JP",
            "3 business hours",
            "2026-11-20 17:00",
            "2026-11-24 11:00",
            id="over the weekend and a holiday",
        ),
        pytest.param(
            "9:00-12:00, 13:00-18:00",
            "JP",
            "0 business days",
            "2026-11-20 12:30",
            "2026-11-20 18:00",
            id="today, asked in the break",
        ),
        pytest.param(
            "9:00-18:00",
            "JP",
            "0 business days",
            "2026-11-21 10:00",
            "2026-11-24 18:00",
            id="today, on a saturday before a holiday",
        ),
        pytest.param("9:00-18:00", "JP", "48h", "2026-11-20 17:58", "2026-11-22 17:58", id="ordinary time"),
        pytest.param("9:00-18:00", "JP", "1mo", "2027-01-31 17:58", "2027-02-28 17:58", id="a month"),
    ],
)
def test_deadlines(hours: str, holidays: str | None, limit: str, start: str, due: str) -> None:
    found = deadline(clock_of(limit, office(hours.split(", "), holidays)), ClockRun(number=1, started_at=tokyo(start)))
    assert found == tokyo(due)


@pytest.mark.parametrize(
    ("limit", "pauses", "due"),
    [
        pytest.param("2 business hours", [("11-20 17:30", "11-24 09:30")], "11-24 10:00", id="over closing time"),
        pytest.param("2 business hours", [("11-20 18:30", "11-21 12:00")], "11-20 18:00", id="while it is closed"),
        pytest.param("2 business hours", [("11-20 17:00", "11-20 20:00")], "11-24 10:00", id="till after closing"),
        pytest.param("2 business hours", [("11-20 16:30", "11-20 17:00"), ("11-24 09:10", "11-24 09:40")],
                     "11-24 10:00", id="twice"),
        pytest.param("0 business days", [("11-20 17:00", "11-24 09:30")], "11-24 10:30", id="today"),
        pytest.param("1 business days", [("11-20 17:00", "11-24 17:00")], "11-25 18:00", id="a day"),
        pytest.param("26h", [("11-20 17:00", "11-24 09:00")], "11-25 10:00", id="ordinary time counts at night"),
    ],
)  # fmt: skip
def test_pauses_across_closing_times(limit: str, pauses: list[tuple[str, str]], due: str) -> None:
    waited = tuple((tokyo(f"2026-{begun}"), tokyo(f"2026-{ended}")) for begun, ended in pauses)
    run = ClockRun(number=1, started_at=tokyo("2026-11-20 16:00"), pauses=waited)
    assert deadline(clock_of(limit, office(holidays="JP")), run) == tokyo(f"2026-{due}")


@pytest.mark.parametrize(
    ("limit", "share", "start", "due"),
    [
        pytest.param("5 business minutes", 0.6, "2026-11-20 17:58", "2026-11-24 09:01", id="of working minutes"),
        pytest.param("1 business days", 0.5, "2026-11-20 16:00", "2026-11-24 12:30", id="of the time till closing"),
        pytest.param("48h", 0.75, "2026-11-20 10:00", "2026-11-21 22:00", id="of ordinary time"),
    ],
)
def test_shares_of_the_limit(limit: str, share: float, start: str, due: str) -> None:
    run = ClockRun(number=1, started_at=tokyo(start))
    assert deadline(clock_of(limit, office(holidays="JP")), run, share) == tokyo(due)


def test_what_comes_after_the_breach_counts_from_the_breach_that_was_acted_on_and_waits_with_the_clock() -> None:
    clock = clock_of("1 business hours", office())
    rung = Rung(at=None, after=Span.parse("30 business minutes"), do=())
    run = ClockRun(number=1, started_at=tokyo("2026-11-20 16:45"))
    assert rung_at(clock, run, rung) == tokyo("2026-11-23 09:15")
    run = replace(run, breached_at=tokyo("2026-11-20 17:45"))
    moved = replace(clock, calendar=office(closed=["2026-11-20"]))
    assert rung_at(moved, run, rung) == tokyo("2026-11-23 09:30"), "the calendar moves what is still to come"
    assert rung_at(clock, replace(run, pauses=((tokyo("2026-11-20 17:50"), None),)), rung) is None
    waited: Pauses = ((tokyo("2026-11-20 17:50"), tokyo("2026-11-23 10:00")),)
    assert rung_at(clock, replace(run, pauses=waited), rung) == tokyo("2026-11-23 10:25")


def test_a_share_and_the_deadline_wait_for_a_pause_that_began_before_them() -> None:
    clock, start = clock_of("1 business hours", office()), tokyo("2026-11-20 10:00")
    run = ClockRun(number=1, started_at=start, pauses=((start + 40 * MINUTE, None),))
    assert deadline(clock, run, 0.5) == start + 30 * MINUTE
    assert deadline(clock, run) is None
    at_the_deadline = ClockRun(number=1, started_at=start, pauses=((start + 60 * MINUTE, None),))
    assert deadline(clock, at_the_deadline) == start + 60 * MINUTE


# ── the law ──────────────────────────────────────────────────────────────────────────────────────────────────────
ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
#: Clock changes of these zones, a new year with closed days, and a week of holidays.
AROUND = (datetime(2026, 3, 7), datetime(2026, 3, 28), datetime(2026, 4, 4), datetime(2026, 10, 3),
          datetime(2026, 10, 24), datetime(2026, 10, 31), datetime(2026, 12, 26), datetime(2026, 5, 1))  # fmt: skip
SHIFTS = (["9:00-12:00", "13:00-17:30"], ["8:30-18:00"], ["0:00-24:00"], ["1:00-3:00", "22:00-24:00"])
CLOSED = ("12-29", "12-30", "01-02")
OPEN = date(2026, 10, 25)  # a Sunday, and the clocks of Berlin change


class ByTheMinute:
    """Slow and obvious: a wall clock that is looked at every minute. Shares no code with the calendar under test."""

    def __init__(self, zone: str, shift: list[str], days: tuple[str, ...]) -> None:
        self.zone, self.days = ZoneInfo(zone), {WEEKDAYS.index(day) for day in days}
        self.shift = [tuple(_minutes(clock) for clock in part.split("-")) for part in shift]

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(self.zone)
        if local.date() != OPEN and (local.weekday() not in self.days or f"{local:%m-%d}" in CLOSED):
            return False
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.shift)

    def run_out(self, start: datetime, minutes: int, pauses: Pauses) -> datetime:
        at = start
        while minutes:
            if self.is_open(at) and not any(begun <= at < (ended or at) for begun, ended in pauses):
                minutes -= 1
            at += MINUTE
        return at


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _minutes(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return int(hour) * 60 + int(minute)


@st.composite
def lives(draw: st.DrawFn) -> tuple[Calendar, ByTheMinute, ClockRun]:
    """An office anywhere, and a run with pauses around a moment at which something is odd."""
    zone, shift = draw(st.sampled_from(ZONES)), draw(st.sampled_from(SHIFTS))
    days = draw(st.sampled_from([WEEK, ("mon", "wed", "sun"), WEEKDAYS]))
    calendar = Calendar.build(
        id="c", zone=zone, hours=dict.fromkeys(days, shift), closed=list(CLOSED), open=[f"{OPEN} {', '.join(shift)}"]
    )
    start = draw(st.sampled_from(AROUND)).replace(tzinfo=UTC) + draw(st.integers(0, 2 * 1440)) * MINUTE
    pauses, at = [], start
    for _ in range(draw(st.integers(0, 3))):
        begun = at + draw(st.integers(0, 400)) * MINUTE
        at = begun + draw(st.integers(0, 700)) * MINUTE
        pauses.append((begun, at))
    return calendar, ByTheMinute(zone, shift, days), ClockRun(number=1, started_at=start, pauses=tuple(pauses))


def check_against_every_minute(life: tuple[Calendar, ByTheMinute, ClockRun], minutes: int, share: int) -> None:
    calendar, walk, run = life
    clock = clock_of(f"{minutes} business minutes", calendar)
    due = deadline(clock, run)
    assert due == walk.run_out(run.started_at, minutes, run.pauses)
    assert used(clock, run, due) == allowed(clock, run) == minutes * MINUTE
    part = minutes * share // 100
    if part * 100 == minutes * share and part:
        assert deadline(clock, run, share / 100) == walk.run_out(run.started_at, part, run.pauses)


LAW = given(life=lives(), minutes=st.integers(1, 700), share=st.sampled_from([10, 25, 50, 75, 90]))


@settings(max_examples=50)
@LAW
def test_business_minutes_agree_with_a_clock_that_walks_every_minute(
    life: tuple[Calendar, ByTheMinute, ClockRun], minutes: int, share: int
) -> None:
    check_against_every_minute(life, minutes, share)


@pytest.mark.soak
@settings(max_examples=10_000)
@LAW
def test_they_agree_ten_thousand_times(life: tuple[Calendar, ByTheMinute, ClockRun], minutes: int, share: int) -> None:
    check_against_every_minute(life, minutes, share)


def closing(walk: ByTheMinute, day: date) -> datetime | None:
    """When the office closes for the day; None: it does not open."""
    begins = datetime.combine(day, time(), walk.zone).astimezone(UTC)
    ends = datetime.combine(day + timedelta(days=1), time(), walk.zone).astimezone(UTC)
    opened = [at for n in range((ends - begins) // MINUTE) if walk.is_open(at := begins + n * MINUTE)]
    return opened[-1] + MINUTE if opened else None


def by_the_day(walk: ByTheMinute, start: datetime, days: int, pauses: Pauses) -> datetime:
    """Closing time of the Nth working day after the day of the start, then as long again as was paused before it.

    0: closing time of that day, of the next working day where the office has closed already.
    """
    day = start.astimezone(walk.zone).date()
    end = closing(walk, day) or start
    if days or end <= start:
        days = max(days, 1)
    while days:
        day += timedelta(days=1)
        closes = closing(walk, day)
        if closes is not None:
            days, end = days - 1, closes
    owed = sum(walk.is_open(start + n * MINUTE) for n in range((end - start) // MINUTE))
    return walk.run_out(start, owed, pauses)


@settings(max_examples=50)
@given(life=lives(), days=st.integers(0, 3))
def test_business_days_agree_with_it_too(life: tuple[Calendar, ByTheMinute, ClockRun], days: int) -> None:
    calendar, walk, run = life
    found = deadline(clock_of(f"{days} business days", calendar), run)
    assert found == by_the_day(walk, run.started_at, days, run.pauses)


@settings(max_examples=50)
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    hours=st.integers(1, 90),
    pauses=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=3),
)
def test_ordinary_time_waits_by_exactly_what_was_paused_before_it(
    start: datetime, hours: int, pauses: list[tuple[int, int]]
) -> None:
    taken, at = [], start
    for gap, length in pauses:
        begun = at + gap * HOUR
        at = begun + length * HOUR
        taken.append((begun, at))
    run = ClockRun(number=1, started_at=start, pauses=tuple(taken))
    clock = clock_of(f"{hours}h", ALWAYS)
    due = deadline(clock, run)
    assert due is not None
    paused = sum(((min(ended, due) - min(begun, due)) for begun, ended in taken), timedelta())
    assert due - start - paused == hours * HOUR == used(clock, run, due)
