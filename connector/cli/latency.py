"""End-to-end latency as the CRM itself saw it: from a form's submission to the write that it led to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Latencies:
    """Seconds, one for each contact: until its first score, and until its first task."""

    score: tuple[float, ...]
    task: tuple[float, ...]


def latencies(
    ledger: Sequence[Mapping[str, Any]], submitted: Mapping[str, Sequence[float]], task_contacts: Mapping[str, str]
) -> Latencies:
    """From the sandbox's ledger of applied writes, each write against the last submission before it.

    `submitted`: contact → seconds since the epoch of its submissions; `task_contacts`: task → its contact.
    """
    scored: dict[str, float] = {}
    tasked: dict[str, float] = {}
    for row in ledger:
        at = float(row["at"]) / 1000
        if row["type"] == "contacts" and "tasuki_score" in row["changes"]:
            scored.setdefault(row["id"], at)
        elif row["type"] == "tasks" and row["method"] == "create":
            tasked.setdefault(task_contacts.get(row["id"], ""), at)
    return Latencies(score=_since(scored, submitted), task=_since(tasked, submitted))


def _since(written: Mapping[str, float], submitted: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    found = []
    for contact, at in written.items():
        before = [moment for moment in submitted.get(contact, ()) if moment <= at]
        if before:
            found.append(at - max(before))
    return tuple(found)


def percentile(values: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile; 0 for no values."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, math.ceil(len(values) * percent / 100) - 1)]
