"""What we send is written down before the call, with the link: until the answer is stored, it may come to stand there.

A CRM tells under whose name a change was made, and people (scripts too) can use our name: our app's token, our user's
screen. So a change is ours by its value: one that we sent a while ago and have no answer to, or wrote lately. Any other
one is somebody else's, whatever name it bears.

`link.unanswered` holds, by property, [value, business time of the call]; '' was to clear it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TypeAlias

from connector.domain.codec_work import moment_text
from connector.store import links
from connector.store import unanswered as store
from connector.store.database import Connection
from connector.store.links import WriteOutcome
from connector.sync.context import Line
from connector.sync.parcel import Parcel

Same: TypeAlias = Callable[[str, str | None, str | None], bool]
"""same(property, a, b): the vendor would store both strings alike."""

Unanswered: TypeAlias = Mapping[str, Sequence[Sequence[str]]]

NOTHING_SENT: Unanswered = MappingProxyType({})

APPLIED_WITHIN = timedelta(minutes=5)
"""A call that came to no end is applied so soon, or never; two clocks that do not quite agree are allowed for."""


def write_down(line: Line, conn: Connection, token: uuid.UUID, parcels: Sequence[Parcel], now: datetime) -> None:
    """What these parcels are about to send is known before it is."""
    sending = [parcel for parcel in parcels if parcel.changes]
    for parcel in sending:
        note(parcel, now)
    store.note_sent(conn, line.connection_id, token, {parcel.lead.id: parcel.noted for parcel in sending})


def note(parcel: Parcel, at: datetime) -> None:
    """What this parcel is about to send joins what has no answer from before."""
    noted = {name: list(entries) for name, entries in _recent(parcel.claim.unanswered, at).items()}
    for name, value in parcel.changes.items():
        noted.setdefault(name, []).append([value, moment_text(at)])
    if parcel.clear is not None:
        noted.setdefault(parcel.clear, []).append(["", moment_text(at)])
    parcel.noted = noted


def settle(line: Line, conn: Connection, token: uuid.UUID, outcomes: Sequence[tuple[Parcel, WriteOutcome]]) -> None:
    """Store what became of these parcels, with what has no answer all the same."""
    now = line.tenant.now(conn)
    found = [
        (parcel.claim, replace(outcome, unanswered=left(parcel, now), failing=parcel.failing))
        for parcel, outcome in outcomes
    ]
    links.settle_writes(conn, line.connection_id, token, found)


def left(parcel: Parcel, at: datetime) -> Unanswered:
    """What has no answer after this slice."""
    return _recent(parcel.noted if parcel.in_doubt else parcel.claim.unanswered, at)


def may_stand(unanswered: Unanswered, name: str, value: str | None, since: datetime | None, same: Same) -> bool:
    """True when this value, which came to stand at `since` or later (None: nobody knows when), may be one of these."""
    return any(
        same(name, sent or None, value) and (since is None or since <= datetime.fromisoformat(at) + APPLIED_WITHIN)
        for sent, at in unanswered.get(name, ())
    )


def _recent(unanswered: Unanswered, now: datetime) -> dict[str, list[Sequence[str]]]:
    oldest = now - APPLIED_WITHIN
    kept = {
        name: [entry for entry in entries if datetime.fromisoformat(entry[1]) >= oldest]
        for name, entries in unanswered.items()
    }
    return {name: entries for name, entries in kept.items() if entries}
