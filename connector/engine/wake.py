"""The next moment at which time alone could change the decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import NamedTuple

from connector.domain.decision import Wake, WakeClass
from connector.domain.effects import WorkState
from connector.domain.signal import Signal
from connector.domain.state import LeadState
from connector.engine import breaker, cadences, departures, events, evidence, pressure, recycle, sla
from connector.engine.crossing import CLOSE, Fade
from connector.engine.makers import MEETINGS, SCORE
from connector.engine.plan import Plan
from connector.engine.publish import PUBLISH_EVERY
from connector.engine.view import LeadView
from connector.policy.compare import Comparison
from connector.policy.conditions import Condition
from connector.policy.windows import LAST

JITTER = timedelta(hours=1)
"""Daily publishing of fading scores is spread over so much, by lead id, so that a base does not wake at once."""


_CLASSES = (WakeClass.WINDOW, WakeClass.DEADLINE, WakeClass.DECAY)
"""Of several at one moment, the first of these is told."""
_WINDOW, _DEADLINE, _DECAY = range(3)
_CHANGED_AT = attrgetter("changed_at")


class _Soonest:
    """The earliest moment so far, with the place of its class in `_CLASSES`."""

    __slots__ = ("at", "crossings", "limit", "now", "thresholds", "why")

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.at: datetime | None = None
        self.why = _DECAY
        self.limit = LAST  #: See `Turns.limit`.
        self.thresholds: dict[str, list[float]] = {}  #: of scores that fade: what conditions hold them against
        self.crossings: list[_Crossing] = []

    def offer(self, at: datetime | None, why: int) -> None:
        """Take this moment if it lies ahead and is sooner."""
        if at is not None and at > self.now and (self.at is None or at < self.at or (at == self.at and why < self.why)):
            self.at, self.why = at, why
            self.limit = min(at, self.limit)

    def expect(self, crossing: _Crossing) -> None:
        """Take a crossing that is worked out later, if nothing comes before it."""
        self.crossings.append(crossing)
        latest = crossing.near + CLOSE
        self.limit = min(self.limit, latest if crossing.not_before is None else max(latest, crossing.not_before))

    def take(self, moment: datetime | None) -> datetime:
        """See `Turns.take`."""
        self.offer(moment, _WINDOW)
        return self.limit

    def against(self, score: str, thresholds: Sequence[float]) -> datetime:
        """See `Turns.against`."""
        self.thresholds.setdefault(score, []).extend(thresholds)
        return self.limit

    def turn(self, view: LeadView, condition: Condition) -> datetime:
        """See `Turns.turn`; of a score that fades it is noted what it is held against."""
        hinge = condition.hinge(view)
        if isinstance(hinge, Comparison) and hinge.thresholds:
            return self.against(hinge.name.removeprefix(SCORE), hinge.thresholds)
        return self.take(hinge.next_turn(view) if hinge is not None else None)

    def cross(self, view: LeadView) -> None:
        """Take the soonest of all crossings: worked out exactly only where it may be the soonest of everything."""
        for name, thresholds in self.thresholds.items():
            fade = view.fade(name)
            if (found := fade.soonest(thresholds)) is not None:
                self.crossings.append(_Crossing(found[0], fade, found[1], _WINDOW))
        for one in sorted(self.crossings, key=itemgetter(0)):
            if self.at is not None and one.near > self.at:
                return
            at = one.fade.crossing(one.threshold)
            if at is not None:
                self.offer(at if one.not_before is None else max(at, one.not_before), one.why)


class _Crossing(NamedTuple):
    """A threshold that a score will cross, not before `near`."""

    near: datetime
    fade: Fade
    threshold: float
    why: int
    not_before: datetime | None = None


def next_wake(plan: Plan, state: LeadState, view: LeadView, signals: Sequence[Signal]) -> Wake | None:
    """The earliest of all moments after `view.now`; None: only an event can change anything."""
    soonest = _Soonest(view.now)
    _deadlines(plan, state, view, signals, soonest)
    _publishing(plan, state, view, soonest)
    _windows(plan, state, view, soonest)  # which asks no more closely than what is known by then requires
    soonest.cross(view)
    return Wake(at=soonest.at, why=_CLASSES[soonest.why]) if soonest.at is not None else None


def _windows(plan: Plan, state: LeadState, view: LeadView, soonest: _Soonest) -> None:
    """When a condition turns: those of computed fields, scores, `becomes`, of the ways out, of what is forbidden."""
    turns = plan.program.turns
    (turns.get(view.entry.stage if view.entry is not None else None) or turns[None])(view, soonest)
    if plan.turning_never and any(task.state is WorkState.OPEN for task in state.tasks):
        plan.program.turns_never(view, soonest)


def _deadlines(plan: Plan, state: LeadState, view: LeadView, signals: Sequence[Signal], soonest: _Soonest) -> None:
    """Dates of the lead, holds that run out, and what is dated after now (a clock that runs ahead of ours)."""
    now, lead = view.now, view.lead
    some = (recycle.due_at(view), evidence.next_date(plan, view, state.stuck), _released(plan, state, view))
    moments = [at for at in some if at is not None]
    moments += events.next_dates(plan, view)
    moments += view.times(MEETINGS)
    if lead.away:
        moments += departures.next_moments(plan, view)
    if state.clocks:
        moments += sla.next_deadlines(plan, state, view)
    if state.cadences:
        moments += cadences.next_steps(plan, state, view)
    if view.policy.contact_limits:
        moments += pressure.next_moments(state, view)
    if state.holds:
        moments += [hold.until for hold in state.holds.values()]
    moments += [one.occurred_at for one in signals if one.occurred_at > now]
    if max(filter(None, map(_CHANGED_AT, lead.fields.values())), default=now) > now:
        moments += [at for fact in lead.fields.values() if (at := fact.changed_at) is not None]
    if lead.stage_report is not None and not lead.stage_report.first_sight:
        moments.append(lead.stage_report.moved_at)
    for at in moments:
        soonest.offer(at, _DEADLINE)


def _released(plan: Plan, state: LeadState, view: LeadView) -> datetime | None:
    """When rules that rest since they moved the lead to and fro may move it again."""
    if not breaker.is_named(state.stuck) or view.entry is None:
        return None
    here = view.entry.stage
    ways = (breaker.rests_until(state.trail, here, one.target, view.now) for one in plan.from_stage.get(here, ()))
    return min((at for at in ways if at is not None), default=None)


def _publishing(plan: Plan, state: LeadState, view: LeadView, soonest: _Soonest) -> None:
    """When a fading score has moved by a publishing step since it was last written; at most daily, jittered."""
    if state.published_at is None or not plan.fading_names:
        return
    not_before = state.published_at + PUBLISH_EVERY
    if soonest.at is not None and soonest.at <= not_before:
        return
    if _has_moved(plan, state, view):
        soonest.offer(not_before + jitter(view.lead.id), _DECAY)
    elif fading := view.fading:
        not_before, reach = not_before + jitter(view.lead.id), plan.publish_step - 0.5
        for name, published in state.published.items():
            if SCORE + name in fading and soonest.limit > not_before:  # none comes sooner than that
                _publishing_of(view.fade(name), (published - reach, published + reach), not_before, soonest)


def _publishing_of(fade: Fade, edges: Sequence[float], not_before: datetime, soonest: _Soonest) -> None:
    """When one score passes one of these edges, where its whole points have moved by a step."""
    found = fade.soonest(edges)
    if found is None:
        return
    near, edge = found
    if near + CLOSE <= not_before:
        soonest.offer(not_before, _DECAY)
    else:
        soonest.expect(_Crossing(near, fade, edge, _DECAY, not_before))


def _has_moved(plan: Plan, state: LeadState, view: LeadView) -> bool:
    """True when a score stands a step away from its published value already."""
    published, step, whole = state.published, plan.publish_step, view.wholes()
    return whole != published and any(
        abs(now - published[name]) >= step for name, now in whole.items() if name in published
    )


def jitter(lead_id: int) -> timedelta:
    """A fixed share of `JITTER` for this lead."""
    digest = blake2b(lead_id.to_bytes(8, "big", signed=True), digest_size=2).digest()
    return JITTER * int.from_bytes(digest, "big") / 65536
