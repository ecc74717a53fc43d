"""Batch writes: what became of each record, whatever became of the batch.

HubSpot refuses a whole batch for one bad row (400, 409): such a batch is known not to be applied, so it is halved
until the bad row stands alone and the rest has gone through. A 207 tells rows apart by itself. Results come back in
another order and are matched by id, or for creates by trace id, by our key, or because there is only one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from connector.errors import AuthError, RetryableError, UncertainError
from connector.vendors.base import Outcome, Record, WriteResult
from connector.vendors.flight import Flight
from connector.vendors.hubspot.failures import RefusedError, context_ids, is_missing, refused

Row = TypeVar("Row")

_WHOLE_BATCH_REASONS = ("unknown_property", "read_only")

_PASSING = ("INTERNAL_ERROR", "RATE_LIMITS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[Row]):
    """How one kind of write is sent and matched.

    `send` makes the call and returns its JSON; `name` is the id (or key) that a row's result carries; `uses` says
    whether a row sets a property; `read` makes a Record of a result. `labels` are the words by which an answer may
    name a row, `result_labels` and `error_labels` those that stand in a result and in a 207's error.
    `repeatable` is False for creates.
    """

    send: Callable[[Sequence[Row]], Any]
    name: Callable[[Row], str]
    uses: Callable[[Row, str], bool]
    read: Callable[[Mapping[str, Any]], Record]
    labels: Callable[[Row], Sequence[str]]
    result_labels: Callable[[Mapping[str, Any]], Sequence[str]]
    error_labels: Callable[[Mapping[str, Any]], Sequence[str]]
    repeatable: bool


def write_all(batch: Batch[Row], rows: Sequence[Row], *, size: int, flight: Flight) -> list[WriteResult]:
    """One result a row, in the rows' order.

    Raises `AuthError`, `QuotaError` or `RetryableError` only when not one row got further than that.
    """
    chunks = [rows[start : start + size] for start in range(0, len(rows), size)]
    errors: list[RetryableError | AuthError] = []

    def one(chunk: Sequence[Row]) -> list[WriteResult]:
        return _write(batch, chunk, errors)

    results = [result for chunk in flight.map(one, chunks) for result in chunk]
    if errors and all(result.outcome is Outcome.RETRY for result in results):
        raise next((error for error in errors if isinstance(error, AuthError)), errors[0])
    return results


def _write(batch: Batch[Row], rows: Sequence[Row], errors: list[RetryableError | AuthError]) -> list[WriteResult]:
    """One batch: sent, or halved where it is refused."""
    try:
        answer = batch.send(rows)
    except RefusedError as error:
        return _apart(batch, rows, error, errors)
    except UncertainError as error:
        return [_result(batch, row, Outcome.UNCERTAIN, error.reason, error.message) for row in rows]
    except (RetryableError, AuthError) as error:
        errors.append(error)
        wait = error.retry_after_seconds if isinstance(error, RetryableError) else None
        retry = [_result(batch, row, Outcome.RETRY, error.reason, error.message) for row in rows]
        return [replace(one, retry_after_seconds=wait) for one in retry]
    return _matched(batch, rows, answer)


def _apart(
    batch: Batch[Row], rows: Sequence[Row], error: RefusedError, errors: list[RetryableError | AuthError]
) -> list[WriteResult]:
    """A refused batch: the rows at fault told from the others, which are sent again."""
    if len(rows) == 1:
        return [_refused(batch, rows[0], error)]
    name = error.property_name
    if name is not None and error.reason in _WHOLE_BATCH_REASONS:
        # The definition is at fault, not a value: every row that sets the property would be refused.
        guilty = [batch.uses(row, name) for row in rows]
        if any(guilty):
            innocent = [row for row, is_guilty in zip(rows, guilty, strict=True) if not is_guilty]
            passed = iter(_write(batch, innocent, errors) if innocent else [])
            return [
                _refused(batch, row, error) if is_guilty else next(passed)
                for row, is_guilty in zip(rows, guilty, strict=True)
            ]
    middle = len(rows) // 2
    return _write(batch, rows[:middle], errors) + _write(batch, rows[middle:], errors)


def _matched(batch: Batch[Row], rows: Sequence[Row], answer: Any) -> list[WriteResult]:
    """Results and 207 errors, each to its row. A row of which nothing is said is not called done."""
    body = answer if isinstance(answer, Mapping) else {}
    index_of = {label: index for index, row in enumerate(rows) for label in batch.labels(row)}

    def rows_named(labels: Sequence[str]) -> list[int]:
        named = [index_of[label] for label in labels if label in index_of]
        # what is said of a batch of one is said of that one (but another id is another record: a merge's winner)
        return named or ([0] if len(rows) == 1 and not (labels and batch.repeatable) else [])

    found: dict[int, WriteResult] = {}
    for raw in body.get("results") or ():
        for index in rows_named(batch.result_labels(raw)):
            record = batch.read(raw)
            found[index] = WriteResult(id=record.id, outcome=Outcome.APPLIED, record=record)
    for raw in body.get("errors") or ():
        if raw.get("category") in _PASSING:
            continue  # the vendor stumbled over this row: nothing is wrong with its values
        error = refused(_status(raw), raw)
        for index in rows_named(batch.error_labels(raw)):
            found.setdefault(index, _refused(batch, rows[index], error))
    return [found.get(index) or _unanswered(batch, row) for index, row in enumerate(rows)]


def ids_in_result(raw: Mapping[str, Any]) -> list[str]:
    """A result names its record by id."""
    return [str(raw.get("id"))]


def ids_in_error(raw: Mapping[str, Any]) -> list[str]:
    """An error of a 207 names its records in its context, as a list or with commas."""
    return [one.strip() for text in context_ids(raw, "ids", "id", "objectId") for one in text.split(",")]


def _status(raw: Mapping[str, Any]) -> int:
    return 409 if raw.get("category") == "CONFLICT" else 404 if is_missing(raw) else 400


def _unanswered(batch: Batch[Row], row: Row) -> WriteResult:
    outcome = Outcome.RETRY if batch.repeatable else Outcome.UNCERTAIN
    return _result(batch, row, outcome, "unanswered", "HubSpot's answer says nothing of this record.")


def _refused(batch: Batch[Row], row: Row, error: RefusedError) -> WriteResult:
    # a create has no record to miss: what does not exist is the other end of its association
    outcome = Outcome.MISSING if error.status == 404 and batch.repeatable else Outcome.REJECTED
    return replace(
        _result(batch, row, outcome, error.reason, error.message),
        property_name=error.property_name,
        existing_id=error.existing_id,
    )


def _result(batch: Batch[Row], row: Row, outcome: Outcome, reason: str, message: str) -> WriteResult:
    return WriteResult(id=batch.name(row), outcome=outcome, reason=reason, message=message)
