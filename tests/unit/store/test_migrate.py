"""Whether a migration is missing is known without Alembic, and as Alembic knows it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest
from alembic.script import ScriptDirectory

from connector.errors import UsageError
from connector.store.database import Database
from connector.store.migrate import current, migrate, newest, pending
from connector.store.upgrade import _config


def test_the_newest_revision_is_the_one_that_alembic_names() -> None:
    assert newest() == ScriptDirectory.from_config(_config()).get_current_head()


def test_a_schema_that_is_up_to_date_has_nothing_pending(database: Database) -> None:
    assert (current(database.dsn), pending(database.dsn), migrate(database.dsn)) == (newest(), [], [])


@pytest.mark.parametrize("ask", [pending, migrate])
def test_the_schema_of_a_newer_version_is_left_alone(database: Database, ask: Callable[[str], object]) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_later'")
        try:
            with pytest.raises(UsageError, match="another version of Tasuki"):
                ask(database.dsn)
        finally:
            connection.execute("UPDATE alembic_version SET version_num = %s", [newest()])


def test_a_process_that_finds_nothing_to_do_does_not_load_alembic(database: Database) -> None:
    program = (
        "import sys; from connector.store.migrate import migrate; migrate(sys.argv[1]); print('alembic' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program, database.dsn], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
