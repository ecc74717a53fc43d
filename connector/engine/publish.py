"""What should stand in the CRMs: computed fields, fields that show state, blanked answers, scores now and then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from connector.domain.lead import Actor
from connector.domain.state import Hold, LeadState, WorkState
from connector.domain.value import BLANK, Value, is_known
from connector.engine.lifecycle import Course
from connector.engine.plan import Plan
from connector.engine.view import SCORE, TOTAL, LeadView
from connector.engine.words import reasons

PUBLISH_EVERY = timedelta(days=1)
"""A score that only fades is written at most so often."""


def holds_after(plan: Plan, state: LeadState, view: LeadView) -> dict[str, Hold]:
    """A person's edit of a computed field is kept for `hold_edits` from the moment of the edit.

    A hold that has run out stays remembered while the person's value stands, so that it does not begin anew.
    """
    holds: dict[str, Hold] = {}
    for definition in plan.policy.computed:
        fact = view.lead.fact(definition.name)
        if fact.actor is not Actor.PERSON or fact.changed_at is None:
            if (standing := state.holds.get(definition.name)) and view.now < standing.until:
                holds[definition.name] = standing
            continue
        if not is_known(fact.value) and fact.value is not BLANK:
            continue
        holds[definition.name] = Hold(
            value=fact.value, since=fact.changed_at, until=fact.changed_at + plan.policy.hold_edits
        )
    return holds


def answers_after(plan: Plan, state: LeadState, course: Course) -> dict[str, datetime]:
    """Up to when each answer is used up, and so blanked.

    An answer stays through the move that it causes and is blanked at the next one: leaving a stage uses up what was
    given before that stage was entered. Stages passed in one evaluation are one move.
    """
    used = dict(state.answers_used)
    if course.entries and state.entry is not None:
        left = state.entry.entered_at
        for name in plan.policy.answers:
            fact = course.view.lead.fact(name)
            if is_known(fact.value) and (fact.changed_at is None or fact.changed_at <= left):
                used[name] = left
    return used


def scores_after(plan: Plan, state: LeadState, view: LeadView, *, rating_changed: bool) -> LeadState:
    """The state with the scores to publish: at once when facts or a rating changed, else daily and by a step."""
    names = score_names(plan)
    values = {name: float(round(_value(view, name))) for name in names}
    basis = {name: view.unfaded(name) for name in names}
    if values == state.published:
        return replace(state, basis=basis)
    step = min((score.publish_step for score in plan.policy.scores.values()), default=1.0)
    moved = max(abs(value - state.published.get(name, 0.0)) for name, value in values.items())
    due = state.published_at is None or view.now - state.published_at >= PUBLISH_EVERY
    if basis != state.basis or rating_changed or (due and moved >= step):
        return replace(state, published=values, basis=basis, published_at=view.now)
    return state


def score_names(plan: Plan) -> tuple[str, ...]:
    """The scores, `total` included where the policy has one, by their bare names."""
    return (*plan.policy.scores, *(("total",) if plan.policy.total else ()))


def desired(plan: Plan, state: LeadState, view: LeadView, settings: Mapping[str, Value]) -> dict[str, Value]:
    """Canonical values to publish; a field that is absent is left as it stands."""
    wanted: dict[str, Value] = dict(settings)
    for definition in plan.policy.computed:
        if definition.homes:
            wanted[definition.name] = view.value(definition.name)
    for definition in plan.policy.shows:
        shown = _shown(state, view, definition.shows or "")
        if definition.homes and shown is not None:
            wanted[definition.name] = shown
    for name, until in state.answers_used.items():
        fact = view.lead.fact(name)
        if is_known(fact.value) and (fact.changed_at is None or fact.changed_at <= until):
            wanted[name] = BLANK
    return wanted


def _shown(state: LeadState, view: LeadView, what: str) -> Value | None:
    """What a `shows:` field shows; None for what this release does not know."""
    if what.startswith(SCORE):
        published = state.published.get(what.removeprefix(SCORE))
        return BLANK if published is None else published
    if what == "reasons":
        return reasons(view) or BLANK
    if what == "next_task_due":
        return min((task.due_at for task in state.tasks if task.state is WorkState.OPEN), default=BLANK)
    if what == "last_contact":
        times = [moment for name in ("contacted", "attempted") for moment in view.times(name)]
        return max(times, default=BLANK)
    if what == "attempts_in_stage":
        since = view.stage_entered_at
        return sum(1 for moment in view.times("attempted") if since is None or moment >= since)
    return None


def _value(view: LeadView, name: str) -> float:
    value = view.value(TOTAL if name == "total" else SCORE + name)
    return float(value) if isinstance(value, int | float) else 0.0
