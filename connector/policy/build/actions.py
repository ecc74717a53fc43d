"""Actions under `do:`: tasks, notices, assignments, values, cadences started and stopped, enrolments."""

from __future__ import annotations

from collections.abc import Sequence

from connector.domain.calendar import Span
from connector.policy.build.context import Context
from connector.policy.document import Where
from connector.policy.files.actions import ActionModel, AssignModel, EnrolModel, NotifyModel, Pool, TaskModel
from connector.policy.model import (
    Action,
    Assign,
    AssignAction,
    EnrolAction,
    EnrolPlace,
    NotifyAction,
    SetAction,
    StartAction,
    StopAction,
    TaskAction,
)
from connector.texts import say

RECEIVERS = ("owner", "deal_owner")


def build_actions(context: Context, models: Sequence[ActionModel], where: Where) -> tuple[Action, ...]:
    """What a rule does, in order."""
    built: list[Action] = []
    slots: dict[str, int] = {}
    for index, model in enumerate(models):
        spot = where / index
        slot = model.id or model.word
        if slot in slots:
            message = say("`{slot}` stands here twice: give each an `id`", slot=slot)
            context.report.error(spot, message, reason="duplicate_slot")
        slots[slot] = index
        built += _action(context, model, slot, spot)
    return tuple(built)


def _action(context: Context, model: ActionModel, slot: str, where: Where) -> Sequence[Action]:
    if model.task is not None:
        return [_task(context, model.task, slot, where / "task")]
    if model.set_ is not None:
        return _set(context, model.set_, slot, where / "set")
    if model.notify is not None:
        return [_notify(context, model.notify, slot, where / "notify")]
    if model.assign is not None:
        return [AssignAction(slot=slot, assign=build_assign(context, model.assign, where / "assign"))]
    if model.enrol is not None:
        return [build_enrol(model.enrol, slot)]
    if model.start is not None:
        context.known(model.start, context.vocabulary.cadences, "cadence", where / "start")
        return [StartAction(slot=slot, cadence=model.start)]
    stopped = model.stop or ""
    context.known(stopped, context.vocabulary.cadences, "cadence", where / "stop")
    return [StopAction(slot=slot, cadence=stopped)]


def _task(context: Context, model: TaskModel, slot: str, where: Where) -> TaskAction:
    pool = model.to.pool if isinstance(model.to, Pool) else None
    if pool is not None:
        context.known(pool, context.vocabulary.pools, "pool", where / "to" / "pool")
    if model.queue is not None:
        context.known(model.queue, context.vocabulary.queues, "queue", where / "queue")
    check_working_time(context, model.due, where / "due")
    return TaskAction(
        slot=slot,
        kind=model.kind,
        to=model.to if isinstance(model.to, str) else "pool",
        to_pool=pool,
        due=model.due,
        priority=model.priority,
        queue=model.queue,
        title=context.template(model.title, where / "title"),
        text=context.template(model.text, where / "text"),
    )


def check_working_time(context: Context, span: Span, where: Where) -> None:
    """Working time needs a calendar to run by."""
    told = any(problem.reason == "no_calendar" for problem in context.report.problems)
    if span.business and not context.files.policy.calendars and not told and "calendars" not in context.report.hidden:
        message = say("without `calendars` in policy.yaml working time runs day and night")
        context.report.warn(where, message, reason="no_calendar")


def _set(context: Context, values: dict[str, str], slot: str, where: Where) -> list[Action]:
    found: list[Action] = []
    for key, raw in values.items():
        name = context.field(key, where / key)
        if name is None:
            continue
        if key in computed_names(context):
            context.report.error(
                where / key, say("`{key}` is computed and cannot be set", key=key), reason="set_computed"
            )
        value = context.scalar(name, raw, where / key)
        if value is not None:
            own = slot if len(values) == 1 else f"{slot}.{key}"
            found.append(SetAction(slot=own, field=key, value=value))
    return found


def computed_names(context: Context) -> frozenset[str]:
    """The fields that the product works out."""
    fields = context.files.fields
    named = {**fields.lead, **fields.company, **{f"deal.{key}": model for key, model in fields.deal.items()}}
    computed = {key for key, model in named.items() if model.rules is not None or model.shows is not None}
    return frozenset(computed | set(context.files.scoring.ratings))


def _notify(context: Context, model: NotifyModel, slot: str, where: Where) -> NotifyAction:
    allowed = (*RECEIVERS, *context.vocabulary.channels)
    receivers = []
    for index, receiver in enumerate(model.to):
        if isinstance(receiver, Pool):
            context.known(receiver.pool, context.vocabulary.pools, "pool", where / "to" / index / "pool")
            receivers.append(f"pool:{receiver.pool}")
        else:
            context.known(receiver, allowed, "receiver or channel", where / "to" / index)
            receivers.append(receiver if receiver in RECEIVERS else f"channel:{receiver}")
    return NotifyAction(slot=slot, to=tuple(receivers), text=context.template(model.text, where / "text"))


def build_assign(context: Context, model: AssignModel, where: Where) -> Assign:
    """Which pool gives an owner; the pool must exist."""
    context.known(model.pool, context.vocabulary.pools, "pool", where / "pool")
    return Assign(pool=model.pool, by=model.by, owner_of=model.owner_of)


def build_enrol(model: EnrolModel, slot: str) -> EnrolAction:
    """Where the CRMs themselves send."""
    named = {
        "hubspot_sequence": model.hubspot_sequence,
        "hubspot_list": model.hubspot_list,
        "salesforce_campaign": model.salesforce_campaign,
    }
    places = tuple(EnrolPlace(kind=kind, name=name) for kind, name in named.items() if name is not None)
    return EnrolAction(slot=slot, places=places)
