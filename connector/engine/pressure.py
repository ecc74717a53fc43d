"""Contact limits: how often a lead is contacted, over all rules, cadences and recalls together. Pure.

What was done within the window counts, and so does what people are asked to do and have not done yet. Over the limit a
cadence's step and an enrolment wait until there is room; a task of a rule is there at once, due when there is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Enrolment, Task, WorkState
from connector.domain.state import LeadState
from connector.engine.words import label_in, printed
from connector.policy.model import Action, ContactLimit, EnrolAction, Label, TaskAction
from connector.policy.phrases import time_words

if TYPE_CHECKING:
    from connector.engine.acts import Acts
    from connector.engine.view import LeadView

KINDS = ("call", "mail", "social")
"""The tasks that are contact."""

_LIMIT: Label = {"ja": "{label}({span}で{times}回まで)", "en": "{label} (at most {times} in {span})"}
_UNTIL: Label = {"ja": "{limit}: {until}まで控える", "en": "{limit}: hold off until {until}"}
_OPEN: Label = {
    "ja": "{limit}: 開いているタスクが済むまで控える",
    "en": "{limit}: hold off until the open tasks are done",
}


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that is reached, and until when; None: until a task that stands open is done."""

    limit: ContactLimit
    until: datetime | None


def is_contact(action: Action) -> bool:
    """True for what people are contacted by."""
    return isinstance(action, EnrolAction) or (isinstance(action, TaskAction) and action.kind in KINDS)


def reached(view: LeadView, tasks: Collection[Task]) -> Reached | None:
    """The limit that keeps the lead from being contacted now, the longest where there are several."""
    found = [one for one in _filled(view, tasks) if one.limit.when is None or one.limit.when.test(view) is True]
    return max(found, key=lambda one: (one.until is None, one.until or view.now)) if found else None


def told(view: LeadView, tasks: Collection[Task]) -> str:
    """What people read of the limit that is reached: `しつこくしない(14日で6回まで): 2026-12-01 10:00まで控える`."""
    one = reached(view, tasks)
    return _text(view, one) if one is not None else ""


def put_off(view: LeadView, task: Task, others: Collection[Task]) -> Task:
    """A task that a rule opens: over the limit it is due when there is room, and says why."""
    if task.kind not in KINDS or not view.policy.contact_limits:
        return task
    one = reached(view, others)
    if one is None:
        return task
    until = one.until or view.now + one.limit.within
    due_at = max(task.due_at, view.policy.calendar.next_open(until))
    return replace(task, due_at=due_at, text="\n".join(part for part in (task.text, _text(view, one)) if part))


def released(view: LeadView, waiting: Iterable[Enrolment], acts: Acts) -> None:
    """Make the enrolments that had to wait, once there is room; those whose stage has ended are dropped."""
    from connector.engine.acts import forbidden

    acts.waiting = {}
    for one in waiting:
        is_past = view.stage_entered_at is not None and view.stage_entered_at > one.at
        if acts.silent or is_past or forbidden(acts.plan, view, "enrol"):
            continue
        if reached(view, acts.tasks.values()) is None:
            acts.enrolments[one.key] = replace(one, at=view.now, sender=view.owner_now)
        else:
            acts.waiting[one.key] = one


def next_moments(state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When there will be room again, or a limit begins or ends to apply."""
    for one in _filled(view, state.tasks):
        if one.until is not None:
            yield one.until
        change = one.limit.when.next_change(view) if one.limit.when is not None else None
        if change is not None:
            yield change


def _filled(view: LeadView, tasks: Collection[Task]) -> Iterator[Reached]:
    """The limits whose number is reached, whether they apply now or not."""
    for limit in view.policy.contact_limits:
        times = view.times(limit.signal)
        if len(times) + len(tasks) < limit.times:
            continue  # not even if all of them counted
        asked = sum([task.state is WorkState.OPEN and task.kind in KINDS for task in tasks])
        made = times[bisect_right(times, view.now - limit.within) :]
        over = len(made) + asked - limit.times
        if over >= 0:
            yield Reached(limit, made[over] + limit.within if over < len(made) else None)


def _text(view: LeadView, one: Reached) -> str:
    language, limit = view.policy.language, one.limit
    label = label_in(limit.label, language, limit.id)
    span = time_words(limit.within, language)
    said = _in(view, _LIMIT).format(label=label, span=span, times=limit.times)
    if one.until is None:
        return _in(view, _OPEN).format(limit=said)
    return _in(view, _UNTIL).format(limit=said, until=printed(one.until, None, view, language))


def _in(view: LeadView, label: Label) -> str:
    return label_in(label, view.policy.language, "")
