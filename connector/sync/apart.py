"""What failed together goes again apart: a record over which a vendor always stumbles keeps no other back.

A failure of the vendor's own (a 5xx, no answer) says nothing of the rows of a batch. Most often the vendor is ill and
the batch goes again later; where one record is the cause, every record beside it would fail with it for ever. So what
has failed before goes after what has not: one record, then twice as many with each call that passes. A vendor that is
ill is left alone after two calls.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TypeVar

from connector.errors import QuotaError, RetryableError
from connector.vendors.base import Outcome, WriteResult

Row = TypeVar("Row")

ILL_AFTER = 2
"""So many calls that came to nothing, with none that passed, say that it is the vendor and no record."""

_CAME_TO_NOTHING = (Outcome.RETRY, Outcome.UNCERTAIN)


def apart(
    rows: Sequence[Row],
    *,
    name: Callable[[Row], str],
    attempts: Callable[[Row], int],
    send: Callable[[Sequence[Row]], Sequence[WriteResult]],
) -> Iterator[tuple[Row, WriteResult]]:
    """Every row with what became of it, as it becomes known; `attempts` counts how often it has failed before.

    Raises what `send` raised when not one row got further, and at once when the vendor refuses us as a whole.
    """
    waiting, fresh = _in_order(rows, name, attempts)
    size, grown = (fresh, 1) if fresh else (1, 2)
    failed: list[tuple[Sequence[Row], RetryableError]] = []
    stumbles, passed = 0, False
    while waiting and (passed or stumbles < ILL_AFTER):
        part, waiting = waiting[:size], waiting[size:]
        try:
            results = send(part)
        except QuotaError:
            raise
        except RetryableError as error:
            failed.append((part, error))
            results = []
        yield from zip(part, results, strict=False)
        if all(result.outcome in _CAME_TO_NOTHING for result in results):
            stumbles, size, grown = stumbles + 1, 1, 2
        else:
            passed, size, grown = True, grown, 2 * grown
    if failed and not passed:
        raise failed[0][1]
    wait = failed[0][1].retry_after_seconds if failed else None
    for row in chain(*(part for part, _ in failed), waiting):
        yield row, WriteResult(id=name(row), outcome=Outcome.RETRY, reason="vendor_failed", retry_after_seconds=wait)


def _in_order(rows: Sequence[Row], name: Callable[[Row], str], attempts: Callable[[Row], int]) -> tuple[list[Row], int]:
    """What has not failed comes first, and at once: so many. The rest comes in another order at every attempt, so that
    a few bad ones do not always stand in front."""
    fresh = [row for row in rows if attempts(row) == 0]
    again = [row for row in rows if attempts(row) > 0]
    again.sort(key=lambda row: zlib.crc32(f"{name(row)} {attempts(row)}".encode()))
    return [*fresh, *again], len(fresh)
