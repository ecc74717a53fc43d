"""Actions under `do:`: tasks and values that this release runs; the other words are checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from connector.policy.build.context import Context
from connector.policy.document import Where
from connector.policy.files.actions import ActionModel, AssignModel, NotifyModel, Pool, TaskModel
from connector.policy.model import SetAction, TaskAction

_RUN = ("work.yaml", "recycle.yaml")  #: The actions of other files come with their files.

Action: TypeAlias = TaskAction | SetAction


def build_actions(context: Context, models: Sequence[ActionModel], where: Where, rule: str) -> tuple[Action, ...]:
    """What a rule does, in order. `rule` names it in the list of what is not run yet."""
    built: list[Action] = []
    slots: dict[str, int] = {}
    for index, model in enumerate(models):
        spot = where / index
        slot = model.id or model.word
        if slot in slots:
            message = f"`{slot}` stands here twice: give each an `id`"
            context.report.error(spot, message, reason="duplicate_slot")
        slots[slot] = index
        built += _action(context, model, slot, spot)
        if model.task is None and model.set_ is None and where.file in _RUN:
            context.put_off(f"{where.file}: {rule}.{slot}")
    return tuple(built)


def _action(context: Context, model: ActionModel, slot: str, where: Where) -> list[Action]:
    if model.task is not None:
        return [_task(context, model.task, slot, where / "task")]
    if model.set_ is not None:
        return _set(context, model.set_, slot, where / "set")
    if model.notify is not None:
        _check_notify(context, model.notify, where / "notify")
    if model.assign is not None:
        check_assign(context, model.assign, where / "assign")
    for word, cadence in (("start", model.start), ("stop", model.stop)):
        if cadence is not None:
            context.known(cadence, context.vocabulary.cadences, "cadence", where / word)
    return []


def _task(context: Context, model: TaskModel, slot: str, where: Where) -> TaskAction:
    pool = model.to.pool if isinstance(model.to, Pool) else None
    if pool is not None:
        context.known(pool, context.vocabulary.pools, "pool", where / "to" / "pool")
    if model.queue is not None:
        context.known(model.queue, context.vocabulary.queues, "queue", where / "queue")
    if model.due.business and not context.vocabulary.calendars:
        message = "without `calendars` in policy.yaml working time runs day and night"
        context.report.warn(where / "due", message, reason="no_calendar")
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


def _set(context: Context, values: dict[str, str], slot: str, where: Where) -> list[Action]:
    found: list[Action] = []
    for key, raw in values.items():
        name = context.field(key, where / key)
        if name is None:
            continue
        if key in computed_names(context):
            context.report.error(where / key, f"`{key}` is computed and cannot be set", reason="set_computed")
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


def _check_notify(context: Context, model: NotifyModel, where: Where) -> None:
    allowed = ("owner", "deal_owner", *context.vocabulary.channels)
    for index, receiver in enumerate(model.to):
        if isinstance(receiver, Pool):
            context.known(receiver.pool, context.vocabulary.pools, "pool", where / "to" / index / "pool")
        else:
            context.known(receiver, allowed, "receiver or channel", where / "to" / index)
    context.template(model.text, where / "text")


def check_assign(context: Context, model: AssignModel, where: Where) -> None:
    """The pool must exist."""
    context.known(model.pool, context.vocabulary.pools, "pool", where / "pool")
