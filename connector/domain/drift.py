"""Drift: what should stand in the CRM and does not, and why. Pure: the evidence in, one class out.

    our intent ── last write that the CRM acknowledged ── what the CRM shows now ── the CRM's own history

`Same` compares two stored strings as the CRM would: a value in another notation is no drift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class DriftClass(Enum):
    """Why something differs."""

    MISSED_EVENT = "missed_event"  #: It was changed in the CRM and no event told of it.
    LOST_WRITE = "lost_write"  #: The CRM acknowledged our write and does not show it.
    HUMAN_EDIT = "human_edit"  #: A person changed what we compute.
    OTHER_APP = "other_app"  #: Another app or a workflow changed what we compute.
    MERGE = "merge"  #: Two records were merged, and the other one's value was kept.
    NORMALISED = "normalised"  #: The CRM keeps our value in a form of its own.
    NOT_STORED = "not_stored"  #: The CRM accepted our write and kept what it had.
    FLIP_FLOP = "flip_flop"  #: Two writers changed it back and forth until we stopped.


class Handling(Enum):
    """What is done about it."""

    REPAIR = "repair"  #: What was missed is taken in, what should stand is written again.
    REPORT = "report"  #: It is told; nothing is written there until something else should stand.
    HOLD = "hold"  #: It is told and parked; nothing is written there until a person has decided.


DEFAULTS = {
    DriftClass.MISSED_EVENT: Handling.REPAIR,
    DriftClass.LOST_WRITE: Handling.REPAIR,
    DriftClass.HUMAN_EDIT: Handling.REPAIR,
    DriftClass.OTHER_APP: Handling.REPAIR,
    DriftClass.MERGE: Handling.REPAIR,
    DriftClass.NORMALISED: Handling.REPORT,
    DriftClass.NOT_STORED: Handling.REPORT,
}
"""What a policy that says nothing does. `flip_flop` is no choice: the breaker waits a day."""


class Author(Enum):
    """Who made a change, as far as the CRM tells."""

    US = "us"
    PERSON = "person"
    APP = "app"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One value of the CRM's history."""

    value: str | None
    at: datetime
    author: Author


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Our last write that the CRM acknowledged: what was sent, what the answer showed, when (the CRM's time)."""

    sent: str | None
    stored: str | None
    at: datetime
    kept: bool = False  #: The answer showed what had stood before.


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one property of one record. `None` is blank.

    `history` is newest first; None: it was not asked for. `told`: who changed it, as an event said; None: none did.
    `shared`: people are asked to write it too (an owner, a stage): that they do is news, no drift.
    """

    wanted: bool  #: We have an intent for it.
    intent: str | None = None
    known: str | None = None  #: What we took it to be.
    write: Write | None = None
    now: str | None = None
    history: tuple[Version, ...] | None = None
    told: Author | None = None
    shared: bool = False


Same = Callable[[str | None, str | None], bool]

_OF = {Author.PERSON: DriftClass.HUMAN_EDIT, Author.APP: DriftClass.OTHER_APP, Author.MERGE: DriftClass.MERGE}


def classify(evidence: Evidence, same: Same) -> DriftClass | None:
    """Why it differs from what should be, or from what we knew; None: it does not, or a write of ours is on its way."""
    if not evidence.wanted:
        return _of_a_reading(evidence, same)
    if same(evidence.now, evidence.intent):
        return None
    found = _of_an_intent(evidence, same)
    if evidence.shared and found in (DriftClass.HUMAN_EDIT, DriftClass.OTHER_APP):
        return DriftClass.MISSED_EVENT if evidence.told is None else None
    return found


def _of_a_reading(evidence: Evidence, same: Same) -> DriftClass | None:
    """What we only read: it can differ from what we knew, and nobody told us."""
    if same(evidence.now, evidence.known) or evidence.told is not None:
        return None
    latest = _latest(evidence)
    if latest is not None and latest.author is Author.MERGE:
        return DriftClass.MERGE
    return DriftClass.MISSED_EVENT


def _of_an_intent(evidence: Evidence, same: Same) -> DriftClass | None:
    write = evidence.write
    if write is None or not same(write.sent, evidence.intent):
        return _before_our_write(evidence, same)
    latest = _latest(evidence)
    if latest is not None and latest.at > write.at:
        # A later version of ours that is not what we wrote last: an earlier write that was applied late.
        return _OF.get(latest.author, DriftClass.LOST_WRITE)
    if not same(write.stored, write.sent) and same(evidence.now, write.stored):
        return DriftClass.NOT_STORED if write.kept else DriftClass.NORMALISED
    if latest is None:
        # Nobody can say who: a person's edit is what must not be lost.
        return _OF.get(evidence.told or Author.PERSON, DriftClass.LOST_WRITE)
    if latest.author is Author.US and same(latest.value, write.sent):
        return DriftClass.NORMALISED
    return DriftClass.LOST_WRITE


def _before_our_write(evidence: Evidence, same: Same) -> DriftClass | None:
    """What should stand was never written yet: drift is only what somebody else did meanwhile."""
    if same(evidence.now, evidence.known):
        return None
    latest = _latest(evidence)
    author = evidence.told if latest is None else latest.author
    if author is None:
        return DriftClass.MISSED_EVENT
    return _OF.get(author)


def _latest(evidence: Evidence) -> Version | None:
    return evidence.history[0] if evidence.history else None


class Cause(Enum):
    """Why a CRM that said yes did not store what was sent: as likely as can be told."""

    READ_ONLY_FIELD = "read_only_field"  #: The field is calculated, or read-only for everybody.
    MISSING_PERMISSION = "missing_permission"  #: The field is not shown to our app's user: it may not see or edit it.
    UNKNOWN_CHOICE = "unknown_choice"  #: The field has no such choice.
    TOO_LONG = "too_long"  #: Only the beginning was kept.
    FORWARD_ONLY = "forward_only"  #: The CRM lets this field move forward only.
    PUT_BACK = "put_back"  #: A workflow or another app changed it back at once.
    VALIDATION_RULE = "validation_rule"  #: A rule of the CRM refused the value without saying so.


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFacts:
    """What the CRM says of the field. `choices` is empty where it has none."""

    read_only: bool = False
    choices: frozenset[str] = frozenset()
    several: bool = False  #: Holds several choices, with semicolons between them.
    forward_only: bool = False


def likely_cause(
    sent: str | None, stored: str | None, field: FieldFacts | None, *, history: tuple[Version, ...] = ()
) -> Cause:
    """Why `sent` was accepted and `stored` stands. `field` None: the CRM does not show it to us."""
    if field is None:
        return Cause.MISSING_PERMISSION
    if field.read_only:
        return Cause.READ_ONLY_FIELD
    given = (sent or "").split(";") if field.several else [sent or ""]
    if sent and field.choices and not field.choices.issuperset(given):
        return Cause.UNKNOWN_CHOICE
    if sent and stored and len(stored) < len(sent) and sent.startswith(stored):
        return Cause.TOO_LONG
    ours = next((place for place, one in enumerate(history) if one.author is Author.US and one.value == sent), None)
    if ours:  # ours is in the history, and not the newest
        return Cause.PUT_BACK
    if field.forward_only:
        return Cause.FORWARD_ONLY
    return Cause.VALIDATION_RULE
