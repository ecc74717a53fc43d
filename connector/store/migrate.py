"""Bring a database's schema to this version: Alembic, run from code, one starter at a time."""

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

from connector.store.database import refuse_unfit_server, session_dsn, translated_errors

MIGRATIONS = Path(__file__).parent / "migrations"
#: Any number will do as long as every version uses the same one.
_ADVISORY_LOCK = 7_274_635_911


def migrate(dsn: str) -> list[str]:
    """Apply what is missing and return the revisions applied, oldest first.

    Safe to run from any number of starters at once: they queue on an advisory lock. Each revision
    commits by itself. Raises UsageError (unfit server) and RetryableError (server away).
    """
    refuse_unfit_server(dsn)
    with translated_errors(), _engine_connection(dsn) as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")
        connection.commit()  # the lock is the session's, and outlives this transaction
        missing = _pending(connection)
        if missing:
            command.upgrade(_config(connection), "head")
        return missing


def current(dsn: str) -> str | None:
    """The revision that the database is at, None when it is empty."""
    with translated_errors(), _engine_connection(dsn) as connection:
        return _current(connection)


def pending(dsn: str) -> list[str]:
    """The revisions that `migrate` would apply, oldest first."""
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


def _current(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    connection.rollback()
    return revision


def _pending(connection: Connection) -> list[str]:
    at = _current(connection)
    script = ScriptDirectory.from_config(_config())
    missing = [found.revision for found in script.iterate_revisions("heads", at or "base")]
    return missing[::-1]
