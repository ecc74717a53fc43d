"""The next moment at which time alone could change the decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from operator import itemgetter

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

JITTER = timedelta(hours=1)
"""Daily publishing of fading scores is spread over so much, by lead id, so that a base does not wake at once."""


_CLASSES = (WakeClass.WINDOW, WakeClass.DEADLINE, WakeClass.DECAY)
"""Of several at one moment, the first of these is told."""
_WINDOW, _DEADLINE, _DECAY = range(3)


class _Soonest:
    """The earliest moment so far, with the place of its class in `_CLASSES`."""

    __slots__ = ("at", "crossings", "now", "why")

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.at: datetime | None = None
        self.why = _DECAY
        self.crossings: list[tuple[datetime, Fade, float]] = []  #: thresholds, with a moment shortly before each

    def offer(self, at: datetime | None, why: int) -> None:
        """Take this moment if it lies ahead and is sooner."""
        if at is not None and at > self.now and (self.at is None or at < self.at or (at == self.at and why < self.why)):
            self.at, self.why = at, why

    def may_come(self, fade: Fade, threshold: float) -> None:
        """Note the crossing of a threshold: worked out exactly only where it may be the soonest of all."""
        near = fade.near(threshold)
        if near is not None:
            self.crossings.append((near, fade, threshold))

    def cross(self) -> None:
        """Take the soonest of the crossings noted."""
        for near, fade, threshold in sorted(self.crossings, key=itemgetter(0)):
            if self.at is not None and near > self.at:
                return
            self.offer(fade.crossing(threshold), _WINDOW)


def next_wake(plan: Plan, state: LeadState, view: LeadView, signals: Sequence[Signal]) -> Wake | None:
    """The earliest of all moments after `view.now`; None: only an event can change anything."""
    soonest = _Soonest(view.now)
    _windows(plan, state, view, soonest)
    _deadlines(plan, state, view, signals, soonest)
    soonest.cross()
    _publishing(plan, state, view, soonest)
    return Wake(at=soonest.at, why=_CLASSES[soonest.why]) if soonest.at is not None else None


def _windows(plan: Plan, state: LeadState, view: LeadView, soonest: _Soonest) -> None:
    """When a condition turns: those of computed fields, scores, `becomes`, of the ways out, of what is forbidden."""
    movers = view.movers
    conditions = plan.turning
    if view.entry is not None:
        conditions += plan.turning_out.get(view.entry.stage, ())
    if plan.turning_never and any(task.state is WorkState.OPEN for task in state.tasks):
        conditions += plan.turning_never
    for condition in conditions:
        if condition.moved_by is not None and condition.moved_by.isdisjoint(movers):
            continue
        hinge = condition.hinge(view)
        if isinstance(hinge, Comparison) and hinge.thresholds:
            for threshold in hinge.thresholds:
                soonest.may_come(view.fade(hinge.name.removeprefix(SCORE)), threshold)
        elif hinge is not None:
            soonest.offer(hinge.next_turn(view), _WINDOW)


def _deadlines(plan: Plan, state: LeadState, view: LeadView, signals: Sequence[Signal], soonest: _Soonest) -> None:
    """Dates of the lead, holds that run out, and what is dated after now (a clock that runs ahead of ours)."""
    now, lead = view.now, view.lead
    some = (recycle.due_at(view), evidence.next_date(plan, view, state.stuck), _released(plan, state, view))
    moments = [at for at in some if at is not None]
    moments += events.next_dates(plan, view)
    if lead.away:
        moments += departures.next_moments(plan, view)
    if state.clocks:
        moments += sla.next_deadlines(plan, state, view)
    if state.cadences:
        moments += cadences.next_steps(plan, state, view)
    if view.policy.contact_limits:
        moments += pressure.next_moments(state, view)
    moments += view.times(MEETINGS)
    moments += [hold.until for hold in state.holds.values()]
    moments += [one.occurred_at for one in signals if one.occurred_at > now]
    for fact in lead.fields.values():
        if (at := fact.changed_at) is not None and at > now:
            moments.append(at)
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
    has_moved = _has_moved(plan, state, view)
    near = view.now if has_moved else _next_step_near(plan, state, view)
    if near is None or (soonest.at is not None and soonest.at <= near):
        return
    not_before += jitter(view.lead.id)
    if not has_moved and near + CLOSE > not_before:
        found = [at for fade, edge in _edges(plan, state, view) if (at := fade.crossing(edge)) is not None]
        near = min(found, default=near)
    soonest.offer(max(near, not_before), _DECAY)


def _has_moved(plan: Plan, state: LeadState, view: LeadView) -> bool:
    """True when a score stands a step away from its published value already."""
    published, step = state.published, plan.publish_step
    return any(abs(view.whole(name) - published[name]) >= step for name in plan.score_names if name in published)


def _next_step_near(plan: Plan, state: LeadState, view: LeadView) -> datetime | None:
    """Shortly before a fading score comes to stand a step away from its published value."""
    found = [near for fade, edge in _edges(plan, state, view) if (near := fade.near(edge)) is not None]
    return min(found, default=None)


def _edges(plan: Plan, state: LeadState, view: LeadView) -> Iterator[tuple[Fade, float]]:
    """The scores that fade, each with the two edges that its whole points pass when it has moved by a step."""
    reach = plan.publish_step - 0.5
    for name in plan.fading_names:
        published = state.published.get(name)
        if published is not None and SCORE + name in view.movers:
            fade = view.fade(name)
            yield fade, published - reach
            yield fade, published + reach


def jitter(lead_id: int) -> timedelta:
    """A fixed share of `JITTER` for this lead."""
    digest = blake2b(lead_id.to_bytes(8, "big", signed=True), digest_size=2).digest()
    return JITTER * int.from_bytes(digest, "big") / 65536
