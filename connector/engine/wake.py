"""The next moment at which time alone could change the decision."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import blake2b

from connector.domain.decision import Wake, WakeClass
from connector.domain.state import LeadState
from connector.engine import fading, recycle
from connector.engine.plan import Plan
from connector.engine.publish import PUBLISH_EVERY, score_names
from connector.engine.view import LeadView

JITTER = timedelta(hours=1)
"""Daily publishing of fading scores is spread over so much, by lead id, so that a base does not wake at once."""


def next_wake(plan: Plan, state: LeadState, view: LeadView) -> Wake | None:
    """The earliest of all moments after `view.now`; None: only an event can change anything."""
    return min(_moments(plan, state, view), key=lambda wake: wake.at, default=None)


def _moments(plan: Plan, state: LeadState, view: LeadView) -> Iterator[Wake]:
    for condition in plan.standing_conditions:
        at = condition.next_change(view)
        if at is not None:
            yield Wake(at=at, why=WakeClass.WINDOW)
    if view.entry is not None:
        for transition in plan.from_stage.get(view.entry.stage, ()):
            at = transition.when.next_change(view)
            if at is not None:
                yield Wake(at=at, why=WakeClass.WINDOW)
        due = recycle.due_at(view)
        if due is not None and due > view.now:
            yield Wake(at=due, why=WakeClass.DEADLINE)
    for name in state.holds:
        if view.is_held(name):
            yield Wake(at=state.holds[name].until, why=WakeClass.DEADLINE)
    publish = _publish_at(plan, state, view)
    if publish is not None:
        yield Wake(at=publish, why=WakeClass.DECAY)


def _publish_at(plan: Plan, state: LeadState, view: LeadView) -> datetime | None:
    """When a fading score has moved by a publishing step since it was last written; at most daily, jittered."""
    if state.published_at is None or all(score.decay is None for score in plan.policy.scores.values()):
        return None
    step = min(score.publish_step for score in plan.policy.scores.values())
    moments: list[datetime] = []
    for name in score_names(plan):
        parts = plan.policy.total if name == "total" else (name,)
        scores = [(plan.policy.scores[part], view.score(part)) for part in parts]
        published = state.published.get(name)
        if published is None:
            continue
        # Written values are rounded: the step is reached when the exact score passes the next rounding edge.
        for edge in (published - step + 0.5, published + step - 0.5):
            at = fading.crossing(scores, edge, view.now)
            if at is not None:
                moments.append(at)
    if not moments:
        return None
    return max(min(moments), state.published_at + PUBLISH_EVERY + jitter(view.lead.id), view.now + timedelta(minutes=1))


def jitter(lead_id: int) -> timedelta:
    """A fixed share of `JITTER` for this lead."""
    digest = blake2b(lead_id.to_bytes(8, "big", signed=True), digest_size=2).digest()
    return JITTER * int.from_bytes(digest, "big") / 65536
