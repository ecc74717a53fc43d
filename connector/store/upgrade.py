"""Alembic, run from code, one starter at a time; loaded by `connector.store.migrate` when there is something to do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from connector.errors import UsageError
from connector.store.database import session_dsn, translated_errors
from connector.texts import say

MIGRATIONS = Path(__file__).parent / "migrations"
#: Any number will do as long as every version uses the same one.
_ADVISORY_LOCK = 7_274_635_911


def upgrade(dsn: str) -> list[str]:
    """Apply what is missing and return the revisions applied, oldest first."""
    with translated_errors(), _engine_connection(dsn) as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        connection.commit()  # the lock is the session's, and outlives this transaction
        missing = _pending(connection)
        if missing:
            command.upgrade(_config(connection), "head")
        return missing


def outstanding(dsn: str) -> list[str]:
    """The revisions that `upgrade` would apply, oldest first."""
    with translated_errors(), _engine_connection(dsn) as connection:
        return _pending(connection)


@contextlib.contextmanager
def _engine_connection(dsn: str) -> Iterator[Connection]:
    conninfo = session_dsn(dsn, application_name="tasuki-migrate")
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _pending(connection: Connection) -> list[str]:
    at = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    script = ScriptDirectory.from_config(_config())
    if at is not None and all(found.revision != at for found in script.walk_revisions()):
        raise UsageError(
            say(
                "The database's schema is of another version of Tasuki ({at}): run that one or a newer one, or give a"
                " database of its own to this one.",
                at=at,
            ),
            reason="schema_unknown",
        )
    missing = [found.revision for found in script.iterate_revisions("heads", at or "base")]
    return missing[::-1]
