"""Secrets that an admin sets by name: addresses of channels, the mail server. Sealed with the master key."""

from __future__ import annotations

from datetime import datetime

from connector.store.database import Connection
from connector.store.vault import Vault


def put(conn: Connection, installation_id: int, vault: Vault, name: str, value: str) -> None:
    """Set a secret, or set it anew."""
    conn.execute(
        "INSERT INTO secret (installation_id, name, sealed) VALUES (%s, %s, %s)"
        " ON CONFLICT (installation_id, name) DO UPDATE SET sealed = excluded.sealed, updated_at = now()",
        [installation_id, name, vault.seal(value.encode())],
    )


def get(conn: Connection, vault: Vault, name: str) -> str | None:
    """The secret of this name; None when it is not set."""
    row = conn.execute("SELECT sealed FROM secret WHERE name = %s", [name]).fetchone()
    return vault.open(bytes(row["sealed"])).decode() if row is not None else None


def names(conn: Connection) -> dict[str, datetime]:
    """What is set, and since when; never the values."""
    return {row["name"]: row["updated_at"] for row in conn.execute("SELECT name, updated_at FROM secret ORDER BY name")}


def unset(conn: Connection, name: str) -> bool:
    """Forget a secret; False when there was none."""
    return conn.execute("DELETE FROM secret WHERE name = %s", [name]).rowcount > 0
