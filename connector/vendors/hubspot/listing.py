"""What a portal shows page by page: everything there is, what is in the bin, what was modified in a window."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from connector.domain.fingerprint import fingerprints
from connector.errors import RetryableError
from connector.texts import say
from connector.vendors.base import Lane, Page
from connector.vendors.hubspot import protocol, records, searching
from connector.vendors.hubspot.api import Api, target_of
from connector.vendors.refusal import RefusedError
from connector.vendors.sheet import Coming, Sheet


class Listing:
    """Listings of one portal. `our_source_ids` are our app's ids as HubSpot names them in change sources."""

    def __init__(self, api: Api, paths: protocol.Paths, our_source_ids: Collection[str]) -> None:
        self._api = api
        self._paths = paths
        self._ours = our_source_ids

    def changed(
        self,
        object_type: str,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after: str | None,
        lane: Lane,
    ) -> Page:
        """A page of the records modified in this window, by search."""
        path = self._paths.object(object_type, "/search")
        with _listing(object_type):
            return searching.modified(
                lambda body: self._api.call("POST", path, body, lane=lane, kind="search"),
                lambda raw: records.record(raw, object_type, self._ours),
                protocol.MODIFIED.get(object_type, protocol.MODIFIED_USUALLY),
                properties,
                since=since,
                until=until,
                after=after,
            )

    def page(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool
    ) -> Page:
        """One page of the list endpoint (by id; no cap, unlike search)."""
        answer = self._list(object_type, properties, after=after, lane=lane, archived=archived)
        found = tuple(records.record(raw, object_type, self._ours) for raw in answer["results"])
        return Page(records=found, after=following(answer))

    def sheets(
        self, object_type: str, properties: Sequence[str], *, afters: Sequence[str | None], lane: Lane
    ) -> Coming:
        """Pages of what is not in the bin, several under way; each record is read when it is asked for."""
        first = target_of(self._paths.object(object_type), _query(properties, after=None, archived=False))
        tails = ("" if after is None else "&" + urlencode({"after": after}) for after in afters)
        asked = self._api.ask([first + tail for tail in tails], lane=lane)

        def read() -> list[Sheet]:
            with _listing(object_type):
                return [self._sheet(object_type, answer) for answer in asked.answers()]

        return Coming(read=read, drop=asked.drop)

    def _sheet(self, object_type: str, answer: Any) -> Sheet:
        rows = answer["results"]
        return Sheet(
            ids=tuple([str(raw["id"]) for raw in rows]),
            fingerprints=tuple(fingerprints([raw.get("properties") or {} for raw in rows])),
            after=following(answer),
            read=lambda place: records.record(rows[place], object_type, self._ours),
        )

    def _list(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool
    ) -> Any:
        query = _query(properties, after=after, archived=archived)
        with _listing(object_type):
            return self._api.get(self._paths.object(object_type), query, lane=lane)

    def rows(self, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """The raw rows of any list endpoint, read page by page as they are asked for."""
        after: str | None = None
        while True:
            paged = {**query, "after": after} if after is not None else dict(query)
            answer = self._api.get(path, paged, lane=Lane.BACKGROUND)
            yield from answer["results"]
            next_after = following(answer)
            if next_after is None or next_after == after:
                return
            after = next_after


def _query(properties: Sequence[str], *, after: str | None, archived: bool) -> dict[str, str]:
    """What a page of the list endpoint is asked for with."""
    query = {"limit": str(protocol.BATCH_SIZE), "properties": ",".join(properties) or searching.ID}
    query |= {"archived": "true" if archived else "false"}
    return query if after is None else {**query, "after": after}


def following(answer: Mapping[str, Any]) -> str | None:
    """Where the next page of an answer begins; None at the end."""
    after = ((answer.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


@contextmanager
def _listing(object_type: str) -> Iterator[None]:
    """A listing that HubSpot refuses (a scope was taken from the app) is tried again: nothing is left out for good."""
    try:
        yield
    except RefusedError as error:
        raise RetryableError(
            say(
                "HubSpot refuses to list {object_type} records ({why}); give the app the scope to read them.",
                object_type=object_type,
                why=error.message,
            ),
            reason=f"list_{error.reason}",
        ) from error
