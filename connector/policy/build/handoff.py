"""handoff.yaml: gates, the deal to create with its packet, the pipeline."""

from __future__ import annotations

from collections.abc import Iterable

from connector.policy.build.actions import build_actions
from connector.policy.build.context import Context, label_of
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.handoff import GateModel, PipelineStored
from connector.policy.files.handoff import PipelineStage as StageModel
from connector.policy.model import AlsoRequired, CreateDeal, Gate, Pipeline, PipelineStage

PACKET = ("history", "signals", "reasons", "link")
"""What a packet may hold beside fields and scores."""


def build_gates(context: Context) -> dict[str, Gate]:
    """Every gate by id."""
    handoff = context.files.handoff
    if handoff is None:
        return {}
    where = context.at("handoff") / "gates"
    return {key: _gate(context, key, model, where / key) for key, model in handoff.gates.items()}


def _gate(context: Context, key: str, model: GateModel, where: Where) -> Gate:
    _fields(context, model.required, where / "required")
    _fields(context, model.wanted, where / "wanted")
    for index, group in enumerate(model.required_any):
        _fields(context, group, where / "required_any" / index)
    missing = model.if_missing
    return Gate(
        id=key,
        label=label_of(model.label, key),
        required=tuple(model.required),
        required_any=tuple(tuple(group) for group in model.required_any),
        wanted=tuple(model.wanted),
        if_missing=build_actions(context, missing.do, where / "if_missing" / "do") if missing is not None else (),
    )


def build_create_deal(context: Context) -> CreateDeal | None:
    """The deal that a hand-over makes; None when the file makes none."""
    handoff = context.files.handoff
    if handoff is None or handoff.create_deal is None:
        return None
    model, where = handoff.create_deal, context.at("handoff") / "create_deal"
    if context.vocabulary.deal_stages:
        context.known(model.stage, context.vocabulary.deal_stages, "pipeline stage", where / "stage")
    for index, name in enumerate(model.packet):
        context.known(name, (*PACKET, *context.vocabulary.names), "field", where / "packet" / index)
    conversion = model.salesforce
    return CreateDeal(
        on=build_events(context, model.on, where / "on"),
        title=context.template(model.title, where / "title"),
        stage=model.stage,
        amount=model.amount,
        associate=tuple(model.associate),
        if_open_deal=model.if_open_deal,
        packet=tuple(model.packet),
        convert_lead=conversion is not None and conversion.convert_lead,
        account=conversion.account if conversion is not None else "same_domain",
    )


def build_pipeline(context: Context) -> Pipeline | None:
    """The stages of a deal; None when the file says none."""
    handoff = context.files.handoff
    if handoff is None or handoff.pipeline is None:
        return None
    model, where = handoff.pipeline, context.at("handoff") / "pipeline"
    missing, also = model.if_missing, []
    for index, more in enumerate(model.also):
        spot = where / "also" / index
        when = context.compiler.condition(more.when, spot / "when")
        _fields(context, more.required, spot / "required")
        if when is not None:
            also.append(AlsoRequired(id=more.id, when=when, required=tuple(more.required)))
    return Pipeline(
        label=label_of(model.label, "pipeline"),
        stored=_stored(model.stored_as),
        stages={key: _stage(context, key, stage, where / "stages" / key) for key, stage in model.stages.items()},
        also=tuple(also),
        if_missing=build_actions(context, missing.do, where / "if_missing" / "do") if missing is not None else (),
    )


def _stage(context: Context, key: str, model: StageModel, where: Where) -> PipelineStage:
    _fields(context, model.required, where / "required")
    stored = {"hubspot": model.hubspot, "salesforce": model.salesforce}
    return PipelineStage(
        id=key,
        label=model.label,
        owner=model.owner,
        probability=model.probability,
        required=tuple(model.required),
        stored={vendor: name for vendor, name in stored.items() if name is not None},
    )


def _stored(model: PipelineStored | None) -> dict[str, str]:
    stored: dict[str, str] = {}
    if model is not None and model.hubspot is not None:
        stored["hubspot"] = model.hubspot.pipeline
    if model is not None and model.salesforce is not None:
        stored["salesforce"] = model.salesforce.record_type
    return stored


def _fields(context: Context, names: Iterable[str], where: Where) -> None:
    for index, name in enumerate(names):
        context.field(name, where / index)
