"""`tasuki migrate`, `serve` and `work` as processes: they start, work, end in order, and leave nothing when killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg.conninfo import make_conninfo

from connector.cli.stack import free_port, wait_for
from connector.store.database import Database
from connector.store.inbox import InboxState, listing
from connector.vendors.website.inbound import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import Relay
from tests.e2e.relay import CALL, MAIL
from tests.patience import until

SECRET = "0123456789abcdef"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `tasuki` processes; their output goes to `<name>.log`."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(name: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        mine = {key: value for key, value in os.environ.items() if not key.startswith("TASUKI_")}
        with (tmp_path / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "connector.cli.begin", name]
            running.append(subprocess.Popen(command, env=mine | environ, stdout=log, stderr=log))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.wait()


def service(dsn: str, port: int) -> dict[str, str]:
    return {
        "TASUKI_DATABASE_URL": dsn,
        "TASUKI_SECRET_KEY": Fernet.generate_key().decode(),
        "TASUKI_FORM_SECRETS": f"site={SECRET}",
        "TASUKI_PORT": str(port),
    }


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def post_form(port: int) -> int:
    body = '{"form": "お問い合わせ", "email": "taro@example.co.jp"}'.encode()
    stamp = str(int(time.time()))
    headers = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: sign(SECRET, stamp, body)}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/webhooks/forms/site", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.status)


def test_the_service_stores_what_it_acknowledges_and_ends_in_order(
    start: Start, database: Database, tmp_path: Path
) -> None:
    port = free_port()
    process = start("serve", service(database.dsn, port))
    wait_for(f"http://127.0.0.1:{port}/readyz", process, tmp_path / "serve.log")
    assert 200 <= post_form(port) < 300
    assert [row.source for row in listing(database, states=[InboxState.NEW])] == ["form:site"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    log = (tmp_path / "serve.log").read_text(encoding="utf-8")
    assert all(line.startswith("{") for line in log.splitlines()), log
    assert "taro@example.co.jp" not in log


def test_a_killed_service_leaves_no_process(start: Start, database: Database, tmp_path: Path) -> None:
    port = free_port()
    process = start("serve", service(database.dsn, port))
    wait_for(f"http://127.0.0.1:{port}/readyz", process, tmp_path / "serve.log")
    until(lambda: len(children(process.pid)) == 2)
    left = children(process.pid)
    process.kill()
    process.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))


def test_a_worker_brings_a_form_into_the_crm_and_ends_in_order(start: Start, relay: Relay) -> None:
    cli = CommandLine.of(relay)
    contact = relay.sandbox.submit("お問い合わせ", {"email": "yamada@example.co.jp", "lastname": "山田"})["contact_id"]
    process = start("work", cli.environ)
    until(lambda: relay.contact(contact).get("lifecyclestage") == "marketingqualifiedlead")
    until(lambda: relay.made_by(contact) == [CALL, MAIL])
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


@pytest.fixture
def empty_dsn(postgres_dsn: str) -> Iterator[str]:
    """A database without any schema."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}")
    yield make_conninfo(postgres_dsn, dbname=name)
    with psycopg.connect(postgres_dsn, autocommit=True) as conn:
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_an_old_schema_is_refused_until_it_is_migrated(empty_dsn: str) -> None:
    cli = CommandLine(service(empty_dsn, 0))
    for arguments in (("work",), ("serve",), ("inbox", "list"), ("parked", "list"), ("explain", "1")):
        result = cli.run(*arguments)
        assert result.exit_code == 3, arguments
        assert "run `tasuki migrate` first" in result.stderr
    applied = cli.json("migrate")["applied"]
    assert applied
    assert cli.json("migrate") == {"applied": []}
    assert cli.json("parked", "list") == []


def test_a_database_that_is_away_is_told_without_a_traceback() -> None:
    cli = CommandLine(service("postgresql://tasuki:geheim@127.0.0.1:1/tasuki", 0))
    for arguments in (("work",), ("serve",), ("migrate",), ("outbox", "list")):
        result = cli.run(*arguments)
        assert result.exit_code == 5, arguments
        assert "The database cannot be reached" in result.stderr
        assert "geheim" not in result.output


def test_settings_are_checked_before_anything_starts(database: Database) -> None:
    environ = service(database.dsn, 0)
    cli = CommandLine(environ)
    wrong = cli.run("work", TASUKI_SERVE_PROCESSES="many", TASUKI_LOG_LEVEL="loud")
    assert wrong.exit_code == 3
    assert wrong.stderr.count("  - ") == 2
    deaf = cli.run("serve", TASUKI_FORM_SECRETS="")
    assert (deaf.exit_code, "No sender has a secret" in deaf.stderr) == (3, True)
