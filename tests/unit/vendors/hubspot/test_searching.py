"""What was modified in a window: pages by ascending id, however many records a window or a moment holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import RetryableError
from connector.vendors.base import Record
from connector.vendors.hubspot.searching import MOST, PAGE, modified

START = datetime(2026, 4, 1, tzinfo=UTC)
NAME = "hs_lastmodifieddate"


class Search:
    """A search over records with these moments of modification, with HubSpot's cap; ids have one to five digits."""

    def __init__(self, moments: list[datetime]) -> None:
        self.rows = dict(enumerate(moments, start=1))
        self.hidden: set[int] = set()  #: counted, no longer shown
        self.asked = 0
        self.touch: int | None = None  #: modified while the second page is asked for

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked += 1
        if self.asked == 2 and self.touch is not None:
            self.rows[self.touch] = START + timedelta(days=5)
        offset = int(body["after"])
        assert offset + PAGE <= MOST
        low, high, *above = (int(one["value"]) for one in body["filterGroups"][0]["filters"])
        assert body["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
        found = [
            (one, at)
            for one, at in sorted(self.rows.items())
            if low <= at.timestamp() * 1000 < high and one > (above[0] if above else 0)
        ]
        page = [row for row in found[offset : offset + PAGE] if row[0] not in self.hidden]
        answer: dict[str, Any] = {
            "results": [{"id": str(one), "properties": {NAME: at.isoformat()}} for one, at in page]
        }
        if offset + PAGE < len(found):
            answer["paging"] = {"next": {"after": str(offset + PAGE)}}
        return answer


def read(raw: Mapping[str, Any]) -> Record:
    return Record(object_type="call", id=raw["id"], properties=raw["properties"], modified_at=None)


def found(search: Search, *, since: datetime = START, until: datetime = START + timedelta(days=2)) -> list[int]:
    ids: list[int] = []
    after: str | None = None
    while True:
        page = modified(search, read, NAME, ["hs_timestamp"], since=since, until=until, after=after)
        ids += [int(one.id) for one in page.records]
        after = page.after
        if after is None:
            return ids


def every_second(count: int) -> list[datetime]:
    return [START + timedelta(seconds=number) for number in range(count)]


def test_every_record_of_the_window_comes_once_by_id() -> None:
    search = Search(every_second(450))
    assert found(search) == list(range(1, 451))
    assert search.asked == 3
    assert found(search, since=START + timedelta(seconds=10), until=START + timedelta(seconds=20)) == list(
        range(11, 21)
    )


@pytest.mark.fault("F48")
@pytest.mark.parametrize("together", [False, True], ids=["spread", "one moment"])
def test_more_than_search_gives_of_one_question_comes_once_and_ends(together: bool) -> None:
    """Also when all of it was modified in one moment, as an import does it."""
    count = MOST + 5_000
    search = Search([START] * count if together else every_second(count))
    assert found(search) == list(range(1, count + 1))
    assert search.asked == count / PAGE


def test_what_changes_meanwhile_leaves_the_window_and_nothing_else_moves() -> None:
    search = Search(every_second(600))
    search.touch = 500
    assert found(search) == [one for one in range(1, 601) if one != 500]


@settings(max_examples=50)
@given(st.sets(st.integers(min_value=1, max_value=700)))
def test_archived_records_that_are_still_counted_hide_nobody(hidden: set[int]) -> None:
    search = Search(every_second(700))
    search.hidden = hidden
    assert found(search) == [one for one in range(1, 701) if one not in hidden]


def test_a_search_that_shows_nothing_it_counts_is_asked_again_later() -> None:
    search = Search([START] * (MOST + 1))
    search.hidden = set(search.rows)
    with pytest.raises(RetryableError) as caught:
        found(search)
    assert caught.value.reason == "search_unsettled"
