"""A person whose every word is like nobody else's, and a look through everything that could still hold one of them."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path

import psycopg
import structlog
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from connector import log
from tests.conftest import superuser_dsn

WORDS = {
    "email": "canary-7f3a@example.co.jp",
    "lastname": "金糸雀",
    "firstname": "さえずり",
    "phone": "+81312349876",
    "jobtitle": "鳥籠管理課長",
}

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name, array_agg(a.attname::text) AS columns
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
GROUP BY 1, 2 ORDER BY 1, 2
"""


def everything(dsn: str) -> dict[str, list[str]]:
    """Every row of every table that there is, as text, whatever row-level security hides; bodies unpacked."""
    database = conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(make_conninfo(superuser_dsn(dsn), dbname=database)) as conn:
        found: dict[str, list[str]] = {}
        for schema, name, _ in conn.execute(_TABLES).fetchall():
            table = sql.Identifier(schema, name)
            rows = conn.execute(sql.SQL("SELECT {} FROM {}").format(_readable(conn, schema, name), table)).fetchall()
            found[name] = [" ".join(_text(value) for value in row) for row in rows]
    return found


def hits(dsn: str, words: list[str]) -> dict[str, list[str]]:
    """Table → the words that stand somewhere in it."""
    found = {
        table: sorted({word for word in words for row in rows if word in row})
        for table, rows in everything(dsn).items()
    }
    return {table: words for table, words in found.items() if words}


def hits_in_files(folder: Path, words: list[str]) -> set[str]:
    """The files below a folder that hold one of the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path) for path in files if any(word.encode() in path.read_bytes() for word in words)}


@contextmanager
def logged() -> Iterator[StringIO]:
    """What the product logs at its most talkative, as the service writes it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    lines = StringIO()
    try:
        log.configure("debug", as_json=True, stream=lines)
        yield lines
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def copied(dsn: str, into: str) -> None:
    """Make one database's rows another's, as restoring a backup does."""
    source, target = (conninfo_to_dict(one)["dbname"] for one in (dsn, into))
    with (
        psycopg.connect(make_conninfo(superuser_dsn(dsn), dbname=source)) as old,
        psycopg.connect(make_conninfo(superuser_dsn(into), dbname=target)) as new,
    ):
        new.execute("SET session_replication_role = replica")
        found = old.execute(_TABLES).fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(schema, name) for schema, name, _ in found)
        new.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
        for schema, name, columns in found:
            kept = _stored(old, schema, name, columns)
            table, names = sql.Identifier(schema, name), sql.SQL(", ").join(map(sql.Identifier, kept))
            with (
                old.cursor().copy(sql.SQL("COPY {} ({}) TO STDOUT").format(table, names)) as read,
                new.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as write,
            ):
                for block in read:
                    write.write(block)


def _stored(conn: psycopg.Connection, schema: str, name: str, columns: list[str]) -> list[str]:
    """The columns that are not generated from others."""
    generated = conn.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s AND is_generated = 'ALWAYS'",
        [schema, name],
    ).fetchall()
    return [one for one in columns if (one,) not in generated]


def _readable(conn: psycopg.Connection, schema: str, name: str) -> sql.Composed:
    """Every column as it can be searched: bytes as they are, all else as text."""
    columns = conn.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
        [schema, name],
    ).fetchall()
    return sql.SQL(", ").join(
        sql.SQL("{}" if kind == "bytea" else "{}::text").format(sql.Identifier(column)) for column, kind in columns
    )


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        return str(value)
    with suppress(zlib.error):
        value = zlib.decompress(value)
    return value.decode("utf-8", "replace")
