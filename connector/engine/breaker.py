"""Stops a lead that rules move to and fro: the net below every policy, however its conditions turn. Pure.

A loop within one evaluation is cut by `lifecycle`. This one turns over hours: a rule moves the lead, something (another
rule, another tool that speaks for a person) moves it back. What has turned five times in a day rests until a day has
gone by; people's own moves are never held.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from connector.domain.state import Mover, StageEntry

MOST_TURNS = 5
WINDOW = timedelta(hours=24)

JOINT = "⇄"
"""Stands between two stages among which rules rest."""


def rests_until(trail: Sequence[StageEntry], source: str, target: str, now: datetime) -> datetime | None:
    """Until when rules may not move this lead from `source` to `target` again; None: they may."""
    moments = [
        after.entered_at
        for before, after in pairwise(trail)
        if (before.stage, after.stage) == (source, target)
        and after.mover is Mover.RULE
        and after.entered_at > now - WINDOW
    ]
    return moments[-MOST_TURNS] + WINDOW if len(moments) >= MOST_TURNS else None


def named(source: str, target: str) -> str:
    """How a pair of stages at rest is remembered and shown."""
    return f"{source}{JOINT}{target}"


def is_named(stuck: str | None) -> bool:
    """True for what `named` wrote, not for a loop that was cut."""
    return stuck is not None and JOINT in stuck
