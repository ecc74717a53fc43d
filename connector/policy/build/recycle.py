"""recycle.yaml: the table of reasons and when each comes again."""

from __future__ import annotations

from connector.policy.build.actions import build_actions
from connector.policy.build.context import Context, label_of
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.recycle import AgainModel
from connector.policy.model import Again, EventKind, Reason, Recycle
from connector.texts import say

_PLAIN = (EventKind.SIGNAL, EventKind.REACHES, EventKind.CHANGES, EventKind.BECOMES)


def build_recycle(context: Context) -> Recycle | None:
    """The table; None when the part is off."""
    model = context.files.recycle
    if model is None:
        return None
    where = context.at("recycle")
    reasons = {
        key: Reason(
            id=key,
            label=label_of(reason.label, key),
            used_for=tuple(reason.used_for),
            again=_again(context, key, reason.again, where / "reasons" / key / "again"),
            when=context.compiler.optional(reason.when, where / "reasons" / key),
        )
        for key, reason in model.reasons.items()
    }
    wake = model.on_wake
    limits = model.limits
    if limits is not None:
        context.known(limits.then, context.vocabulary.stages, "stage", where / "limits" / "then")
    return Recycle(
        reasons=reasons,
        on_wake=build_actions(context, wake.do, where / "on_wake" / "do") if wake else (),
        times=limits.times if limits is not None else None,
        within=limits.within if limits is not None else None,
        then=limits.then if limits is not None else None,
    )


def _again(context: Context, key: str, model: AgainModel | None, where: Where) -> Again | None:
    if model is None:
        return None
    other = model.to == "another_person"
    if other and context.files.routing is None:
        message = say("without routing.yaml there is no pool to ask for another person")
        context.report.warn(where / "to", message, reason="no_routing")
    if model.on is None:
        return Again(after=model.after, on=None, at_latest=model.at_latest, another_person=other)
    events = build_events(context, model.on, where / "on")
    if len(events) > 1:
        context.report.error(where / "on", say("one event brings a lead back"), reason="bad_event")
    event = events[0] if events else None
    deals = event is not None and event.kind is EventKind.ENTERS and event.condition is not None
    if event is not None and event.kind not in _PLAIN and not deals:
        message = say("`{word}` cannot come while a lead stands aside", word=event.kind.value)
        allowed = (*(kind.value for kind in _PLAIN), "enters: deal.<stage>")
        context.report.error(where / "on", message, reason="bad_event", allowed=allowed)
    return Again(after=None, on=event, at_latest=model.at_latest, another_person=other)
