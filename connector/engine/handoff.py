"""The hand-off: the deal that is created once, its packet, and what is done about missing fields. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.domain.state import LeadState
from connector.engine.events import Events

if TYPE_CHECKING:
    from connector.engine.acts import Acts
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def hand_over(plan: Plan, state: LeadState, view: LeadView, events: Events, acts: Acts) -> None:
    """Create the deal and its packet when their event has come; do `if_missing` of gates and of the pipeline."""
