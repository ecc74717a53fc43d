"""The ledger of every write that was applied, and the counter of calls: what tests compare with what was meant."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from connector.sandbox.clock import machine_ms


class Who(Protocol):
    """Who changes something."""

    @property
    def source(self) -> str:
        """The vendor's word for the way of the change."""

    @property
    def label(self) -> str:
        """The token's name, "person", "form" …"""

    @property
    def user_id(self) -> int | str | None:
        """The user behind it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerRow:
    """One record changed by one call. `changes` maps property -> [before, after]; None is blank."""

    seq: int
    #: sandbox milliseconds
    at: int
    #: machine milliseconds
    real_at: int
    #: create | update | archive | restore | merge | forget | associate | disassociate
    method: str
    source: str
    actor: str
    user_id: int | str | None
    type: str
    id: str
    changes: dict[str, list[str | None]]
    #: names that were written with the value they had, or that the vendor kept (a backward lifecycle stage)
    unchanged: list[str]
    #: {"to_type", "to_id", "type_ids"} for association rows, {"merged": […]} for merges
    detail: dict[str, Any]


@dataclass(kw_only=True)
class CallCount:
    """How often one kind of endpoint was called."""

    calls: int = 0
    records: int = 0
    #: status -> calls; 0 is "no answer was sent"
    statuses: dict[int, int] = field(default_factory=dict)


class Ledger:
    """Rows in order of application, and call counts by kind. Guarded by the stand-in's lock."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []
        self.calls: dict[str, CallCount] = {}
        self._seq = 0

    def add(
        self,
        *,
        at: int,
        method: str,
        actor: Who,
        type: str,
        id: int | str,
        changes: dict[str, list[str | None]] | None = None,
        unchanged: list[str] | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Append one applied write."""
        self._seq += 1
        self.rows.append(
            LedgerRow(
                seq=self._seq,
                at=at,
                real_at=machine_ms(),
                method=method,
                source=actor.source,
                actor=actor.label,
                user_id=actor.user_id,
                type=type,
                id=str(id),
                changes=changes or {},
                unchanged=unchanged or [],
                detail=detail or {},
            )
        )

    def count(self, kind: str, records: int, status: int) -> None:
        """Count one answered (or cut: status 0) call."""
        row = self.calls.get(kind)
        if row is None:
            row = self.calls[kind] = CallCount()
        row.calls += 1
        row.records += records
        row.statuses[status] = row.statuses.get(status, 0) + 1

    def select(self, wanted: dict[str, str], since: int = 0) -> list[dict[str, Any]]:
        """Rows after `since` whose named columns equal `wanted` (type, id, method, source, actor)."""
        return [
            {name: getattr(row, name) for name in _COLUMNS}
            for row in self.rows[_first_after(self.rows, since) :]
            if all(str(getattr(row, key)) == value for key, value in wanted.items())
        ]

    def counts(self) -> dict[str, Any]:
        """Call counts by kind, with `search` and `total` summed."""
        result: dict[str, Any] = {}
        sums = {"search": CallCount(), "total": CallCount()}
        for kind, row in sorted(self.calls.items()):
            result[kind] = {"calls": row.calls, "records": row.records, "statuses": _named(row.statuses)}
            for name in ("total", "search") if kind.endswith(".search") else ("total",):
                sums[name].calls += row.calls
                sums[name].records += row.records
                for status, number in row.statuses.items():
                    sums[name].statuses[status] = sums[name].statuses.get(status, 0) + number
        for name, total in sums.items():
            result[name] = {"calls": total.calls, "records": total.records, "statuses": _named(total.statuses)}
        return result

    def reset_calls(self) -> None:
        """Start counting again."""
        self.calls.clear()


_COLUMNS = tuple(one.name for one in fields(LedgerRow))


def _first_after(rows: list[LedgerRow], since: int) -> int:
    return bisect_right(rows, since, key=lambda row: row.seq)


def _named(statuses: dict[int, int]) -> dict[str, int]:
    return {str(status): number for status, number in sorted(statuses.items())}
