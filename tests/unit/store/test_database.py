"""The pool: transactions, tenancy, and the translation of errors."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from connector.errors import RetryableError, UsageError
from connector.store import cluster
from connector.store.database import Database
from connector.store.migrate import migrate
from tests.conftest import whole_server
from tests.patience import until


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


def test_lock_time_out_is_a_passing_trouble(database: Database) -> None:
    _scratch(database)
    with database.transaction(None) as holder:
        holder.execute("LOCK TABLE scratch")
        started = time.monotonic()
        with pytest.raises(RetryableError) as refused, database.transaction(None, lock_timeout_seconds=0.1) as conn:
            conn.execute("INSERT INTO scratch VALUES (1)")
        assert time.monotonic() - started < 30
    assert refused.value.reason == "database_away"


def test_lost_connection_is_a_passing_trouble_and_the_next_one_works(database: Database) -> None:
    with pytest.raises(RetryableError) as refused, database.transaction(None) as conn:
        conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert refused.value.reason == "database_away"
    with database.autocommit() as conn:
        assert conn.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_connection_that_died_in_the_pool_is_not_handed_out(database: Database) -> None:
    with database.autocommit() as conn:
        pid = conn.info.backend_pid
    with psycopg.connect(database.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with database.autocommit() as conn:
        assert conn.info.backend_pid != pid


def test_deadlock_is_told_apart(database: Database) -> None:
    _scratch(database)
    with database.autocommit() as conn:
        conn.execute("INSERT INTO scratch VALUES (1), (2)")
    reasons: list[str] = []
    both_hold = threading.Barrier(2)

    def meet(first: int, second: int) -> None:
        try:
            with database.transaction(None) as conn:
                conn.execute("SELECT 1 FROM scratch WHERE id = %s FOR UPDATE", [first])
                both_hold.wait(10)
                conn.execute("SELECT 1 FROM scratch WHERE id = %s FOR UPDATE", [second])
        except RetryableError as error:
            reasons.append(error.reason)

    threads = [threading.Thread(target=meet, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reasons == ["database_conflict"]


def test_our_own_mistakes_stay_what_they_are(database: Database) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), database.transaction(None) as conn:
        conn.execute("SELECT * FROM nowhere")
    _scratch(database)
    with pytest.raises(psycopg.errors.UniqueViolation), database.transaction(None) as conn:
        conn.execute("INSERT INTO scratch VALUES (1), (1)")


def test_server_that_only_reads_is_named(database: Database) -> None:
    _scratch(database)
    with pytest.raises(RetryableError) as refused, database.transaction(None) as conn:  # noqa: PT012
        conn.execute("SET TRANSACTION READ ONLY")
        conn.execute("INSERT INTO scratch VALUES (1)")
    assert refused.value.reason == "database_read_only"


def test_server_that_is_not_there_is_away() -> None:
    started = time.monotonic()
    with pytest.raises(RetryableError) as refused:
        Database.open("host=/nowhere dbname=x")
    assert refused.value.reason == "database_away"
    assert time.monotonic() - started < 30


def test_dsn_that_is_none_is_a_mistake_and_its_password_is_not_repeated() -> None:
    with pytest.raises(UsageError) as refused:
        Database.open("mysql://user:geheim@host/x=y")
    assert refused.value.reason == "database_url_malformed"
    assert "geheim" not in str(refused.value)


def test_session_settings_reach_the_server_and_the_dsns_own_win(database_dsn: str) -> None:
    with Database.open(make_conninfo(database_dsn, application_name="mine")) as database, database.autocommit() as conn:
        shown = {
            name: next(iter((conn.execute(f"SHOW {name}").fetchone() or {}).values()))
            for name in ("application_name", "lock_timeout", "TimeZone")
        }
    assert shown == {"application_name": "mine", "lock_timeout": "4s", "TimeZone": "UTC"}


@pytest.mark.fault("T13")
def test_read_replica_is_refused(postgres_dsn: str) -> None:
    """A real standby of the tests' server: decisions need the newest rows."""
    with whole_server(postgres_dsn), standby(postgres_dsn) as dsn:
        with psycopg.connect(dsn) as conn:
            assert conn.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        for refusing in (Database.open, migrate):
            with pytest.raises(UsageError, match="primary") as refused:
                refusing(dsn)
            assert refused.value.reason == "database_is_replica"


def _answers(dsn: str) -> bool:
    with psycopg.connect(dsn):
        return True


@contextlib.contextmanager
def standby(primary: str) -> Iterator[str]:
    """Copy a server and start the copy as its standby."""
    home = Path(tempfile.mkdtemp(prefix="tasuki-standby-"))
    home.chmod(0o711)
    layout = cluster.lay_out(home)
    run_as = {"user": layout.run_as.uid, "group": layout.run_as.gid} if os.geteuid() == 0 else {}
    source = make_conninfo(primary, user=cluster.SUPERUSER, dbname="")
    subprocess.run(
        [layout.binaries / "pg_basebackup", "-d", source, "-D", layout.cluster, "-R", "-X", "stream", "-c", "fast"],
        cwd=layout.cluster, check=True, **run_as,
    )  # fmt: skip
    server = subprocess.Popen(
        [layout.binaries / "postgres", "-D", layout.cluster, "-k", layout.sockets, "-c", "listen_addresses=",
         "-c", "max_connections=200"],  # a standby refuses to have less than its primary
        cwd=layout.cluster, stderr=subprocess.DEVNULL, **run_as,
    )  # fmt: skip
    try:
        until(lambda: _answers(layout.dsn()), 30.0, every=0.05, but=(psycopg.OperationalError,))
        yield layout.dsn()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
        shutil.rmtree(home)
        layout.sockets.rmdir()
