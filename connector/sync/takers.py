"""Under which of several policies each lead of a slice is. A policy alone has them all, and nothing is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from connector.domain import codec
from connector.domain.signal import Signal
from connector.domain.state import LeadState
from connector.engine.belonging import Belonging, Taker, belonging
from connector.engine.view import LeadView, occurrences
from connector.store.leads import LeadRow
from connector.store.mirrors import MirrorRow
from connector.sync import facts
from connector.sync.binding import Binding
from connector.sync.deal_view import UNREAD_DEAL, DealView


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one lead, before it is seen with any policy's eyes."""

    row: LeadRow
    person: MirrorRow
    company: MirrorRow | None
    moving: bool
    signals: Sequence[Signal]


def policy_of(
    known: Known, bindings: Sequence[Binding], deals: Sequence[Mapping[str, DealView]], now: datetime
) -> Belonging:
    """The policy (by its place among these bindings) that the lead belongs to; `deals` as each of them sees them."""
    state = codec.decode_state(known.row.state)
    takers = [
        Taker(binding.plan, partial(_view, known, state, binding, shown, now))
        for binding, shown in zip(bindings, deals, strict=True)
    ]
    return belonging(takers, known.row.policy)


def own(signals: Sequence[Signal], policy: str) -> Sequence[Signal]:
    """Those of these signals that count for this policy."""
    return [one for one in signals if one.policy is None or one.policy == policy]


def _view(known: Known, state: LeadState, binding: Binding, deals: Mapping[str, DealView], now: datetime) -> LeadView:
    plan = binding.plan
    deal = deals.get(known.person.vendor_id, UNREAD_DEAL)
    lead = facts.lead_of(binding, known.row, state, known.person, known.company, moving=known.moving, deal=deal)
    times = occurrences(plan.unions, own(known.signals, plan.policy.name), now)
    return LeadView(plan, lead, times, state.entry, state.holds, now, state)
