"""When everything is looked through: once a night, in the policy's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sync.reconcile import NIGHT, next_night

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")


def test_the_night_that_comes_is_at_two_in_the_policys_time_zone() -> None:
    evening = datetime(2026, 4, 1, 12, tzinfo=UTC)  # 21:00 in Tokyo
    assert next_night(evening, TOKYO) == datetime(2026, 4, 2, 2, tzinfo=TOKYO)
    assert next_night(datetime(2026, 4, 1, 16, tzinfo=UTC), TOKYO) == datetime(2026, 4, 2, 2, tzinfo=TOKYO)
    at_night = datetime(2026, 4, 2, 2, tzinfo=TOKYO)
    assert next_night(at_night, TOKYO) == datetime(2026, 4, 3, 2, tzinfo=TOKYO), "not twice in one night"


@pytest.mark.fault("F26")
@settings(max_examples=50)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_it_lies_ahead_and_within_a_day_also_when_clocks_change(now: datetime) -> None:
    night = next_night(now, BERLIN)
    assert timedelta(0) < night.astimezone(UTC) - now <= timedelta(hours=25)
    assert night.astimezone(BERLIN).time() in (NIGHT, NIGHT.replace(hour=3)), "2:00 does not exist once a year"
