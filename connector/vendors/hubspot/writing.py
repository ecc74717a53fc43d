"""How HubSpot's batch answers tell rows apart.

HubSpot refuses a whole batch for one bad row (400, 409); a 207 tells rows apart by itself. Results come back in another
order and are matched by id, or for creates by trace id, by our key, or because there is only one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from connector.vendors.base import Outcome, Record, WriteResult
from connector.vendors.batches import MERGED_AWAY, Batch
from connector.vendors.hubspot.failures import context_ids, is_missing, refused

Row = TypeVar("Row")

_PASSING = ("INTERNAL_ERROR", "RATE_LIMITS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels(Generic[Row]):
    """The words by which answers name rows.

    `labels` are those of a row, `result_labels` and `error_labels` those that stand in a result and in a 207's error;
    `read` makes a Record of a result.
    """

    labels: Callable[[Row], Sequence[str]]
    result_labels: Callable[[Mapping[str, Any]], Sequence[str]]
    error_labels: Callable[[Mapping[str, Any]], Sequence[str]]
    read: Callable[[Mapping[str, Any]], Record]


def labelled(
    words: Labels[Row],
    *,
    send: Callable[[Sequence[Row]], Any],
    name: Callable[[Row], str],
    uses: Callable[[Row, str], bool],
    repeatable: bool,
) -> Batch[Row]:
    """A batch whose answers name rows by these labels."""

    def matched(rows: Sequence[Row], answer: Any) -> list[WriteResult]:
        return _matched(batch, words, rows, answer)

    batch = Batch(send=send, name=name, uses=uses, matched=matched, repeatable=repeatable)
    return batch


def _matched(batch: Batch[Row], words: Labels[Row], rows: Sequence[Row], answer: Any) -> list[WriteResult]:
    """Results and 207 errors, each to its row. A row of which nothing is said is not called done."""
    body = answer if isinstance(answer, Mapping) else {}
    index_of = {label: index for index, row in enumerate(rows) for label in words.labels(row)}

    def rows_named(labels: Sequence[str]) -> list[int]:
        named = [index_of[label] for label in labels if label in index_of]
        # what is said of a batch of one is said of that one (but another id is another record: a merge's winner)
        return named or ([0] if len(rows) == 1 and not (labels and batch.repeatable) else [])

    found: dict[int, WriteResult] = {}
    for raw in body.get("results") or ():
        for index in rows_named(words.result_labels(raw)):
            record = words.read(raw)
            found[index] = WriteResult(id=record.id, outcome=Outcome.APPLIED, record=record)
    for raw in body.get("errors") or ():
        if raw.get("category") in _PASSING:
            continue  # the vendor stumbled over this row: nothing is wrong with its values
        error = refused(_status(raw), raw)
        for index in rows_named(words.error_labels(raw)):
            found.setdefault(index, batch.refused(rows[index], error))
    if batch.repeatable and len(rows) == 1 and not found and body.get("results"):
        return [batch.result(rows[0], Outcome.RETRY, MERGED_AWAY, "HubSpot answers with another record.")]
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
    return batch.result(row, outcome, "unanswered", "HubSpot's answer says nothing of this record.")
