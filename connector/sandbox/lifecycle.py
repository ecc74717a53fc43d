"""Lifecycle stages: an API write moves forward only; to go back, clear first. Order is the options' displayOrder."""

from __future__ import annotations

from connector.sandbox.clock import iso
from connector.sandbox.definitions import PropertyDefinition

STAGE = "lifecyclestage"


def moves_backward(definition: PropertyDefinition, before: str | None, after: str) -> bool:
    """Whether HubSpot would keep `before`. A blank on either side, or an option that is gone, never blocks."""
    if not before or not after or before == after:
        return False
    order = {option.value: option.display_order for option in definition.options}
    if before not in order or after not in order:
        return False
    return order[after] < order[before]


def entered(stage: str | None, at: int) -> dict[str, str]:
    """The calculated dates that change when a stage is entered."""
    if not stage:
        return {}
    return {f"hs_v2_date_entered_{stage}": iso(at), f"hs_lifecyclestage_{stage}_date": iso(at)}
