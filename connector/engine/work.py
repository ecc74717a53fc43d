"""Work for people: tasks that rules open, each once for its cause, changed and closed by what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.signal import Signal
from connector.domain.state import Cause, Edge, EffectKey, LeadState, StageEntry, Task, WorkState
from connector.domain.value import Truth, Value
from connector.engine import evidence
from connector.engine.plan import Plan
from connector.engine.recycle import again_of
from connector.engine.view import LeadView
from connector.engine.words import lookup
from connector.policy.model import Event, EventKind, SetAction, TaskAction, WorkRule

ON_WAKE = "on_wake"
"""The rule id of what recycle.yaml does when a lead comes again."""

ENDED_KEPT = 20
"""Ended tasks of the present stage that are remembered, for the explanation."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A moment that a rule waits for has come: the cause that keys its effects for ever."""

    cause: Cause
    cause_id: str


@dataclass(frozen=True, slots=True)
class Work:
    """The tasks after this evaluation, those among them that are new or changed, and fields to set."""

    tasks: tuple[Task, ...]
    changed: tuple[Task, ...]
    settings: Mapping[str, Value]
    fired: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What happened in one evaluation. `before` is where the lead stood, `arrival` the entry in which it came to
    rest, if it moved and the move counts; `signals` are the new ones that may act, `turned` the edges that turned.
    """

    before: StageEntry | None
    arrival: StageEntry | None
    signals: Sequence[Signal]
    turned: Mapping[str, Edge]


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────
def edge_name(rule: WorkRule, place: int) -> str:
    """How an edge is remembered: the rule's id, with the place of the event where it lists several."""
    return rule.id if len(rule.on) == 1 else f"{rule.id}/{place}"


def edges_after(plan: Plan, state: LeadState, view: LeadView, quiet_until: datetime | None) -> dict[str, Edge]:
    """The truth of every `becomes` condition now; one that has turned true counts one more turn.

    While a policy catches up (`quiet_until`), what turned by a later change is left for the pass that is aloud.
    """
    edges = dict(state.edges)
    for rule, place, condition in plan.becoming:
        name = edge_name(rule, place)
        before = state.edges.get(name, Edge(truth=None, turned=0))
        truth: Truth = condition.test(view)
        if truth is not True or before.truth is True:
            edges[name] = replace(before, truth=truth)
        elif quiet_until is None or not evidence.is_newer(plan.edge_evidence[rule.id, place], view, quiet_until):
            edges[name] = Edge(truth=True, turned=before.turned + 1, turned_at=view.now)
    return edges


def turned(before: Mapping[str, Edge], after: Mapping[str, Edge]) -> dict[str, Edge]:
    """The edges that have turned true between two states."""
    return {name: edge for name, edge in after.items() if edge.turned > (before[name].turned if name in before else 0)}


def new_signals(plan: Plan, signals: Sequence[Signal], since: datetime, now: datetime) -> list[Signal]:
    """The signals that may act: not yet seen, after the activation, learnt while still fresh; oldest first."""
    fresh = plan.policy.fresh_for
    found = [
        one
        for one in signals
        if not one.seen and since <= one.occurred_at <= now and one.learnt_at - one.occurred_at <= fresh
    ]
    return sorted(found, key=lambda one: (one.occurred_at, one.id))


# ── what is done about it ────────────────────────────────────────────────────────────────────────────────────
def do_work(plan: Plan, state: LeadState, view: LeadView, events: Events) -> Work:
    """Open what this evaluation's events call for; bring the open tasks in line with where the lead now stands."""
    standing = {task.key: task for task in state.tasks}
    tasks = {key: _in_line(plan, task, view) for key, task in standing.items()}
    settings: dict[str, Value] = {}
    fired: list[str] = []
    for rule_id, actions, happening in _triggered(plan, view, events):
        fired.append(rule_id)
        for action in actions:
            if isinstance(action, SetAction):
                settings[action.field] = action.value
            elif not _forbidden(plan, view, action.kind):
                task = _open(view, rule_id, action, happening)
                tasks.setdefault(task.key, task)
    changed = tuple(task for key, task in tasks.items() if standing.get(key) != task)
    return Work(_remembered(tuple(tasks.values()), view), changed, settings, tuple(dict.fromkeys(fired)))


def _triggered(
    plan: Plan, view: LeadView, events: Events
) -> Iterator[tuple[str, Sequence[TaskAction | SetAction], Happening]]:
    for rule in plan.policy.rules:
        happenings = _happenings(plan, rule, events)
        if happenings and (rule.when is None or rule.when.test(view) is True):
            for happening in happenings:
                yield rule.id, plan.actions(rule), happening
    arrival = events.arrival
    if arrival is not None and plan.policy.recycle is not None and _woke(plan, events.before, arrival):
        yield ON_WAKE, plan.policy.recycle.on_wake, Happening(Cause.STAGE_ENTRY, str(arrival.seq))


def _happenings(plan: Plan, rule: WorkRule, events: Events) -> list[Happening]:
    """What a rule acts on: of several events that come at once, the first that it lists."""
    for place, event in enumerate(rule.on):
        if event.kind is EventKind.SIGNAL and event.name is not None:
            kinds = plan.members.get(event.name, frozenset({event.name}))
            found = [Happening(Cause.SIGNAL, str(one.id)) for one in events.signals if one.kind in kinds]
            if found:
                return found
        elif event.kind is EventKind.BECOMES:
            edge = events.turned.get(edge_name(rule, place))
            if edge is not None:
                return [Happening(Cause.EDGE, f"{edge_name(rule, place)}#{edge.turned}")]
        elif events.arrival is not None and _is_move(event, events.before, events.arrival):
            return [Happening(Cause.STAGE_ENTRY, str(events.arrival.seq))]
    return []


def _is_move(event: Event, before: StageEntry | None, arrival: StageEntry) -> bool:
    return (
        (event.kind is EventKind.ENTERS and event.name == arrival.stage)
        or (event.kind is EventKind.MOVES and event.name == arrival.transition)
        or (event.kind is EventKind.LEAVES and before is not None and event.name == before.stage)
    )


def _woke(plan: Plan, before: StageEntry | None, arrival: StageEntry) -> bool:
    """True when the lead came back by its recycle date: the transition read `recycle.due`."""
    transition = plan.transitions.get(arrival.transition or "")
    return (
        transition is not None and "recycle.due" in transition.when.names and again_of(plan.policy, before) is not None
    )


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────
def _open(view: LeadView, rule_id: str, action: TaskAction, happening: Happening) -> Task:
    due_at = action.due.add(view.now, view.policy.calendar)
    text = lookup(view, due_at)
    to_owner = action.to == "owner"
    return Task(
        key=EffectKey(cause=happening.cause.value, cause_id=happening.cause_id, rule=rule_id, slot=action.slot),
        kind=action.kind,
        title=action.title.render(text),
        text=action.text.render(text),
        due_at=due_at,
        priority=action.priority,
        owner=view.lead.owner if to_owner else None,
        queue=action.queue,
        follows_owner=to_owner,
        opened_at=view.now,
        opened_in=view.entry.seq if view.entry else 0,
    )


def _in_line(plan: Plan, task: Task, view: LeadView) -> Task:
    """An open task closes with the stage that it was opened in or when forbidden, and follows the lead's owner."""
    if task.state is not WorkState.OPEN:
        return task
    here = view.entry.seq if view.entry else 0
    if task.opened_in != here or _forbidden(plan, view, task.kind):
        return replace(task, state=WorkState.CLOSED, ended_at=view.now)
    if task.follows_owner and task.owner != view.lead.owner:
        return replace(task, owner=view.lead.owner)
    return task


def _remembered(tasks: Sequence[Task], view: LeadView) -> tuple[Task, ...]:
    """Open tasks, what has ended just now, and the latest of what has ended in this stage.

    The rest is forgotten: an entry is entered once, a signal is new once, an edge counts its turns, so that no cause
    comes again.
    """
    here = view.entry.seq if view.entry else 0
    ended = [
        task for task in tasks if task.state is not WorkState.OPEN and here in (task.opened_in, task.opened_in + 1)
    ]
    kept = {task.key for task in sorted(ended, key=lambda task: (task.opened_at, task.key))[-ENDED_KEPT:]}
    return tuple(
        task for task in tasks if task.state is WorkState.OPEN or task.ended_at == view.now or task.key in kept
    )


def _forbidden(plan: Plan, view: LeadView, kind: str) -> bool:
    """`never:` outranks every rule."""
    return any(rule.when.test(view) is True for rule in plan.policy.never if "task" in rule.what or kind in rule.what)
