"""Cadences: steps over days for a person to take, until the last is done or something stops them. Pure.

A step comes when its day has come and the step before it is done: a rep who is behind is not buried, and a cadence is
finished when people have finished it, not when the calendar says so (decision 0011).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from connector.domain.calendar import Calendar, Span
from connector.domain.effects import Cause, EffectKey, Task, WorkState
from connector.domain.runs import CadenceRun
from connector.domain.state import LeadState
from connector.domain.value import BLANK, Value
from connector.engine.by_hand import SEQUENCE, UNENROL, slot_instead_of
from connector.engine.coming import first_after
from connector.engine.events import Events, Happening
from connector.engine.pressure import is_contact, reached
from connector.policy.model import Cadence, EnrolAction, StageDef, Step, TaskAction
from connector.policy.templates import Template

if TYPE_CHECKING:
    from connector.engine.acts import Acts
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

RUNNING, FINISHED, WAITING = "running", "finished", "waiting"
BY_POLICY = "policy"
"""What stopped a run that the lead's policy has no more use for."""
_CADENCE = Cause.CADENCE.value
_UNENROL_TITLE = {"ja": "シーケンスから外してください: {name}", "en": "Take this contact out of the sequence: {name}"}


@dataclass(frozen=True, slots=True)
class Progress:
    """The cadences as people's work leaves them: their runs, and those that are finished just now."""

    runs: Mapping[str, CadenceRun]
    finished: Mapping[str, CadenceRun]


_NO_PROGRESS = Progress({}, {})


def progress(plan: Plan, state: LeadState, now: datetime) -> Progress:
    """A cadence is finished when its last step is done."""
    if not state.cadences:
        return _NO_PROGRESS
    runs = dict(state.cadences)
    finished: dict[str, CadenceRun] = {}
    for name, run in state.cadences.items():
        cadence = plan.policy.cadences.get(name)
        if cadence is None or not run.running or run.fired < len(cadence.steps):
            continue
        if not _is_open(_task_of(cadence, run, state.tasks)):
            runs[name] = finished[name] = replace(run, finished_at=now)
    return Progress(runs, finished)


def turned_to(
    plan: Plan, runs: Mapping[str, CadenceRun], view: LeadView, events: Events, acts: Acts
) -> Mapping[str, CadenceRun]:
    """Stop what `stop_on` or a rule stops, with its open step, and start what rules start."""
    if not plan.policy.cadences or not (runs or acts.starts):
        return runs
    after = dict(runs)
    for name, run in runs.items():
        after[name] = _stopped(plan, name, run, view, events, acts)
    starts = list(acts.starts)
    while starts:
        name, trigger = starts.pop(0)
        before = after.get(name)
        if before is None or not before.running:
            number = before.number + 1 if before is not None else 1
            after[name] = CadenceRun(number=number, started_at=trigger.happening.at)
    _close(acts, after, view)
    return after


def ended(plan: Plan, runs: Mapping[str, CadenceRun], view: LeadView, acts: Acts) -> Mapping[str, CadenceRun]:
    """Stop every run: the policy has the lead no longer. Whoever stands in a sequence is to be taken out of it."""
    after = dict(runs)
    for name, run in runs.items():
        if run.running:
            after[name] = replace(run, stopped_at=view.now, stopped_by=BY_POLICY)
            if (cadence := plan.policy.cadences.get(name)) is not None:
                _ask_to_unenrol(cadence, after[name], view, acts)
    return after


def step(plan: Plan, runs: Mapping[str, CadenceRun], view: LeadView, acts: Acts) -> Mapping[str, CadenceRun]:
    """Bring about the steps of running cadences whose day has come."""
    after = dict(runs)
    for name, run in runs.items():
        cadence = plan.policy.cadences.get(name)
        if cadence is not None and run.running:
            in_turn = _in_turn(cadence, run, view)
            after[name] = in_turn if in_turn.waiting else _stepped(plan, cadence, in_turn, view, acts)
    return after


def stand(plan: Plan, state: LeadState, view: LeadView, nothing: Events) -> bool:
    """True when a look at which nothing has come leaves every cadence as it is, and brings none of its steps about."""
    for name, run in state.cadences.items():
        if not run.running:
            continue
        cadence = plan.policy.cadences.get(name)
        if (
            cadence is None
            or first_after(plan, f"{name}.stop_on", cadence.stop_on, run.started_at, view, nothing) is not None
        ):
            return False
        if _in_turn(cadence, run, view) is not run or not (run.waiting or _waits(cadence, run, state.tasks, view)):
            return False
    return not any(_is_left_over(task, state.cadences) for task in state.tasks)


def standing(runs: Mapping[str, CadenceRun], cadence: str) -> Value:
    """`cadence.<id>` for conditions: waiting, running, finished; blank before its first run and once stopped."""
    run = runs.get(cadence)
    if run is None or run.stopped_at is not None:
        return BLANK
    if run.waiting:
        return WAITING
    return FINISHED if run.finished_at is not None else RUNNING


def next_steps(plan: Plan, state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When the next steps of running cadences come."""
    for name, run in state.cadences.items():
        cadence = plan.policy.cadences.get(name)
        if cadence is None or not run.running or run.waiting or run.fired >= len(cadence.steps):
            continue
        if not _is_open(_task_of(cadence, run, state.tasks)):
            yield step_at(run, cadence.steps[run.fired], view.policy.calendar)


def is_step(key: EffectKey) -> bool:
    """True for what a cadence's own steps bring about; what a rule makes of its end is the rule's."""
    return key.cause == _CADENCE and key.cause_id.rpartition("#")[0] == key.rule


def step_at(run: CadenceRun, one: Step, calendar: Calendar) -> datetime:
    """So many days after the start, at the same time of day; on a day off, the next working day's opening."""
    return calendar.keep((one.day, run.started_at), lambda: _day_of_step(run.started_at, one.day, calendar))


def _day_of_step(started_at: datetime, days: int, calendar: Calendar) -> datetime:
    at = Span(amount=days, unit="days").add(started_at, calendar)
    day = at.astimezone(calendar.zone).date()
    if calendar.open_intervals(day):
        return at
    return calendar.next_open(datetime.combine(day, time(), calendar.zone).astimezone(UTC))


def takes_turn(cadence: Cadence, run: CadenceRun | None, stage: str | None, stages: Mapping[str, StageDef]) -> bool:
    """True while a lead with this run, in this stage, keeps the other people of its company waiting.

    Whoever has replied is being talked to: a run that was stopped keeps the turn while the lead is in work.
    """
    if cadence.turn_by is None or run is None or run.waiting or run.finished_at is not None:
        return False
    if run.stopped_at is None:
        return True
    place = stages.get(stage or "")
    return place is not None and not place.side and place.id != next(iter(stages))


# ── one run ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _stopped(plan: Plan, name: str, run: CadenceRun, view: LeadView, events: Events, acts: Acts) -> CadenceRun:
    cadence = plan.policy.cadences.get(name)
    if not run.running:
        return run
    if cadence is None:  # a policy without it has no more use for its steps
        return replace(run, stopped_at=view.now, stopped_by=BY_POLICY)
    by_rule = next((trigger for stopped, trigger in acts.stops if stopped == name), None)
    found = first_after(plan, f"{name}.stop_on", cadence.stop_on, run.started_at, view, events)
    if by_rule is not None:
        run = replace(run, stopped_at=view.now, stopped_by=by_rule.rule)
    elif found is not None:
        run = replace(run, stopped_at=found.at, stopped_by=found.what)
    else:
        return run
    quietly = view.entry is not None and view.entry.initial  # a policy caught up with it: that starts nothing
    if not (quietly and found is not None and found.cause is Cause.STAGE_ENTRY):
        _ask_to_unenrol(cadence, run, view, acts)
    return run


def _in_turn(cadence: Cadence, run: CadenceRun, view: LeadView) -> CadenceRun:
    """A run that has brought nothing about yet waits while somebody else of the company has the turn."""
    account = view.lead.account
    is_taken = cadence.turn_by is not None and account is not None and cadence.id in account.taken
    if run.waiting:
        return run if is_taken else replace(run, waiting=False, started_at=view.now)
    is_new = run != view.state.cadences.get(cadence.id) and run.fired == 0
    return replace(run, waiting=True) if is_taken and is_new else run


def _stepped(plan: Plan, cadence: Cadence, run: CadenceRun, view: LeadView, acts: Acts) -> CadenceRun:
    """The steps whose day has come, one after the other. What is forbidden is passed over; over a limit it waits."""
    from connector.engine.acts import Trigger

    while run.fired < len(cadence.steps) and not _waits(cadence, run, tuple(acts.tasks.values()), view):
        one = cadence.steps[run.fired]
        at = step_at(run, one, view.policy.calendar)
        if at > run.started_at:  # it comes because nobody has answered until then
            acts.rest_on(at)
        happening = Happening(Cause.CADENCE, f"{cadence.id}#{run.number}", view.now, f"cadence:{cadence.id}")
        acts.do([Trigger(cadence.id, (one.action,), happening)])
        run = replace(run, fired=run.fired + 1)
    return run


def _waits(cadence: Cadence, run: CadenceRun, tasks: Sequence[Task], view: LeadView) -> bool:
    """True while the step before is not done, the next one's day has not come, or a contact limit is reached. Where
    there is no next one, a run waits for its last step alone.
    """
    if _is_open(_task_of(cadence, run, tasks)):
        return True
    if run.fired >= len(cadence.steps):
        return False
    one = cadence.steps[run.fired]
    if step_at(run, one, view.policy.calendar) > view.now:
        return True
    return is_contact(one.action) and reached(view, tasks) is not None


def _key(cadence: Cadence, run: CadenceRun, slot: str) -> EffectKey:
    return EffectKey(cause=_CADENCE, cause_id=_cause_id(cadence, run), rule=cadence.id, slot=slot)


def _cause_id(cadence: Cadence, run: CadenceRun) -> str:
    return f"{cadence.id}#{run.number}"


def _task_of(cadence: Cadence, run: CadenceRun, tasks: Sequence[Task]) -> Task | None:
    """The task of the step that came last; None where it made none, or it is forgotten: then it is done."""
    if not (run.fired and tasks):
        return None
    action = cadence.steps[run.fired - 1].action
    slots = (action.slot, slot_instead_of(action.slot)) if isinstance(action, EnrolAction) else (action.slot,)
    cause_id = _cause_id(cadence, run)
    for task in tasks:  # by its parts: to make the key and compare it costs far more
        key = task.key
        if key.rule == cadence.id and key.slot in slots and key.cause == _CADENCE and key.cause_id == cause_id:
            return task
    return None


def _is_open(task: Task | None) -> bool:
    return task is not None and task.state is WorkState.OPEN


def _ask_to_unenrol(cadence: Cadence, run: CadenceRun, view: LeadView, acts: Acts) -> None:
    """HubSpot's API cannot take a contact out of a sequence: a person is asked to."""
    from connector.engine.acts import open_task

    sent = [one.action for one in cadence.steps[: run.fired] if isinstance(one.action, EnrolAction)]
    refused = {one.key for one in view.lead.not_enrolled}
    for action in sent:
        place = action.place_in(view.lead.enrolled_by)
        if place.kind != SEQUENCE or acts.silent or _key(cadence, run, action.slot) in refused:
            continue
        key = _key(cadence, run, UNENROL)
        title = _UNENROL_TITLE.get(view.policy.language, _UNENROL_TITLE["en"]).format(name=place.name)
        asked = TaskAction(
            slot=UNENROL, kind="todo", to="owner", to_pool=None, due=Span(amount=0, unit="days", business=True),
            priority="high", queue=None, title=Template((title,)), text=Template(()),
        )  # fmt: skip
        acts.tasks.setdefault(key, open_task(view, key, asked, view.now))


def _close(acts: Acts, runs: Mapping[str, CadenceRun], view: LeadView) -> None:
    """A cadence that was stopped takes its open step with it."""
    for key, task in acts.tasks.items():
        if _is_left_over(task, runs):
            acts.tasks[key] = replace(task, state=WorkState.CLOSED, ended_at=view.now)


def _is_left_over(task: Task, runs: Mapping[str, CadenceRun]) -> bool:
    """True for the open step of a run that is no more."""
    key = task.key
    if not is_step(key) or task.state is not WorkState.OPEN or key.slot == UNENROL:
        return False
    run = runs.get(key.rule)
    return run is None or run.stopped_at is not None or key.cause_id != f"{key.rule}#{run.number}"
