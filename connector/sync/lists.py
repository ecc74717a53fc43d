"""Joining a list is a signal: learnt by reading, now and then, who came onto it since the last look.

First sight of a list is a baseline: who is on it already did nothing. Each joining is one occurrence, and so is coming
back after having left. A look reads the last page again and what follows it: one call a list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog

from connector.errors import RetryableError
from connector.store import connections
from connector.store.database import Connection
from connector.store.signals import NewSignal
from connector.sync.context import Line
from connector.sync.submissions import leads_of, store_signals
from connector.vendors.base import Joining, Lane, ListInfo
from connector.vendors.refusal import RefusedError

log = structlog.get_logger()

_KIND = "list:"
_REFUSED_SECONDS = 60.0
"""A list that cannot be read is not asked for again before."""


def lists_due(line: Line) -> bool:
    """True when some list of the policy is to be looked at."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return any(_cursor(conn, line, name)[1] for name in line.binding.lists)


def poll_lists(line: Line) -> int:
    """Look at every list that is due; returns how many joinings were new.

    One that cannot be read is put off, and the error raised; the next look goes on with the others.
    """
    found = 0
    for name, signals in line.binding.lists.items():
        with line.tenant.database.transaction(line.tenant.installation_id) as conn:
            position, due = _cursor(conn, line, name)
        if not due:
            continue
        try:
            found += _poll(line, name, signals, position)
        except (RefusedError, RetryableError):
            _remember(line, name, position or {}, at_least=_REFUSED_SECONDS)
            raise
    return found


def _poll(line: Line, name: str, signals: Sequence[str], position: Mapping[str, Any] | None) -> int:
    known = line.vendor.enroller.find_list(name, lane=Lane.BACKGROUND)
    if known is None:
        log.warning("list_missing", connection_id=line.connection_id)
        _remember(line, name, position or {})
        return 0
    if not position or position.get("list") != known.id:
        _first_sight(line, name, known)
        return 0
    # Cursors outlast a poll; a moment does not tell joinings of one millisecond apart, so both are kept.
    since, found, last = datetime.fromisoformat(position["since"]), 0, position.get("after")
    newest = since
    for rows, cursor in line.vendor.enroller.joined(known.id, after=position.get("after"), lane=Lane.BACKGROUND):
        fresh = [one for one in rows if one.at >= since]
        found += _take(line, known, signals, fresh)
        newest = max([newest, *(one.at for one in fresh)])
        last = cursor
    _remember(line, name, {"list": known.id, "since": newest.isoformat(), "after": last})
    return found


def _first_sight(line: Line, name: str, known: ListInfo) -> None:
    """Nothing is a signal yet: later than the newest member only, or than now where the list is empty."""
    last: str | None = None
    newest: datetime | None = None
    for rows, cursor in line.vendor.enroller.joined(known.id, after=None, lane=Lane.BACKGROUND):
        last = cursor
        newest = max([*(one.at for one in rows), *([newest] if newest else [])], default=None)
    since = _just_after(newest) if newest is not None else datetime.fromtimestamp(0, tz=UTC)
    _remember(line, name, {"list": known.id, "since": since.isoformat(), "after": last})


def _just_after(moment: datetime) -> datetime:
    return datetime.fromtimestamp(int(moment.timestamp() * 1000 + 1) / 1000, tz=UTC)


def _take(line: Line, known: ListInfo, signals: Sequence[str], rows: Sequence[Joining]) -> int:
    if not rows:
        return 0
    tenant, source = line.tenant, f"{line.dialect.vendor}_list"
    with tenant.database.transaction(tenant.installation_id) as conn:
        lead_of = leads_of(tenant, conn, line.connection_id, sorted({one.person_id for one in rows}))
        new = [
            NewSignal(
                lead_id=lead_of[one.person_id],
                kind=signal,
                source=source,
                source_key=f"{source}:{line.connection_id}:{known.id}:{one.person_id}:{one.at.isoformat()}:{signal}",
                occurred_at=one.at,
            )
            for one in rows
            if one.person_id in lead_of
            for signal in signals
        ]
        return len(store_signals(tenant, conn, new, now=tenant.now(conn)))


def _cursor(conn: Connection, line: Line, name: str) -> tuple[Mapping[str, Any] | None, bool]:
    return connections.cursor(conn, line.connection_id, _KIND + name)


def _remember(line: Line, name: str, position: Mapping[str, Any], *, at_least: float = 0.0) -> None:
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        connections.put_cursor(
            conn,
            tenant.installation_id,
            line.connection_id,
            kind=_KIND + name,
            position=position,
            again_seconds=max(tenant.limits.forms_poll_seconds, at_least),
        )
