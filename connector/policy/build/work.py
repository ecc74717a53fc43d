"""work.yaml: rules and what is never done; queues and cadences are checked."""

from __future__ import annotations

from connector.policy.build.actions import build_actions
from connector.policy.build.context import Context, label_of
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.work import CadenceModel, QueueModel, WorkRuleModel
from connector.policy.model import EventKind, NeverRule, WorkRule

_RUN = (EventKind.ENTERS, EventKind.LEAVES, EventKind.MOVES, EventKind.SIGNAL, EventKind.BECOMES)


def build_rules(context: Context) -> tuple[WorkRule, ...]:
    """Every rule, in file order."""
    work = context.files.work
    if work is None:
        return ()
    where = context.at("work")
    for key, queue in work.queues.items():
        _check_queue(context, queue, where / "queues" / key)
    for key, cadence in work.cadences.items():
        _check_cadence(context, cadence, where / "cadences" / key)
    if work.queues:
        context.put_off("work.yaml: queues")
    if work.cadences:
        context.put_off("work.yaml: cadences")
    return tuple(_rule(context, model, where / "rules" / index) for index, model in enumerate(work.rules))


def _rule(context: Context, model: WorkRuleModel, where: Where) -> WorkRule:
    events = build_events(context, model.on, where / "on")
    for event in events:
        if event.kind not in _RUN or (event.name or "").startswith("deal."):
            context.put_off(f"work.yaml: {model.id} (on {event.kind.value})")
    return WorkRule(
        id=model.id,
        label=label_of(model.label, model.id),
        on=events,
        when=context.compiler.optional(model.when, where),
        do=build_actions(context, model.do, where / "do", model.id),
        shadow=model.shadow,
    )


def build_never(context: Context) -> tuple[NeverRule, ...]:
    """What outranks every rule."""
    work = context.files.work
    if work is None:
        return ()
    where = context.at("work") / "never"
    found = []
    for index, model in enumerate(work.never):
        when = context.compiler.condition(model.when, where / index / "when")
        if when is not None:
            label = label_of(model.label, model.id)
            found.append(NeverRule(id=model.id, label=label, what=tuple(model.what), when=when))
    return tuple(found)


def _check_queue(context: Context, model: QueueModel, where: Where) -> None:
    words = context.vocabulary
    for index, rule in enumerate(model.tasks):
        context.known(rule, (*words.rules, *words.cadences), "rule or cadence", where / "tasks" / index)
    if model.order is not None:
        context.known(model.order, words.names, "name to order by", where / "order")


def _check_cadence(context: Context, model: CadenceModel, where: Where) -> None:
    if model.stop_on is not None:
        build_events(context, model.stop_on, where / "stop_on")
    last = 0
    for index, step in enumerate(model.steps):
        spot = where / "steps" / index
        if step.day < last:
            context.report.error(spot / "day", "steps stand in the order of their days", reason="step_order")
        last = max(last, step.day)
        if step.enrol is not None and step.enrol.hubspot_sequence is not None and model.stop_on is not None:
            message = "HubSpot's API cannot take a contact out of a sequence: on `stop_on` the rep gets a task"
            context.report.warn(spot / "enrol", message, reason="cannot_unenrol")
        for word in ("call", "mail", "social"):
            text = getattr(step, word)
            if text is not None:
                context.template(text, spot / word)
