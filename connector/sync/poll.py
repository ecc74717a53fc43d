"""Form submissions by poll: HubSpot has no form webhook, so its submissions list closes what events miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from connector.store import connections, signals
from connector.store.database import Connection
from connector.store.signals import NewSignal
from connector.sync.context import Line
from connector.sync.submissions import known_leads, learn, signals_of, store_signals
from connector.vendors.base import Submission

OVERLAP = timedelta(minutes=10)
"""Submissions appear in the list a little after they were made: each poll looks back so far."""
MOST_A_POLL = 5_000
AT_ONCE = 200
"""Submissions in one transaction: each unknown address holds a lock until its end."""

_KIND = "form_submissions"


def poll_due(line: Line) -> bool:
    """True when the connection's forms are to be polled now."""
    if not line.binding.watches_forms:
        return False
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        return connections.cursor(conn, line.connection_id, _KIND)[1]


def poll_submissions(line: Line) -> int:
    """Look through the submissions of every form that the policy knows; returns how many were looked at.

    A submission learnt before counts once; the position is only where to look back from, never proof.
    """
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        position, _ = connections.cursor(conn, line.connection_id, _KIND)
    last = datetime.fromisoformat(position["since"]) if position else tenant.policy.activated_at
    whole, since = _look_back(position or {}, last, now, tenant.limits.forms_poll_seconds)
    looked, left = 0, list[datetime]()
    kind = f"{line.dialect.vendor}_form"
    for form_id, name in line.vendor.forms().items():
        if not line.binding.form_signals(kind, name):
            continue
        listed = islice(line.vendor.submissions(form_id, since=since), MOST_A_POLL)
        # Oldest first: each names the signal that another way of learning left without its id.
        found = sorted((replace(one, form_name=name) for one in listed), key=lambda one: one.submitted_at)
        looked += len(found)
        for start in range(0, len(found), AT_ONCE):
            left += _take(line, found[start : start + AT_ONCE], now)
    limits = tenant.limits
    with tenant.database.transaction(tenant.installation_id) as conn:
        connections.put_cursor(
            conn,
            tenant.installation_id,
            line.connection_id,
            kind=_KIND,
            position={"since": (now if whole else last).isoformat()}
            | ({"left": min(left).isoformat()} if left else {}),
            again_seconds=min(limits.forms_poll_seconds, limits.forms_settle_seconds)
            if left
            else limits.forms_poll_seconds,
        )
    return looked


def _look_back(
    position: Mapping[str, str], last: datetime, now: datetime, poll_seconds: float
) -> tuple[bool, datetime]:
    """Whether this is a whole look, and down to when it goes: between two of them only what was left is looked for."""
    left = position.get("left")
    if left is None or now - last >= timedelta(seconds=poll_seconds):
        return True, last - OVERLAP
    return False, datetime.fromisoformat(left)


def _take(line: Line, found: Sequence[Submission], now: datetime) -> list[datetime]:
    """Learn these submissions; returns when those were made that were left to events that tell of their contacts."""
    tenant, left = line.tenant, list[datetime]()
    with tenant.database.transaction(tenant.installation_id) as conn:
        fresh = _not_stored(line, conn, found)
        known = known_leads(conn, line.binding, line.connection_id, fresh)
        settled = now - timedelta(seconds=tenant.limits.forms_settle_seconds)
        new: list[NewSignal] = []
        for submission in fresh:
            whose = submission.contact_id or submission.email or ""
            if whose in known:
                lead_id = known[whose]
            elif submission.submitted_at > settled:
                # its contact is being told of: a lead made of its address would only be merged with that one
                left.append(submission.submitted_at)
                continue
            else:
                lead_id = learn(tenant, conn, line.connection_id, submission, received_at=None, create=False)
            if lead_id is not None:
                new += signals_of(line.binding, lead_id, submission, source="poll")
        store_signals(tenant, conn, new, now=now)
    return left


def _not_stored(line: Line, conn: Connection, found: Sequence[Submission]) -> list[Submission]:
    """Those that mean a signal which is not stored under their own id yet: most of a list was seen by the last poll."""
    ids = [one.submission_id for one in found if one.submission_id is not None]
    stored = signals.known_submissions(conn, ids)
    kind = f"{line.dialect.vendor}_form"
    return [
        one
        for one in found
        if one.submission_id is None
        or any((name, one.submission_id) not in stored for name in line.binding.form_signals(kind, one.form_name or ""))
    ]
