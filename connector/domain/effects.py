"""What the product does in the world: tasks, deals, notes, notices, enrolments, requests for an owner. Each once.

Every effect is named by the stored row that caused it, the rule and the slot: an event that is learnt again, a crash
and a retry lead to the same name, and so to the same effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b


class Cause(Enum):
    """The stored rows that an effect can come from; with rule id and slot they key it for ever."""

    STAGE_ENTRY = "stage_entry"
    SIGNAL = "signal"
    EDGE = "edge"  #: Something turned: a condition became true, a field changed, a date came; the n-th time.
    TASK = "task"  #: A person completed a task of ours.
    CLOCK = "clock"  #: A run of an SLA clock.
    CADENCE = "cadence"  #: A run of a cadence.
    MOVE = "move"  #: A person's move that was refused.
    PERSON = "person"  #: A person who has the work went away: an absence of theirs, or that they left.


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EffectKey:
    """Names one effect for ever: never recomputed from anything that can change."""

    cause: str  #: A `Cause` value.
    cause_id: str
    rule: str
    slot: str

    def text(self) -> str:
        """One line, at most 255 characters: the vendor-side unique key."""
        return f"{self.cause}:{self.cause_id}:{self.rule}:{self.slot}"

    def digest(self) -> str:
        """Sixteen characters that stand for it in the name of something else."""
        return blake2b(self.text().encode(), digest_size=8).hexdigest()


class WorkState(Enum):
    """Where a managed record stands."""

    OPEN = "open"  #: It should exist and be open.
    DONE = "done"  #: A person completed it.
    CLOSED = "closed"  #: Its reason has gone: it is (or is being) closed by us.
    SETTLED = "settled"  #: A person deleted it: never created again.


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task that the policy wants a person to have, in canonical terms.

    `due_at` is UTC; `owner` a canonical person id (None: nobody yet). Text is frozen when the task is opened:
    it says why, then. A task to a pool names it in `pool` and stands with whom the pool gives it to. `lent`: it stands
    with somebody else than whom it would follow, since that person was away.
    """

    key: EffectKey
    kind: str  #: call | mail | social | todo
    title: str
    text: str
    due_at: datetime
    priority: str | None  #: high | medium | low
    owner: str | None
    queue: str | None
    follows_owner: bool
    opened_at: datetime
    opened_in: int  #: The stage entry's seq in which it was opened: leaving it closes the task.
    state: WorkState = WorkState.OPEN
    ended_at: datetime | None = None
    pool: str | None = None
    of_deal: bool = False  #: It is the deal owner's: it follows the deal's owner and outlives the lead's stage.
    lent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """A deal that a hand-over makes, as it is created; afterwards it is people's, but for an owner that we grant."""

    key: EffectKey
    title: str
    stage: str  #: A stage id of the policy's pipeline.
    amount: float | None
    owner: str | None
    associate: tuple[str, ...]  #: contact, company
    opened_at: datetime
    state: WorkState = WorkState.OPEN
    sender: str | None = None  #: The inside-sales person who made it: stays on it through the win.


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note on the record: `deal` names the deal that it goes on (None: the person's record)."""

    key: EffectKey
    text: str
    at: datetime
    deal: EffectKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message to people or channels, sent once and never waited for.

    `to`: `person:<id>`, `pool:<id>` or `channel:<id>`.
    """

    key: EffectKey
    to: tuple[str, ...]
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """The CRM itself is to send: a sequence, a list or a campaign, by its name there. `sender` is who it speaks for."""

    key: EffectKey
    place: str  #: hubspot_sequence | hubspot_list | salesforce_campaign
    name: str
    at: datetime
    sender: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEnrolled:
    """An enrolment that the CRM could not make, and what it said: a fact that evaluations read."""

    key: EffectKey
    place: str
    name: str
    at: datetime  #: When it was wanted.
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRequest:
    """Asks a pool for an owner; the shell grants under the pool's lock, in order of (`asked_at`, lead id).

    `prefer` is taken if that person is in the pool and free; `avoid` is not, while there is anybody else. `task` names
    the task that somebody is asked for, where it is neither the lead nor its deal.
    """

    key: EffectKey
    pool: str
    by: str  #: round_robin | least_loaded | priority
    owner_of: str  #: lead | deal | company | task
    asked_at: datetime
    prefer: str | None = None
    avoid: str | None = None
    task: EffectKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The answer to a request, a fact that evaluations read. `person` None: nobody could be found, and it waits."""

    request: str  #: `EffectKey.text()` of the request.
    pool: str  #: The pool that gave: the one that was asked, or `nobody_free`.
    owner_of: str
    person: str | None
    granted_at: datetime
