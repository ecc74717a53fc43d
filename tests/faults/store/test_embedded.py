"""The embedded server's launcher: who may die, and what happens then."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from connector.errors import UsageError
from connector.store import cluster
from connector.store.database import Database
from connector.store.embedded import acquire, embedded_database
from connector.store.migrate import current, migrate, pending
from tests.patience import until

CLIENT = Path(__file__).with_name("client.py")
ROOT = Path(__file__).parents[3]
AS_ROOT = os.geteuid() == 0


class Clients:
    """Processes that hold a server, and what can be seen of the server from outside."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, user: str | None = None) -> subprocess.Popen[str]:
        """Start a client; `answer` reads what it said."""
        process = subprocess.Popen(
            [*([] if user is None else become(user)), sys.executable, str(CLIENT), str(self.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        )
        self.processes.append(process)
        return process

    def server(self) -> int:
        """The postmaster's process id."""
        return int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0])

    def launcher(self) -> int:
        """The launcher's process id."""
        launcher: int = json.loads(cluster.state_file(self.home).read_text())["launcher_pid"]
        return launcher

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "cluster"

    def await_stopped(self) -> None:
        """Return when the launcher is gone, and with it the server."""
        with open(cluster.launcher_lock(self.home), "rb") as lock:
            until(lambda: _free(lock.fileno()))
        assert not (self.cluster / "postmaster.pid").exists()

    def close(self) -> None:
        """End everything."""
        for process in self.processes:
            process.kill()
            process.communicate()
        if cluster.launcher_lock(self.home).exists():
            with open(cluster.launcher_lock(self.home), "rb") as lock:
                until(lambda: _free(lock.fileno()))


def become(user: str) -> list[str]:
    """A command that goes on as `user`. It may still read everything: root's Python may be out of its reach."""
    group = str(pwd.getpwnam(user).pw_gid)
    capability = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *capability]


def answer(process: subprocess.Popen[str]) -> dict[str, str]:
    """What a client said about its server."""
    assert process.stdout is not None
    found: dict[str, str] = json.loads(process.stdout.readline())
    return found


def dsn_of(process: subprocess.Popen[str]) -> str:
    """The DSN that a client got."""
    return answer(process)["dsn"]


def works(dsn: str) -> bool:
    """Whether the server answers at this moment."""
    try:
        with psycopg.connect(dsn) as conn:
            return conn.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(handle, fcntl.LOCK_UN)
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that any user may enter (pytest's own are private)."""
    directory = Path(tempfile.mkdtemp(prefix="tasuki-embedded-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def clients(place: Path) -> Iterator[Clients]:
    """Clients of a server that is not there yet."""
    made = Clients(place / "postgres")
    yield made
    made.close()


def test_server_is_private_checked_and_not_ours_to_rule(clients: Clients) -> None:
    with embedded_database(clients.home) as dsn, psycopg.connect(dsn) as conn:
        row = conn.execute(
            "SELECT current_user, rolsuper, rolcreaterole, rolbypassrls, pg_get_userbyid(datdba), "
            "pg_encoding_to_char(encoding), datcollate FROM pg_roles, pg_database "
            "WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()
        assert row == ("tasuki", False, False, False, "tasuki", "UTF8", "C")
        shown = {
            name: conn.execute(f"SHOW {name}").fetchone() for name in ("data_checksums", "fsync", "listen_addresses")
        }
        assert shown == {"data_checksums": ("on",), "fsync": ("on",), "listen_addresses": ("",)}
        sockets = Path(conn.info.host)
        assert sockets.stat().st_mode & 0o777 == 0o700
        assert clients.cluster.stat().st_mode & 0o777 == 0o700
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= cluster.SOCKET_PATH_LIMIT_BYTES


@pytest.mark.skipif(not AS_ROOT, reason="only root gives the server another user")
def test_as_root_the_server_runs_as_nobody(clients: Clients) -> None:
    with embedded_database(clients.home):
        assert Path(f"/proc/{clients.server()}").stat().st_uid == pwd.getpwnam("nobody").pw_uid


@pytest.mark.skipif(not AS_ROOT or shutil.which("setpriv") is None, reason="only root can become another user")
@pytest.mark.parametrize("user", ["nobody", "daemon"])
def test_ordinary_user_runs_the_server_as_itself(place: Path, clients: Clients, user: str) -> None:
    os.chown(place, pwd.getpwnam(user).pw_uid, -1)
    place.chmod(0o711)
    first = clients.start(user)
    assert works(dsn_of(first))
    assert Path(f"/proc/{clients.server()}").stat().st_uid == pwd.getpwnam(user).pw_uid
    first.communicate("")
    clients.await_stopped()
    assert works(dsn_of(clients.start())), "root, who comes later, uses it as well"
    assert Path(f"/proc/{clients.server()}").stat().st_uid == pwd.getpwnam(user).pw_uid


def test_long_path_does_not_reach_the_socket(place: Path) -> None:
    deep = place / ("directory-with-a-long-name" * 4) / ("and-another-one" * 8)
    deep.mkdir(parents=True)
    clients = Clients(deep / "postgres")
    try:
        assert works(dsn_of(clients.start()))
    finally:
        clients.close()


@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user's server may enter what its user may")
def test_project_in_roots_private_home_works(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    shared = place / "shared"
    home = private / "postgres"
    home.mkdir(mode=0o711)
    monkeypatch.setattr(cluster, "_SHARED_STATE", shared)
    layout = cluster.lay_out(home)
    assert layout.cluster.is_relative_to(shared)
    assert layout.cluster.stat().st_uid == layout.run_as.uid
    monkeypatch.setattr(cluster, "_may_enter", lambda *_: False)
    copied = cluster.lay_out(home).binaries
    assert copied.is_relative_to(shared)
    version = subprocess.run(
        [copied / "initdb", "--version"], user="nobody", capture_output=True, text=True, cwd="/", check=True
    )
    assert f" {cluster.MAJOR}." in version.stdout


def test_last_one_out_stops_the_server_and_the_data_stay(clients: Clients) -> None:
    first, second = clients.start(), clients.start()
    dsn = dsn_of(first)
    assert dsn_of(second) == dsn
    server = clients.server()
    with psycopg.connect(dsn) as conn:
        conn.execute("CREATE TABLE kept (id int)")
    first.communicate("")
    assert works(dsn)
    assert clients.server() == server
    second.communicate("")
    clients.await_stopped()
    assert not _alive(server)
    with psycopg.connect(dsn_of(clients.start())) as conn:
        assert conn.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_first_starts_at_once_share_one_server(clients: Clients) -> None:
    started = [clients.start() for _ in range(6)]
    assert len({dsn_of(process) for process in started}) == 1
    log = "".join(path.read_text() for path in (clients.home / "log").glob("*.log"))
    assert log.count("database system is ready to accept connections") == 1


def test_kill_of_the_process_that_started_it_leaves_the_others_in_peace(clients: Clients) -> None:
    first = clients.start()
    dsn = dsn_of(first)
    second = clients.start()
    assert dsn_of(second) == dsn
    with psycopg.connect(dsn) as conn:
        first.kill()
        first.wait()
        assert conn.execute("SELECT 1").fetchone() == (1,), "not even a connection is lost"
    second.kill()
    second.wait()
    clients.await_stopped()


def test_kill_of_the_server_is_mended_by_the_launcher(clients: Clients) -> None:
    dsn = dsn_of(clients.start())
    with psycopg.connect(dsn) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 1 AS id")
    for _ in range(3):
        killed = clients.server()
        os.kill(killed, signal.SIGKILL)
        until(lambda killed=killed: works(dsn) and clients.server() != killed)
    with psycopg.connect(dsn) as conn:
        assert conn.execute("SELECT id FROM kept").fetchone() == (1,)


def test_kill_of_the_launcher_is_mended_by_a_client(clients: Clients) -> None:
    client = clients.start()
    dsn = dsn_of(client)
    launcher = clients.launcher()
    os.kill(launcher, signal.SIGKILL)
    until(lambda: cluster.state_file(clients.home).exists() and clients.launcher() != launcher and works(dsn))
    client.communicate("")
    clients.await_stopped()


def test_kill_of_everyone_leaves_nothing_that_breaks_the_next_start(clients: Clients) -> None:
    first = clients.start()
    dsn_of(first)
    server, launcher = clients.server(), clients.launcher()
    first.kill()
    os.kill(launcher, signal.SIGKILL)
    if sys.platform.startswith("linux"):
        until(lambda: not _alive(server))  # the server goes with its launcher, also when nobody comes
    assert works(dsn_of(clients.start()))


def test_server_that_was_left_over_is_stopped_by_the_next_launcher(clients: Clients) -> None:
    """Where there is no parent-death signal; here the orphan is started by hand."""
    with embedded_database(clients.home):
        pass
    clients.await_stopped()
    layout = cluster.lay_out(clients.home.resolve())
    orphan = subprocess.Popen(
        [layout.binaries / "postgres", "-D", layout.cluster, "-k", layout.sockets, "-c", "listen_addresses="],
        user=layout.run_as.uid if AS_ROOT else None,
        cwd=layout.cluster,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: works(layout.dsn()))
    with embedded_database(clients.home) as dsn:
        orphan.wait(20)
        assert works(dsn)
        assert clients.server() != orphan.pid


def test_foreign_process_that_has_the_servers_old_number_does_not_block_the_start(clients: Clients) -> None:
    """Numbers repeat in containers; PostgreSQL itself would refuse to start for ever."""
    with embedded_database(clients.home):
        pass
    clients.await_stopped()
    (clients.cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{clients.cluster}\n")
    with embedded_database(clients.home) as dsn:
        assert works(dsn)


def test_first_start_that_was_cut_short_begins_again(clients: Clients) -> None:
    clients.home.mkdir(mode=0o711)
    clients.home.chmod(0o711)
    clients.cluster.mkdir()
    (clients.cluster / "PG_VERSION").write_text("16\n")
    (clients.cluster / "base").mkdir()
    assert works(dsn_of(clients.start()))


def test_data_of_another_major_version_name_the_upgrade(clients: Clients) -> None:
    with embedded_database(clients.home):
        pass
    clients.await_stopped()
    (clients.home / "MAJOR").write_text("15\n")
    with pytest.raises(UsageError, match="pg_dumpall") as refused:
        acquire(clients.home)
    assert refused.value.reason == "database_major_differs"


def test_directory_that_cannot_be_used_says_so(place: Path) -> None:
    (place / "file").write_text("")
    with pytest.raises(UsageError, match="TASUKI_HOME") as refused:
        acquire(place / "file" / "postgres")
    assert refused.value.reason == "database_directory_unusable"


def test_start_that_fails_tells_the_caller_why(clients: Clients) -> None:
    with embedded_database(clients.home):
        pass
    clients.await_stopped()
    (clients.cluster / "global" / "pg_control").rename(clients.cluster / "global" / "gone")
    said = answer(clients.start())
    assert said["reason"] == "database_did_not_start"
    assert "launcher.log" in said["message"]


def test_dsn_serves_as_a_server_of_ones_own(clients: Clients) -> None:
    """Everything but the launcher takes a DSN: TASUKI_DATABASE_URL needs nothing else."""
    with embedded_database(clients.home) as dsn:
        host = make_conninfo(dsn)
        assert (current(host), pending(host)) == (None, ["0001"])
        applied: list[list[str]] = []
        starters = [threading.Thread(target=lambda: applied.append(migrate(host))) for _ in range(4)]
        for starter in starters:
            starter.start()
        for starter in starters:
            starter.join()
        assert sorted(applied) == [[], [], [], ["0001"]], "starters queue; one of them migrates"
        assert (current(host), pending(host)) == ("0001", [])
        with Database.open(host) as database, database.transaction(1) as conn:
            assert conn.execute("SELECT count(*) AS n FROM lead").fetchone() == {"n": 0}
