"""The moves of one evaluation: holds, adoption, the person's move, transitions, and what becomes true by them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import TRAIL, Edge, Employer, Hold, LeadState, Mover, StageEntry, altered
from connector.engine import (
    employer,
    handoff,
    lifecycle,
    publish,
)
from connector.engine.events import edges_after
from connector.engine.lifecycle import Course
from connector.engine.plan import Plan
from connector.engine.rest import NO_GLIMPSE, Glimpse
from connector.engine.view import LeadView, occurrences


class Run:
    """The moves of one evaluation: holds, adoption, the person's move, transitions, and what `becomes` true."""

    def __init__(
        self,
        plan: Plan,
        lead: Lead,
        signals: Sequence[Signal],
        state: LeadState,
        now: datetime,
        new: Sequence[Signal],
        since: datetime,
        *,
        quiet_until: datetime | None,
        glimpse: Glimpse = NO_GLIMPSE,
    ) -> None:
        """`glimpse`: what has been worked out already of this lead in this state at this moment."""
        self._plan, self._now, self._remembered = plan, now, state
        stays = glimpse.view is not None
        self.employer = state.employer if stays else employer.seen(plan, state, lead, now, quiet_until)
        self.left_at = _left_at(state, self.employer)
        signals = employer.of_this_job(signals, self.employer)
        self.forgotten = employer.forgotten(plan, lead, self.left_at)
        self._lead = lead = publish.as_set(lead, state.settings, self.forgotten, now)
        self.holds: Mapping[str, Hold] = publish.holds_after(plan, state, lead, now)
        state = _from_its_beginning(plan, state, signals, now)
        adopted: tuple[StageEntry, ...] = ()
        seen = glimpse.view if glimpse.view is not None and glimpse.view.entry is state.entry else None
        if seen is None:
            times = occurrences(plan.unions, signals, now)
            seen = LeadView(plan, lead, times, state.entry, self.holds, now, self._remembered).settle()
        view = self._first = seen
        if state.entry is None or (plan.policy.stages and state.entry.stage not in plan.policy.stages):
            entry = self._adopted(view, state, signals, new, quiet=quiet_until is not None)
            if entry is not None:
                state, adopted, view = replace(state, entry=entry), (entry,), self._look(entry)
        self.state = state
        left_at, entry = self.left_at, state.entry
        forced = employer.entries(plan, entry, left_at) if left_at is not None and entry is not None else ()
        self.course: Course = lifecycle.run(plan, state, self._look, view, quiet_until=quiet_until, forced=forced)
        if adopted and self.course.entries:
            adopted = (replace(adopted[0], passed=True),)
        self.entries = (*adopted, *self.course.entries)
        edges = glimpse.edges if self.course.view is glimpse.view else None
        self.edges: Mapping[str, Edge] = edges if edges is not None else self._edges_after(since, quiet_until)
        #: What work is done on: the state with these moves in its trail, and what is remembered of events.
        self.standing: LeadState = altered(self.state, trail=self._trail(), edges=self.edges)

    def _edges_after(self, since: datetime, quiet_until: datetime | None) -> Mapping[str, Edge]:
        """What is remembered of events where the lead came to rest."""
        plan, view, refused = self._plan, self.course.view, self.course.refused
        watched = edges_after(plan, self.state.edges, view, since, quiet_until)
        return handoff.edges_after(plan, watched, view, refused.rule if refused is not None else None, quiet_until)

    def state_after(self) -> LeadState:
        """The state after these moves; work and publishing come on top."""
        return altered(self.standing, **self.moved(), holds=self.holds)

    def moved(self) -> dict[str, object]:
        """What else becomes of the state by these moves."""
        refused = self.course.refused
        if self._is_unmoved():
            return {}
        return {
            "entry": self.course.view.entry,
            "answers_used": publish.answers_after(self._plan, self.state, self.course),
            "recycled_at": self.course.recycled_at,
            "settled_at": self.course.settled_at,
            "refused": refused.as_remembered if refused else self.state.refused,
            "stuck": self.course.stuck,
            "sent_back": self.course.sent_back,
            "employer": self.employer,
            "policy": self._plan.policy.hash,
        }

    def _is_unmoved(self) -> bool:
        """True when nobody has moved the lead, nor has tried to."""
        course, state = self.course, self.state
        return (
            course.view.entry is state.entry
            and course.refused is None
            and course.settled_at is state.settled_at
            and course.stuck == state.stuck
            and self.employer is state.employer
            and state.policy == self._plan.policy.hash
        )

    def _trail(self) -> tuple[StageEntry, ...]:
        """The latest entries. The first one begins where we now know that it began."""
        begun = self._remembered.trail
        if not self.entries and len(begun) != 1:
            return begun
        first = self.state.entry
        if len(begun) == 1 and first is not None and first.seq == begun[0].seq:
            begun = (first,)
        return (*begun, *self.entries)[-TRAIL:]

    def _look(self, entry: StageEntry) -> LeadView:
        return self._first.within(entry)

    def _adopted(
        self, view: LeadView, state: LeadState, signals: Sequence[Signal], new: Sequence[Signal], *, quiet: bool
    ) -> StageEntry | None:
        """Where a lead stands that has no stage, or whose stage the policy no longer knows."""
        if state.entry is not None:
            began = self._now
        else:  # not after the first thing that it did, which may have been what created it
            began = min([self._lead.created_at, self._now, *(one.occurred_at for one in signals if not one.seen)])
        latest = min((one.occurred_at for one in new), default=self._now)
        return lifecycle.adopt(self._plan, view, self._lead.stage_report, began, latest, quiet=quiet)


def _from_its_beginning(plan: Plan, state: LeadState, signals: Sequence[Signal], now: datetime) -> LeadState:
    """A lead stands in its first stage since the first thing that it did, also when that is learnt later.

    A form makes the record: its submission lies a moment before the creation, and may reach us after it.
    """
    entry = state.entry
    if (
        entry is None
        or entry.seq != 1
        or entry.mover is not Mover.START
        or entry.stage != next(iter(plan.policy.stages), None)
    ):
        return state
    first = min((one.occurred_at for one in signals if not one.seen and one.occurred_at <= now), default=now)
    return replace(state, entry=replace(entry, entered_at=first)) if first < entry.entered_at else state


def _left_at(state: LeadState, now_at: Employer | None) -> datetime | None:
    """When the person left the employer for whom the lead stood so far; None: they are still there."""
    since = now_at.since if now_at is not None else None
    return since if since is not None and (state.employer is None or since != state.employer.since) else None
