"""The sandbox's one source of chance: seeded, so that a run can be repeated."""

from __future__ import annotations

import random


def seeded(seed: int) -> random.Random:
    """A generator that gives the same numbers for the same seed; never for secrets of a real account."""
    return random.Random(seed)  # noqa: S311
