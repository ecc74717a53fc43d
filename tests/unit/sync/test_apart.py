"""Rows that a vendor always stumbles over end up alone, whichever they are; a vendor that is ill is left alone."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import QuotaError, RetryableError
from connector.sync.apart import ILL_AFTER, ILL_IN_A_ROW, UNCERTAIN, apart, read_apart, write_apart
from connector.vendors.base import Outcome, WriteResult


@dataclass
class _Vendor:
    """Fails as a whole over these rows; without `raises` it answers nothing instead."""

    bad: Set[str]
    raises: bool = True
    calls: list[list[str]] = field(default_factory=list)

    def send(self, rows: Sequence[str]) -> list[WriteResult]:
        self.calls.append(list(rows))
        if not self.bad & set(rows):
            return [WriteResult(id=row, outcome=Outcome.APPLIED) for row in rows]
        if self.raises:
            raise RetryableError("out of order", reason="server_error", retry_after_seconds=7.0)
        return [WriteResult(id=row, outcome=Outcome.UNCERTAIN) for row in rows]


def _round(vendor: _Vendor, attempts: dict[str, int]) -> None:
    """One slice: what went through leaves, the rest has failed once more."""
    vendor.calls.clear()
    told: dict[str, WriteResult] = {}
    try:
        for row, result in apart(list(attempts), name=str, attempts=lambda row: attempts[row], send=vendor.send):
            assert row not in told, "a row is told of once"
            told[row] = result
    except RetryableError:
        assert Outcome.APPLIED not in {one.outcome for one in told.values()}, "nothing that passed is lost"
    else:
        assert told.keys() == attempts.keys()
    for row in list(attempts):
        attempts[row] += 1
        if row in told and told[row].outcome is Outcome.APPLIED:
            del attempts[row]


@given(st.integers(1, 120), st.sets(st.integers(0, 119), max_size=6), st.booleans())
def test_only_the_bad_are_left(count: int, bad: set[int], raises: bool) -> None:
    attempts = {f"r{number}": 0 for number in range(count)}
    vendor = _Vendor({f"r{number}" for number in bad if number < count}, raises=raises)
    for _ in range(60):
        _round(vendor, attempts)
        if attempts.keys() == vendor.bad:
            return
    raise AssertionError(f"{sorted(attempts.keys() - vendor.bad)} are kept back")


@pytest.mark.parametrize(("count", "kept_back"), [(2, 0), (3, 0), (16, 0), (100, 6), (400, 24)])
def test_one_bad_row_keeps_few_back_for_one_round_and_costs_few_calls(count: int, kept_back: int) -> None:
    for bad in range(0, count, max(1, count // 50)):
        attempts = {f"r{number}": 0 for number in range(count)}
        vendor = _Vendor({f"r{bad}"})
        for allowed in (kept_back, 0):
            _round(vendor, attempts)
            assert len(attempts.keys() - vendor.bad) <= allowed
            assert len(vendor.calls) <= 14
            assert sum(not vendor.bad.isdisjoint(call) for call in vendor.calls) <= 5, "each takes seconds"


def test_a_part_of_several_calls_that_failed_as_one_goes_apart_in_the_same_round() -> None:
    """A part of 400 rows is several calls at once, and the one with the bad row in it fails as a whole."""
    vendor = _Vendor({"r7"})

    def send(rows: Sequence[str]) -> list[WriteResult]:
        found: list[WriteResult] = []
        for start in range(0, len(rows), 4):
            chunk = rows[start : start + 4]
            try:
                found += vendor.send(chunk)
            except RetryableError:
                retry = {"outcome": Outcome.RETRY, "together": len(chunk) > 1}
                found += [WriteResult(id=row, **retry) for row in chunk]  # type: ignore[arg-type]
        return found

    stumbled: list[str] = []
    rows = [f"r{number}" for number in range(12)]
    told = list(apart(rows, name=str, attempts=lambda row: 0, send=send, stumbled=stumbled.append))
    assert sorted(row for row, _ in told) == sorted(rows), "each is told of once"
    assert {row for row, result in told if result.outcome is not Outcome.APPLIED} == {"r7"} == set(stumbled)


def test_who_may_not_be_called_for_long_is_not_called_again_in_this_round() -> None:
    calls: list[int] = []

    def send(rows: Sequence[str]) -> list[WriteResult]:
        calls.append(len(rows))
        raise RetryableError("moving", reason="migrating", retry_after_seconds=600.0)

    with pytest.raises(RetryableError):
        list(apart(["a", "b", "c"], name=str, attempts=lambda row: 0, send=send))
    assert calls == [3]


def test_a_vendor_that_is_ill_after_it_had_answered_is_left_alone_too() -> None:
    calls: list[Sequence[str]] = []

    def send(rows: Sequence[str]) -> list[WriteResult]:
        calls.append(rows)
        if len(calls) > 1:
            raise RetryableError("out of order", reason="server_error", retry_after_seconds=2.0)
        return [WriteResult(id=row, outcome=Outcome.APPLIED) for row in rows]

    list(apart([f"r{number}" for number in range(100)], name=str, attempts=lambda row: 3, send=send))
    assert len(calls) == 1 + ILL_IN_A_ROW


def test_new_rows_go_through_beside_bad_old_ones() -> None:
    attempts = {"new 1": 0, "bad 1": 4, "bad 2": 4, "bad 3": 9, "new 2": 0}
    vendor = _Vendor({"bad 1", "bad 2", "bad 3"})
    _round(vendor, attempts)
    assert vendor.calls[0] == ["new 1", "new 2"]
    assert sorted(attempts) == ["bad 1", "bad 2", "bad 3"]


@pytest.mark.parametrize("raises", [True, False])
@pytest.mark.parametrize("tried", [0, 1, 12])
def test_a_vendor_that_is_ill_is_left_alone(raises: bool, tried: int) -> None:
    attempts = {f"r{number}": number % (tried + 1) for number in range(400)}
    vendor = _Vendor(set(attempts), raises=raises)
    _round(vendor, attempts)
    assert len(vendor.calls) <= ILL_AFTER + 1, "one more says whether a batch that fails is one bad row's"
    assert len(attempts) == 400


def test_a_vendor_that_is_well_again_takes_many_in_few_calls() -> None:
    attempts = {f"r{number}": 10 for number in range(400)}
    vendor = _Vendor(set())
    _round(vendor, attempts)
    assert len(vendor.calls) == 9
    assert attempts == {}


def test_a_used_up_limit_ends_it_at_once() -> None:
    calls: list[int] = []

    def send(rows: Sequence[str]) -> list[WriteResult]:
        calls.append(len(rows))
        raise QuotaError("enough for today", reason="daily_limit")

    with pytest.raises(QuotaError):
        list(apart(["a", "b"], name=str, attempts=len, send=send))
    assert calls == [1]


def test_what_the_vendor_asks_us_to_wait_is_told_of_the_rows_that_failed() -> None:
    vendor = _Vendor({"b"})
    found = dict(apart(["a", "b"], name=str, attempts=lambda row: 1, send=vendor.send))
    assert found["a"].outcome is Outcome.APPLIED
    assert (found["b"].outcome, found["b"].retry_after_seconds) == (Outcome.RETRY, 7.0)


def test_who_failed_alone_while_others_passed_has_stumbled() -> None:
    stumbled: list[str] = []
    vendor = _Vendor({"bad"})
    attempts = {"new": 0, "bad": 1, "old": 1}
    list(apart(list(attempts), name=str, attempts=attempts.__getitem__, send=vendor.send, stumbled=stumbled.append))
    assert stumbled == ["bad"]
    stumbled.clear()
    with pytest.raises(RetryableError):  # nothing passed: it may be the vendor
        list(apart(["bad"], name=str, attempts=lambda row: 7, send=vendor.send, stumbled=stumbled.append))
    together = {f"r{number}": 0 for number in range(9)} | {"bad": 0}
    list(apart(list(together), name=str, attempts=together.__getitem__, send=vendor.send, stumbled=stumbled.append))
    assert stumbled == ["bad"], "a batch says nothing of its rows, but they went apart"


def test_a_read_goes_apart_in_the_same_way() -> None:
    asked: list[list[str]] = []

    def fetch(part: Sequence[str]) -> int:
        asked.append(list(part))
        if "bad" in part:
            raise RetryableError("out of order", reason="server_error", retry_after_seconds=7.0)
        return len(part)

    attempts = {"new": 0, "bad": 1, "old": 1}
    read = read_apart(list(attempts), name=str, attempts=attempts.__getitem__, fetch=fetch)
    assert sorted(row for part, _ in read.parts for row in part) == ["new", "old"]
    assert [got for part, got in read.parts] == [len(part) for part, _ in read.parts]
    assert (read.stumbled, read.failed and read.failed.retry_after_seconds) == (["bad"], 7.0)
    assert asked[0] == ["new"], "what has not failed goes first"


def test_a_read_that_failed_together_and_passed_apart_has_not_failed() -> None:
    asked: list[list[str]] = []

    def fetch(part: Sequence[str]) -> None:
        asked.append(list(part))
        if len(asked) == 1:
            raise RetryableError("out of order", reason="server_error")

    read = read_apart(["a", "b", "c"], name=str, attempts=lambda row: 0, fetch=fetch)
    assert (read.failed, read.stumbled) == (None, [])
    assert sorted(row for part, _ in read.parts for row in part) == ["a", "b", "c"]


def test_a_read_in_which_somebody_may_have_been_made_is_not_made_again_at_once() -> None:
    asked: list[Sequence[str]] = []

    def fetch(part: Sequence[str]) -> None:
        asked.append(part)
        raise RetryableError("no clear end", reason=UNCERTAIN)

    with pytest.raises(RetryableError):
        read_apart(["a", "b"], name=str, attempts=lambda row: 0, fetch=fetch)
    assert len(asked) == 1


def test_what_waits_by_itself_is_told_row_by_row_whatever_the_vendor_says() -> None:
    vendor = _Vendor({"a", "b"})
    written = write_apart(["a", "b"], name=str, attempts=lambda row: 0, send=vendor.send)
    assert [(row, result.outcome, result.retry_after_seconds) for row, result in written.told] == [
        ("a", Outcome.RETRY, 7.0),
        ("b", Outcome.RETRY, 7.0),
    ]
    assert (written.passed, written.stumbled, written.not_sent) == (False, set(), [])
    written = write_apart(["a", "c"], name=str, attempts=lambda row: 1, send=vendor.send)
    assert (written.passed, written.stumbled) == (True, {"a"})
    written.end()


def test_a_used_up_limit_says_nothing_of_what_waits_by_itself() -> None:
    def send(rows: Sequence[str]) -> list[WriteResult]:
        if rows[0] != "a":
            raise QuotaError("enough for today", reason="daily_limit")
        return [WriteResult(id=row, outcome=Outcome.APPLIED) for row in rows]

    attempts = {"a": 0, "b": 1}
    written = write_apart(list(attempts), name=str, attempts=attempts.__getitem__, send=send)
    assert ([row for row, _ in written.told], written.not_sent) == (["a"], ["b"])
    with pytest.raises(QuotaError):
        written.end()
