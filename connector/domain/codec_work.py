"""Tasks, deals, requests and what runs over time as JSON, for the store: `decode(encode(x)) == x`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from connector.domain.effects import Deal, EffectKey, Enrolment, Grant, OwnerRequest, Task, WorkState
from connector.domain.runs import Assigned, CadenceRun, ClockRun, Pauses

Json: TypeAlias = Any


def moment_text(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC."""
    return moment.astimezone(UTC).isoformat()


def text_or_none(moment: datetime | None) -> str | None:
    """The same for a moment that may not have come."""
    return moment_text(moment) if moment is not None else None


def moment_or_none(raw: str | None) -> datetime | None:
    """The moment that `text_or_none` wrote."""
    return datetime.fromisoformat(raw) if raw else None


def flat(one: Task | Deal | Enrolment | OwnerRequest | Grant | EffectKey) -> dict[str, Json]:
    """Its fields as they are, its key taken apart: `asdict` copies everything deeply, which costs ten times as much."""
    found = {name: getattr(one, name) for name in one.__slots__}
    if isinstance(found.get("key"), EffectKey):
        found["key"] = flat(found["key"])
    return found


def encode_task(task: Task) -> dict[str, Json]:
    """A task as JSON."""
    return flat(task) | {
        "due_at": moment_text(task.due_at),
        "opened_at": moment_text(task.opened_at),
        "ended_at": text_or_none(task.ended_at),
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
            "ended_at": moment_or_none(raw["ended_at"]),
            "state": WorkState(raw["state"]),
        }
    )


def encode_enrolment(one: Enrolment) -> dict[str, Json]:
    """An enrolment as JSON."""
    return flat(one) | {"at": moment_text(one.at)}


def decode_enrolment(raw: Mapping[str, Json]) -> Enrolment:
    """The enrolment that `encode_enrolment` wrote."""
    return Enrolment(**{**raw, "key": EffectKey(**raw["key"]), "at": datetime.fromisoformat(raw["at"])})


def encode_deal(deal: Deal) -> dict[str, Json]:
    """A deal as JSON."""
    return flat(deal) | {
        "associate": list(deal.associate),
        "opened_at": moment_text(deal.opened_at),
        "state": deal.state.value,
    }


def decode_deal(raw: Mapping[str, Json]) -> Deal:
    """The deal that `encode_deal` wrote."""
    return Deal(
        **{
            **raw,
            "key": EffectKey(**raw["key"]),
            "associate": tuple(raw["associate"]),
            "opened_at": datetime.fromisoformat(raw["opened_at"]),
            "state": WorkState(raw["state"]),
        }
    )


def encode_request(request: OwnerRequest) -> dict[str, Json]:
    """A request for an owner as JSON."""
    return flat(request) | {
        "asked_at": moment_text(request.asked_at),
        "task": flat(request.task) if request.task is not None else None,
    }


def decode_request(raw: Mapping[str, Json]) -> OwnerRequest:
    """The request that `encode_request` wrote."""
    task = raw.get("task")
    given = {
        "key": EffectKey(**raw["key"]),
        "asked_at": datetime.fromisoformat(raw["asked_at"]),
        "task": EffectKey(**task) if task else None,
    }
    return OwnerRequest(**{**raw, **given})


def encode_cadence(run: CadenceRun) -> list[Json]:
    """A run of a cadence as JSON."""
    return [
        run.number,
        moment_text(run.started_at),
        run.fired,
        text_or_none(run.finished_at),
        text_or_none(run.stopped_at),
        run.stopped_by,
        run.waiting,
    ]


def decode_cadence(raw: list[Json]) -> CadenceRun:
    """The run that `encode_cadence` wrote."""
    number, started_at, fired, finished_at, stopped_at, stopped_by, waiting = raw
    return CadenceRun(
        number=number,
        started_at=datetime.fromisoformat(started_at),
        fired=fired,
        finished_at=moment_or_none(finished_at),
        stopped_at=moment_or_none(stopped_at),
        stopped_by=stopped_by,
        waiting=waiting,
    )


def encode_clock(run: ClockRun) -> list[Json]:
    """A run of a clock as JSON."""
    return [
        run.number,
        moment_text(run.started_at),
        encode_pauses(run.pauses),
        run.fired,
        text_or_none(run.warned_at),
        text_or_none(run.breached_at),
        text_or_none(run.stopped_at),
        text_or_none(run.ended_at),
        text_or_none(run.withdrawn_at),
        text_or_none(run.occurred_at),
    ]


def encode_pauses(pauses: Pauses) -> list[Json]:
    """The pauses of a clock as JSON."""
    return [[moment_text(start), text_or_none(end)] for start, end in pauses]


def decode_pauses(raw: list[Json]) -> Pauses:
    """The pauses that `encode_pauses` wrote."""
    return tuple((datetime.fromisoformat(start), moment_or_none(end)) for start, end in raw)


def decode_clock(raw: list[Json]) -> ClockRun:
    """The run that `encode_clock` wrote."""
    number, started_at, pauses, fired, warned_at, breached_at, stopped_at, ended_at, withdrawn_at, occurred_at = raw
    return ClockRun(
        number=number,
        started_at=datetime.fromisoformat(started_at),
        occurred_at=moment_or_none(occurred_at),
        pauses=decode_pauses(pauses),
        fired=fired,
        warned_at=moment_or_none(warned_at),
        breached_at=moment_or_none(breached_at),
        stopped_at=moment_or_none(stopped_at),
        ended_at=moment_or_none(ended_at),
        withdrawn_at=moment_or_none(withdrawn_at),
    )


def encode_assigned(assigned: Assigned) -> list[Json]:
    """A given owner as JSON."""
    return [assigned.person, assigned.pool, moment_text(assigned.at)]


def decode_assigned(raw: list[Json]) -> Assigned:
    """The owner that `encode_assigned` wrote."""
    return Assigned(person=raw[0], pool=raw[1], at=datetime.fromisoformat(raw[2]))
