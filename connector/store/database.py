"""Connections to PostgreSQL: one pool a process, short transactions, one translation of errors.

    database = Database.open(dsn)
    with database.transaction(installation_id) as conn:
        conn.execute("UPDATE lead SET …")

Rows are dicts unless a cursor asks otherwise. Everything that may pass by itself (server away, lock
time-out, deadlock, disk full) leaves as RetryableError; mistakes of ours leave as psycopg raised them.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from connector.errors import RetryableError, UsageError
from connector.texts import say

Connection = psycopg.Connection[DictRow]

# Whole states are read and written: the standard library takes four times as long.
set_json_loads(orjson.loads)
set_json_dumps(orjson.dumps)

OLDEST_SERVER_VERSION = 150000
#: how long a checkout waits for its turn, and how often it asks meanwhile whether the server is there at all
CHECKOUT_SECONDS = 5.0
_TURN_SECONDS = 0.2
_MOST_TOLD = 200  #: Letters of what libpq says.

_SESSION = {
    "application_name": "tasuki",
    "connect_timeout": "5",
    "target_session_attrs": "primary",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


class Database:
    """A pool of connections to one primary server. Safe to share between threads, not across a fork."""

    def __init__(self, dsn: str, pool: ConnectionPool[Connection], checkout_seconds: float) -> None:
        self.dsn = dsn
        self._pool = pool
        self._checkout_seconds = checkout_seconds

    @classmethod
    def open(
        cls,
        dsn: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        checkout_seconds: float = CHECKOUT_SECONDS,
        lock_timeout_seconds: float = 4.0,
        statement_timeout_seconds: float = 60.0,
        application_name: str = "tasuki",
        wait_seconds: float = 0.0,
    ) -> Database:
        """Connect and judge the server.

        `lock_timeout_seconds` is below the five seconds after which HubSpot gives up on a delivery.
        Raises UsageError for a read replica or a server that is too old, RetryableError when it is away
        (for longer than `wait_seconds`).
        """
        conninfo = session_dsn(dsn, application_name=application_name)
        _until_up(lambda: refuse_unfit_server(dsn), wait_seconds)
        settings = (
            f"SET lock_timeout = {_milliseconds(lock_timeout_seconds)}; "
            f"SET statement_timeout = {_milliseconds(statement_timeout_seconds)}; "
            "SET idle_in_transaction_session_timeout = '120s'; SET timezone = 'UTC'"
        )

        def configure(connection: Connection) -> None:
            connection.execute(settings)

        pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=min_size,
            max_size=max_size,
            configure=configure,
            check=_check_without_a_round_trip,
            # The pool's own back-off begins at a second and has no upper bound: it would sleep long after
            # the server is back. So it tries once, and the next checkout makes it try again.
            reconnect_timeout=0.0,
            open=True,
            name=application_name,
        )
        return cls(dsn, pool, checkout_seconds)

    @contextlib.contextmanager
    def transaction(
        self, installation_id: int | None, *, lock_timeout_seconds: float | None = None, durable: bool = True
    ) -> Iterator[Connection]:
        """A transaction that sees one installation's rows (None: only tables without tenants).

        Commits at the end of the block, rolls back on any exception. The settings travel with BEGIN in
        one round trip. Not `durable`: a crash of the server may lose it.
        Raises RetryableError(reason="database_away") on connection loss and lock time-out.
        """
        begin = "BEGIN"
        if installation_id is not None:
            begin += f"; SET LOCAL tasuki.installation_id = '{int(installation_id)}'"
        if lock_timeout_seconds is not None:
            begin += f"; SET LOCAL lock_timeout = {_milliseconds(lock_timeout_seconds)}"
        if not durable:
            begin += "; SET LOCAL synchronous_commit = off"
        with self._connection() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if not connection.closed:
                    with contextlib.suppress(psycopg.Error):
                        connection.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection whose every statement commits by itself; sees no installation's rows."""
        with self._connection() as connection:
            yield connection

    def wait_until_up(self, timeout_seconds: float) -> None:
        """Return when the server answers; raises RetryableError when it does not within the time."""

        def ask() -> None:
            with self.autocommit() as connection:
                connection.execute("SELECT 1")

        _until_up(ask, timeout_seconds)

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        with translated_errors():
            connection = self._checkout()
            try:
                yield connection
            finally:
                self._pool.putconn(connection)

    def _checkout(self) -> Connection:
        """Wait for a turn when the pool is busy; when the server is away say so at once."""
        deadline = time.monotonic() + self._checkout_seconds
        while True:
            try:
                return self._pool.getconn(timeout=_TURN_SECONDS)
            except PoolTimeout:
                if time.monotonic() > deadline or not _answers(self.dsn):
                    raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement without result rows for the one path on which every microsecond counts: libpq runs it directly.

    Prepared once on each connection under `name`, which is this statement's alone. `text` numbers its parameters
    ($1 …); each is sent as it is, as text or binary.
    """

    name: str
    text: str
    formats: tuple[Format, ...]

    def run(self, connection: Connection, values: Sequence[bytes | None]) -> None:
        """Execute outside a transaction block: it is committed when this returns. Raises what psycopg would."""
        try:
            self._execute(connection, values)
        except pg.InvalidSqlStatementName:  # this connection has not seen it yet; nothing was done
            _judge(connection, connection.pgconn.prepare(self.name.encode(), self.text.encode()))
            self._execute(connection, values)

    def _execute(self, connection: Connection, values: Sequence[bytes | None]) -> None:
        known = self.name.encode()
        # None is NULL, which the annotation forgets
        _judge(connection, connection.pgconn.exec_prepared(known, values, self.formats))  # type: ignore[arg-type]


def _judge(connection: Connection, result: PGresult) -> None:
    """Return only when the server said that it is done."""
    if result.status == ExecStatus.COMMAND_OK:
        return
    if connection.pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(connection.pgconn.get_error_message())
    raise pg.error_from_result(result)


REFUSALS = (psycopg.DataError, pg.ProgramLimitExceeded)
"""How the database says that it cannot hold a value, now or later (psycopg counts the second among the outages)."""


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn psycopg's passing troubles into RetryableError; everything else goes through untouched."""
    try:
        yield
    except REFUSALS:
        raise
    except (pg.SerializationFailure, pg.DeadlockDetected) as error:
        raise RetryableError(
            say("Two transactions met on the same rows; the work is done again."), reason="database_conflict"
        ) from error
    except (pg.DiskFull, pg.OutOfMemory) as error:
        raise RetryableError(
            say("The database has no room left; free disk space on its machine."), reason="database_full"
        ) from error
    except pg.ReadOnlySqlTransaction as error:
        raise RetryableError(
            say("The database only reads at present; point TASUKI_DATABASE_URL at the primary."),
            reason="database_read_only",
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise RetryableError(
            say("The database is away or blocked; it is tried again."), reason="database_away"
        ) from error


def session_dsn(dsn: str, *, application_name: str = "tasuki") -> str:
    """The DSN with our session settings where it does not set them: dead peers are noticed, replicas refused."""
    given = _parse(dsn)
    return make_conninfo("", **(_SESSION | {"application_name": application_name} | given))


def refuse_unfit_server(dsn: str) -> None:
    """Raise UsageError for a read replica or an old server: decisions need the newest rows (writer only)."""
    given = _parse(dsn)
    with translated_errors(), _connected(make_conninfo("", **({"connect_timeout": "5"} | given))) as conn:
        if conn.info.server_version < OLDEST_SERVER_VERSION:
            raise UsageError(
                say(
                    "The server is PostgreSQL {found}; Tasuki needs {least} or newer.",
                    found=conn.info.server_version // 10000,
                    least=OLDEST_SERVER_VERSION // 10000,
                ),
                reason="database_too_old",
            )
        row = conn.execute("SELECT pg_is_in_recovery()").fetchone()
        if row is not None and row[0]:
            raise UsageError(
                say("TASUKI_DATABASE_URL names a read replica; point it at the primary (writer) endpoint."),
                reason="database_is_replica",
            )


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    """A connection; where there is none, the error tells why as libpq says it (which never tells a password)."""
    try:
        return psycopg.connect(conninfo)
    except psycopg.OperationalError as error:
        why = (str(error).splitlines() or [""])[0].removeprefix("connection failed: ")[:_MOST_TOLD]
        raise RetryableError(
            say("The database cannot be reached ({why}); it is tried again.", why=why), reason="database_away"
        ) from error


def _parse(dsn: str) -> dict[str, Any]:
    try:
        return {name: value for name, value in conninfo_to_dict(dsn).items() if value is not None}
    except psycopg.ProgrammingError as error:
        raise UsageError(
            say("TASUKI_DATABASE_URL is not a PostgreSQL URL; it looks like postgresql://user:password@host/name."),
            reason="database_url_malformed",
        ) from error


def _check_without_a_round_trip(connection: Connection) -> None:
    """An idle connection has nothing to read; one whose server went away has its end waiting."""
    if has_something_to_read(connection.fileno()):
        ConnectionPool.check_connection(connection)


def has_something_to_read(fileno: int) -> bool:
    """True for an idle connection that is worth a check: news of the server's, or its end."""
    poll = select.poll()
    poll.register(fileno, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _until_up(ask: Callable[[], None], timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return ask()
        except RetryableError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(session_dsn(dsn)).close()
    except psycopg.OperationalError:
        return False
    return True


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
