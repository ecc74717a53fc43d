"""Places at which a test may end this process as a power cut would: nothing is cleaned up, nobody is told.

    TASUKI_FAILPOINT=P6@3 tasuki work        killed when it comes by P6 for the third time
    TASUKI_FAILPOINT=P1@0.01,P3@0.01 …       at each passage of P1 or P3 with a chance of one in a hundred

Unset, as it always is but in `tests/faults`, a place costs one call that returns at once. What must hold after each
kill stands in `docs/reliability.md`.
"""

from __future__ import annotations

import os
import random
import signal
from enum import Enum

from connector.errors import UsageError

VARIABLE = "TASUKI_FAILPOINT"


class Place(Enum):
    """Where the process may end."""

    PRE_INSERT = "P1"  #: A delivery is proven and not stored.
    PRE_COMMIT = "P2"  #: A connection is taken; storing and committing are one message, which is not sent.
    PRE_ANSWER = "P3"  #: It is stored, and the sender was not told.
    CLAIMED = "P4"  #: A slice of work is claimed and nothing of it done.
    PRE_CALL = "P5"  #: What is about to be written is committed as an intent where it must be; the call has not begun.
    APPLIED = "P6"  #: The vendor has done it, and nobody has read its answer.
    PRE_STORE = "P7"  #: The answer is about to be committed.
    PRE_ACK = "P8"  #: All of a job is committed, and the queue does not know it.


_armed: dict[Place, float] = {}
_passed: dict[Place, int] = {}


def reach(place: Place) -> None:
    """Come by a place; returns unless a test has armed it and its time has come."""
    if _armed and place in _armed:
        _count(place, _armed[place])


def arm(text: str) -> None:
    """Arm places as the variable does; an empty text disarms all."""
    named = [one.strip().partition("@") for one in text.split(",") if one.strip()]
    _armed.clear()
    _armed.update((Place(name), float(at)) for name, _, at in named)
    _passed.clear()


def _count(place: Place, at: float) -> None:
    _passed[place] = _passed.get(place, 0) + 1
    if random.random() < at if at < 1 else _passed[place] == at:  # noqa: S311 - nothing is to be guessed here
        os.kill(os.getpid(), signal.SIGKILL)


def _from_environment() -> None:
    try:
        arm(os.environ.get(VARIABLE, ""))
    except ValueError as error:
        places = ", ".join(place.value for place in Place)
        raise UsageError(f"{VARIABLE} reads PLACE@TIMES, such as P6@3; places: {places}.", reason="settings") from error


_from_environment()
