"""sla.yaml: clocks with their escalation, and the agreement's texts."""

from __future__ import annotations

from connector.policy.build.actions import build_actions, check_working_time
from connector.policy.build.context import Context, label_of
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.sla import ClockModel
from connector.policy.files.sla import Rung as RungModel
from connector.policy.model import Agreement, Clock, Rung
from connector.texts import say


def build_clocks(context: Context) -> dict[str, Clock]:
    """The clocks by id, in file order."""
    sla = context.files.sla
    if sla is None:
        return {}
    where = context.at("sla") / "clocks"
    return {model.id: _clock(context, model, where / index) for index, model in enumerate(sla.clocks)}


def _clock(context: Context, model: ClockModel, where: Where) -> Clock:
    words = context.vocabulary
    if model.calendar is not None:
        context.known(model.calendar, words.calendars, "calendar", where / "calendar")
    check_working_time(context, model.limit, where / "limit")
    return Clock(
        id=model.id,
        label=label_of(model.label, model.id),
        between=(model.between[0], model.between[1]) if model.between is not None else None,
        starts=build_events(context, model.starts, where / "starts"),
        stops=build_events(context, model.stops, where / "stops"),
        when=context.compiler.optional(model.when, where),
        paused_while=context.compiler.optional(model.paused_while, where, "paused_while"),
        limit=model.limit,
        calendar=words.calendars.get(model.calendar or "", words.calendar),
        escalation=_rungs(context, model, where / "escalation"),
    )


def _rungs(context: Context, model: ClockModel, where: Where) -> tuple[Rung, ...]:
    """In the order in which they come: shares of the limit, then what comes after the breach."""
    rungs: list[Rung] = []
    for index, rung in enumerate(model.escalation):
        if rung.after is not None:
            check_working_time(context, rung.after, where / index / "after")
        rungs.append(Rung(at=rung.at, after=rung.after, do=build_actions(context, rung.do, where / index / "do")))
        if index and _shares_fall(model.escalation[index - 1], rung):
            message = say("rungs stand in the order in which they come: shares rising, then `after`")
            context.report.error(where / index, message, reason="rung_order")
    return tuple(rungs)


def _shares_fall(before: RungModel, rung: RungModel) -> bool:
    return rung.at is not None and (before.at is None or rung.at <= before.at)


def build_agreement(context: Context) -> Agreement | None:
    """The printed agreement; None when the file says none."""
    sla = context.files.sla
    if sla is None or sla.document is None:
        return None
    model, where = sla.document, context.at("sla") / "document"
    for key, named in (("goals", model.goals), ("duties", model.duties)):
        for party in named:
            context.known(party, model.parties, "party", where / key / party)
    return Agreement(
        title=model.title,
        parties=dict(model.parties),
        goals=dict(model.goals),
        duties={party: tuple(duties) for party, duties in model.duties.items()},
        review_every=model.review.every if model.review is not None else None,
    )
