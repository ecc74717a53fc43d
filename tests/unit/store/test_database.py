"""The pool: transactions, tenancy, and the translation of errors."""

from __future__ import annotations

import psycopg
import pytest

from connector.store.database import Database


def _scratch(database: Database) -> None:
    with database.autocommit() as conn:
        conn.execute("CREATE TABLE scratch (id int PRIMARY KEY)")


def test_transaction_commits_at_its_end_and_rolls_back_on_an_exception(database: Database) -> None:
    _scratch(database)
    with database.transaction(None) as conn:
        conn.execute("INSERT INTO scratch VALUES (1)")
    with pytest.raises(ZeroDivisionError), database.transaction(None) as conn:  # noqa: PT012
        conn.execute("INSERT INTO scratch VALUES (2)")
        _ = 1 / 0
    with database.autocommit() as conn:
        assert conn.execute("SELECT id FROM scratch").fetchall() == [{"id": 1}]


def test_installation_is_set_for_the_transaction_only(database: Database) -> None:
    asked = "SELECT current_setting('tasuki.installation_id', true) AS id"
    with database.transaction(7) as conn:
        assert conn.execute(asked).fetchone() == {"id": "7"}
    with database.transaction(None) as conn:
        row = conn.execute(asked).fetchone()
        assert row is not None
        assert not row["id"]


def test_row_level_security_hides_other_installations(database: Database) -> None:
    with database.transaction(None) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one'), (2, 'two')")
    for installation in (1, 2):
        with database.transaction(installation) as conn:
            conn.execute(
                "INSERT INTO connection (installation_id, id, vendor, account_id, base_url)"
                " VALUES (%s, 1, 'hubspot', %s, 'http://x')",
                [installation, str(installation)],
            )
    with database.transaction(1) as conn:
        assert conn.execute("SELECT installation_id AS i FROM connection").fetchall() == [{"i": 1}]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(
                "INSERT INTO connection (installation_id, id, vendor, account_id, base_url)"
                " VALUES (2, 2, 'hubspot', 'x', 'http://x')"
            )
