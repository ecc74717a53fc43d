"""What failed together goes again apart: a record over which a vendor always stumbles keeps no other back.

A failure of the vendor's own (a 5xx, no answer) says nothing of the rows of a batch. Most often the vendor is ill and
the batch goes again later; where one record is the cause, every record beside it would fail with it for ever. So what
has failed before goes after what has not: one record, then twice as many with each call that passes. A vendor that is
ill is left alone after two calls. Who failed alone while others passed has stumbled: that does say something of it,
and after several times it waits for a person (`stumbling.py`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Generic, TypeVar

from connector.errors import QuotaError, RetryableError
from connector.vendors.base import Outcome, WriteResult

Row = TypeVar("Row")
Got = TypeVar("Got")

ILL_AFTER = 2
"""So many calls that came to nothing, with none that passed, say that it is the vendor and no record."""

_CAME_TO_NOTHING = (Outcome.RETRY, Outcome.UNCERTAIN)


def apart(
    rows: Sequence[Row],
    *,
    name: Callable[[Row], str],
    attempts: Callable[[Row], int],
    send: Callable[[Sequence[Row]], Sequence[WriteResult]],
    stumbled: Callable[[Row], None] = lambda row: None,
) -> Iterator[tuple[Row, WriteResult]]:
    """Every row with what became of it, as it becomes known; `attempts` counts how often it has failed before.

    At the end `stumbled` is told who came to nothing alone though others passed. Raises what `send` raised when not one
    row got further, and at once when the vendor refuses us as a whole.
    """
    waiting, fresh = _in_order(rows, name, attempts)
    size, grown = (fresh, 1) if fresh else (1, 2)
    failed: list[tuple[Sequence[Row], RetryableError]] = []
    alone: list[Row] = []
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
            alone += part if len(part) == 1 else ()
        else:
            passed, size, grown = True, grown, 2 * grown
    if failed and not passed:
        raise failed[0][1]
    for row in alone if passed else ():
        stumbled(row)
    wait = failed[0][1].retry_after_seconds if failed else None
    for row in chain(*(part for part, _ in failed), waiting):
        yield row, WriteResult(id=name(row), outcome=Outcome.RETRY, reason="vendor_failed", retry_after_seconds=wait)


@dataclass(slots=True, kw_only=True)
class Read(Generic[Row, Got]):
    """What a read that went apart brought: each part with its answer, and how a part failed, if one did."""

    parts: list[tuple[Sequence[Row], Got]] = field(default_factory=list)
    stumbled: list[Row] = field(default_factory=list)
    failed: RetryableError | None = None


def read_apart(
    rows: Sequence[Row],
    *,
    name: Callable[[Row], str],
    attempts: Callable[[Row], int],
    fetch: Callable[[Sequence[Row]], Got],
) -> Read[Row, Got]:
    """The same for reading: what `fetch` answers, part by part where a batch has failed before."""
    read = Read[Row, Got]()

    def ask(part: Sequence[Row]) -> list[WriteResult]:
        try:
            got = fetch(part)
        except RetryableError as error:
            read.failed = read.failed or error
            raise
        read.parts.append((part, got))
        return [WriteResult(id=name(row), outcome=Outcome.APPLIED) for row in part]

    for _ in apart(rows, name=name, attempts=attempts, send=ask, stumbled=read.stumbled.append):
        pass
    return read


def _in_order(rows: Sequence[Row], name: Callable[[Row], str], attempts: Callable[[Row], int]) -> tuple[list[Row], int]:
    """What has not failed comes first, and at once: so many. The rest comes in another order at every attempt, so that
    a few bad ones do not always stand in front."""
    fresh = [row for row in rows if attempts(row) == 0]
    again = [row for row in rows if attempts(row) > 0]
    again.sort(key=lambda row: zlib.crc32(f"{name(row)} {attempts(row)}".encode()))
    return [*fresh, *again], len(fresh)
