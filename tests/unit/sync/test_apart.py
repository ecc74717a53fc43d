"""Rows that a vendor always stumbles over end up alone, whichever they are; a vendor that is ill is left alone."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import QuotaError, RetryableError
from connector.sync.apart import ILL_AFTER, apart, read_apart
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


def test_one_bad_row_keeps_a_hundred_back_for_a_few_attempts_at_most() -> None:
    for bad in range(100):
        attempts = {f"r{number}": 0 for number in range(100)}
        vendor = _Vendor({f"r{bad}"})
        for _ in range(8):
            _round(vendor, attempts)
            assert len(vendor.calls) <= 14
        assert attempts.keys() == vendor.bad


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
    assert len(vendor.calls) <= ILL_AFTER
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
    with pytest.raises(RetryableError):
        list(apart(list(together), name=str, attempts=together.__getitem__, send=vendor.send, stumbled=stumbled.append))
    assert stumbled == [], "nor does a batch say which"


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
