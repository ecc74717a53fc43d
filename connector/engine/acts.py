"""Carrying out `do:`: what the triggers of one evaluation come to. One place for every action word. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Deal, EffectKey, Enrolment, Note, Notice, OwnerRequest, Task
from connector.domain.runs import ClockRun
from connector.domain.value import Value
from connector.engine import pressure, routing
from connector.engine.events import Happening
from connector.engine.scripts import with_script
from connector.engine.words import lookup
from connector.policy.model import (
    Action,
    AssignAction,
    EnrolAction,
    NotifyAction,
    SetAction,
    StartAction,
    StopAction,
    TaskAction,
)

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

OWNER, DEAL_OWNER = "owner", "deal_owner"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A rule that acts: what it does, and the happening that keys it.

    `prefix` stands before the slots where one rule acts in several places (a rung, a step). In `shadow` it is recorded
    and does nothing. `missing` is what its texts print for `{missing}`. Dues count from `due_from`, else from now.
    """

    rule: str
    actions: Sequence[Action]
    happening: Happening
    prefix: str = ""
    shadow: bool = False
    missing: str = ""
    due_from: datetime | None = None

    def key(self, slot: str) -> EffectKey:
        """The name of the effect of one action."""
        return EffectKey(
            cause=self.happening.cause.value,
            cause_id=self.happening.cause_id,
            rule=self.rule,
            slot=f"{self.prefix}{slot}",
        )


@dataclass(slots=True)
class Acts:
    """What the triggers so far came to; nothing of it is in the world yet."""

    plan: Plan
    view: LeadView
    silent: bool = False  #: The policy does not act on this lead: what it would do is recorded.
    tasks: dict[EffectKey, Task] = field(default_factory=dict)
    settings: dict[str, Value] = field(default_factory=dict)
    notices: dict[EffectKey, Notice] = field(default_factory=dict)
    enrolments: dict[EffectKey, Enrolment] = field(default_factory=dict)
    waiting: dict[EffectKey, Enrolment] = field(default_factory=dict)  #: held back by a contact limit
    requests: dict[EffectKey, OwnerRequest] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)  #: kinds of owners that pools have just given
    deals: dict[EffectKey, Deal] = field(default_factory=dict)
    notes: dict[EffectKey, Note] = field(default_factory=dict)
    starts: list[tuple[str, Trigger]] = field(default_factory=list)  #: cadences to begin
    stops: list[tuple[str, Trigger]] = field(default_factory=list)  #: cadences to end
    fired: list[str] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)
    clocks: list[tuple[str, ClockRun]] = field(default_factory=list)  #: runs that are not as they were
    absent_until: datetime | None = None

    def rest_on(self, moment: datetime | None) -> None:
        """Note that something is done because nothing had happened by this moment."""
        if moment is not None:
            self.absent_until = max(self.absent_until or moment, moment)

    def do(self, triggers: Iterable[Trigger]) -> None:
        """Carry out these triggers, in order."""
        for trigger in triggers:
            if trigger.shadow or self.silent:
                self.shadowed.append(trigger.rule)
                continue
            self.fired.append(trigger.rule)
            for action in trigger.actions:
                self._act(trigger, action)

    def _act(self, trigger: Trigger, action: Action) -> None:
        key = trigger.key(action.slot)
        if isinstance(action, TaskAction):
            if not forbidden(self.plan, self.view, "task", action.kind):
                task = open_task(self.view, key, action, trigger.due_from or self.view.now, missing=trigger.missing)
                self.tasks.setdefault(key, pressure.put_off(self.view, task, self.tasks.values()))
        elif isinstance(action, SetAction):
            self.settings[action.field] = action.value
        elif isinstance(action, NotifyAction):
            if not forbidden(self.plan, self.view, "notify"):
                self._notify(key, action, trigger.missing)
        elif isinstance(action, EnrolAction):
            if not forbidden(self.plan, self.view, "enrol"):
                self._enrol(key, action)
        elif isinstance(action, AssignAction):
            if not forbidden(self.plan, self.view, "assign"):
                self.ask(routing.request(self.plan, self.view, key, action.assign))
        elif isinstance(action, StartAction):
            self.starts.append((action.cadence, trigger))
        elif isinstance(action, StopAction):
            self.stops.append((action.cadence, trigger))

    def _enrol(self, key: EffectKey, action: EnrolAction) -> None:
        now, sender = self.view.now, self.view.owner_now
        place = action.place_in(self.view.lead.enrolled_by)
        wanted = Enrolment(key=key, place=place.kind, name=place.name, at=now, sender=sender)
        held = pressure.reached(self.view, self.tasks.values()) is not None
        (self.waiting if held else self.enrolments).setdefault(key, wanted)

    def ask(self, request: OwnerRequest) -> None:
        """Ask a pool. Where its answer is known already, the lead is that person's from here on."""
        name = request.key.text()
        grant = next((one for one in self.view.lead.grants if one.request == name), None)
        if grant is None or grant.person is None:
            self.requests.setdefault(request.key, request)
        elif request.task is not None:
            self.tasks[request.task] = routing.given(self.tasks[request.task], request, grant)
        else:
            self.answered.add(request.owner_of)
            self.view = self.view.as_owned(request.owner_of, routing.answered(request, grant))

    def _notify(self, key: EffectKey, action: NotifyAction, missing: str) -> None:
        people = {OWNER: self.view.owner_now, DEAL_OWNER: self.view.deal_owner_now}
        to = [f"person:{people[one]}" if people.get(one) else one for one in action.to]
        known = tuple(dict.fromkeys(one for one in to if one not in people))
        if known:  # nobody owns it yet: there is nobody to tell
            pools = [one.removeprefix("pool:") for one in known if one.startswith("pool:")]
            if OWNER in action.to:
                pools += [self.view.owner_pool_now or ""]
            seen = routing.may_see(self.view, *pools)
            text = action.text.render(lookup(self.view, missing=missing, may_see=seen))
            self.notices.setdefault(key, Notice(key=key, to=known, text=text, at=self.view.now))


def open_task(view: LeadView, key: EffectKey, action: TaskAction, start: datetime, missing: str = "") -> Task:
    """The task that an action opens; its due time counts from `start`."""
    due_at = action.due.add(start, view.policy.calendar)
    pool = action.to_pool if action.to != OWNER else view.owner_pool_now
    may_see = routing.may_see(view, pool)
    text = lookup(view, due_at, missing, may_see)
    owner = {OWNER: view.owner_now, DEAL_OWNER: view.deal_owner_now}.get(action.to)
    return Task(
        key=key,
        kind=action.kind,
        title=action.title.render(text),
        text=with_script(view, key.rule, action.kind, action.text.render(text), may_see),
        due_at=due_at,
        priority=action.priority,
        owner=owner,
        queue=action.queue or view.plan.queue_of.get(key.rule),
        follows_owner=action.to == OWNER,
        opened_at=view.now,
        opened_in=view.entry.seq if view.entry else 0,
        pool=action.to_pool,
        of_deal=action.to == DEAL_OWNER,
    )


def forbidden(plan: Plan, view: LeadView, *words: str) -> bool:
    """`never:` outranks every rule."""
    for word in words:
        for when in plan.forbidding.get(word, ()):
            if when.test(view) is True:
                return True
    return False


def follow(task: Task, view: LeadView) -> Task:
    """An open task goes with the owner that it belongs to, unless it is lent.

    Its text was written for somebody else: people who may not see everything do not get it.
    """
    if task.lent:
        return task
    if task.follows_owner and task.owner != view.owner_now:
        is_limited = routing.may_see(view, view.owner_pool_now) is not None
        return replace(task, owner=view.owner_now, text="" if is_limited else task.text)
    if task.of_deal and task.owner != view.deal_owner_now:
        return replace(task, owner=view.deal_owner_now)
    return task
