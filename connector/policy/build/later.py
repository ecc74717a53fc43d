"""Files that this release checks for form and references but does not run yet."""

from __future__ import annotations

from collections.abc import Iterable

from connector.policy.build.context import Context
from connector.policy.document import Where
from connector.policy.files.examples import ExampleModel
from connector.policy.files.kpi import KpiFile


def check_later(context: Context) -> None:
    """Check every file whose part comes with a later release, and say so."""
    files = context.files
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
