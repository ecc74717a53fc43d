"""signals.yaml: behaviours, their sources, unions and announcements."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import get_args

from connector.policy.build.context import Context, label_of
from connector.policy.document import Where
from connector.policy.files.signals import KINDS, Activity, SignalModel, SourceModel
from connector.policy.model import SignalDef, SignalSource
from connector.texts import say

_ACTIVITIES = get_args(Activity)
PER_DAY = 20
"""Leads that an announcement wakes in a day where `per_day` says nothing: what a small team calls beside its work."""


def build_signals(context: Context) -> dict[str, SignalDef]:
    """Every signal by id, in file order."""
    models = {key: model for key, model, _ in context.signals()}
    _check_unions(context, models)
    found = {}
    for key, model, where in context.signals():
        for index, member in enumerate(model.of or ()):
            context.known(member, models, "signal", where / "of" / index)
        if model.about is not None:
            context.field(model.about, where / "about")
        found[key] = _signal(context, key, model, where)
    return found


def _signal(context: Context, key: str, model: SignalModel, where: Where) -> SignalDef:
    sources = tuple(_source(context, source, where / "from" / index) for index, source in enumerate(model.from_ or ()))
    return SignalDef(
        id=key,
        label=label_of(model.label, key),
        sources=sources,
        of=model.of or (),
        announced=model.announced,
        about=model.about,
        per_day=model.per_day if model.per_day is not None else PER_DAY,
    )


def _source(context: Context, model: SourceModel, where: Where) -> SignalSource:
    kind = next(kind for kind in KINDS if _said(model, kind) is not None)
    said = _said(model, kind)
    matching: tuple[str, ...] = ()
    narrowed: dict[str, tuple[str, ...]] = {"outcome": model.outcome} if model.outcome is not None else {}
    if isinstance(said, Mapping):
        narrowed.update({str(name): tuple(values) for name, values in said.items()})
    else:
        matching = (said,) if isinstance(said, str) else tuple(said or ())
    if kind == "activity":
        for word in matching:
            context.known(word, _ACTIVITIES, "activity", where / "activity")
    return SignalSource(kind=kind, match=matching, where=narrowed, lasting=model.lasting)


def _said(model: SourceModel, kind: str) -> str | tuple[str, ...] | Mapping[str, tuple[str, ...]] | None:
    said: str | tuple[str, ...] | Mapping[str, tuple[str, ...]] | None
    said = getattr(model, "import_" if kind == "import" else kind)
    return said


def _check_unions(context: Context, models: Mapping[str, SignalModel]) -> None:
    """A union cannot contain itself, whatever the way round."""
    unions = {key: model.of for key, model in models.items() if model.of}
    try:
        TopologicalSorter(unions).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        where = next(where for key, _, where in context.signals() if key == cycle[0])
        message = say("a signal contains itself: {way}", way=" → ".join(reversed(cycle)))
        context.report.error(where / "of", message, reason="cycle")
