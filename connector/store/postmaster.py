"""The launcher: one process that owns an embedded PostgreSQL for as long as anyone uses it.

Run as `python -m connector.store.postmaster HOME ATTEMPT`; clients start it through
`connector.store.embedded`. It detaches itself, so that it outlives the client that started it, and

- holds the exclusive flock on `launcher.lock`, so there is never a second one;
- waits for the exclusive flock on `users.lock`: getting it means that the last client is gone, and
  holding it while stopping means that no new client can slip in between;
- starts the server again when it dies;
- takes the server with it when it is killed itself (Linux: parent-death signal; elsewhere the next
  launcher stops what it finds running).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from connector.errors import RetryableError, TasukiError, UsageError
from connector.store import cluster
from connector.store.cluster import Layout
from connector.texts import say

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1
_RESTART_PAUSE_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

# Durability (fsync, full_page_writes, synchronous_commit) is PostgreSQL's default and stays so: it is not named
# here, so that a server whose data nobody keeps may be told otherwise by ALTER SYSTEM.
_CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    # A base grows from nothing to thousands within seconds of an import: until tables are analysed, joins are guesses.
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    # Statements and row details hold people's data; the log names the error and nothing of the row.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


class Launcher:
    """Owns one server: starts it, watches it, stops it when the last user is gone."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._server: subprocess.Popen[bytes] | None = None
        #: "unused" (last client gone), "stop" (we were told to), "died" (the server ended by itself)
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()

    def run(self, started: Callable[[], None]) -> None:
        """Start the server, call `started`, and return when the server has been stopped for good."""
        self._start()
        started()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._events.put("stop"))
        threading.Thread(target=self._await_last_user, daemon=True).start()
        while self._next_event() == "died":
            self._restart()
        self._stop()

    def _next_event(self) -> str:
        # A signal handler runs between byte codes: an endless get() in C would delay it for ever.
        while True:
            with contextlib.suppress(queue.Empty):
                return self._events.get(timeout=0.5)

    def _await_last_user(self) -> None:
        handle = os.open(cluster.users_lock(self._layout.home), os.O_RDWR)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._events.put("unused")  # the handle stays open, and so the lock ours, until we exit

    def _start(self) -> None:
        stop_leftover(self._layout)
        self._server = _spawn(self._layout)
        server = self._server
        _await_ready(self._layout, server)
        threading.Thread(target=self._await_death, args=(server,), daemon=True).start()

    def _await_death(self, server: subprocess.Popen[bytes]) -> None:
        server.wait()
        self._events.put("died")

    def _restart(self) -> None:
        for pause_seconds in _RESTART_PAUSE_SECONDS:
            _say("database_died", restart_in_seconds=pause_seconds)
            time.sleep(pause_seconds)
            with contextlib.suppress(RetryableError):
                self._start()
                return
        self._start()

    def _stop(self) -> None:
        server = self._server
        if server is None or server.poll() is not None:
            return
        # fast: open transactions are rolled back; immediate: recovered at the next start
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)
                return


def initialise(layout: Layout) -> None:
    """Make the cluster, the application's role and its database, if they are not there yet."""
    if (layout.home / "MAJOR").exists():
        return
    _private_umask()
    if any(layout.cluster.iterdir()):  # a first start that was cut short
        _clear(layout.cluster)
    _run(
        layout,
        "initdb",
        f"--pgdata={layout.cluster}",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        f"--username={cluster.SUPERUSER}",
        "--auth-local=trust",  # the socket's directory is private to the server's user
        "--auth-host=reject",
        "--no-instructions",
    )
    _single_user(
        layout,
        "postgres",
        f"CREATE ROLE {cluster.ROLE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;",
        f"CREATE DATABASE {cluster.DATABASE} OWNER {cluster.ROLE};",
    )
    pin = layout.home / "MAJOR"
    pin.with_suffix(".new").write_text(f"{cluster.MAJOR}\n", encoding="ascii")
    pin.with_suffix(".new").rename(pin)


def stop_leftover(layout: Layout) -> None:
    """Stop a server that an earlier launcher left behind, and disarm its lock file.

    PostgreSQL judges `postmaster.pid` by the number alone: in a container numbers repeat, and any
    process of the same user would block the start for ever. The file is never removed, because it also names the
    shared memory by which PostgreSQL sees that processes of a dead server are still at work on the data.
    """
    lock_file = layout.cluster / "postmaster.pid"
    try:
        first, rest = lock_file.read_text(encoding="utf-8", errors="replace").split("\n", 1)
        pid = int(first)
    except (FileNotFoundError, ValueError):
        return
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if not _serves(pid, layout.cluster):
            break
        _say("database_left_over", pid=pid, signal=int(number))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        _await(lambda: not _serves(pid, layout.cluster), STOP_SECONDS)
    if lock_file.exists():
        # our own number, its parent's, is one that the new server knows to be no server
        lock_file.write_text(f"{os.getpid()}\n{rest}", encoding="utf-8")


def _serves(pid: int, directory: Path) -> bool:
    """Whether process `pid` is a PostgreSQL on this very directory."""
    proc = Path(f"/proc/{pid}")
    if Path("/proc/self/stat").exists():
        try:  # a server's working directory is its data directory; a zombie has none
            return proc.joinpath("cwd").readlink() == directory
        except OSError:
            return False
    found = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return str(directory) in found.stdout


def _spawn(layout: Layout) -> subprocess.Popen[bytes]:
    settings = _CONFIGURATION | {
        "unix_socket_directories": str(layout.sockets),
        "log_directory": str(layout.log),
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return subprocess.Popen(  # noqa: S603
        [str(layout.binaries / "postgres"), "-D", str(layout.cluster), *arguments],
        stdin=subprocess.DEVNULL,
        cwd=layout.cluster,
        env=_environment(),
        start_new_session=True,
        umask=0o077,
        preexec_fn=_die_with_parent(),  # noqa: PLW1509  it makes two system calls and takes no lock
        user=_uid(layout),
        group=_gid(layout),
        extra_groups=_groups(layout),
    )


def _die_with_parent() -> Callable[[], None] | None:
    """Ask Linux to stop the server (fast) when its launcher dies; runs after the change of user, which
    would clear the request."""
    if not sys.platform.startswith("linux"):
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def request() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:
            os._exit(1)

    return request


def _await_ready(layout: Layout, server: subprocess.Popen[bytes]) -> None:
    """PostgreSQL writes `ready` as the eighth line of its lock file."""
    lock_file = layout.cluster / "postmaster.pid"

    def settled() -> bool:
        if server.poll() is not None:
            return True
        with contextlib.suppress(FileNotFoundError):
            lines = lock_file.read_text(encoding="utf-8", errors="replace").split("\n")
            return lines[0] == str(server.pid) and len(lines) > 7 and lines[7].strip() == "ready"
        return False

    if not _await(settled, START_SECONDS) or server.poll() is not None:
        server.kill()
        server.wait()
        raise RetryableError(
            say(
                "PostgreSQL did not start; {log} and {launcher} say why.",
                log=layout.log,
                launcher=layout.home / "launcher.log",
            ),
            reason="database_did_not_start",
        )


def _await(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _single_user(layout: Layout, database: str, *statements: str) -> None:
    """Run statements before the server ever listens; each must be one line."""
    _run(
        layout,
        "postgres",
        "--single",
        "-D",
        str(layout.cluster),
        "-c",
        "exit_on_error=true",
        database,
        stdin="\n".join(statements) + "\n",
    )


def _run(layout: Layout, program: str, *arguments: str, stdin: str = "") -> None:
    done = subprocess.run(  # noqa: S603
        [str(layout.binaries / program), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=layout.cluster,
        env=_environment(),
        umask=0o077,
        check=False,
        user=_uid(layout),
        group=_gid(layout),
        extra_groups=_groups(layout),
    )
    if done.returncode != 0:
        raise UsageError(
            say("PostgreSQL's {program} failed: {stderr}", program=program, stderr=done.stderr.strip()[-400:]),
            reason="database_setup_failed",
        )


def _uid(layout: Layout) -> int | None:
    return layout.run_as.uid if layout.run_as.differs else None


def _gid(layout: Layout) -> int | None:
    return layout.run_as.gid if layout.run_as.differs else None


def _groups(layout: Layout) -> list[int] | None:
    return [] if layout.run_as.differs else None


def _environment() -> dict[str, str]:
    """Nothing of ours reaches the server: PG* variables would change it, secrets are none of its business."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _private_umask() -> None:
    os.umask(0o077)


def _clear(directory: Path) -> None:
    for root, directories, files in os.walk(directory, topdown=False):
        for name in files:
            os.unlink(os.path.join(root, name))
        for name in directories:
            path = os.path.join(root, name)
            if os.path.islink(path):
                os.unlink(path)
            else:
                os.rmdir(path)


def _say(event: str, **facts: object) -> None:
    print(json.dumps({"event": event, **facts}), file=sys.stderr, flush=True)  # noqa: T201


def _detach() -> None:
    """Leave the client that started us: it has nothing to reap and may die as it likes."""
    if os.fork() > 0:
        os._exit(0)
    os.chdir("/")


def _take_lock(home: Path) -> int | None:
    """The launcher's lock, or None when another launcher has it. Clients probe it for an instant."""
    handle = os.open(cluster.launcher_lock(home), os.O_RDWR | os.O_CREAT, 0o600)

    def taken() -> bool:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    return handle if _await(taken, 0.3) else None


def _publish(home: Path, state: dict[str, object]) -> None:
    path = cluster.state_file(home)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(state), encoding="utf-8")
    fresh.rename(path)


def main(home: Path, attempt: str) -> int:
    """Be the launcher of the server below `home`; `attempt` marks a failure as the caller's own."""
    _detach()
    lock = _take_lock(home)
    if lock is None:
        return 0
    cluster.state_file(home).unlink(missing_ok=True)
    try:
        cluster.check_major(home)
        layout = cluster.lay_out(home)
        initialise(layout)
        ready: dict[str, object] = {"state": "ready", "dsn": layout.dsn(), "launcher_pid": os.getpid()}
        Launcher(layout).run(lambda: _publish(home, ready))
        with contextlib.suppress(OSError):
            layout.sockets.rmdir()
    except TasukiError as error:
        _say("launcher_failed", reason=error.reason, message=error.message)
        retry = isinstance(error, RetryableError)
        _publish(
            home,
            {
                "state": "failed",
                "attempt": attempt,
                "reason": error.reason,
                "message": error.message,
                "retry": retry,
            },
        )
        return 1
    cluster.state_file(home).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
