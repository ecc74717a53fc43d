"""All or none: what is applied within can be taken back as if it had never been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.sandbox.salesforce.org import Change, Org, Row


@contextmanager
def all_or_none(org: Org) -> Iterator[Callable[[], None]]:
    """Gives `undo`. What listeners are told waits until the end, and is dropped with what was undone."""
    listeners = org.listeners
    told: list[tuple[Row, str, Change]] = []
    tables = {name: dict(table) for name, table in org.tables.items()}
    values = [(row, dict(row.values)) for table in org.tables.values() for row in table.values()]
    ledger = len(org.ledger.rows)
    org.listeners = [lambda row, what, change: told.append((row, what, change))]

    def undo() -> None:
        org.restore(tables, values)
        del org.ledger.rows[ledger:]
        told.clear()

    try:
        yield undo
    finally:
        org.listeners = listeners
    for row, what, change in told:
        for listener in listeners:
            listener(row, what, change)
