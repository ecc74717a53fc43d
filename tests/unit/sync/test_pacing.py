"""The laws of an account's day: never beyond our share, never into what others need, background before hot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from connector.sync.pacing import OTHERS_LAST, Pace, Reason, Usage, VendorDay, allowance, vendor_day

TOTALS = st.integers(10, 1_000_000).map(float)
PARTS = st.floats(0.0, 1.0)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    total = draw(TOTALS)
    ours = draw(PARTS) * total
    told = draw(st.none() | PARTS)
    return Usage(
        total=total,
        ours=ours,
        everybody=None if told is None else told * total,
        share=draw(st.floats(0.01, 1.0)),
        hot_share=draw(st.floats(0.0, 0.5)),
    )


@given(usages(), PARTS)
def test_no_lane_is_given_more_than_its_share_or_what_others_leave(usage: Usage, elapsed: float) -> None:
    found, budget = allowance(usage, elapsed), usage.total * usage.share
    everybody = max(usage.ours, usage.everybody or 0.0)
    slack = usage.total * 1e-9
    assert 0 <= found.next_portion <= found.background <= found.hot
    assert usage.ours + found.hot <= max(usage.ours, budget) + slack
    assert everybody + found.hot <= max(everybody, usage.total * (1 - OTHERS_LAST)) + slack
    assert usage.ours + found.background <= max(usage.ours, budget * (1 - usage.hot_share)) + slack
    if found.background:
        rest = found.others_by_evening - (everybody - usage.ours)
        assert everybody + found.background + rest <= usage.total + slack, "others reach the evening at their rate"
    assert (found.pace is Pace.STOPPED) == (found.background < 1)
    assert (found.reason is None) == (found.pace is Pace.FREE)
    assert found.ours_by_evening >= usage.ours


@given(usages(), PARTS, PARTS)
def test_the_more_others_use_the_less_is_ours(usage: Usage, elapsed: float, more: float) -> None:
    told = max(usage.ours, usage.everybody or 0.0)
    before = allowance(replace(usage, everybody=told), elapsed)
    after = allowance(replace(usage, everybody=told + more * usage.total), elapsed)
    assert after.hot <= before.hot
    assert after.background <= before.background


@given(usages(), PARTS, st.floats(0.0, 1.0))
def test_a_larger_share_never_gives_the_hot_lane_less(usage: Usage, elapsed: float, more: float) -> None:
    larger = replace(usage, share=usage.share + more * (1 - usage.share))
    assert allowance(larger, elapsed).hot >= allowance(usage, elapsed).hot


@given(TOTALS, st.floats(0.1, 0.8), st.floats(0.0, 0.6))
@example(10.0, 0.8, 0.6)
@example(15.0, 0.78, 0.44)
def test_whoever_asks_for_all_day_long_uses_the_share_and_leaves_the_reserve(
    total: float, share: float, others: float
) -> None:
    """Minute by minute the background takes whatever it is given, and others use the account evenly."""
    ours = theirs = 0.0
    for minute in range(0, 1440, 10):
        usage = Usage(total=total, ours=ours, everybody=ours + theirs, share=share)
        found = allowance(usage, minute / 1440)
        ours += min(found.background, found.next_portion * 10)
        theirs += others * total / 144
    assert ours <= 0.8 * share * total + 1
    assert ours + theirs <= total * (1 + 1e-9)
    if others + share <= 0.7 and total > 10_000:
        assert ours >= 0.6 * share * total, "and what nobody else needs is used"


def test_others_that_use_four_fifths_stop_the_background_and_leave_the_hot_lane() -> None:
    found = allowance(Usage(total=1000, ours=20, everybody=820), 0.6)
    assert (found.background, found.pace, found.reason) == (0.0, Pace.STOPPED, Reason.OTHERS)
    assert found.hot == 130
    assert found.others_by_evening == 1000


def test_a_busy_morning_is_spread_over_the_rest_of_the_day() -> None:
    found = allowance(Usage(total=1_000_000, ours=250_000, everybody=250_000), 0.25)
    assert (found.pace, found.reason, found.background) == (Pace.SLOWED, Reason.SHARE, 150_000)
    assert 135 < found.next_portion < 140, "a minute's part of what is left"
    assert allowance(Usage(total=1_000_000, ours=100_000, everybody=100_000), 0.25).pace is Pace.FREE


def test_the_day_is_the_accounts_own() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    at = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
    assert vendor_day(at, tokyo) == VendorDay(date=date(2026, 11, 26), elapsed=0.25)
    berlin = ZoneInfo("Europe/Berlin")
    assert vendor_day(datetime(2026, 10, 25, 11, 30, tzinfo=UTC), berlin).elapsed == 0.54, "a day of 25 hours"
