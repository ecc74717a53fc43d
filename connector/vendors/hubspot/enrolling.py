"""Lists and sequences: putting people on a static list, enrolling them in a sequence, and who joined a list when.

A list is filled 100,000 people a call, and doing it twice changes nothing. A sequence takes one person a call and sends
mail at once: such a call is never made again blindly, and HubSpot's API cannot take it back. What an account does not
have (a list or sequence of that name, a seat, a connected inbox) is a refusal with the reason `not_available`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from connector.errors import AuthError, QuotaError, RejectedError, RetryableError, UncertainError
from connector.vendors.base import Enrolee, Joining, Lane, ListInfo, Outcome, WriteResult
from connector.vendors.batches import Batch, write_all
from connector.vendors.campaigns import Campaigns
from connector.vendors.flight import Flight
from connector.vendors.hubspot.api import Api
from connector.vendors.hubspot.protocol import Paths, segment
from connector.vendors.moments import to_moment
from connector.vendors.refusal import RefusedError

LIST, SEQUENCE = "hubspot_list", "hubspot_sequence"
NOT_AVAILABLE: Final = "not_available"
ADD_AT_ONCE: Final = 100_000
JOINED_PAGE: Final = 250
_CONTACTS: Final = "0-1"
_STATIC: Final = ("MANUAL", "SNAPSHOT")
_EPOCH = datetime.fromtimestamp(0, tz=UTC)


class HubSpotEnroller:
    """Implements `vendors.base.Enroller` for one portal; ids of lists and sequences are looked up once.

    Safe to share between threads.
    """

    places: tuple[str, ...] = (LIST, SEQUENCE)
    campaigns: Campaigns | None = None  #: Its campaigns have no members.

    def __init__(self, api: Api, paths: Paths, flight: Flight) -> None:
        self._api = api
        self._paths = paths
        self._flight = flight
        self._lists: dict[str, ListInfo] = {}
        self._sequences: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def enrol(self, place: str, name: str, people: Sequence[Enrolee], *, lane: Lane) -> list[WriteResult]:
        """Put people on a static list, or start a sequence for them."""
        start = self._add_to_list if place == LIST else self._start_sequence
        return start(name, people, lane)

    def enrolled(self, place: str, name: str, people: Sequence[Enrolee], *, lane: Lane) -> set[str]:
        """Who is in a sequence. Nobody need ask it of a list: adding twice is adding once."""
        return set() if place == LIST else self._in_sequence(name, people, lane)

    # ── lists ────────────────────────────────────────────────────────────────────────────────────────────────
    def find_list(self, name: str, *, lane: Lane) -> ListInfo | None:
        """The list of contacts with this name; None: there is none."""
        with self._lock:
            known = self._lists.get(name)
        if known is not None:
            return known
        try:
            answer = self._api.get(
                f"{self._paths.lists}/object-type-id/{_CONTACTS}/name/{segment(name)}", {}, lane=lane
            )
        except RefusedError as error:
            if error.status == 404:
                return None
            raise RetryableError(error.message, reason=f"list_{error.reason}") from error
        raw = answer.get("list") or answer
        found = ListInfo(id=str(raw["listId"]), name=name, static=raw.get("processingType") in _STATIC)
        with self._lock:
            self._lists[name] = found
        return found

    def create_list(self, name: str) -> None:
        """A static list of contacts; fine where somebody else was faster. `RefusedError` as the call gives it."""
        body = {"name": name, "objectTypeId": _CONTACTS, "processingType": "MANUAL"}
        try:
            self._api.call("POST", self._paths.lists, body, lane=Lane.BACKGROUND)
        except RefusedError:
            if self.find_list(name, lane=Lane.BACKGROUND) is None:
                raise

    def _add_to_list(self, name: str, people: Sequence[Enrolee], lane: Lane) -> list[WriteResult]:
        """Put people on a static list."""
        found = self.find_list(name, lane=lane)
        if found is None or not found.static:
            why = "There is no static list of that name." if found is None else "The list is filled by HubSpot itself."
            return [_refused(one, NOT_AVAILABLE, why) for one in people]
        path = f"{self._paths.lists}/{segment(found.id)}/memberships/add"

        def send(rows: Sequence[Enrolee]) -> Any:
            try:
                return self._api.call("PUT", path, list(dict.fromkeys(one.person_id for one in rows)), lane=lane)
            except RefusedError as error:
                if self._takes_still(found, lane):
                    raise  # somebody of these is at fault
                return error

        batch: Batch[Enrolee] = Batch(
            send=send, name=lambda one: one.key, uses=lambda one, name: False, matched=_added, repeatable=True
        )
        return write_all(batch, people, size=ADD_AT_ONCE, flight=self._flight)

    def _takes_still(self, known: ListInfo, lane: Lane) -> bool:
        """True when the list is the one that it was; it may have been deleted and made anew."""
        with self._lock:
            self._lists.pop(known.name, None)
        return self.find_list(known.name, lane=lane) == known

    def joined(self, list_id: str, *, after: str | None, lane: Lane) -> Iterator[tuple[list[Joining], str | None]]:
        """Pages of who joined, oldest first, each with the cursor that it began with: to go on from there."""
        while True:
            query = {"limit": str(JOINED_PAGE)} | ({"after": after} if after is not None else {})
            answer = self._api.get(f"{self._paths.lists}/{segment(list_id)}/memberships/join-order", query, lane=lane)
            rows = [
                Joining(person_id=str(raw["recordId"]), at=to_moment(raw.get("membershipTimestamp")) or _EPOCH)
                for raw in answer.get("results") or ()
            ]
            yield rows, after
            following = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if following is None or str(following) == after:
                return
            after = str(following)

    # ── sequences ────────────────────────────────────────────────────────────────────────────────────────────
    def has_sequences(self, user_ids: Sequence[str]) -> bool:
        """True when one of these users may list sequences: the account has them, and our app may call them."""
        for user_id in user_ids:
            try:
                self._api.get(self._paths.sequences, {"userId": user_id, "limit": "1"}, lane=Lane.BACKGROUND)
            except AuthError as error:
                if error.reason == "token_refused":
                    raise
            except RejectedError:
                continue
            else:
                return True
        return False

    def _start_sequence(self, name: str, people: Sequence[Enrolee], lane: Lane) -> list[WriteResult]:
        """Enrol people, one call each."""
        return self._flight.map(lambda one: self._start(name, one, lane), people)

    def _in_sequence(self, name: str, people: Sequence[Enrolee], lane: Lane) -> set[str]:
        """The keys of those who are in this sequence at present."""
        found = self._flight.map(lambda one: self._status(one, lane), people)
        return {one.key for one, sequence in zip(people, found, strict=True) if sequence == name}

    def _start(self, name: str, one: Enrolee, lane: Lane) -> WriteResult:
        if one.user_id is None or one.sender is None:
            return _refused(one, NOT_AVAILABLE, "Nobody owns the lead in whose name the sequence could be sent.")
        try:
            sequence_id = self._sequence_id(name, one.user_id, lane)
            if sequence_id is None:
                return _refused(one, NOT_AVAILABLE, "The sender has no sequence of that name.")
            body = {"sequenceId": sequence_id, "contactId": one.person_id, "senderEmail": one.sender}
            path = f"{self._paths.sequences}/enrollments?{urlencode({'userId': one.user_id})}"
            self._api.call("POST", path, body, lane=lane, repeatable=False)
        except UncertainError as error:
            return WriteResult(id=one.key, outcome=Outcome.UNCERTAIN, reason=error.reason, message=error.message)
        except QuotaError:
            raise
        except RetryableError as error:  # it was not started, and others may have been
            return WriteResult(
                id=one.key, outcome=Outcome.RETRY, reason=error.reason, retry_after_seconds=error.retry_after_seconds
            )
        except AuthError as error:
            if error.reason == "token_refused":
                raise
            return _refused(one, NOT_AVAILABLE, error.message)
        except RefusedError as error:
            return _refused(one, error.reason, error.message)
        return WriteResult(id=one.key, outcome=Outcome.APPLIED)

    def _sequence_id(self, name: str, user_id: str, lane: Lane) -> str | None:
        with self._lock:
            known = self._sequences.get((user_id, name))
        if known is not None:
            return known
        after: str | None = None
        while True:
            query = {"userId": user_id, "name": name, "limit": "100"} | ({"after": after} if after else {})
            answer = self._api.get(self._paths.sequences, query, lane=lane)
            for raw in answer.get("results") or ():
                if raw.get("name") == name:
                    with self._lock:
                        self._sequences[user_id, name] = str(raw["id"])
                    return str(raw["id"])
            after = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return None

    def _status(self, one: Enrolee, lane: Lane) -> str | None:
        try:
            path = f"{self._paths.sequences}/enrollments/contact/{segment(one.person_id)}"
            answer: Any = self._api.get(path, {}, lane=lane)
        except RefusedError:  # 404: in none
            return None
        return str(answer.get("sequenceName") or "") or None


def _added(people: Sequence[Enrolee], answer: Any) -> list[WriteResult]:
    """What became of each of these; a refusal is of the list itself."""
    if isinstance(answer, RefusedError):
        return [_refused(one, answer.reason, answer.message) for one in people]
    missing = {str(one) for one in (answer or {}).get("recordIdsMissing") or ()}
    return [
        WriteResult(id=one.key, outcome=Outcome.MISSING if one.person_id in missing else Outcome.APPLIED)
        for one in people
    ]


def _refused(one: Enrolee, reason: str, message: str) -> WriteResult:
    return WriteResult(id=one.key, outcome=Outcome.REJECTED, reason=reason, message=message)
