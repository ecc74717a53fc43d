"""What was modified in a window of time, by HubSpot's search: to make good what events missed, never as the truth.

Search sees a write only after a while (seconds, in recordings up to half a minute), gives 200 a page and no more than
10,000 of one question. So each page is a question of its own, by ascending id from the last one on: no window is too
large, equal moments do no harm, and a record that changes meanwhile leaves the window, never moves within it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from connector.errors import RetryableError
from connector.vendors.base import Page, Record

PAGE: Final = 200
MOST: Final = 10_000
ID: Final = "hs_object_id"

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
    after: str | None,
) -> Page:
    """Records whose `property_name` (a modification time) lies in [since, until), with ids above `after`."""
    body = _body(property_name, properties, since, until, after)
    for offset in range(0, MOST, PAGE):
        answer = ask({**body, "after": str(offset)})
        found = tuple(read(raw) for raw in answer["results"])
        more = ((answer.get("paging") or {}).get("next") or {}).get("after") is not None
        if found or not more:
            # archived a moment ago: still counted, no longer shown, so that a page may be empty and not the last
            return Page(records=found, after=found[-1].id if found and more else None)
    raise RetryableError("HubSpot's search counts records that it does not show yet.", reason="search_unsettled")


def _body(name: str, properties: Sequence[str], since: datetime, until: datetime, after: str | None) -> dict[str, Any]:
    filters = [
        {"propertyName": name, "operator": "GTE", "value": str(_milliseconds(since))},
        {"propertyName": name, "operator": "LT", "value": str(_milliseconds(until))},
    ]
    if after is not None:
        filters.append({"propertyName": ID, "operator": "GT", "value": after})
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": ID, "direction": "ASCENDING"}],
        "properties": [*properties, name],
        "limit": PAGE,
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
