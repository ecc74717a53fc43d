"""What was modified in a window of time, by HubSpot's search: to close gaps, never as the truth.

Search sees a write only after a while (seconds, in recordings up to half a minute), gives 200 a page and no more than
10,000 of one question; a longer window goes on from the last moment that it reached.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from connector.vendors.base import Record
from connector.vendors.moments import to_moment

PAGE: Final = 200
MOST: Final = 10_000

Ask = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""One search: the body in, the answer's JSON out."""


def modified(
    ask: Ask,
    read: Callable[[Mapping[str, Any]], Record],
    property_name: str,
    properties: Sequence[str],
    *,
    since: datetime,
    until: datetime,
) -> Iterator[Record]:
    """Records whose `property_name` (a modification time) lies in [since, until), oldest first, each once."""
    seen: set[str] = set()
    start: datetime | None = since
    while start is not None:
        start = yield from _window(ask, read, property_name, properties, start, until, seen)


def _window(
    ask: Ask,
    read: Callable[[Mapping[str, Any]], Record],
    name: str,
    properties: Sequence[str],
    since: datetime,
    until: datetime,
    seen: set[str],
) -> Generator[Record, None, datetime | None]:
    """The records of one question; returns where the next one begins, None at the end."""
    after = 0
    last = since
    while True:
        answer = ask(_body(name, properties, since, until, after))
        for raw in answer["results"]:
            record = read(raw)
            last = to_moment(record.properties.get(name)) or last
            if record.id not in seen:
                seen.add(record.id)
                yield record
        following = ((answer.get("paging") or {}).get("next") or {}).get("after")
        if following is None:
            return None
        after = int(following)
        if after + PAGE > MOST:
            return last if last > since else None


def _body(name: str, properties: Sequence[str], since: datetime, until: datetime, after: int) -> dict[str, Any]:
    filters = [
        {"propertyName": name, "operator": "GTE", "value": str(_milliseconds(since))},
        {"propertyName": name, "operator": "LT", "value": str(_milliseconds(until))},
    ]
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": name, "direction": "ASCENDING"}],
        "properties": [*properties, name],
        "limit": PAGE,
        "after": str(after),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
