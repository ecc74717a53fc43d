"""Fixtures that every test may use: one embedded PostgreSQL a run, one fresh database a test."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, is_hypothesis_test, settings
from psycopg.conninfo import make_conninfo

from connector.store import cluster
from connector.store.database import Database
from connector.store.embedded import embedded_database
from connector.store.migrate import migrate
from tests.faults import results
from tests.remembered import remember

# How long an example takes says something of the machine alone. `make soak` looks further, at random: see `cases`.
settings.register_profile(
    "tasuki",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=50,
    derandomize=True,
    database=None,
)
settings.register_profile("soak", settings.get_profile("tasuki"), max_examples=10_000, derandomize=False)
settings.load_profile("tasuki")

TEMPLATE = "tasuki_template"
_UNFINISHED = "tasuki_template_unfinished"
_TESTS = Path(__file__).parent
_LONGEST_FIRST = {"faults": 0, "e2e": 1, "contract": 2, "unit": 3}
_HOME = "TASUKI_TEST_HOME"
_PREFIX = "tasuki-test-"
_ROOMY_BYTES = 4 * 1024**3
_ABANDONED_SECONDS = 6 * 3600


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--reliability FILE`: see `tests/faults/results.py`."""
    parser.addoption("--reliability", type=Path, default=None, help="keep in this file what came of marked tests")


def pytest_configure(config: pytest.Config) -> None:
    """Name the run; the processes of pytest-xdist inherit the name and so share its server.

    Tracebacks are plain, as in the product: drawing every local variable takes minutes where many leads fail.
    """
    if _is_soak(config):
        settings.load_profile("soak")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
    )
    os.environ["TASUKI_LANG"] = "en"  # whatever the machine speaks
    patch = pytest.MonkeyPatch()
    remember(patch)  # modules of tests load policies as they are imported
    config.add_cleanup(patch.undo)
    if not hasattr(config, "workerinput"):
        os.environ[_HOME] = str(_place() / f"{_PREFIX}{uuid.uuid4().hex[:12]}")
        if config.option.reliability is not None:
            config.pluginmanager.register(results.Recorder(config.option.reliability, soak=_is_soak(config)))


def _is_soak(config: pytest.Config) -> bool:
    return str(config.option.markexpr) == "soak"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The laws are part of the soak too: the same tests, on as many cases as its profile says.

    What takes long comes first: processes that take tests from one another shall end together.
    """
    items.sort(key=lambda item: _LONGEST_FIRST.get(item.path.relative_to(_TESTS).parts[0], 0))
    for item in items if _is_soak(config) else ():
        if is_hypothesis_test(getattr(item, "function", None)):
            item.add_marker("soak")
    results.label(items)


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay to the end: looking through them for circles again and again is waste."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the run's data once its server, which stops with its last user, has stopped."""
    home = Path(os.environ[_HOME])
    if hasattr(config, "workerinput") or not home.exists():
        return
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not _removed(home):  # a process that a test left behind may still use it
        time.sleep(0.05)
    for other in home.parent.glob(f"{_PREFIX}*"):  # of a run that was killed
        if time.time() - other.stat().st_mtime > _ABANDONED_SECONDS:
            _removed(other)


def _removed(home: Path) -> bool:
    """Remove a run's data unless its server lives."""
    with contextlib.suppress(OSError), open(cluster.launcher_lock(home), "rb") as launcher:
        fcntl.flock(launcher, fcntl.LOCK_SH | fcntl.LOCK_NB)
        shutil.rmtree(home)
        return True
    return False


def _place() -> Path:
    """In memory where there is plenty: each test makes and drops a database of hundreds of files.

    Not pytest's own directory: as root the server's user could not enter that.
    """
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOMY_BYTES
    return memory if roomy else Path(tempfile.gettempdir())


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The DSN of a server that this run's processes share; its role may create databases."""
    with embedded_database(Path(os.environ[_HOME])) as dsn:
        _make_template(dsn)
        yield dsn


def _make_template(dsn: str) -> None:
    with psycopg.connect(superuser_dsn(dsn), autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(1)")
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            return
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            conn.execute(f"ALTER SYSTEM SET {setting} = off")  # nobody keeps this server's data
        conn.execute("SELECT pg_reload_conf()")
        conn.execute(f"ALTER ROLE {cluster.ROLE} CREATEDB")
        conn.execute(f"CREATE DATABASE {_UNFINISHED} OWNER {cluster.ROLE}")
        migrate(make_conninfo(dsn, dbname=_UNFINISHED))
        conn.execute(f"ALTER DATABASE {_UNFINISHED} RENAME TO {TEMPLATE}")


def superuser_dsn(dsn: str) -> str:
    """The same server as its superuser; the product itself never connects like this."""
    return make_conninfo(dsn, user=cluster.SUPERUSER, dbname="postgres")


@contextlib.contextmanager
def whole_server(dsn: str) -> Iterator[psycopg.Connection]:
    """The server's superuser, for what concerns all of it: one test at a time. A copy of the server would share the
    folder of another test's tablespace with it."""
    with psycopg.connect(superuser_dsn(dsn), autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(2)")
        yield conn


@contextlib.contextmanager
def fresh_database(postgres_dsn: str) -> Iterator[str]:
    """The DSN of a fresh, migrated database, dropped at the end."""
    name = f"t_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(postgres_dsn, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")  # four times faster
    try:
        yield make_conninfo(postgres_dsn, dbname=name)
    finally:
        # As the superuser: an autovacuum worker may be in it, which no other role may end.
        with psycopg.connect(superuser_dsn(postgres_dsn), autocommit=True) as conn:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_dsn(postgres_dsn: str) -> Iterator[str]:
    """The DSN of a fresh, migrated database, dropped after the test."""
    with fresh_database(postgres_dsn) as dsn:
        yield dsn


@pytest.fixture
def database(database_dsn: str) -> Iterator[Database]:
    """A pool on a fresh, migrated database."""
    with Database.open(database_dsn) as opened:
        yield opened
