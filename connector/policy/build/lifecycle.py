"""lifecycle.yaml: stages, transitions, people's moves, where the stage is stored."""

from __future__ import annotations

from collections.abc import Mapping

from connector.policy.build.context import Context, label_of
from connector.policy.build.fields import parse_place
from connector.policy.document import Where
from connector.policy.files.lifecycle import Create, LifecycleFile, Needs, StoreModel, TransitionModel
from connector.policy.model import Home, ManualMoves, StageDef, StageStore, Transition
from connector.texts import say

_FREE = ManualMoves(
    forward="allowed",
    backward_needs=None,
    to_side_needs=None,
    backward_allowed=True,
    to_side_allowed=True,
    refused="keep",
)


def build_stages(context: Context) -> dict[str, StageDef]:
    """Every stage by id, in order."""
    lifecycle = context.files.lifecycle
    if lifecycle is None:
        return {}
    return {
        key: StageDef(id=key, label=label_of(model.label, key), owner=model.owner, side=model.side)
        for key, model in lifecycle.stages.items()
    }


def build_transitions(context: Context) -> tuple[Transition, ...]:
    """Every transition that is free of errors, in file order; unreachable stages are noted."""
    lifecycle = context.files.lifecycle
    if lifecycle is None:
        return ()
    where = context.at("lifecycle") / "transitions"
    built = [_transition(context, model, where / index) for index, model in enumerate(lifecycle.transitions)]
    _check_reachable(context, lifecycle)
    return tuple(transition for transition in built if transition is not None)


def _transition(context: Context, model: TransitionModel, where: Where) -> Transition | None:
    stages = context.vocabulary.stages
    for index, source in enumerate(model.from_):
        context.known(source, stages, "stage", where / "from" / index)
    context.known(model.to, stages, "stage", where / "to")
    if model.to in model.from_:
        context.report.error(
            where / "to", say("`{name}` leads back to where it starts", name=model.id), reason="self_loop"
        )
    when = context.compiler.condition(model.when, where / "when")
    reason, reason_field = _reason(context, model.reason, where / "reason")
    if model.gate is not None:
        context.known(model.gate, context.vocabulary.gates, "gate", where / "gate")
    if when is None:
        return None
    return Transition(
        id=model.id,
        label=label_of(model.label, model.id),
        sources=model.from_,
        target=model.to,
        when=when,
        reason=reason,
        reason_field=reason_field,
        gate=model.gate,
    )


def _reason(context: Context, reason: str | None, where: Where) -> tuple[str | None, str | None]:
    """A reason's id, or a field whose value is the reason."""
    if reason is None or reason in context.vocabulary.reasons:
        return reason, None
    if reason in context.vocabulary.names:
        return None, reason
    allowed = (*context.vocabulary.reasons, *context.vocabulary.names)
    context.known(reason, allowed, "reason or field", where)
    return None, None


def _check_reachable(context: Context, lifecycle: LifecycleFile) -> None:
    """Every stage but the first must be the end of a chain of transitions that starts at the first."""
    if not lifecycle.transitions or context.at("lifecycle").file in context.report.broken:
        return  # people alone move leads, or transitions are missing because they are broken
    if any(transition.to not in lifecycle.stages for transition in lifecycle.transitions):
        return  # a misspelt end is told; the stage that it means would only be told too
    ways: dict[str, set[str]] = {}
    reached, waiting = set[str](), [next(iter(lifecycle.stages))]
    for transition in lifecycle.transitions:
        for source in transition.from_:
            ways.setdefault(source, set()).add(transition.to)
            if source not in lifecycle.stages:
                waiting.append(transition.to)  # misspelt, and told: what it leads to counts as reached
    recycle = context.files.recycle
    if recycle is not None and recycle.limits is not None:
        waiting.append(recycle.limits.then)
    while waiting:
        stage = waiting.pop()
        if stage not in reached:
            reached.add(stage)
            waiting += ways.get(stage, ())
    for stage in lifecycle.stages:
        if stage not in reached:
            where = context.at("lifecycle") / "stages" / stage
            message = say("no transition leads to the stage `{stage}`", stage=stage)
            context.report.error(where, message, reason="unreachable_stage")


def build_manual_moves(context: Context) -> ManualMoves:
    """What people may do; without lifecycle.yaml nothing is refused."""
    lifecycle = context.files.lifecycle
    if lifecycle is None:
        return _FREE
    model, where = lifecycle.manual_moves, context.at("lifecycle") / "manual_moves"
    return ManualMoves(
        forward=model.forward,
        backward_needs=_needed(context, model.backward, where / "backward"),
        to_side_needs=_needed(context, model.to_side, where / "to_side"),
        backward_allowed=model.backward != "refused",
        to_side_allowed=model.to_side != "refused",
        refused=model.refused,
    )


def _needed(context: Context, move: str | Needs, where: Where) -> str | None:
    """The field that must be given, or `reason`: the reason field that fits the stage moved to."""
    if isinstance(move, str):
        return None
    if move.needs != "reason":
        context.field(move.needs, where / "needs")
    return move.needs


def build_stores(context: Context) -> tuple[StageStore, ...]:
    """Where the stage is stored."""
    lifecycle = context.files.lifecycle
    if lifecycle is None:
        return ()
    where = context.at("lifecycle") / "stored_as"
    return tuple(_store(context, model, where / index) for index, model in enumerate(lifecycle.stored_as))


def _store(context: Context, model: StoreModel, where: Where) -> StageStore:
    vendor = "hubspot" if model.hubspot is not None else "salesforce"
    places = (
        parse_place(context, vendor, "lead", place, where / vendor) for place in model.hubspot or model.salesforce or ()
    )
    given: Mapping[str, str | Create] = model.values if isinstance(model.values, dict) else {}
    for stage in given:
        context.known(stage, context.vocabulary.stages, "stage", where / "values" / stage)
    return StageStore(
        vendor=vendor,
        homes=tuple(
            Home(vendor=vendor, object_type=place[0], name=place[1], values={}, read_also={})
            for place in places
            if place is not None
        ),
        values={stage: value for stage, value in given.items() if isinstance(value, str)},
        create={stage: value.create for stage, value in given.items() if isinstance(value, Create)},
        labels=model.values == "labels",
        read_back=model.sync == "both",
    )
