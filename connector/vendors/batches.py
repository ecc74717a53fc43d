"""Batch writes: what became of each record, whatever became of the batch.

A vendor that refuses a whole batch for one bad row has not applied it: such a batch is halved until the bad row stands
alone and the rest has gone through. How an answer tells rows apart is each vendor's own (`Batch.matched`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from connector.errors import AuthError, QuotaError, RetryableError, UncertainError
from connector.vendors.base import Outcome, WriteResult
from connector.vendors.flight import Flight
from connector.vendors.refusal import RefusedError

Row = TypeVar("Row")

MERGED_AWAY = "merged_away"
"""The reason of a record that is answered as another one: what it has become is to be read."""

_WHOLE_BATCH_REASONS = ("unknown_property", "read_only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[Row]):
    """How one kind of write is sent and told apart.

    `send` makes the call; `name` is the id (or key) that a row's result carries; `uses` says whether a row sets a
    property; `matched` gives one result a row of an answer. `repeatable` is False for creates.
    """

    send: Callable[[Sequence[Row]], Any]
    name: Callable[[Row], str]
    uses: Callable[[Row, str], bool]
    matched: Callable[[Sequence[Row], Any], list[WriteResult]]
    repeatable: bool

    def result(self, row: Row, outcome: Outcome, reason: str, message: str) -> WriteResult:
        """A row's outcome in words."""
        return WriteResult(id=self.name(row), outcome=outcome, reason=reason, message=message)

    def refused(self, row: Row, error: RefusedError) -> WriteResult:
        """A row that is refused. A create has no record to miss: what does not exist is what it refers to."""
        outcome = Outcome.MISSING if error.status == 404 and self.repeatable else Outcome.REJECTED
        return replace(
            self.result(row, outcome, error.reason, error.message),
            property_name=error.property_name,
            existing_id=error.existing_id,
        )


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


def after(told: Sequence[WriteResult], names: Sequence[str], ask: Callable[[], list[WriteResult]]) -> list[WriteResult]:
    """The results of a further call, for the rows of these names. Where earlier ones have told of theirs, what keeps
    this one from being made must not swallow that: its rows wait for another attempt."""
    if not names:
        return []
    try:
        return ask()
    except (RetryableError, AuthError) as error:
        if not told:
            raise
        wait = error.retry_after_seconds if isinstance(error, RetryableError) else None
        waiting = WriteResult(id="", outcome=Outcome.RETRY, reason=error.reason, message=error.message)
        return [replace(waiting, id=name, retry_after_seconds=wait) for name in names]


def _write(batch: Batch[Row], rows: Sequence[Row], errors: list[RetryableError | AuthError]) -> list[WriteResult]:
    """One batch: sent, or halved where it is refused."""
    try:
        answer = batch.send(rows)
    except RefusedError as error:
        return _apart(batch, rows, error, errors)
    except UncertainError as error:
        return [batch.result(row, Outcome.UNCERTAIN, error.reason, error.message) for row in rows]
    except (RetryableError, AuthError) as error:
        errors.append(error)
        wait = error.retry_after_seconds if isinstance(error, RetryableError) else None
        retry = [batch.result(row, Outcome.RETRY, error.reason, error.message) for row in rows]
        together = len(rows) > 1 and not isinstance(error, AuthError | QuotaError)
        return [replace(one, retry_after_seconds=wait, together=together) for one in retry]
    return batch.matched(rows, answer)


def _apart(
    batch: Batch[Row], rows: Sequence[Row], error: RefusedError, errors: list[RetryableError | AuthError]
) -> list[WriteResult]:
    """A refused batch: the rows at fault told from the others, which are sent again."""
    if len(rows) == 1:
        return [batch.refused(rows[0], error)]
    name = error.property_name
    if name is not None and error.reason in _WHOLE_BATCH_REASONS:
        # The definition is at fault, not a value: every row that sets the property would be refused.
        guilty = [batch.uses(row, name) for row in rows]
        if any(guilty):
            innocent = [row for row, is_guilty in zip(rows, guilty, strict=True) if not is_guilty]
            passed = iter(_write(batch, innocent, errors) if innocent else [])
            return [
                batch.refused(row, error) if is_guilty else next(passed)
                for row, is_guilty in zip(rows, guilty, strict=True)
            ]
    middle = len(rows) // 2
    return _write(batch, rows[:middle], errors) + _write(batch, rows[middle:], errors)
