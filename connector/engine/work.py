"""Work for people: tasks that rules open, each once for its cause, changed and closed by what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.signal import Signal
from connector.domain.state import Cause, Edge, EffectKey, LeadState, StageEntry, Task, WorkState
from connector.domain.value import Truth, Value
from connector.engine.lifecycle import Course
from connector.engine.plan import Plan
from connector.engine.recycle import again_of
from connector.engine.view import LeadView
from connector.engine.words import lookup
from connector.policy.model import EventKind, SetAction, TaskAction, WorkRule

ON_WAKE = "on_wake"
"""The rule id of what recycle.yaml does when a lead comes again."""


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


def edges_after(plan: Plan, state: LeadState, view: LeadView) -> dict[str, Edge]:
    """The truth of every `becomes` condition now; one that has turned true counts one more turn."""
    edges: dict[str, Edge] = {}
    for rule, place, condition in plan.becoming:
        name = edge_name(rule, place)
        before = state.edges.get(name)
        truth: Truth = condition.test(view)
        turned = before.turned if before else 0
        if truth is True and (before is None or before.truth is not True):
            edges[name] = Edge(truth=True, turned=turned + 1, turned_at=view.now)
        else:
            edges[name] = Edge(truth=truth, turned=turned, turned_at=before.turned_at if before else None)
    return edges


def edge_name(rule: WorkRule, place: int) -> str:
    """How an edge is remembered: the rule's id, with the place of the event where it lists several."""
    return rule.id if len(rule.on) == 1 else f"{rule.id}/{place}"


def do_work(
    plan: Plan, state: LeadState, course: Course, edges: Mapping[str, Edge], signals: Sequence[Signal], since: datetime
) -> Work:
    """Open what this evaluation's events call for; bring the open tasks in line with where the lead now stands."""
    view = course.view
    standing = {task.key: task for task in state.tasks}
    tasks = {key: _in_line(task, view) for key, task in standing.items()}
    settings: dict[str, Value] = {}
    fired: list[str] = []
    for rule_id, actions, happening in _triggered(plan, state, course, edges, signals, since):
        fired.append(rule_id)
        for action in actions:
            if isinstance(action, SetAction):
                settings[action.field] = action.value
            elif not _forbidden(plan, view, action):
                task = _open(view, rule_id, action, happening)
                tasks.setdefault(task.key, task)
    changed = tuple(task for key, task in tasks.items() if standing.get(key) != task)
    return Work(tuple(_remembered(tuple(tasks.values()), view)), changed, settings, tuple(fired))


def _triggered(
    plan: Plan, state: LeadState, course: Course, edges: Mapping[str, Edge], signals: Sequence[Signal], since: datetime
) -> Iterator[tuple[str, Sequence[TaskAction | SetAction], Happening]]:
    arrival = _arrival(course)
    for rule in plan.policy.rules:
        for happening in _happenings(plan, rule, state, arrival, edges, signals, since, course.view.now):
            if rule.when is None or rule.when.test(course.view) is True:
                yield rule.id, plan.actions(rule), happening
    if arrival is not None and plan.policy.recycle is not None and _woke(plan, state, arrival):
        yield ON_WAKE, plan.policy.recycle.on_wake, Happening(Cause.STAGE_ENTRY, str(arrival.seq))


def _arrival(course: Course) -> StageEntry | None:
    """The entry in which the lead came to rest, if it moved and the move counts as an event."""
    last = course.entries[-1] if course.entries else None
    return None if last is None or last.initial else last


def _woke(plan: Plan, state: LeadState, arrival: StageEntry) -> bool:
    """True when the lead came back by its recycle date: the transition read `recycle.due`."""
    transition = plan.transitions.get(arrival.transition or "")
    return (
        transition is not None
        and "recycle.due" in transition.when.names
        and again_of(plan.policy, state.entry) is not None
    )


def _happenings(
    plan: Plan,
    rule: WorkRule,
    state: LeadState,
    arrival: StageEntry | None,
    edges: Mapping[str, Edge],
    signals: Sequence[Signal],
    since: datetime,
    now: datetime,
) -> Iterator[Happening]:
    for place, event in enumerate(rule.on):
        if arrival is not None and (
            (event.kind is EventKind.ENTERS and event.name == arrival.stage)
            or (event.kind is EventKind.MOVES and event.name == arrival.transition)
            or (event.kind is EventKind.LEAVES and state.entry is not None and event.name == state.entry.stage)
        ):
            yield Happening(Cause.STAGE_ENTRY, str(arrival.seq))
        elif event.kind is EventKind.SIGNAL and event.name is not None:
            yield from _signal_happenings(plan, event.name, signals, since, now)
        elif event.kind is EventKind.BECOMES:
            edge, before = edges[edge_name(rule, place)], state.edges.get(edge_name(rule, place))
            if edge.turned > (before.turned if before else 0):
                yield Happening(Cause.EDGE, f"{edge_name(rule, place)}#{edge.turned}")


def _signal_happenings(
    plan: Plan, name: str, signals: Sequence[Signal], since: datetime, now: datetime
) -> Iterator[Happening]:
    """New occurrences: not yet acted on, after the activation, and learnt while still fresh."""
    kinds = {name, *plan.policy.signals[name].of} if name in plan.policy.signals else {name}
    for signal in signals:
        fresh = signal.learnt_at - signal.occurred_at <= plan.policy.fresh_for
        if signal.kind in kinds and not signal.seen and fresh and since <= signal.occurred_at <= now:
            yield Happening(Cause.SIGNAL, str(signal.id))


def _open(view: LeadView, rule_id: str, action: TaskAction, happening: Happening) -> Task:
    text = lookup(view)
    to_owner = action.to == "owner"
    return Task(
        key=EffectKey(cause=happening.cause.value, cause_id=happening.cause_id, rule=rule_id, slot=action.slot),
        kind=action.kind,
        title=action.title.render(text),
        text=action.text.render(text),
        due_at=action.due.add(view.now, view.policy.calendar),
        priority=action.priority,
        owner=view.lead.owner if to_owner else None,
        queue=action.queue,
        follows_owner=to_owner,
        opened_at=view.now,
        opened_in=view.entry.seq if view.entry else 0,
    )


def _in_line(task: Task, view: LeadView) -> Task:
    """An open task closes with the stage that it was opened in, and follows the lead's owner."""
    if task.state is not WorkState.OPEN:
        return task
    here = view.entry.seq if view.entry else 0
    if task.opened_in != here:
        return replace(task, state=WorkState.CLOSED, ended_at=view.now)
    if task.follows_owner and task.owner != view.lead.owner:
        return replace(task, owner=view.lead.owner)
    return task


def _remembered(tasks: Sequence[Task], view: LeadView) -> Iterator[Task]:
    """Ended tasks are forgotten once the stage they belong to lies two entries back: their causes cannot come again."""
    here = view.entry.seq if view.entry else 0
    for task in tasks:
        if task.state is WorkState.OPEN or here - task.opened_in <= 1 or task.ended_at == view.now:
            yield task


def _forbidden(plan: Plan, view: LeadView, action: TaskAction) -> bool:
    """`never:` outranks every rule."""
    return any(
        rule.when.test(view) is True for rule in plan.policy.never if "task" in rule.what or action.kind in rule.what
    )
