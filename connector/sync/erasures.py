"""Erasures outlive a restored backup: the database and the file beside it are brought to know the same tombstones."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import structlog

from connector.store import erasing, tombstone_file, tombstones
from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database
from connector.store.erasing import Erased
from connector.store.tombstones import Tombstone

log = structlog.get_logger()

NOBODY = Erased(leads=0, deliveries=0, rows={})


def agree(database: Database, installation_id: int, path: Path | None, *, thorough: bool = False) -> Erased:
    """Take in what the file knows and the database does not, erase whoever is back by that, and write what it lacks.

    `thorough` looks through everybody even where nothing is new: when a worker starts, as a backup may have been
    restored. Returns what was erased again.
    """
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
        mine = {one.hash for one in tombstones.listed(conn)}
        given = _read(conn, path)
        news = [one for one in given if one.hash not in mine]
        erased = _again(conn, installation_id, news, now) if news or (thorough and mine) else NOBODY
    if path is not None and not {one.hash for one in given} >= mine:
        with database.transaction(installation_id) as conn:
            tombstone_file.write_all(conn, path)
    return erased


def apply(database: Database, installation_id: int, path: Path) -> tuple[int, Erased]:
    """Erase whoever a file of tombstones names; returns how many tombstones were news, and what was erased."""
    with database.transaction(installation_id) as conn:
        now = BusinessClock.now(conn)
        mine = {one.hash for one in tombstones.listed(conn)}
        given = tombstone_file.read(path, key_name=tombstones.key_name(conn))
        news = [one for one in given if one.hash not in mine]
        return len(news), _again(conn, installation_id, news, now)


def _read(conn: Connection, path: Path | None) -> list[Tombstone]:
    if path is None or not path.exists():
        return []
    return tombstone_file.read(path, key_name=tombstones.key_name(conn))


def _again(conn: Connection, installation_id: int, news: list[Tombstone], now: datetime) -> Erased:
    erased = erasing.erase_again(conn, installation_id, news, now=now) or NOBODY
    if erased.leads:
        log.warning("erased_again", leads=erased.leads)
    return erased
