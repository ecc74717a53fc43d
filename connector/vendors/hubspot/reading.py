"""HubSpot's batch read, and what it says of records that people merged away.

An id that was merged away is answered with the winner, under the winner's id, and once where both were asked for. What
does not exist is named by a 207, so that an id that is neither answered nor named has become another record.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.errors import RetryableError
from connector.texts import say
from connector.vendors.base import Became, Lane, Record
from connector.vendors.flight import Flight
from connector.vendors.hubspot import protocol, records
from connector.vendors.hubspot.api import Api
from connector.vendors.hubspot.failures import is_missing
from connector.vendors.hubspot.writing import ids_in_error
from connector.vendors.refusal import RefusedError

FOLLOWED: Final = ("contact", "deal")
"""The types of which a merge decides something; a company is only ever read through its people."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a batch read gave: the records as they are called now, and the ids of which it says that there is none."""

    records: Sequence[Record]
    missing: frozenset[str]


class Reader:
    """Reads records by id, or by a unique property, a batch a call."""

    def __init__(self, api: Api, paths: protocol.Paths, flight: Flight, ours: Collection[str]) -> None:
        self._api = api
        self._paths = paths
        self._flight = flight
        self._ours = ours

    def batch(
        self,
        object_type: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        lane: Lane,
        extra: Mapping[str, Any],
        size: int = protocol.BATCH_SIZE,
    ) -> Answered:
        """Several calls at once. Raises `RetryableError` where a record was left out for any other reason than that
        there is none: it must not look deleted."""
        path = self._paths.object(object_type, "/batch/read")
        shared = {"properties": list(dict.fromkeys(properties)), "propertiesWithHistory": [], **extra}

        def one(chunk: Sequence[str]) -> Answered:
            body = {**shared, "inputs": [{"id": wanted} for wanted in chunk]}
            try:
                answer = self._api.call("POST", path, body, lane=lane)
            except RefusedError as error:
                if error.status == 404:  # a chunk of which nothing exists
                    return Answered((), frozenset(chunk))
                raise RetryableError(
                    say(
                        "HubSpot refuses to read {object_type} records ({why}); check the properties that the policy "
                        "names with `tasuki connect`.",
                        object_type=object_type,
                        why=error.message,
                    ),
                    reason=f"read_{error.reason}",
                ) from error
            found = [records.record(raw, object_type, self._ours) for raw in answer["results"]]
            return Answered(found, _missing(answer))

        answers = self._flight.map(one, [ids[start : start + size] for start in range(0, len(ids), size)])
        return Answered(
            [record for answer in answers for record in answer.records],
            frozenset(one for answer in answers for one in answer.missing),
        )

    def became(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        """Those of these ids, which were not answered, that were merged into another record: told with that one.

        The winners themselves tell, a hundred a call; what no winner names is asked for alone.
        """
        answer = self.batch(object_type, ids, [protocol.MERGED_PROPERTY], lane=lane, extra={})
        winners = {
            loser: record.id
            for record in answer.records
            for loser in (record.properties.get(protocol.MERGED_PROPERTY) or "").split(";")
            if loser in ids
        }
        if {record.id for record in answer.records} - set(winners.values()):
            for loser in ids:
                if loser not in winners and loser not in answer.missing:
                    winners |= self._alone(object_type, loser, lane)
        return {loser: _merged_away(object_type, loser, winner) for loser, winner in winners.items()}

    def _alone(self, object_type: str, loser: str, lane: Lane) -> dict[str, str]:
        found = self.batch(object_type, [loser], [protocol.MERGED_PROPERTY], lane=lane, extra={}).records
        return {loser: found[0].id} if found and found[0].id != loser else {}


def _merged_away(object_type: str, loser: str, winner: str) -> Record:
    became = Became(id=winner, goes_on=False)
    return Record(object_type=object_type, id=loser, properties={}, modified_at=None, archived=True, became=became)


def _missing(answer: Mapping[str, Any]) -> frozenset[str]:
    """The ids of which a 207 says that there is none."""
    errors = answer.get("errors") or ()
    if not all(is_missing(error) for error in errors):
        raise RetryableError("HubSpot could not read every record.", reason="partial_read")
    return frozenset(one for error in errors for one in ids_in_error(error))
