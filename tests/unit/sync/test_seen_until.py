"""What a look bounds: a change bears a moment that is cut, and must not seem older than the look before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from connector.store import reconcile_passes
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.observe import seen_until_of
from connector.vendors.base import Record

LOOKED = datetime(2026, 11, 26, 9, 17, 49, 270_000, tzinfo=UTC)
"""When the look before the last began; the change comes a tenth of a second later, and its moment is cut to :49."""


def _seen_until(monkeypatch: pytest.MonkeyPatch, stamps: timedelta) -> datetime | None:
    last = SimpleNamespace(since=LOOKED - reconcile_passes.OVERLAP)
    monkeypatch.setattr(reconcile_passes, "last", lambda conn, connection_id, object_type: last)
    dialect = SimpleNamespace(person_type="lead", stamps=stamps)
    line: Any = SimpleNamespace(
        poll_seconds=60.0, connection_id=2, dialect=dialect, binding=SimpleNamespace(shared=frozenset({"first_name"}))
    )
    return seen_until_of(line, conn=None)  # type: ignore[arg-type]


def test_a_change_in_the_second_of_a_look_came_after_what_was_written_before(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = _seen_until(monkeypatch, timedelta(seconds=1))
    at = LOOKED.replace(microsecond=0)
    written = LOOKED - timedelta(seconds=9)
    row = MirrorRow(
        object_type="lead",
        vendor_id="1",
        properties={"FirstName": "花子60"},
        meta={"FirstName": {"sent": "花子60", "got": "花子60", "sent_at": written.isoformat()}},
        modified_at=LOOKED - timedelta(seconds=12),
    )
    record = Record(object_type="lead", id="1", properties={"FirstName": "花子92"}, modified_at=at)
    same = lambda name, one, other: one == other  # noqa: E731
    assert mirror.absorb(row, record, now=LOOKED, same=same, seen_until=bound) == {"FirstName"}
    found = mirror.standing(row, "FirstName", same)
    assert found.after is not None
    assert written < found.after <= at, "made over what we had written, not before it"
    assert found.over == "花子60"
