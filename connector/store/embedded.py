"""An embedded PostgreSQL for machines that have no server of their own.

    with embedded_database(Path("var/postgres")) as dsn:
        ...

Any number of processes may hold the same directory; the first one starts a launcher
(`connector.store.postmaster`), which stops the server when the last one is gone, however it went.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg

from connector.errors import RetryableError, UsageError
from connector.store import cluster
from connector.texts import say

ACQUIRE_SECONDS = 90.0
_POLL_SECONDS = 0.01
_RESPAWN_PAUSE_SECONDS = 1.0


class EmbeddedServer:
    """One client's hold on an embedded server; the server stays until every hold is released.

    `dsn` is a psycopg conninfo for the role `tasuki`, which owns the database `tasuki` and is no superuser.
    """

    def __init__(self, home: Path, hold: int) -> None:
        self._home = home
        self._hold: int | None = hold
        self.dsn = ""

    def release(self) -> None:
        """Let go. The last one to do so stops the server. A second call does nothing."""
        hold, self._hold = self._hold, None
        if hold is not None:
            os.close(hold)

    @property
    def released(self) -> bool:
        """True after `release`."""
        return self._hold is None

    def watch(self) -> None:
        """Start the launcher again should it be killed; a daemon thread that waits on the launcher's lock."""
        threading.Thread(target=self._watch, name="embedded-database", daemon=True).start()

    def _watch(self) -> None:
        handle = os.open(cluster.launcher_lock(self._home), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while not self.released:
                fcntl.flock(handle, fcntl.LOCK_SH)  # granted when no launcher lives
                fcntl.flock(handle, fcntl.LOCK_UN)
                if self.released:
                    return
                try:
                    _await_ready(self._home, ACQUIRE_SECONDS)
                except (RetryableError, UsageError):
                    time.sleep(_RESPAWN_PAUSE_SECONDS)
        finally:
            os.close(handle)


def acquire(data_dir: Path, *, timeout_seconds: float = ACQUIRE_SECONDS) -> EmbeddedServer:
    """Take hold of the server below `data_dir`, starting it (and creating its data) when needed.

    Raises UsageError when it cannot run here (another major version, no place, no user) and
    RetryableError(reason="database_away") when it did not come up within `timeout_seconds`.
    """
    home = data_dir.absolute()
    _make_home(home)
    home = home.resolve()
    server = EmbeddedServer(home, _hold(home, timeout_seconds))
    try:
        server.dsn = _await_ready(home, timeout_seconds)
    except BaseException:
        server.release()
        raise
    server.watch()
    return server


@contextlib.contextmanager
def embedded_database(data_dir: Path) -> Iterator[str]:
    """The DSN of the server below `data_dir`, held for the length of the block."""
    server = acquire(data_dir)
    try:
        yield server.dsn
    finally:
        server.release()


def _make_home(home: Path) -> None:
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        if not home.exists():
            home.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:  # the server's user must be able to walk through, and may see no names
                home.chmod(0o711)
        os.close(os.open(cluster.users_lock(home), os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise UsageError(
            say(
                "The database directory {home} cannot be used: {strerror}. Set TASUKI_HOME to a directory of your own.",
                home=home,
                strerror=error.strerror,
            ),
            reason="database_directory_unusable",
        ) from error


def _hold(home: Path, timeout_seconds: float) -> int:
    """Become a user; waits while a launcher that saw no users is stopping its server."""
    handle = os.open(cluster.users_lock(home), os.O_RDWR)
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(handle)
                raise _away(home) from None
            time.sleep(_POLL_SECONDS)
        else:
            return handle


def _await_ready(home: Path, timeout_seconds: float) -> str:
    attempt = uuid.uuid4().hex
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if not _launcher_lives(home):
            _raise_own_failure(home, attempt)
            cluster.check_major(home)
            _spawn_launcher(home, attempt)
        dsn = _read_state(home).get("dsn")
        if isinstance(dsn, str) and _answers(dsn):
            return dsn
        time.sleep(_POLL_SECONDS)
    raise _away(home)


def _launcher_lives(home: Path) -> bool:
    handle = os.open(cluster.launcher_lock(home), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def _spawn_launcher(home: Path, attempt: str) -> None:
    """Start a launcher; it detaches at once, so this returns when it is on its own."""
    with open(home / "launcher.log", "ab") as log:
        subprocess.run(  # noqa: S603
            [sys.executable, "-m", "connector.store.postmaster", str(home), attempt],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
        )


def _read_state(home: Path) -> dict[str, object]:
    try:
        state: dict[str, object] = json.loads(cluster.state_file(home).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return state


def _raise_own_failure(home: Path, attempt: str) -> None:
    state = _read_state(home)
    if state.get("state") != "failed" or state.get("attempt") != attempt:
        return
    kind = RetryableError if state.get("retry") else UsageError
    raise kind(str(state["message"]), reason=str(state["reason"]))


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _away(home: Path) -> RetryableError:
    return RetryableError(
        say(
            "The embedded database did not come up in time; {log} and {folder} say why.",
            log=home / "launcher.log",
            folder=home / "log",
        ),
        reason="database_away",
    )
