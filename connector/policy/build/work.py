"""work.yaml: rules, queues, cadences, and what is never done."""

from __future__ import annotations

from connector.domain.calendar import Span
from connector.policy.build.actions import build_actions, build_enrol, check_working_time, computed_names
from connector.policy.build.context import Context, label_of
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.work import (
    CadenceModel,
    ContactLimitModel,
    OnePerCompany,
    QueueModel,
    RecallModel,
    RecallStepModel,
    ScriptModel,
    StepModel,
    WorkRuleModel,
)
from connector.policy.model import (
    Cadence,
    ContactLimit,
    Event,
    EventKind,
    NeverRule,
    Queue,
    Recall,
    Script,
    Step,
    TaskAction,
    WorkRule,
)
from connector.texts import say

TODAY = Span(amount=0, unit="days", business=True)
"""When a step of a cadence is due that says nothing else: on its day."""


def build_rules(context: Context) -> tuple[WorkRule, ...]:
    """Every rule, in file order."""
    work = context.files.work
    if work is None:
        return ()
    where = context.at("work") / "rules"
    return tuple(_rule(context, model, where / index) for index, model in enumerate(work.rules))


def _rule(context: Context, model: WorkRuleModel, where: Where) -> WorkRule:
    return WorkRule(
        id=model.id,
        label=label_of(model.label, model.id),
        on=build_events(context, model.on, where / "on"),
        when=context.compiler.optional(model.when, where),
        do=build_actions(context, model.do, where / "do"),
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


def build_queues(context: Context) -> dict[str, Queue]:
    """The call lists by id."""
    work = context.files.work
    if work is None:
        return {}
    where = context.at("work") / "queues"
    return {key: _queue(context, key, model, where / key) for key, model in work.queues.items()}


def _queue(context: Context, key: str, model: QueueModel, where: Where) -> Queue:
    words = context.vocabulary
    for index, rule in enumerate(model.tasks):
        context.known(rule, _makers(context), "rule, cadence or recall", where / "tasks" / index)
    if model.order is not None:
        context.known(model.order, words.names, "name to order by", where / "order")
    names = {
        "hubspot": (model.hubspot or {}).get("task_queue"),
        "salesforce": (model.salesforce or {}).get("list_view"),
    }
    return Queue(
        id=key,
        label=label_of(model.label, key),
        tasks=tuple(model.tasks),
        order=model.order,
        names={vendor: name for vendor, name in names.items() if name is not None},
    )


def build_cadences(context: Context) -> dict[str, Cadence]:
    """The cadences by id."""
    work = context.files.work
    if work is None:
        return {}
    where = context.at("work") / "cadences"
    return {key: _cadence(context, key, model, where / key) for key, model in work.cadences.items()}


def _cadence(context: Context, key: str, model: CadenceModel, where: Where) -> Cadence:
    steps: list[Step] = []
    last = 0
    for index, step in enumerate(model.steps):
        spot = where / "steps" / index
        if step.day < last:
            context.report.error(spot / "day", say("steps stand in the order of their days"), reason="step_order")
        last = max(last, step.day)
        if step.enrol is not None and step.enrol.hubspot_sequence is not None and model.stop_on is not None:
            message = say("HubSpot's API cannot take a contact out of a sequence: on `stop_on` the rep gets a task")
            context.report.warn(spot / "enrol", message, reason="cannot_unenrol")
        steps.append(_step(context, step, f"step_{index + 1}", spot))
    return Cadence(
        id=key,
        label=label_of(model.label, key),
        stop_on=build_events(context, model.stop_on, where / "stop_on") if model.stop_on is not None else (),
        steps=tuple(steps),
        turn_by=_turn_by(context, model.one_per_company, where / "one_per_company"),
    )


def _turn_by(context: Context, model: OnePerCompany | None, where: Where) -> str | None:
    if model is None:
        return None
    scores = tuple(f"score.{key}" for key in (*context.vocabulary.scores, "total"))
    context.known(model.order, scores, "score to order by", where / "order")
    return model.order


def _step(context: Context, model: StepModel, slot: str, where: Where) -> Step:
    if model.enrol is not None:
        return Step(day=model.day, action=build_enrol(model.enrol, slot))
    texts = {"call": model.call, "mail": model.mail, "social": model.social}
    kind, title = next((kind, text) for kind, text in texts.items() if text is not None)
    if model.due is not None:
        check_working_time(context, model.due, where / "due")
    action = _for_owner(context, kind, title, "", slot=slot, due=model.due or TODAY, where=where)
    return Step(day=model.day, action=action)


def build_recalls(context: Context) -> tuple[Recall, ...]:
    """What comes after attempts that reached nobody, in file order."""
    work = context.files.work
    if work is None:
        return ()
    where = context.at("work") / "recalls"
    return tuple(_recall(context, model, where / index) for index, model in enumerate(work.recalls))


def _recall(context: Context, model: RecallModel, where: Where) -> Recall:
    return Recall(
        id=model.id,
        label=label_of(model.label, model.id),
        on=_signals(context, build_events(context, model.on, where / "on"), where / "on"),
        when=context.compiler.optional(model.when, where),
        stop_on=build_events(context, model.stop_on, where / "stop_on") if model.stop_on is not None else (),
        again=tuple(
            _again(context, step, f"again_{index + 1}", where / "again" / index)
            for index, step in enumerate(model.again)
        ),
    )


def build_scripts(context: Context) -> tuple[Script, ...]:
    """Talk scripts and hearing sheets, in file order."""
    work = context.files.work
    if work is None:
        return ()
    where = context.at("work") / "scripts"
    return tuple(_script(context, model, where / index) for index, model in enumerate(work.scripts))


def _script(context: Context, model: ScriptModel, where: Where) -> Script:
    for index, rule in enumerate(model.tasks or ()):
        context.known(rule, _makers(context), "rule, cadence or recall", where / "tasks" / index)
    for index, name in enumerate(model.ask or ()):
        if context.field(name, where / "ask" / index) is not None and name in computed_names(context):
            message = say("`{name}` is computed: nobody can fill it", name=name)
            context.report.error(where / "ask" / index, message, reason="set_computed")
    return Script(
        id=model.id,
        label=label_of(model.label, model.id),
        tasks=tuple(model.tasks or ()),
        kind=model.kind,
        when=context.compiler.optional(model.when, where),
        text=context.template(model.text, where / "text"),
        ask=tuple(model.ask or ()),
    )


def _makers(context: Context) -> tuple[str, ...]:
    """What opens tasks for reps, by the name that the tasks bear."""
    words = context.vocabulary
    return (*words.rules, *words.cadences, *words.recalls)


def build_contact_limits(context: Context) -> tuple[ContactLimit, ...]:
    """How often a lead is contacted at most, in file order."""
    work = context.files.work
    if work is None:
        return ()
    where = context.at("work") / "contact_limits"
    return tuple(_limit(context, model, where / index) for index, model in enumerate(work.contact_limits))


def _limit(context: Context, model: ContactLimitModel, where: Where) -> ContactLimit:
    context.known(model.signal, context.vocabulary.signals, "signal", where / "signal")
    return ContactLimit(
        id=model.id,
        label=label_of(model.label, model.id),
        signal=model.signal,
        times=model.up_to.times,
        within=model.up_to.within,
        when=context.compiler.optional(model.when, where),
    )


def _signals(context: Context, events: tuple[Event, ...], where: Where) -> tuple[Event, ...]:
    """How often something came is known of signals alone."""
    if any(event.kind is not EventKind.SIGNAL for event in events):
        message = say("only signals are counted; write {{signal: …}}")
        context.report.error(where, message, reason="bad_event", allowed=("signal",))
    return events


def _again(context: Context, model: RecallStepModel, slot: str, where: Where) -> TaskAction:
    texts = {"call": model.call, "mail": model.mail, "social": model.social}
    kind, title = next((kind, text) for kind, text in texts.items() if text is not None)
    check_working_time(context, model.after, where / "after")
    return _for_owner(context, kind, title, model.text, slot=slot, due=model.after, where=where)


def _for_owner(context: Context, kind: str, title: str, text: str, *, slot: str, due: Span, where: Where) -> TaskAction:
    """A task for whoever owns the lead."""
    return TaskAction(
        slot=slot,
        kind=kind,
        to="owner",
        to_pool=None,
        due=due,
        priority=None,
        queue=None,
        title=context.template(title, where / kind),
        text=context.template(text, where / "text"),
    )
