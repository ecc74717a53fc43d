"""Notices: kept with the decision that made them, sent by a job of their own. A dead channel never holds up a lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog

from connector.domain.effects import Notice
from connector.errors import RejectedError
from connector.store import history, notices, secrets
from connector.store.database import Connection
from connector.store.notices import NoticeRow
from connector.sync.colleagues import everybody
from connector.sync.context import Tenant, backoff
from connector.texts import shown

log = structlog.get_logger()

AT_ONCE = 20
LEASE_SECONDS = 120.0
MAIL_SERVER = "mail"
"""The secret that holds the mail server's address, for notices to people: `mailtos://user:password@smtp.example.com`."""

Send = Callable[[str, str], bool]
"""Takes an address and a text; True when it went out. `RejectedError` for an address that will never do."""


def keep_notices(
    tenant: Tenant, conn: Connection, found: Sequence[tuple[int, Notice]], *, key_of: Callable[[int, Any], str]
) -> None:
    """Keep the notices of these leads, one row a receiver, their texts encrypted with the lead's own key."""
    rows = []
    for lead_id, notice in found:
        key = key_of(lead_id, notice.key)
        wrapped = history.lead_key(conn, lead_id)
        if wrapped is None:
            wrapped = tenant.vault.new_data_key()
            if not history.set_lead_key(conn, lead_id, wrapped):
                continue  # whoever it speaks of was erased meanwhile
        sealed = tenant.vault.data_key(wrapped).seal(notice.text, about=f"notice:{key}")
        rows += [
            {
                "installation_id": tenant.installation_id,
                "key": key,
                "receiver": receiver,
                "lead_id": lead_id,
                "sealed": sealed,
                "created_at": notice.at,
            }
            for receiver in notice.to
        ]
    notices.keep(conn, rows)


def send_slice(tenant: Tenant, send: Send) -> int:
    """Send the notices that wait; returns how many were looked at."""
    with tenant.database.transaction(tenant.installation_id) as conn:
        claimed = notices.claim(conn, limit=AT_ONCE, lease_seconds=LEASE_SECONDS)
        now = tenant.now(conn)
        addresses = {row.receiver: _addresses(tenant, conn, row.receiver, now) for row in claimed}
    for row in claimed:
        _send(tenant, row, addresses[row.receiver], send)
    return len(claimed)


def _send(tenant: Tenant, row: NoticeRow, addresses: Sequence[str], send: Send) -> None:
    went, never = False, ""
    text = _text(tenant, row)
    if addresses and text is not None:
        answers = [_try(send, address, text) for address in addresses]  # each is tried, whatever the others say
        went = all(took for took, _ in answers)
        never = next((reason for _, reason in answers if reason), "")
    with tenant.database.transaction(tenant.installation_id) as conn:
        if went:
            notices.sent(conn, row)
        elif text is None:
            notices.park(conn, row, "erased")
        elif not addresses:
            log.warning("notice_without_address", receiver=row.receiver)
            notices.park(conn, row, "address_not_set")
        elif never:
            log.warning("notice_refused", receiver=row.receiver, reason=never)
            notices.park(conn, row, never)
        elif row.attempts >= tenant.limits.most_failures:
            log.warning("notice_not_taken", receiver=row.receiver, attempts=row.attempts)
            notices.park(conn, row, "not_taken")
        else:
            notices.later(conn, row, backoff(tenant.limits, row.attempts))


def _try(send: Send, address: str, text: str) -> tuple[bool, str]:
    """Whether it went out, and why it never will."""
    try:
        return send(address, text), ""
    except RejectedError as error:
        return False, error.reason


def _text(tenant: Tenant, row: NoticeRow) -> str | None:
    """What it says; None: the lead was erased."""
    if row.lead_id is None:
        return tenant.vault.open(row.sealed).decode()
    if row.data_key is None:
        return None
    return str(tenant.vault.data_key(row.data_key).open(row.sealed, about=f"notice:{row.key}"))


def keep_about_connection(tenant: Tenant, conn: Connection, key: str, text: str, *, at: datetime) -> None:
    """Tell the channels that hear of connections (`sync: {tell: …}` of any policy), in the policy's language, once."""
    policy = tenant.plan.policy
    rows = [
        {
            "installation_id": tenant.installation_id,
            "key": key,
            "receiver": f"channel:{name}",
            "lead_id": None,
            "sealed": tenant.vault.seal(shown(text, policy.language).encode()),
            "created_at": at,
        }
        for name in dict.fromkeys(name for one in tenant.running for name in one.plan.policy.tell)
    ]
    notices.keep(conn, rows)


def _addresses(tenant: Tenant, conn: Connection, receiver: str, now: datetime) -> list[str]:
    """Where a receiver is reached: a channel by its own secret, people by mail; none where that is not set."""
    kind, _, name = receiver.partition(":")
    if kind == "channel":
        address = secrets.get(conn, tenant.vault, f"channel.{name}")
        return [address] if address is not None else []
    server = secrets.get(conn, tenant.vault, MAIL_SERVER)
    if server is None:
        return []
    routing = [one.plan.policy.routing for one in tenant.running] if kind == "pool" else []
    pool = next((one.pools[name] for one in routing if one is not None and name in one.pools), None)
    found = [
        one.email
        for one in everybody(tenant, conn, now)
        if one.active and (one.person == name if pool is None else one.is_in(pool.members))
    ]
    joint = "&" if "?" in server else "?"
    return [f"{server}{joint}to={email}" for email in found if email]
