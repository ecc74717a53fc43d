"""Connections: the portals and orgs of an installation, their people, and where polls continue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from connector.store.clock import BusinessClock
from connector.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRow:
    """One connected account. `stage_values`: stage id → vendor value of the custom stages that we provisioned."""

    installation_id: int
    id: int
    vendor: str
    account_id: str
    base_url: str
    settings: Mapping[str, Any]
    capabilities: Mapping[str, Any]
    stage_values: Mapping[str, str]
    status: str
    paused_reason: str | None
    paused_until: datetime | None
    paused_at: datetime | None


HOUSEKEEPING = "housekeeping"
"""The cursor of what is done for the installation as a whole, at connection 0."""

_CONNECTIONS = """
SELECT installation_id, id, vendor, account_id, base_url, settings, capabilities, stage_values, status,
       paused_reason, paused_until, paused_at
FROM connection ORDER BY id
"""

_ADD = """
INSERT INTO connection (installation_id, id, vendor, account_id, base_url, settings)
VALUES (%(installation_id)s, (SELECT coalesce(max(id), 0) + 1 FROM connection), %(vendor)s, %(account_id)s,
        %(base_url)s, %(settings)s)
RETURNING id
"""

# `paused_at` outlasts a pause that was tried again, until the connection has stood for a while: whoever is told that
# it was paused is told once.
_PAUSE = """
WITH before AS (SELECT id, paused_at FROM connection WHERE id = %(connection_id)s AND status = 'active' FOR UPDATE)
UPDATE connection
SET status = 'paused', paused_reason = %(reason)s, paused_at = coalesce(connection.paused_at, now()),
    paused_until = CASE WHEN %(seconds)s::float8 IS NULL THEN NULL ELSE now() + make_interval(secs => %(seconds)s) END
FROM before WHERE connection.id = before.id
RETURNING before.paused_at IS NULL AS news
"""

_RESUME = """
UPDATE connection SET status = 'active', paused_until = now()
WHERE id = %(connection_id)s AND status = 'paused' RETURNING id
"""

_TRY_AGAIN = """
UPDATE connection SET status = 'active', paused_until = now() + make_interval(secs => %(stands)s)
WHERE status = 'paused' AND paused_until <= now()
"""

_STANDS = """
UPDATE connection SET paused_reason = NULL, paused_until = NULL, paused_at = NULL
FROM (SELECT id, paused_reason AS reason FROM connection
      WHERE status = 'active' AND paused_at IS NOT NULL AND paused_until <= now() FOR UPDATE) AS before
WHERE connection.id = before.id RETURNING connection.id, before.reason
"""

_PUT_OWNER = """
INSERT INTO owner (installation_id, connection_id, vendor_id, email, name, active, teams, user_id, left_at)
VALUES (%(installation_id)s, %(connection_id)s, %(vendor_id)s, %(email)s, %(name)s, %(active)s, %(teams)s, %(user_id)s,
        CASE WHEN NOT %(active)s THEN %(now)s::timestamptz END)
ON CONFLICT (installation_id, connection_id, vendor_id) DO UPDATE
SET email = excluded.email, name = excluded.name, active = excluded.active, teams = excluded.teams,
    user_id = excluded.user_id, read_at = now(),
    left_at = CASE WHEN NOT excluded.active THEN coalesce(owner.left_at, excluded.left_at) END
"""

_PUT_CURSOR = """
INSERT INTO poll_cursor (installation_id, connection_id, kind, position, due_at)
VALUES (%(installation_id)s, %(connection_id)s, %(kind)s, %(position)s,
        now() + make_interval(secs => %(again_seconds)s))
ON CONFLICT (installation_id, connection_id, kind) DO UPDATE
SET position = excluded.position, due_at = excluded.due_at
"""


def ensure_installation(database: Database, name: str) -> int:
    """The id of the installation with this name, created if need be."""
    with database.autocommit() as conn:
        conn.execute("INSERT INTO installation (name) VALUES (%s) ON CONFLICT DO NOTHING", [name])
    found = installation_of(database, name)
    assert found is not None
    return found


def installation_of(database: Database, name: str) -> int | None:
    """The id of the installation with this name; None: nothing has been stored yet."""
    with database.autocommit() as conn:
        row = conn.execute("SELECT id FROM installation WHERE name = %s", [name]).fetchone()
    return int(row["id"]) if row is not None else None


def installations(database: Database) -> list[int]:
    """The ids of all installations."""
    with database.autocommit() as conn:
        return [int(row["id"]) for row in conn.execute("SELECT id FROM installation ORDER BY id")]


def account_of(conn: Connection, vendor: str, account_id: str) -> tuple[int, int] | None:
    """(installation id, connection id) of a portal or org; None: not one of ours."""
    row = conn.execute(
        "SELECT installation_id, connection_id FROM account WHERE vendor = %s AND account_id = %s", [vendor, account_id]
    ).fetchone()
    return (int(row["installation_id"]), int(row["connection_id"])) if row else None


def listed(conn: Connection) -> list[ConnectionRow]:
    """The installation's connections."""
    return [ConnectionRow(**row) for row in conn.execute(_CONNECTIONS)]


def ensure(
    conn: Connection,
    installation_id: int,
    *,
    vendor: str,
    account_id: str,
    base_url: str,
    settings: Mapping[str, Any],
) -> int:
    """The connection of this account, created if need be; its address and settings are brought up to date."""
    known = account_of(conn, vendor, account_id)
    if known is not None:
        conn.execute(
            "UPDATE connection SET base_url = %s, settings = %s WHERE id = %s", [base_url, Jsonb(settings), known[1]]
        )
        return known[1]
    values = {
        "installation_id": installation_id,
        "vendor": vendor,
        "account_id": account_id,
        "base_url": base_url,
        "settings": Jsonb(settings),
    }
    row = conn.execute(_ADD, values).fetchone()
    assert row is not None
    conn.execute(
        "INSERT INTO account (vendor, account_id, installation_id, connection_id) VALUES (%s, %s, %s, %s)",
        [vendor, account_id, installation_id, row["id"]],
    )
    return int(row["id"])


def is_another(conn: Connection, connection_id: int) -> bool:
    """True for an account that has not been provisioned yet, beside one that was connected before."""
    rows = listed(conn)
    return len(rows) > 1 and any(row.id == connection_id and not row.capabilities for row in rows)


def remember_provisioning(
    conn: Connection, connection_id: int, capabilities: Mapping[str, Any], stage_values: Mapping[str, str]
) -> None:
    """Keep what provisioning found out: capabilities, and the ids of custom stages."""
    conn.execute(
        "UPDATE connection SET capabilities = capabilities || %s, stage_values = stage_values || %s WHERE id = %s",
        [Jsonb(capabilities), Jsonb(stage_values), connection_id],
    )


def pause(conn: Connection, connection_id: int, *, reason: str, seconds: float | None) -> bool:
    """Stop calling this account, and try again after so long (None: when a person resumes it); its events are kept.

    True: it is news. False: it was paused, or had been tried again a moment ago.
    """
    values = {"connection_id": connection_id, "reason": reason, "seconds": seconds}
    row = conn.execute(_PAUSE, values).fetchone()
    return row is not None and bool(row["news"])


def resume(conn: Connection, connection_id: int) -> bool:
    """Go on with this connection: its access was given again. False: it was not paused."""
    return conn.execute(_RESUME, {"connection_id": connection_id}).fetchone() is not None


def try_again(conn: Connection, *, stands_after_seconds: float) -> dict[int, str]:
    """Go on with every connection whose pause has run out; returns those that have stood so long since, with why they
    were paused."""
    conn.execute(_TRY_AGAIN, {"stands": stands_after_seconds})
    return {int(row["id"]): row["reason"] for row in conn.execute(_STANDS)}


def put_owners(
    conn: Connection, installation_id: int, connection_id: int, owners: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Store the people who may own records, all of them; returns those who may no more (left, or listed no more)."""
    before = {
        row["vendor_id"]
        for row in conn.execute("SELECT vendor_id FROM owner WHERE connection_id = %s AND active", [connection_id])
    }
    now = BusinessClock.now(conn)
    same = {"installation_id": installation_id, "connection_id": connection_id, "now": now}
    rows = [{**same, **owner} for owner in owners]
    conn.cursor().executemany(_PUT_OWNER, rows)
    conn.execute(
        "UPDATE owner SET active = false, left_at = %s WHERE connection_id = %s AND active AND vendor_id <> ALL(%s)",
        [now, connection_id, [owner["vendor_id"] for owner in owners]],
    )
    return sorted(before - {owner["vendor_id"] for owner in owners if owner["active"]})


def senders(conn: Connection, connection_id: int, owner_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Owner id → (user id, e-mail address) of those of these people in whose name the CRM can send."""
    rows = conn.execute(
        "SELECT vendor_id, user_id, email FROM owner WHERE connection_id = %s AND vendor_id = ANY(%s) AND active"
        " AND user_id IS NOT NULL AND email IS NOT NULL",
        [connection_id, list(owner_ids)],
    )
    return {row["vendor_id"]: (row["user_id"], row["email"]) for row in rows}


def owner_names(conn: Connection, connection_id: int) -> dict[str, str]:
    """Owner id → name."""
    rows = conn.execute("SELECT vendor_id, name FROM owner WHERE connection_id = %s", [connection_id])
    return {row["vendor_id"]: row["name"] for row in rows}


def owner_addresses(conn: Connection) -> dict[int, dict[str, str]]:
    """Connection → owner id → e-mail address ("" for none): by these two CRMs' users are told to be one person."""
    found: dict[int, dict[str, str]] = {}
    for row in conn.execute("SELECT connection_id, vendor_id, coalesce(email, '') AS email FROM owner"):
        found.setdefault(int(row["connection_id"]), {})[row["vendor_id"]] = row["email"]
    return found


def user_names(conn: Connection, connection_id: int) -> dict[str, str]:
    """User id → name; the CRM tells of changes by these."""
    query = "SELECT user_id, name FROM owner WHERE connection_id = %s AND user_id IS NOT NULL"
    return {row["user_id"]: row["name"] for row in conn.execute(query, [connection_id])}


def cursor(conn: Connection, connection_id: int, kind: str) -> tuple[Mapping[str, Any] | None, bool]:
    """Where a poll continues (None: from the beginning), and whether it is due."""
    row = conn.execute(
        "SELECT position, due_at <= now() AS due FROM poll_cursor WHERE connection_id = %s AND kind = %s",
        [connection_id, kind],
    ).fetchone()
    return (row["position"], bool(row["due"])) if row else (None, True)


def make_due(conn: Connection, kind: str) -> None:
    """Have this looked at now."""
    conn.execute("UPDATE poll_cursor SET due_at = now() WHERE kind = %s", [kind])


def put_cursor(
    conn: Connection,
    installation_id: int,
    connection_id: int,
    *,
    kind: str,
    position: Mapping[str, Any],
    again_seconds: float,
) -> None:
    """Remember where a poll continues, and when."""
    values = {
        "installation_id": installation_id,
        "connection_id": connection_id,
        "kind": kind,
        "position": Jsonb(position),
        "again_seconds": again_seconds,
    }
    conn.execute(_PUT_CURSOR, values)


def postpone(conn: Connection, connection_id: int, kind: str, *, again_seconds: float) -> None:
    """Look later, from where it stands."""
    conn.execute(
        "UPDATE poll_cursor SET due_at = now() + make_interval(secs => %s) WHERE connection_id = %s AND kind = %s",
        [again_seconds, connection_id, kind],
    )


def drop_cursor(conn: Connection, connection_id: int, kind: str) -> None:
    """Forget where a poll continues."""
    conn.execute("DELETE FROM poll_cursor WHERE connection_id = %s AND kind = %s", [connection_id, kind])
