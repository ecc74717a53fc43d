"""Credentials that change while we run, a vendor's session for one: sealed with the master key, one row a kind."""

from __future__ import annotations

from connector.store.database import Connection
from connector.store.vault import Vault


def put(conn: Connection, installation_id: int, connection_id: int, vault: Vault, kind: str, value: bytes) -> None:
    """Keep a credential, in the place of the one before."""
    conn.execute(
        "INSERT INTO credential (installation_id, connection_id, kind, sealed) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (installation_id, connection_id, kind)"
        " DO UPDATE SET sealed = excluded.sealed, updated_at = now()",
        [installation_id, connection_id, kind, vault.seal(value)],
    )


def get(conn: Connection, connection_id: int, vault: Vault, kind: str) -> bytes | None:
    """The credential; None when there is none."""
    row = conn.execute(
        "SELECT sealed FROM credential WHERE connection_id = %s AND kind = %s", [connection_id, kind]
    ).fetchone()
    return vault.open(bytes(row["sealed"])) if row is not None else None


def hold(conn: Connection, installation_id: int, connection_id: int, kind: str) -> None:
    """Until the transaction ends nobody else renews this credential, in whatever process."""
    name = f"credential:{installation_id}:{connection_id}:{kind}"
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
