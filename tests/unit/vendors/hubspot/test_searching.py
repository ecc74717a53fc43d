"""What was modified in a window: pages, and windows that hold more than search gives of one question."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.vendors.base import Record
from connector.vendors.hubspot.searching import MOST, PAGE, modified

START = datetime(2026, 4, 1, tzinfo=UTC)
NAME = "hs_lastmodifieddate"


class Search:
    """A search over records that were modified a second apart, with HubSpot's cap."""

    def __init__(self, count: int, *, together: int = 1) -> None:
        self.rows = [(str(number), START + timedelta(seconds=number // together)) for number in range(count)]
        self.asked = 0

    def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked += 1
        low, high = (int(one["value"]) for one in body["filterGroups"][0]["filters"])
        after = int(body["after"])
        assert after + PAGE <= MOST
        found = [row for row in self.rows if low <= row[1].timestamp() * 1000 < high]
        page = found[after : after + PAGE]
        answer: dict[str, Any] = {
            "results": [{"id": one, "properties": {NAME: at.isoformat()}} for one, at in page],
        }
        if after + PAGE < len(found):
            answer["paging"] = {"next": {"after": str(after + PAGE)}}
        return answer


def read(raw: Mapping[str, Any]) -> Record:
    return Record(object_type="call", id=raw["id"], properties=raw["properties"], modified_at=None)


def found(search: Search, *, since: datetime = START, until: datetime = START + timedelta(days=2)) -> list[str]:
    return [one.id for one in modified(search, read, NAME, ["hs_timestamp"], since=since, until=until)]


def test_every_record_of_the_window_comes_once_oldest_first() -> None:
    search = Search(450)
    assert found(search) == [str(number) for number in range(450)]
    assert search.asked == 3
    assert found(search, since=START + timedelta(seconds=10), until=START + timedelta(seconds=20)) == [
        str(number) for number in range(10, 20)
    ]


def test_more_than_ten_thousand_are_asked_for_in_several_questions() -> None:
    search = Search(MOST * 2 + 7)
    assert found(search) == [str(number) for number in range(MOST * 2 + 7)]


def test_it_ends_where_one_moment_holds_more_than_search_gives() -> None:
    search = Search(MOST + 500, together=MOST + 500)
    assert len(found(search)) == MOST
    assert search.asked == MOST // PAGE
