"""Who of a pool takes the next one: fair over any number of requests, and able to say why. Pure.

Round robin is smooth and weighted: with each turn everybody who can take it earns a share of it, whoever has earned
most takes it and pays a whole turn. Of people with equal weights nobody is ever more than one turn ahead. Who cannot
take a turn earns nothing from it, so that nobody comes back from an absence to a flood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.domain.effects import OwnerRequest

LEFT = "left"  #: The CRM says that the person is no longer active.
ABSENT = "absent"
FULL = "full"  #: The capacity of the period is used up.
OFF_HOURS = "off_hours"  #: It is outside the working hours of the person or of the pool.
AVOIDED = "avoided"  #: Another person was asked for.
NO_TURNS = "no_turns"  #: The person's weight is 0.

STICKY = "kept"  #: The present owner keeps it.
SAME_COMPANY = "same_company"  #: The person has others of that company.
TURN = "turn"
LEAST_LOADED = "least_loaded"
FIRST = "priority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One person of a pool now. `load`: open leads; `taken`: what was given in the period of the capacity."""

    person: str
    weight: float = 1.0
    active: bool = True
    absent: bool = False
    opens_at: datetime | None = None  #: When their working hours begin again; None: they work, or no hours count.
    load: int = 0
    taken: int = 0
    capacity: int | None = None

    @property
    def is_there(self) -> bool:
        """True when the person works for the pool today, whatever the hour."""
        return self.active and not self.absent and self.weight > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The answer to one request: `person` None where nobody can take it; `skipped` says of each why not."""

    person: str | None
    why: str
    skipped: Mapping[str, str]


def choose(
    request: OwnerRequest, members: Sequence[Member], credit: Mapping[str, float]
) -> tuple[Choice, dict[str, float]]:
    """Whom the pool gives to, and the credit afterwards. Deterministic: ties go by the person's id."""
    skipped = {one.person: why for one in members if (why := why_not(one, request)) is not None}
    able = [one for one in members if one.person not in skipped]
    if not able and AVOIDED in skipped.values() and OFF_HOURS not in skipped.values():  # better the same than nobody
        able = [one for one in members if skipped[one.person] == AVOIDED]
        skipped = {person: why for person, why in skipped.items() if why != AVOIDED}
    if not able:
        return Choice(person=None, why="nobody", skipped=skipped), dict(credit)
    if any(one.person == request.prefer for one in able):
        return Choice(person=request.prefer, why=STICKY, skipped=skipped), dict(credit)
    if request.by == "least_loaded":
        found = min(able, key=lambda one: (one.load / one.weight, -credit.get(one.person, 0.0), one.person))
        return Choice(person=found.person, why=LEAST_LOADED, skipped=skipped), dict(credit)
    if request.by == "priority":
        found = min(able, key=lambda one: (-one.weight, one.person))
        return Choice(person=found.person, why=FIRST, skipped=skipped), dict(credit)
    return _turn(able, skipped, credit)


def opens_at(members: Sequence[Member], choice: Choice) -> datetime | None:
    """When somebody who is outside their hours could take what nobody took; None: it does not hang on hours."""
    waits = {person for person, why in choice.skipped.items() if why == OFF_HOURS}
    return min((one.opens_at for one in members if one.person in waits and one.opens_at is not None), default=None)


def _turn(
    able: Sequence[Member], skipped: Mapping[str, str], credit: Mapping[str, float]
) -> tuple[Choice, dict[str, float]]:
    after = dict(credit)
    whole = sum(one.weight for one in able)
    for one in able:
        after[one.person] = after.get(one.person, 0.0) + one.weight / whole
    found = min(able, key=lambda one: (-round(after[one.person], 9), one.person))
    after[found.person] -= 1.0
    return Choice(person=found.person, why=TURN, skipped=skipped), after


def why_not(one: Member, request: OwnerRequest | None = None) -> str | None:
    """Why this person does not take it (without a request: anything); None: they may."""
    prefer = request.prefer if request is not None else None
    if not one.active:
        return LEFT
    if one.absent:
        return ABSENT
    if one.weight <= 0:
        return NO_TURNS
    if one.capacity is not None and one.taken >= one.capacity and one.person != prefer:
        return FULL
    if one.opens_at is not None and one.person != prefer:  # who has it keeps it, and goes on in the morning
        return OFF_HOURS
    return AVOIDED if request is not None and one.person == request.avoid else None
