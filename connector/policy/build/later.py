"""Files that this release checks for form and references but does not run yet."""

from __future__ import annotations

from collections.abc import Iterable

from connector.policy.build.actions import build_actions, check_assign
from connector.policy.build.context import Context
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.examples import ExampleModel
from connector.policy.files.handoff import HandoffFile
from connector.policy.files.kpi import KpiFile
from connector.policy.files.routing import RoutingFile
from connector.policy.files.sla import ClockModel, SlaFile

_PACKET = ("history", "signals", "reasons", "link")


def check_later(context: Context) -> None:
    """Check every file whose part comes with a later release, and say so."""
    files = context.files
    if files.routing is not None:
        context.put_off("routing.yaml")
        _routing(context, files.routing)
    if files.sla is not None:
        context.put_off("sla.yaml")
        _sla(context, files.sla)
    if files.handoff is not None:
        _handoff(context, files.handoff)
    if files.kpi is not None:
        context.put_off("kpi.yaml")
        _kpi(context, files.kpi)
    if files.examples is not None:
        context.put_off("examples.yaml")
        _examples(context, files.examples.examples)
    if files.fields.identity.same_lead or "new_employer" in files.fields.identity.model_fields_set:
        context.put_off("fields.yaml: identity")
        for group, names in enumerate(files.fields.identity.same_lead):
            where = context.at("fields") / "identity" / "same_lead" / group
            _fields(context, names, where)
    if any(place is not None for _, place in files.policy.records_in):
        context.put_off("policy.yaml: records_in")


def _fields(context: Context, names: Iterable[str], where: Where) -> None:
    for index, name in enumerate(names):
        context.field(name, where / index)


def _routing(context: Context, model: RoutingFile) -> None:
    where = context.at("routing")
    for key, pool in model.pools.items():
        if pool.calendar is not None:
            spot = where / "pools" / key / "calendar"
            context.known(pool.calendar, context.vocabulary.calendars, "calendar", spot)
    for index, rule in enumerate(model.rules):
        spot = where / "rules" / index
        build_events(context, rule.on, spot / "on")
        context.compiler.optional(rule.when, spot)
        check_assign(context, rule.assign, spot / "assign")
    if model.nobody_free is not None:
        context.known(model.nobody_free.pool, model.pools, "pool", where / "nobody_free" / "pool")


def _sla(context: Context, model: SlaFile) -> None:
    where = context.at("sla")
    for index, clock in enumerate(model.clocks):
        _clock(context, clock, where / "clocks" / index)
    if model.document is not None:
        for party in model.document.goals:
            spot = where / "document" / "goals" / party
            context.known(party, model.document.parties, "party", spot)


def _clock(context: Context, clock: ClockModel, where: Where) -> None:
    build_events(context, clock.starts, where / "starts")
    build_events(context, clock.stops, where / "stops")
    context.compiler.optional(clock.when, where)
    context.compiler.optional(clock.paused_while, where, "paused_while")
    if clock.calendar is not None:
        context.known(clock.calendar, context.vocabulary.calendars, "calendar", where / "calendar")
    for index, rung in enumerate(clock.escalation):
        build_actions(context, rung.do, where / "escalation" / index / "do", clock.id)


def _handoff(context: Context, model: HandoffFile) -> None:
    where = context.at("handoff")
    create = model.create_deal
    if create is not None:
        context.put_off("handoff.yaml: create_deal")
        spot = where / "create_deal"
        build_events(context, create.on, spot / "on")
        context.template(create.title, spot / "title")
        if context.vocabulary.deal_stages:
            context.known(create.stage, context.vocabulary.deal_stages, "pipeline stage", spot / "stage")
        for index, name in enumerate(create.packet):
            allowed = (*_PACKET, *context.vocabulary.names)
            context.known(name, allowed, "field", spot / "packet" / index)
    if model.pipeline is not None:
        context.put_off("handoff.yaml: pipeline")
        spot = where / "pipeline"
        for key, stage in model.pipeline.stages.items():
            _fields(context, stage.required, spot / "stages" / key / "required")
        for index, also in enumerate(model.pipeline.also):
            context.compiler.condition(also.when, spot / "also" / index / "when")
            _fields(context, also.required, spot / "also" / index / "required")
        if model.pipeline.if_missing is not None:
            build_actions(context, model.pipeline.if_missing.do, spot / "if_missing" / "do", "pipeline")


def _kpi(context: Context, model: KpiFile) -> None:
    where, words = context.at("kpi"), context.vocabulary
    tracks = words.names["track"].choices if "track" in words.names else {}
    for index, target in enumerate(model.targets):
        spot = where / "targets" / index
        if target.metric.startswith("clock."):
            context.known(target.metric.partition(".")[2], words.clocks, "clock", spot / "metric")
        if target.track is not None:
            context.known(target.track, tracks, "track", spot / "track")
    for index, review in enumerate(model.reviews):
        for place, receiver in enumerate(review.to):
            spot = where / "reviews" / index / "to" / place
            context.known(receiver, words.channels, "channel", spot)


def _examples(context: Context, examples: list[ExampleModel]) -> None:
    words = context.vocabulary
    for index, example in enumerate(examples):
        where = context.at("examples") / "examples" / index
        for key in example.given:
            context.known(key, words.names, "field or name", where / "given" / key)
        for place, happening in enumerate(example.and_):
            context.known(happening.signal, words.signals, "signal", where / "and" / place / "signal")
        for place, then in enumerate(example.then):
            spot = where / "then" / place
            if then.signal is not None:
                context.known(then.signal, words.signals, "signal", spot / "signal")
            for key in then.set_ or {}:
                context.field(key, spot / "set" / key)
            _expected_stage(context, then.expect, spot / "expect")
        _expected_stage(context, example.expect or {}, where / "expect")


def _expected_stage(context: Context, expected: dict[str, object], where: Where) -> None:
    stage = expected.get("stage")
    if isinstance(stage, str):
        context.known(stage, context.vocabulary.stages, "stage", where / "stage")
