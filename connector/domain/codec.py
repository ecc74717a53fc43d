"""Canonical values and states as JSON, for the store: `decode(encode(x)) == x`.

Values: plain JSON for text, numbers and yes/no; null for BLANK; one-key objects for the rest:
`{"date": …}`, `{"moment": …}`, `{"set": […]}`, `{"missing": "unread"}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

from connector.domain.state import Edge, EffectKey, Hold, LeadState, Mover, Setting, StageEntry, Task, WorkState
from connector.domain.value import BLANK, Missing, Value

Json: TypeAlias = Any


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
    return asdict(entry) | {"entered_at": moment_text(entry.entered_at), "mover": entry.mover.value}


def decode_entry(raw: Mapping[str, Json]) -> StageEntry:
    """The entry that `encode_entry` wrote."""
    return StageEntry(**{**raw, "entered_at": datetime.fromisoformat(raw["entered_at"]), "mover": Mover(raw["mover"])})


def encode_task(task: Task) -> dict[str, Json]:
    """A task as JSON."""
    return asdict(task) | {
        "due_at": moment_text(task.due_at),
        "opened_at": moment_text(task.opened_at),
        "ended_at": moment_text(task.ended_at) if task.ended_at else None,
        "state": task.state.value,
    }


def decode_task(raw: Mapping[str, Json]) -> Task:
    """The task that `encode_task` wrote."""
    return Task(
        **{
            **raw,
            "key": EffectKey(**raw["key"]),
            "due_at": datetime.fromisoformat(raw["due_at"]),
            "opened_at": datetime.fromisoformat(raw["opened_at"]),
            "ended_at": _moment(raw["ended_at"]),
            "state": WorkState(raw["state"]),
        }
    )


def encode_state(state: LeadState) -> dict[str, Json]:
    """A lead's state as JSON; what is empty is left out."""
    full: dict[str, Json] = {
        "entry": encode_entry(state.entry) if state.entry else None,
        "edges": {name: _encode_edge(edge) for name, edge in state.edges.items()},
        "holds": {name: _encode_hold(hold) for name, hold in state.holds.items()},
        "tasks": [encode_task(task) for task in state.tasks],
        "published": dict(state.published),
        "basis": dict(state.basis),
        "published_at": moment_text(state.published_at) if state.published_at else None,
        "ratings": encode_values(state.ratings),
        "answers_used": {name: moment_text(moment) for name, moment in state.answers_used.items()},
        "recycled_at": [moment_text(moment) for moment in state.recycled_at],
        "settings": {name: _encode_setting(one) for name, one in state.settings.items()},
        "settled_at": moment_text(state.settled_at) if state.settled_at else None,
        "refused_at": moment_text(state.refused_at) if state.refused_at else None,
        "stuck": state.stuck,
        "policy": state.policy,
    }
    return {name: value for name, value in full.items() if value not in (None, [], {})}


def decode_state(raw: Mapping[str, Json]) -> LeadState:
    """The state that `encode_state` wrote; an empty object is a lead that was never evaluated."""
    return LeadState(
        entry=decode_entry(raw["entry"]) if raw.get("entry") else None,
        edges={name: _decode_edge(edge) for name, edge in raw.get("edges", {}).items()},
        holds={name: _decode_hold(hold) for name, hold in raw.get("holds", {}).items()},
        tasks=tuple(decode_task(task) for task in raw.get("tasks", ())),
        published=raw.get("published", {}),
        basis=raw.get("basis", {}),
        published_at=_moment(raw.get("published_at")),
        ratings=decode_values(raw.get("ratings", {})),
        answers_used={name: datetime.fromisoformat(moment) for name, moment in raw.get("answers_used", {}).items()},
        recycled_at=tuple(datetime.fromisoformat(moment) for moment in raw.get("recycled_at", ())),
        settings={name: _decode_setting(one) for name, one in raw.get("settings", {}).items()},
        settled_at=_moment(raw.get("settled_at")),
        refused_at=_moment(raw.get("refused_at")),
        stuck=raw.get("stuck"),
        policy=raw.get("policy"),
    )


def moment_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat()


def _moment(raw: str | None) -> datetime | None:
    return datetime.fromisoformat(raw) if raw else None


def _encode_edge(edge: Edge) -> list[Json]:
    return [edge.truth, edge.turned, moment_text(edge.turned_at) if edge.turned_at else None]


def _decode_edge(raw: list[Json]) -> Edge:
    return Edge(truth=raw[0], turned=raw[1], turned_at=_moment(raw[2]))


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
