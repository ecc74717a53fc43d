"""Business time: the policy's own examples, and a minute-by-minute oracle that reads a wall clock."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.calendar import ALWAYS, END_OF_TIME, Calendar, Span
from connector.domain.holidays import holidays_of
from connector.domain.hours import WEEKDAYS

TOKYO = ZoneInfo("Asia/Tokyo")
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = Calendar.build(
    id="tokyo_office",
    zone="Asia/Tokyo",
    hours=dict.fromkeys(WORKDAYS, "9:00-18:00"),
    holidays="JP",
    closed=["12-29", "12-30", "12-31", "01-02", "01-03"],
)
MINUTE = timedelta(minutes=1)


def jst(text: str) -> datetime:
    """`2026-11-20 17:58` in Tokyo."""
    return datetime.fromisoformat(text).replace(tzinfo=TOKYO)


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        # 23 November 2026 is 勤労感謝の日.
        ("5 business minutes", "2026-11-20 17:58", "2026-11-24 09:03"),
        ("5 business minutes", "2026-11-20 17:55", "2026-11-20 18:00"),
        ("0 business minutes", "2026-11-20 18:00", "2026-11-24 09:00"),
        ("4 business hours", "2026-11-20 16:00", "2026-11-24 11:00"),
        ("20 business hours", "2026-11-24 09:00", "2026-11-26 11:00"),
        ("0 business days", "2026-11-20 10:00", "2026-11-20 18:00"),
        ("0 business days", "2026-11-20 18:00", "2026-11-24 18:00"),
        ("0 business days", "2026-11-21 10:00", "2026-11-24 18:00"),
        ("1 business day", "2026-11-20 10:00", "2026-11-24 18:00"),
        ("1 business day", "2026-11-20 19:00", "2026-11-24 18:00"),
        ("2 business days", "2026-11-20 10:00", "2026-11-25 18:00"),
        ("2 business days", "2026-11-21 10:00", "2026-11-25 18:00"),
        ("1 business day", "2026-12-28 10:00", "2027-01-04 18:00"),
        ("5m", "2026-11-20 17:58", "2026-11-20 18:03"),
        ("4h", "2026-11-20 22:00", "2026-11-21 02:00"),
        ("3d", "2026-11-20 17:58", "2026-11-23 17:58"),
        ("2w", "2026-11-20 17:58", "2026-12-04 17:58"),
        ("3mo", "2026-11-30 09:00", "2027-02-28 09:00"),
        ("15mo", "2026-11-30 09:00", "2028-02-29 09:00"),
    ],
)
def test_spans_in_the_tokyo_office(span: str, start: str, end: str) -> None:
    found = Span.parse(span).add(jst(start).astimezone(UTC), OFFICE)
    assert found == jst(end)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["5m", "4h", "3d", "2w", "3mo", "1 business day", "0 business days", "5 business minutes", "4 business hours"],
)
def test_a_span_prints_as_it_is_written(text: str) -> None:
    assert str(Span.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "d",
        "-3d",
        "1.5h",
        "3 d",
        "3y",
        "3D",
        "2 business weeks",
        "business days",
        "５m",
        "3d 4h",
        "5 businessdays",
        "99999999d",
        "9" * 5000 + "d",
        "121mo",
    ],
)
def test_what_is_no_span_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a length of time|is too long"):
        Span.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_span_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert Span.parse(text).amount >= 0


def test_plain_lengths() -> None:
    assert Span.parse("90m").plain == timedelta(minutes=90)
    assert Span.parse("2w").plain == timedelta(days=14)
    for text in ("3mo", "2 business days", "5 business minutes"):
        with pytest.raises(ValueError, match="no fixed length"):
            _ = Span.parse(text).plain


def test_days_keep_the_wall_clock_over_a_clock_change() -> None:
    new_york = Calendar.build(id="ny", zone="America/New_York", hours={"mon": "9:00-17:00"})
    evening = datetime(2026, 3, 7, 20, 0, tzinfo=new_york.zone)
    assert Span.parse("1d").add(evening, new_york) == datetime(2026, 3, 8, 20, 0, tzinfo=new_york.zone)
    assert Span.parse("24h").add(evening, new_york) == datetime(2026, 3, 8, 21, 0, tzinfo=new_york.zone)
    night = datetime(2026, 3, 7, 2, 30, tzinfo=new_york.zone)  # 02:30 does not exist on the 8th
    assert Span.parse("1d").add(night, new_york).astimezone(new_york.zone).time() == time(3, 30)


def test_no_time_at_all_is_the_same_moment_even_in_an_hour_that_comes_twice() -> None:
    london = Calendar.build(id="l", zone="Europe/London", hours={"mon": "9:00-17:00"})
    second = datetime(2026, 10, 25, 1, 30, tzinfo=london.zone, fold=1).astimezone(UTC)
    for text in ("0d", "0mo", "0w", "0h"):
        assert Span.parse(text).add(second, london) == second


MINUTE_A_WEEK = Calendar.build(id="ny", zone="America/New_York", hours={"mon": "9:00-9:01"})


@pytest.mark.parametrize("text", ["120mo", "3650d", "3650 business days", "10 business minutes", "87600h"])
@pytest.mark.parametrize("calendar", [OFFICE, ALWAYS, MINUTE_A_WEEK], ids=lambda calendar: str(calendar.id))
def test_far_moments_end_at_the_end_of_time_instead_of_failing(text: str, calendar: Calendar) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert first < Span.parse(text).add(first, calendar) < datetime(100, 1, 1, tzinfo=UTC)
    assert Span.parse(text).add(last, calendar) == END_OF_TIME
    latest = datetime(9800, 12, 31, tzinfo=UTC)
    assert latest < Span.parse(text).add(latest, calendar) <= END_OF_TIME


def test_always_is_ordinary_time() -> None:
    start = datetime(2026, 11, 20, 17, 58, 1, 5, tzinfo=UTC)
    assert ALWAYS.is_open(start)
    assert ALWAYS.next_open(start) == start
    assert ALWAYS.working_between(start, start + timedelta(days=3, seconds=7)) == timedelta(days=3, seconds=7)
    assert Span.parse("90 business minutes").add(start, ALWAYS) == start + timedelta(minutes=90)


def test_open_days_outrank_holidays_and_closed_days() -> None:
    calendar = Calendar.build(
        id="c",
        zone="Asia/Tokyo",
        hours={key: ["9:00-12:00", "13:00-18:00"] for key in WORKDAYS},
        holidays="JP",
        closed=["2026-11-24", date(2026, 11, 25)],
        open=["2026-11-23", "2026-11-28 10:00-15:00", "2026-11-29", "12-30 9:00-10:00, 11:00-24:00"],
    )

    def wall(day: date) -> list[str]:
        return [f"{a.astimezone(TOKYO):%H:%M}-{b.astimezone(TOKYO):%H:%M}" for a, b in calendar.open_intervals(day)]

    usual = ["09:00-12:00", "13:00-18:00"]
    assert wall(date(2026, 11, 23)) == usual
    assert wall(date(2026, 11, 24)) == wall(date(2026, 11, 25)) == []
    assert wall(date(2026, 11, 26)) == usual
    assert wall(date(2026, 11, 28)) == ["10:00-15:00"]
    assert wall(date(2026, 11, 29)) == usual  # a Sunday has no hours of its own: Monday's
    assert wall(date(2028, 12, 30)) == ["09:00-10:00", "11:00-00:00"]


def test_substitute_holidays_and_regions_are_known() -> None:
    assert date(2026, 5, 6) in holidays_of("JP", 2026)  # 振替休日
    assert date(2026, 3, 31) in holidays_of("US-CA", 2026)  # César Chávez Day
    assert date(2026, 3, 31) not in holidays_of("US", 2026)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"hours": {}}, "at least one weekday"),
        ({"hours": {"mon": []}}, "at least one weekday"),
        ({"hours": {"monday": "9:00-18:00"}}, "is no weekday: write mon"),
        ({"hours": {"mon": "9-18"}}, "write 9:00-18:00"),
        ({"hours": {"mon": "9:00-24:01"}}, "0:00 to 24:00"),
        ({"hours": {"mon": "9:60-10:00"}}, "0:00 to 24:00"),
        ({"hours": {"mon": "22:00-6:00"}}, "split hours that pass midnight"),
        ({"hours": {"mon": ["9:00-12:00", "11:00-18:00"]}}, "overlap"),
        ({"closed": ["02-30"]}, "is no day: write 12-29"),
        ({"closed": ["2026-02-29"]}, "is no day"),
        ({"closed": [f"{m:02}-{d:02}" for m in range(1, 13) for d in range(1, 20)]}, "closed on more than"),
        ({"open": ["12/30"]}, "is no day"),
        ({"holidays": "JPN2"}, "no holidays are known"),
    ],
)
def test_a_wrong_calendar_is_told(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Calendar.build(**({"id": "c", "zone": "Asia/Tokyo", "hours": {"mon": "9:00-18:00"}} | wrong))  # type: ignore[arg-type]


def test_a_day_that_a_zone_skipped_has_no_hours() -> None:
    samoa = Calendar.build(id="s", zone="Pacific/Apia", hours=dict.fromkeys(WEEKDAYS, "0:00-24:00"))
    assert samoa.open_intervals(date(2011, 12, 30)) == ()
    assert samoa.working_between(
        datetime(2011, 12, 29, 0, 0, tzinfo=samoa.zone), datetime(2012, 1, 1, 0, 0, tzinfo=samoa.zone)
    ) == timedelta(days=2)


# --- the oracle -------------------------------------------------------------------------------------------------

#: Each with a week in it that holds a clock change, a holiday or neither.
ZONES = {
    "America/New_York": [date(2026, 3, 5), date(2026, 10, 29), date(2026, 7, 1)],
    "Europe/London": [date(2026, 3, 26), date(2026, 10, 22), date(2026, 5, 1)],
    "Asia/Tokyo": [date(2026, 11, 19), date(2026, 5, 1)],
    "Australia/Lord_Howe": [date(2026, 4, 2), date(2026, 10, 1)],  # half an hour
    "America/Havana": [date(2026, 3, 5), date(2026, 10, 29)],  # at midnight
}
COUNTRY = {"America/New_York": "US", "Europe/London": "GB", "Asia/Tokyo": "JP"}
HOURS = [
    ["9:00-18:00"],
    ["9:00-12:00", "13:00-17:30"],
    ["0:00-24:00"],
    ["0:00-0:20", "1:30-2:30", "22:00-24:00"],
    ["1:15-1:45", "2:00-2:01", "2:30-6:00"],
]


@st.composite
def calendars(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar and a moment in a week of its zone that is worth looking at."""
    zone = draw(st.sampled_from(sorted(ZONES)))
    week = draw(st.dictionaries(st.sampled_from(WEEKDAYS), st.sampled_from(HOURS), min_size=2))
    calendar = Calendar.build(
        id="drawn",
        zone=zone,
        hours=week,
        holidays=draw(st.sampled_from([None, COUNTRY.get(zone)])),
        closed=["05-04", "2026-03-08"],
    )
    monday = draw(st.sampled_from(ZONES[zone]))
    start = datetime.combine(monday, time(12, 0), UTC) + draw(st.integers(0, 5 * 24 * 60)) * MINUTE
    return calendar, start


def reads_open(calendar: Calendar, moment: datetime) -> bool:
    """The oracle: look at the clock on the wall and at the notice on the door."""
    wall = moment.astimezone(calendar.zone)
    day = wall.date()
    if day in calendar.closed or (day.month, day.day) in calendar.closed:
        return False
    if calendar.country and day in holidays_of(calendar.country, day.year):
        return False
    minutes = wall.hour * 60 + wall.minute
    return any(
        a.hour * 60 + a.minute <= minutes < (b.hour * 60 + b.minute or 1440)
        for a, b in calendar.hours.get(day.weekday(), ())
    )


@pytest.mark.fault("L4")
@given(calendars(), st.integers(0, 3 * 24 * 60))
def test_open_time_equals_the_minutes_counted_one_by_one(drawn: tuple[Calendar, datetime], length: int) -> None:
    calendar, start = drawn
    minutes = [start + n * MINUTE for n in range(length)]
    assert calendar.working_between(start, start + length * MINUTE) == MINUTE * sum(
        reads_open(calendar, minute) for minute in minutes
    )
    assert all(calendar.is_open(minute) == reads_open(calendar, minute) for minute in minutes[::7])


@pytest.mark.fault("L4")
@given(calendars(), st.integers(0, 900))
def test_business_minutes_equal_walking_minute_by_minute(drawn: tuple[Calendar, datetime], amount: int) -> None:
    calendar, start = drawn
    left, at = amount, start
    while left or (amount == 0 and not reads_open(calendar, at)):
        left -= reads_open(calendar, at)
        at += MINUTE
    assert Span(amount=amount, unit="minutes", business=True).add(start, calendar) == at


@pytest.mark.fault("L4")
@given(calendars(), st.integers(0, 4))
def test_business_days_equal_looking_at_every_day(drawn: tuple[Calendar, datetime], amount: int) -> None:
    calendar, start = drawn
    today = start.astimezone(calendar.zone).date()

    def last_open_minute(day: date) -> datetime | None:
        noon = datetime.combine(day, time(12), UTC)
        backwards = (noon + n * MINUTE for n in reversed(range(-30 * 60, 30 * 60)))
        mine = (m for m in backwards if m.astimezone(calendar.zone).date() == day)
        return next((m + MINUTE for m in mine if reads_open(calendar, m)), None)

    day = today if amount == 0 else today + timedelta(days=1)
    left = max(amount, 1)
    while True:
        closes = last_open_minute(day)
        if closes is not None and closes > start:
            left -= 1
            if left == 0:
                break
        day += timedelta(days=1)
    assert Span(amount=amount, unit="days", business=True).add(start, calendar) == closes


@pytest.mark.fault("L4")
@given(calendars(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_walking_and_measuring_agree_to_the_microsecond(
    drawn: tuple[Calendar, datetime], offset: int, amount: int
) -> None:
    calendar, start = drawn
    start += timedelta(microseconds=offset)
    length = timedelta(microseconds=amount)
    assert calendar.working_between(start, calendar.working_after(start, length)) == length
