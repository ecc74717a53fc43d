"""What should stand in the CRMs: computed fields, fields that show state, blanked answers, scores now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from connector.domain.decision import Overruled
from connector.domain.effects import WorkState
from connector.domain.lead import Actor, FieldFact, Lead
from connector.domain.state import Hold, LeadState, Setting
from connector.domain.value import BLANK, Missing, Value, is_known
from connector.engine import firsts, handoff, pipeline, pressure, refusals
from connector.engine.handoff import DEAL
from connector.engine.lifecycle import Course
from connector.engine.makers import PIPELINE, SCORE
from connector.engine.plan import Plan
from connector.engine.routing import COMPANY, owner_now
from connector.engine.view import LeadView
from connector.engine.words import label_in, reasons

PUBLISH_EVERY = timedelta(days=1)
"""A score that only fades is written at most so often."""

Show: TypeAlias = Callable[[Plan, LeadState, LeadView], Value | None]


def holds_after(plan: Plan, state: LeadState, lead: Lead, now: datetime) -> dict[str, Hold]:
    """A person's edit of a computed field is kept for `hold_edits` from the moment of the edit.

    A hold that has run out stays remembered while the person's value stands, so that it does not begin anew.
    """
    holds: dict[str, Hold] = {}
    for definition in plan.policy.computed:
        name, fact = definition.name, lead.fact(definition.name)
        if fact.actor is not Actor.PERSON and not state.holds:
            continue
        standing = state.holds.get(name)
        by_person = fact.actor is Actor.PERSON and (is_known(fact.value) or fact.value is BLANK)
        if not by_person or fact.changed_at is None or fact.changed_at > now:
            if standing is not None and now < standing.until and not _was_an_apps(standing, fact):
                holds[name] = standing
            continue
        until = fact.changed_at + plan.policy.hold_edits
        told = standing is not None and standing.since == fact.changed_at and standing.told
        holds[name] = Hold(value=fact.value, since=fact.changed_at, until=until, told=told and until <= now)
    return holds


def _was_an_apps(hold: Hold, fact: FieldFact) -> bool:
    """True when the CRM has told meanwhile that the edit, taken for a person's as nobody was named, was an app's."""
    at = fact.changed_at
    return fact.actor is Actor.VENDOR and fact.value == hold.value and at is not None and at <= hold.since


def run_out(holds: Mapping[str, Hold], view: LeadView) -> tuple[Mapping[str, Hold], tuple[Overruled, ...]]:
    """The holds with those that have run out marked as told, and where the rules now decide otherwise."""
    if not holds:
        return holds, ()
    after, overruled = dict(holds), list[Overruled]()
    for name, hold in holds.items():
        if hold.told or view.now < hold.until:
            continue
        after[name] = replace(hold, told=True)
        value = view.value(name)
        if value != hold.value:
            overruled.append(Overruled(field=name, kept=value, lost=hold.value, rule="hold_edits"))
    return after, tuple(overruled)


def answers_after(plan: Plan, state: LeadState, course: Course) -> Mapping[str, datetime]:
    """Up to when each answer is used up, and so blanked.

    An answer stays through the move that it causes and is blanked at the next one: leaving a stage uses up what was
    given before that stage was entered. Stages passed in one evaluation are one move.
    """
    if not course.entries or state.entry is None:
        return state.answers_used
    used, left = dict(state.answers_used), state.entry.entered_at
    for name in plan.policy.answers:
        fact = course.view.lead.fact(name)
        if is_known(fact.value) and (fact.changed_at is None or fact.changed_at <= left):
            used[name] = left
    return used


def _is_pending(setting: Setting, fact: FieldFact) -> bool:
    overtaken = fact.changed_at is not None and fact.changed_at > setting.at and fact.actor is not Actor.TASUKI
    return fact.value != setting.value and not overtaken


def as_set(lead: Lead, settings: Mapping[str, Setting], forgotten: Mapping[str, Value], now: datetime) -> Lead:
    """The lead with what was set on it and its CRM does not show yet: rules go by what will stand."""
    if not settings and not forgotten:
        return lead
    set_on = {**settings, **{name: Setting(value=value, at=now) for name, value in forgotten.items()}}
    pending = {
        name: FieldFact(value=one.value, changed_at=one.at, actor=Actor.TASUKI)
        for name, one in set_on.items()
        if _is_pending(one, lead.fact(name))
    }
    return replace(lead, fields={**lead.fields, **pending}) if pending else lead


def settings_after(state: LeadState, lead: Lead, new: Mapping[str, Value], now: datetime) -> Mapping[str, Setting]:
    """What rules have set and the CRM does not show yet; whoever changes the field later has the last word."""
    if not state.settings and not new:
        return state.settings
    settings = {name: one for name, one in state.settings.items() if _is_pending(one, lead.fact(name))}
    return settings | {name: Setting(value=value, at=now) for name, value in new.items()}


def scores_after(plan: Plan, state: LeadState, view: LeadView) -> dict[str, object]:
    """Ratings and scores to publish, by the names that the state has for them.

    They are published at once when facts or a rating changed, else daily, by a step.
    """
    values, basis = view.wholes(), view.bases()
    ratings = {name: view.value(name) for name in plan.ratings}
    after: dict[str, object] = {"ratings": ratings, "basis": basis}
    if values != state.published:
        due = state.published_at is None or view.now - state.published_at >= PUBLISH_EVERY
        if basis != state.basis or ratings != state.ratings or (due and has_moved(plan, state, values)):
            after |= {"published": values, "published_at": view.now}
    return after


def has_moved(plan: Plan, state: LeadState, values: Mapping[str, float]) -> bool:
    """True when a score stands a publishing step away from what was published."""
    return any(abs(value - state.published.get(name, 0.0)) >= plan.publish_step for name, value in values.items())


def desired(plan: Plan, state: LeadState, view: LeadView) -> dict[str, Value]:
    """Canonical values to publish; a field that is absent is left as it stands."""
    wanted: dict[str, Value] = {name: setting.value for name, setting in state.settings.items()}
    if state.firsts:
        wanted = {**firsts.wanted(state), **wanted}
    values = view.values
    for name, slot in plan.published:
        value = values[slot]
        if value is None:
            value = view.make(slot)
        if value.__class__ is not Missing or value is BLANK:
            wanted[name] = value
    shows = plan.shows[0] if plan.shows else _shows(plan)
    for name, slot in shows.slots:
        value = values[slot]
        wanted[name] = view.make(slot) if value is None else value
    for name, score in shows.scores:
        wanted[name] = state.published.get(score, BLANK)
    for name, show in shows.others:
        shown = show(plan, state, view)
        if shown is not None:
            wanted[name] = shown
    for name, until in state.answers_used.items():
        if name.startswith(f"{DEAL}.") and pipeline.is_closed(view):
            continue  # why a deal was lost stays on it
        fact = view.lead.fact(name)
        if is_known(fact.value) and (fact.changed_at is None or fact.changed_at <= until):
            wanted[name] = BLANK
    return wanted


def owners(state: LeadState, view: LeadView) -> dict[str, str]:
    """The owners whom a pool gave and whom the CRM does not show yet, by what they own.

    A closed deal keeps its own, and so does a colleague's that the lead has joined. A deal that is not there yet gets
    its owner when it is made: the one that the hand-over finds instead may be somebody's already.
    """
    lead = view.lead
    shown = {"lead": lead.owner, "deal": lead.deal_owner, "company": lead.account.owner if lead.account else None}
    found: dict[str, str] = {}
    for kind in state.assigned:
        person = owner_now(state.assigned, lead, kind)
        is_over = kind == DEAL and not (pipeline.is_open(view) and lead.speaks_for_deal)
        is_over |= kind == COMPANY and lead.account is None
        if person is not None and person != shown.get(kind) and not is_over:
            found[kind] = person
    return found


@dataclass(slots=True)
class Shows:
    """The fields that are written from state, by how their values are found: in a view's values, among the published
    scores, or by a function, which gives None for what is to be left as it stands.
    """

    slots: list[tuple[str, int]] = field(default_factory=list)
    scores: list[tuple[str, str]] = field(default_factory=list)
    others: list[tuple[str, Show]] = field(default_factory=list)


def _shows(plan: Plan) -> Shows:
    """The way is chosen once for a policy."""
    shows = Shows()
    for definition in plan.shown:
        name, what = definition.name, definition.shows or ""
        if what.startswith(SCORE):
            shows.scores.append((name, what.removeprefix(SCORE)))
        elif what == PIPELINE:
            shows.others.append((name, _pipeline_missing(name)))
        elif what == "sender":
            shows.others.append((name, _sender(name)))
        elif what in _SHOWS:
            shows.others.append((name, _SHOWS[what]))
        else:
            shows.slots.append((name, plan.program.slots[name]))
    plan.shows.append(shows)
    return shows


def _pipeline_missing(name: str) -> Show:
    return lambda plan, state, view: view.value(name) if view.lead.speaks_for_deal else None


def _sender(name: str) -> Show:
    return lambda plan, state, view: handoff.sender(state, view, view.lead.fact(name).value)


def _next_task_due(plan: Plan, state: LeadState, view: LeadView) -> Value:
    return min([task.due_at for task in state.tasks if task.state is WorkState.OPEN], default=BLANK)


def _queues(plan: Plan, state: LeadState, view: LeadView) -> Value:
    """The labels of the call lists that the lead stands in, in the order of the policy."""
    wanted = {task.queue for task in state.tasks if task.state is WorkState.OPEN}
    policy = plan.policy
    found = [label_in(one.label, policy.language, one.id) for one in policy.queues.values() if one.id in wanted]
    return ("、" if policy.language == "ja" else ", ").join(found) or BLANK


_SHOWS: Mapping[str, Show] = {
    "queues": _queues,
    "reasons": lambda plan, state, view: reasons(view) or BLANK,
    "next_task_due": _next_task_due,
    "contact_limit": lambda plan, state, view: pressure.told(view, state.tasks) or BLANK,
    "refused_move": lambda plan, state, view: refusals.told(plan, state, view) or BLANK,
    "times_sent_back": lambda plan, state, view: state.sent_back,
}
