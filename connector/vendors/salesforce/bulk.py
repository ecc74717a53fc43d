"""Bulk API 2.0 for what is more than a few calls' worth: one job, CSV up, results down.

A job takes its time: `start`, `finished` and `results` let a caller come back to it, `update` waits. An empty cell
leaves a field alone and `#N/A` clears it. Without an assignment rule in the job no rule runs, so owners stay.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence

from connector.errors import RetryableError
from connector.vendors.base import Lane, Outcome, Update, WriteResult
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.failures import PASSING, refused

LONGEST_WAIT_SECONDS = 900.0
_POLL_SECONDS = 5.0
_NULL = "#N/A"
_DONE = ("JobComplete", "Failed", "Aborted")
_ENDLESS = "The Bulk job is not done yet; its records are written again when it has ended."


class BulkWriter:
    """Bulk jobs of one org. `clock` and `sleep` are machine time."""

    def __init__(
        self,
        api: Api,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._clock = clock
        self._sleep = sleep

    def update(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """Set properties of many records; one result a record, in the inputs' order."""
        job = self.start(object_type, updates, lane=lane)
        deadline = self._clock() + LONGEST_WAIT_SECONDS
        while not self.finished(job, lane=lane):
            if self._clock() > deadline:
                raise RetryableError(_ENDLESS, reason="bulk_slow", retry_after_seconds=LONGEST_WAIT_SECONDS)
            self._sleep(_POLL_SECONDS)
        return self.results(job, updates, lane=lane)

    def start(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> str:
        """Create the job, upload its content, close it; the job's id. Nothing runs before it is closed."""
        body = {"object": object_type, "operation": "update", "contentType": "CSV", "lineEnding": "LF"}
        job = str(self._api.call("POST", "jobs/ingest", body, lane=lane, repeatable=False)["id"])
        self._api.raw("PUT", f"jobs/ingest/{job}/batches", content=_csv(updates), lane=lane, repeatable=False)
        self._api.call("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"}, lane=lane, repeatable=False)
        return job

    def finished(self, job: str, *, lane: Lane) -> bool:
        """Whether the job has ended, well or not."""
        return self._api.call("GET", f"jobs/ingest/{job}", lane=lane)["state"] in _DONE

    def results(self, job: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """What became of each record of a job that has ended; what was not worked on may be tried again."""
        told: dict[str, WriteResult] = {}
        for row in self._rows(job, "successfulResults", lane=lane):
            told[row["Id"]] = WriteResult(id=row["Id"], outcome=Outcome.APPLIED)
        for row in self._rows(job, "failedResults", lane=lane):
            told[row["Id"]] = _failed(row["Id"], row["sf__Error"])
        unworked = "The Bulk job ended before this record was worked on."
        return [
            told.get(one.id) or WriteResult(id=one.id, outcome=Outcome.RETRY, reason="unprocessed", message=unworked)
            for one in updates
        ]

    def _rows(self, job: str, name: str, *, lane: Lane) -> list[Mapping[str, str]]:
        answer = self._api.raw("GET", f"jobs/ingest/{job}/{name}/", lane=lane)
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8"))))


def _csv(updates: Sequence[Update]) -> bytes:
    names = list(dict.fromkeys(name for one in updates for name in one.properties))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["Id", *names])
    for one in updates:
        cells = (one.properties.get(name) for name in names)
        writer.writerow([one.id, *("" if cell is None else cell or _NULL for cell in cells)])
    return text.getvalue().encode("utf-8")


def _failed(record_id: str, told: str) -> WriteResult:
    """`CODE:message:fields --`"""
    code, _, rest = told.partition(":")
    message, _, fields = rest.rpartition(":")
    names = [name for name in fields.replace("--", "").split(",") if name.strip()]
    if code.strip() == "InvalidBatch":
        code = "INVALID_FIELD"
    if code in PASSING:
        return WriteResult(id=record_id, outcome=Outcome.RETRY, reason=code.lower())
    error = refused(200, [{"statusCode": code, "message": message, "fields": names}])
    return WriteResult(
        id=record_id,
        outcome=Outcome.MISSING if error.status == 404 else Outcome.REJECTED,
        reason=error.reason,
        message=error.message,
        property_name=error.property_name,
        existing_id=error.existing_id,
    )
