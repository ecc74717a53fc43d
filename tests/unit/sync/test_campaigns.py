"""When a campaign's member answered, as far as the CRM tells: a touch of the row is no answer."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from connector.sync.campaigns import moment_of
from connector.vendors.campaigns import Member


@pytest.mark.parametrize(
    ("responded_on", "expected"),
    [
        (None, datetime(2026, 11, 24, 3, tzinfo=UTC)),
        (date(2026, 11, 24), datetime(2026, 11, 24, 3, tzinfo=UTC)),
        (date(2026, 11, 23), datetime(2026, 11, 24, 3, tzinfo=UTC)),  # still the 23rd in Honolulu
        (date(2026, 11, 25), datetime(2026, 11, 24, 3, tzinfo=UTC)),  # already the 25th in Kiribati
        (date(2026, 11, 22), datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_an_answer_is_dated_by_its_day_once_that_is_over_everywhere(
    responded_on: date | None, expected: datetime
) -> None:
    member = Member(
        id="00v1",
        people=("00Q1",),
        campaign="ウェビナー",
        type="Webinar",
        status="参加",
        modified_at=datetime(2026, 11, 24, 3, tzinfo=UTC),
        responded_on=responded_on,
        ours=False,
    )
    assert moment_of(member) == expected
