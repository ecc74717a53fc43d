"""What failed together goes again apart: a record over which a vendor always stumbles keeps no other back.

A failure of the vendor's own (a 5xx, no answer) says nothing of the rows of a batch. Most often the vendor is ill and
the batch goes again later; where one record is the cause, every record beside it would fail with it for ever. So what
has failed goes after what has not, at once and in the rounds to come: a batch is halved where it fails and others pass,
what failed in earlier rounds goes one record, then twice as many with each call that passes. A vendor that is ill is
left alone after two calls. Who failed alone while others passed has stumbled: that
does say something of it, and after several times it waits for a person (`stumbling.py`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Generic, TypeVar

from connector.errors import AuthError, QuotaError, RetryableError
from connector.vendors.base import Outcome, WriteResult

Row = TypeVar("Row")
Got = TypeVar("Got")

ILL_AFTER = 2
"""So many calls that came to nothing, with none that passed, say that it is the vendor and no record."""

HALVED_AT_MOST = 4
"""So many calls that failed are taken apart in one round: each takes seconds. The rest waits for the next round."""

SOON_SECONDS = 10.0
"""Who asks for a longer pause is not called again in this round."""

UNCERTAIN = "uncertain"
"""The reason of a read in which a person may have been made: it is looked for in a later round."""

ILL_IN_A_ROW = 8
"""So many failures one after another say that a vendor which had answered is ill now."""

CAME_TO_NOTHING = (Outcome.RETRY, Outcome.UNCERTAIN)


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
    halves: list[list[Row]] = []
    failed: list[Row] = []
    alone: list[Row] = []
    first: RetryableError | None = None
    stumbles, passed, halved = 0, False, 0
    while (waiting or halves) and stumbles < (ILL_IN_A_ROW if passed else ILL_AFTER + (halved > 0)):
        part = _take(waiting, size) if waiting else _take(halves[0], len(halves[0]) if passed else 1)
        halves = [one for one in halves if one]
        told, together, error = _sent(send, part)
        yield from told
        first = first or error
        if len(part) > 1 and halved < HALVED_AT_MOST and _may_go_on(error):
            halves, halved = [*halves, together[: len(together) // 2], together[len(together) // 2 :]], halved + 1
        else:
            failed += together
        if all(result.outcome in CAME_TO_NOTHING for _, result in told):
            stumbles, size, grown = stumbles + 1, 1, 2
            alone += part if len(part) == 1 else ()
        else:
            passed, stumbles, size, grown = True, 0, grown, 2 * grown
    if first is not None and not passed:
        raise first
    for row in alone if passed else ():
        stumbled(row)
    wait = first.retry_after_seconds if first is not None else None
    for row in (*failed, *waiting, *chain(*halves)):
        yield row, WriteResult(id=name(row), outcome=Outcome.RETRY, reason="vendor_failed", retry_after_seconds=wait)


def _take(rows: list[Row], count: int) -> list[Row]:
    """So many rows off the front."""
    taken = rows[:count]
    del rows[:count]
    return taken


def _may_go_on(error: RetryableError | None) -> bool:
    """True for a failure after which the rows of the call may be sent apart at once."""
    return error is not None and error.reason != UNCERTAIN and (error.retry_after_seconds or 0.0) <= SOON_SECONDS


def _sent(
    send: Callable[[Sequence[Row]], Sequence[WriteResult]], part: Sequence[Row]
) -> tuple[list[tuple[Row, WriteResult]], list[Row], RetryableError | None]:
    """The rows of a call with what became of each, those that only failed together with others, and how."""
    try:
        results = list(zip(part, send(part), strict=True))
    except QuotaError:
        raise
    except RetryableError as failure:
        return [], list(part), failure
    told = [(row, result) for row, result in results if not result.together]
    together = [(row, result) for row, result in results if result.together]
    waits = [result.retry_after_seconds for _, result in together]
    error = RetryableError(reason="vendor_failed", retry_after_seconds=waits[0]) if together else None
    return told, [row for row, _ in together], error


@dataclass(slots=True, kw_only=True)
class Written(Generic[Row]):
    """What a write that went apart came to: every row with what became of it, but those that were `not_sent`.

    `passed`: some row got further; `stumbled` are the names of those that failed alone beside them. `refused` is what
    ended it at once: a limit that is used up, a token that is refused; it says nothing of the rows.
    """

    told: list[tuple[Row, WriteResult]] = field(default_factory=list)
    not_sent: list[Row] = field(default_factory=list)
    stumbled: set[str] = field(default_factory=set)
    passed: bool = False
    refused: QuotaError | AuthError | None = None

    def end(self) -> None:
        """Raise what ended it, once everything is stored."""
        if self.refused is not None:
            raise self.refused


def write_apart(
    rows: Sequence[Row],
    *,
    name: Callable[[Row], str],
    attempts: Callable[[Row], int],
    send: Callable[[Sequence[Row]], Sequence[WriteResult]],
) -> Written[Row]:
    """The same for what waits by itself: a vendor that fails as a whole fails each row."""
    written = Written[Row]()
    try:
        for row, result in apart(
            rows, name=name, attempts=attempts, send=send, stumbled=lambda row: written.stumbled.add(name(row))
        ):
            written.told.append((row, result))
            written.passed |= result.outcome not in CAME_TO_NOTHING
    except (QuotaError, AuthError) as error:
        known = {name(row) for row, _ in written.told}
        written.not_sent, written.refused = [row for row in rows if name(row) not in known], error
    except RetryableError as error:
        known = {name(row) for row, _ in written.told}
        retry = WriteResult(id="", outcome=Outcome.RETRY, reason=error.reason, message=error.message)
        wait = error.retry_after_seconds
        written.told += [
            (row, replace(retry, id=name(row), retry_after_seconds=wait)) for row in rows if name(row) not in known
        ]
    return written


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

    told = list(apart(rows, name=name, attempts=attempts, send=ask, stumbled=read.stumbled.append))
    if all(result.outcome is Outcome.APPLIED for _, result in told):
        read.failed = None  # what had failed together was read apart
    return read


def _in_order(rows: Sequence[Row], name: Callable[[Row], str], attempts: Callable[[Row], int]) -> tuple[list[Row], int]:
    """What has not failed comes first, and at once: so many. The rest comes in another order at every attempt, so that
    a few bad ones do not always stand in front."""
    fresh = [row for row in rows if attempts(row) == 0]
    again = [row for row in rows if attempts(row) > 0]
    again.sort(key=lambda row: zlib.crc32(f"{name(row)} {attempts(row)}".encode()))
    return [*fresh, *again], len(fresh)
