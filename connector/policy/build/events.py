"""Events: the moments that rules, clocks, cadences and recycling wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.calendar import Span
from connector.policy.build.context import Context
from connector.policy.document import Where
from connector.policy.model import Event, EventKind, FieldType
from connector.texts import said, say, word

WORDS = tuple(kind.value for kind in EventKind)
NEXT_FISCAL_YEAR = "next_fiscal_year"
"""A date that every policy knows; `{reaches: next_fiscal_year}`."""

_DEAL = "deal."


def build_events(context: Context, raw: Any, where: Where) -> tuple[Event, ...]:
    """One event, or a list of which the first counts."""
    if isinstance(raw, list):
        if not raw:
            context.report.error(where, say("an event belongs here"), reason="bad_event", allowed=WORDS)
        built = [_event(context, item, where / index) for index, item in enumerate(raw)]
    else:
        built = [_event(context, raw, where)]
    return tuple(event for event in built if event is not None)


def _event(context: Context, raw: Any, where: Where) -> Event | None:
    if not isinstance(raw, dict) or not raw:
        message = say("an event is a mapping such as `{{enters: mql}}`")
        context.report.error(where, message, reason="bad_event", allowed=WORDS)
        return None
    extra = [key for key in raw if key not in WORDS and not (key == "early" and "reaches" in raw)]
    for key in extra:
        context.report.error(
            where / key, say("there is no event `{key}`", key=key), reason="unknown_key", got=key, allowed=WORDS
        )
    said = [key for key in raw if key in WORDS]
    if extra or len(said) != 1:
        if not extra:
            context.report.error(
                where, say("an event is exactly one of these words"), reason="bad_event", allowed=WORDS
            )
        return None
    return _one(context, EventKind(said[0]), raw, where)


def _one(context: Context, kind: EventKind, raw: Mapping[str, Any], where: Where) -> Event | None:
    spot, named = where / kind.value, raw[kind.value]
    if kind is EventKind.BECOMES:
        condition = context.compiler.condition(named, spot)
        return Event(kind=kind, condition=condition) if condition is not None else None
    if not isinstance(named, str):
        context.report.error(spot, say("a name belongs here"), reason="bad_event")
        return None
    what, allowed = _named(context, kind)
    if not context.known(named, allowed, what, spot):
        return None
    if named.startswith(_DEAL) and kind in (EventKind.ENTERS, EventKind.LEAVES):
        condition = context.compiler.condition({"deal.stage": named.removeprefix(_DEAL)}, spot)
        return Event(kind=kind, name=named, condition=condition) if condition is not None else None
    if "early" not in raw:
        return Event(kind=kind, name=named)
    try:
        return Event(kind=kind, name=named, early=Span.parse(str(raw["early"])).plain)
    except ValueError as error:
        context.report.error(where / "early", said(error), reason="bad_duration")
        return None


def _named(context: Context, kind: EventKind) -> tuple[str, tuple[str, ...]]:
    """What the word beside an event names, and the names there are."""
    words = context.vocabulary
    fields = tuple(name for name, known in words.names.items() if known.type is not None)
    times = words.of_type((FieldType.DATE, FieldType.MOMENT))
    stages = (*words.stages, *(f"deal.{stage}" for stage in words.deal_stages))
    return {
        EventKind.ENTERS: ("stage", stages),
        EventKind.LEAVES: ("stage", stages),
        EventKind.MOVES: ("transition", words.transitions),
        EventKind.SIGNAL: ("signal", words.signals),
        EventKind.CHANGES: ("field", fields),
        EventKind.REACHES: (word("date field"), (*times, NEXT_FISCAL_YEAR)),
        EventKind.BREACHES: ("clock", words.clocks),
        EventKind.DONE: ("rule, cadence or recall", (*words.rules, *words.cadences, *words.recalls)),
    }[kind]
