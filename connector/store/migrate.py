"""Bring a database's schema to this version.

Every process asks when it starts, and nearly always there is nothing to do: then one query tells, and Alembic, which
takes half a second to load, is not even imported.
"""

from __future__ import annotations

from pathlib import Path

import psycopg

from connector.store.database import refuse_unfit_server, session_dsn, translated_errors

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


def migrate(dsn: str) -> list[str]:
    """Apply what is missing and return the revisions applied, oldest first.

    Safe to run from any number of starters at once: they queue on an advisory lock. Each revision
    commits by itself. Raises UsageError (unfit server) and RetryableError (server away).
    """
    refuse_unfit_server(dsn)
    if current(dsn) == newest():
        return []
    from connector.store.upgrade import upgrade

    return upgrade(dsn)


def pending(dsn: str) -> list[str]:
    """The revisions that `migrate` would apply, oldest first."""
    if current(dsn) == newest():
        return []
    from connector.store.upgrade import outstanding

    return outstanding(dsn)


def current(dsn: str) -> str | None:
    """The revision that the database is at, None when it is empty."""
    with translated_errors(), psycopg.connect(session_dsn(dsn, application_name="tasuki-migrate")) as connection:
        known = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
        if known is None or known[0] is None:
            return None
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def newest() -> str:
    """The revision that this version of the product needs: its files' names begin with it, in order."""
    return max(path.name for path in _VERSIONS.glob("*.py")).partition("_")[0]
