"""The next moment at which time alone could change the decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from connector.domain.decision import Wake, WakeClass
from connector.domain.effects import WorkState
from connector.domain.signal import Signal
from connector.domain.state import LeadState
from connector.engine import breaker, cadences, departures, events, evidence, publish, recycle, sla
from connector.engine.plan import Plan
from connector.engine.publish import PUBLISH_EVERY
from connector.engine.view import SCORE, LeadView

JITTER = timedelta(hours=1)
"""Daily publishing of fading scores is spread over so much, by lead id, so that a base does not wake at once."""


def next_wake(plan: Plan, state: LeadState, view: LeadView, signals: Sequence[Signal]) -> Wake | None:
    """The earliest of all moments after `view.now`; None: only an event can change anything."""
    moments = (
        *((at, WakeClass.WINDOW) for at in _windows(plan, state, view)),
        *((at, WakeClass.DEADLINE) for at in _deadlines(plan, state, view, signals)),
        *((at, WakeClass.DECAY) for at in _publishing(plan, state, view)),
    )
    later = [moment for moment in moments if moment[0] > view.now]
    if not later:
        return None
    at, why = min(later, key=lambda moment: moment[0])
    return Wake(at=at, why=why)


def _windows(plan: Plan, state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When a condition turns: those of computed fields, scores, `becomes`, of the ways out, of what is forbidden."""
    conditions = list(plan.standing_conditions)
    if view.entry is not None:
        conditions += [transition.when for transition in plan.from_stage.get(view.entry.stage, ())]
    if any(task.state is WorkState.OPEN for task in state.tasks):
        conditions += [rule.when for rule in plan.policy.never]
    for condition in conditions:
        at = condition.next_change(view)
        if at is not None:
            yield at


def _deadlines(plan: Plan, state: LeadState, view: LeadView, signals: Sequence[Signal]) -> Iterator[datetime]:
    """Dates of the lead, holds that run out, and what is dated after now (a clock that runs ahead of ours)."""
    for at in (recycle.due_at(view), evidence.next_date(plan, view, state.stuck), _released(plan, state, view)):
        if at is not None:
            yield at
    yield from events.next_dates(plan, view)
    yield from sla.next_deadlines(plan, state, view)
    yield from cadences.next_steps(plan, state, view)
    yield from departures.next_moments(plan, view)
    yield from (hold.until for hold in state.holds.values())
    yield from (one.occurred_at for one in signals)
    yield from (fact.changed_at for fact in view.lead.fields.values() if fact.changed_at is not None)
    if view.lead.stage_report is not None and not view.lead.stage_report.first_sight:
        yield view.lead.stage_report.moved_at


def _released(plan: Plan, state: LeadState, view: LeadView) -> datetime | None:
    """When rules that rest since they moved the lead to and fro may move it again."""
    if not breaker.is_named(state.stuck) or view.entry is None:
        return None
    here = view.entry.stage
    ways = (breaker.rests_until(state.trail, here, one.target, view.now) for one in plan.from_stage.get(here, ()))
    return min((at for at in ways if at is not None), default=None)


def _publishing(plan: Plan, state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When a fading score has moved by a publishing step since it was last written; at most daily, jittered."""
    if state.published_at is None or all(score.decay is None for score in plan.policy.scores.values()):
        return
    moved = [at for name in publish.score_names(plan) if (at := _moves_at(plan, state, view, name)) is not None]
    if moved:
        yield max(min(moved), state.published_at + PUBLISH_EVERY + jitter(view.lead.id))


def _moves_at(plan: Plan, state: LeadState, view: LeadView, name: str) -> datetime | None:
    """When this score stands a step away from its published value; now if it does already."""
    published = state.published.get(name)
    if published is None:
        return None
    # Written values are rounded: the step is reached when the exact score passes the edge between two of them.
    reach = publish.publish_step(plan) - 0.5
    value = view.value(SCORE + name)
    if isinstance(value, int | float) and abs(value - published) > reach:
        return view.now
    edges = (view.score_crossing(name, edge) for edge in (published - reach, published + reach))
    return min((at for at in edges if at is not None), default=None)


def jitter(lead_id: int) -> timedelta:
    """A fixed share of `JITTER` for this lead."""
    digest = blake2b(lead_id.to_bytes(8, "big", signed=True), digest_size=2).digest()
    return JITTER * int.from_bytes(digest, "big") / 65536
