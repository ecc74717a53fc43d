"""Canonical values and states as JSON, for the store: `decode(encode(x)) == x`. Work stands in `codec_work.py`.

Values: plain JSON for text, numbers and yes/no; null for BLANK; one-key objects for the rest:
`{"date": …}`, `{"moment": …}`, `{"set": […]}`, `{"missing": "unread"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from connector.domain.codec_work import (
    decode_assigned,
    decode_cadence,
    decode_clock,
    decode_deal,
    decode_enrolment,
    decode_request,
    decode_task,
    encode_assigned,
    encode_cadence,
    encode_clock,
    encode_deal,
    encode_enrolment,
    encode_request,
    encode_task,
    moment_or_none,
    moment_text,
    text_or_none,
)
from connector.domain.state import Edge, Employer, Hold, LeadState, Mover, Refusal, Setting, StageEntry
from connector.domain.value import BLANK, Missing, Truth, Value

Json: TypeAlias = Any

_MOVERS = {one.value: one for one in Mover}


def encode_value(value: Value) -> Json:
    """A canonical value as JSON."""
    if value is BLANK:
        return None
    if isinstance(value, Missing):
        return {"missing": value.value}
    if isinstance(value, datetime):
        return {"moment": moment_text(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, frozenset):
        return {"set": sorted(value)}
    return value


def decode_value(raw: Json) -> Value:
    """The canonical value that `encode_value` wrote."""
    if raw is None:
        return BLANK
    if isinstance(raw, dict):
        ((kind, inner),) = raw.items()
        if kind == "moment":
            return datetime.fromisoformat(inner)
        if kind == "date":
            return date.fromisoformat(inner)
        if kind == "set":
            return frozenset(inner)
        return Missing(inner)
    value: Value = raw
    return value


def encode_values(values: Mapping[str, Value]) -> dict[str, Json]:
    """A mapping of canonical values as JSON."""
    return {name: encode_value(value) for name, value in values.items()}


def decode_values(raw: Mapping[str, Json]) -> dict[str, Value]:
    """The mapping that `encode_values` wrote."""
    return {name: decode_value(value) for name, value in raw.items()}


def encode_entry(entry: StageEntry) -> dict[str, Json]:
    """A stage entry as JSON."""
    return asdict(entry) | {
        "entered_at": moment_text(entry.entered_at),
        "mover": entry.mover.value,
        "came_back_at": text_or_none(entry.came_back_at),
    }


def decode_entry(raw: Mapping[str, Json]) -> StageEntry:
    """The entry that `encode_entry` wrote."""
    return StageEntry(
        seq=raw["seq"],
        stage=raw["stage"],
        entered_at=datetime.fromisoformat(raw["entered_at"]),
        mover=_MOVERS[raw["mover"]],
        transition=raw["transition"],
        reason=raw["reason"],
        passed=raw["passed"],
        initial=raw["initial"],
        came_back_at=moment_or_none(raw.get("came_back_at")),
    )


def _encode_step(entry: StageEntry) -> list[Json]:
    """An entry of the trail: short, since every lead has several."""
    return [
        entry.seq,
        entry.stage,
        moment_text(entry.entered_at),
        entry.mover.value,
        entry.transition,
        entry.reason,
        int(entry.passed) + 2 * int(entry.initial),
        text_or_none(entry.came_back_at),
    ]


def _decode_step(raw: list[Json]) -> StageEntry:
    return StageEntry(
        seq=raw[0],
        stage=raw[1],
        entered_at=datetime.fromisoformat(raw[2]),
        mover=Mover(raw[3]),
        transition=raw[4],
        reason=raw[5],
        passed=bool(raw[6] & 1),
        initial=bool(raw[6] & 2),
        came_back_at=moment_or_none(raw[7]),
    )


def encode_state(state: LeadState) -> dict[str, Json]:
    """A lead's state as JSON; what is empty is left out."""
    full: dict[str, Json] = {
        "entry": encode_entry(state.entry) if state.entry else None,
        "trail": [_encode_step(one) for one in state.trail],
        "edges": {name: _encode_edge(edge) for name, edge in state.edges.items()},
        "holds": {name: _encode_hold(hold) for name, hold in state.holds.items()},
        "tasks": [encode_task(task) for task in state.tasks],
        "published": dict(state.published),
        "basis": dict(state.basis),
        "published_at": text_or_none(state.published_at),
        "ratings": encode_values(state.ratings),
        "answers_used": {name: moment_text(moment) for name, moment in state.answers_used.items()},
        "recycled_at": [moment_text(moment) for moment in state.recycled_at],
        "cadences": {name: encode_cadence(run) for name, run in state.cadences.items()},
        "clocks": {name: encode_clock(run) for name, run in state.clocks.items()},
        "deals": [encode_deal(deal) for deal in state.deals],
        "requests": [encode_request(one) for one in state.requests],
        "assigned": {kind: encode_assigned(one) for kind, one in state.assigned.items()},
        "settings": {name: _encode_setting(one) for name, one in state.settings.items()},
        "waiting": [encode_enrolment(one) for one in state.waiting],
        "settled_at": text_or_none(state.settled_at),
        "refused": _encode_refusal(state.refused) if state.refused else None,
        "stuck": state.stuck,
        "sent_back": state.sent_back or None,
        "employer": [state.employer.domain, text_or_none(state.employer.since)] if state.employer else None,
        "firsts": encode_values(state.firsts),
        "begun_at": text_or_none(state.begun_at),
        "policy": state.policy,
    }
    return {name: value for name, value in full.items() if value not in (None, [], {})}


def decode_state(raw: Mapping[str, Json]) -> LeadState:
    """The state that `encode_state` wrote; an empty object is a lead that was never evaluated."""
    return LeadState(**{name: _DECODERS[name](value) for name, value in raw.items() if value and name in _DECODERS})


def _encode_edge(edge: Edge) -> list[Json]:
    return [edge.truth, edge.turned, text_or_none(edge.turned_at), edge.digest]


@lru_cache(maxsize=16_384, typed=True)
def _decode_edge(truth: Truth, turned: int, turned_at: str | None, digest: str | None) -> Edge:
    """Each lead has an edge for everything that is watched, and most are alike: nothing has come yet."""
    return Edge(truth=truth, turned=turned, turned_at=moment_or_none(turned_at), digest=digest)


def _encode_refusal(refusal: Refusal) -> list[Json]:
    return [moment_text(refusal.at), refusal.stage, refusal.rule]


def _decode_refusal(raw: list[Json]) -> Refusal:
    return Refusal(at=datetime.fromisoformat(raw[0]), stage=raw[1], rule=raw[2])


def _decode_employer(raw: list[Json]) -> Employer:
    return Employer(domain=raw[0], since=moment_or_none(raw[1]))


def _encode_hold(hold: Hold) -> dict[str, Json]:
    return {
        "value": encode_value(hold.value),
        "since": moment_text(hold.since),
        "until": moment_text(hold.until),
        "told": hold.told,
    }


def _decode_hold(raw: Mapping[str, Json]) -> Hold:
    return Hold(
        value=decode_value(raw["value"]),
        since=datetime.fromisoformat(raw["since"]),
        until=datetime.fromisoformat(raw["until"]),
        told=raw.get("told", False),
    )


def _encode_setting(setting: Setting) -> list[Json]:
    return [encode_value(setting.value), moment_text(setting.at)]


def _decode_setting(raw: list[Json]) -> Setting:
    return Setting(value=decode_value(raw[0]), at=datetime.fromisoformat(raw[1]))


def _same(raw: Json) -> Json:
    return raw


def _each(decode: Callable[[Any], Any]) -> Callable[[list[Json]], tuple[Any, ...]]:
    return lambda raw: tuple([decode(one) for one in raw])


def _by_name(decode: Callable[[Any], Any]) -> Callable[[Mapping[str, Json]], dict[str, Any]]:
    return lambda raw: {name: decode(one) for name, one in raw.items()}


_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "entry": decode_entry,
    "trail": _each(_decode_step),
    "edges": _by_name(lambda edge: _decode_edge(*edge)),
    "holds": _by_name(_decode_hold),
    "tasks": _each(decode_task),
    "published": _same,
    "basis": _same,
    "published_at": datetime.fromisoformat,
    "ratings": _by_name(decode_value),
    "answers_used": _by_name(datetime.fromisoformat),
    "recycled_at": _each(datetime.fromisoformat),
    "settings": _by_name(_decode_setting),
    "cadences": _by_name(decode_cadence),
    "clocks": _by_name(decode_clock),
    "deals": _each(decode_deal),
    "requests": _each(decode_request),
    "assigned": _by_name(decode_assigned),
    "waiting": _each(decode_enrolment),
    "settled_at": datetime.fromisoformat,
    "refused": _decode_refusal,
    "stuck": _same,
    "employer": _decode_employer,
    "sent_back": _same,
    "begun_at": datetime.fromisoformat,
    "firsts": _by_name(decode_value),
    "policy": _same,
}
"""How each part of a state is read; what is not there stands as a new state has it."""
