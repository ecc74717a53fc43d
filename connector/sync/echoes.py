"""The events of our own writes, as they seem: who wrote is a hint, and what was written decides."""

from __future__ import annotations

from collections.abc import Mapping

from connector.domain import codec
from connector.store import leads, unanswered
from connector.store.database import Connection
from connector.sync.context import Tenant
from connector.sync.facts import same_on
from connector.vendors.base import EventKind, InboundEvent

Echoing = Mapping[int, tuple[str, Mapping[str, str | None]]]
"""Lead → vendor id, and the values told."""


def seems_ours(event: InboundEvent) -> bool:
    """True for a change that seems to be of our own making."""
    ours = event.actor_is_us or event.may_be_us
    return ours and event.kind is EventKind.CHANGED and not event.redacted


def may_be_ours(event: InboundEvent) -> bool:
    """True for what may tell of a write of ours, whoever it names."""
    return event.actor_is_us or event.may_be_us or event.shows_state


def answered_soon(tenant: Tenant, conn: Connection, connection_id: int, echoing: Echoing) -> list[str]:
    """The people of whom nothing was told but what a write of ours, whose answer is awaited, has just put there.

    If the answer is lost, the write is done again.
    """
    writing = unanswered.writing(conn, connection_id, list(echoing)) if echoing else set()
    found: list[str] = []
    for lead_id, row in leads.load(conn, sorted(writing)).items() if writing else ():
        vendor_id, told = echoing[lead_id]
        binding = tenant.under(row.policy).bindings[connection_id]
        sent = binding.project(codec.decode_values(row.desired), row.desired_stage)
        same = same_on(binding, binding.dialect.person_type)
        if all(name in sent and same(name, sent[name] or None, value or None) for name, value in told.items()):
            found.append(vendor_id)
    return found
