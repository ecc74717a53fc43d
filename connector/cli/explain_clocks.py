"""The promises of one lead, for `tasuki explain`: where each run stands, and whose its time was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.cli.output import table
from connector.policy.documents.speech import Speech
from connector.policy.model import Policy
from connector.store.clock_runs import RunRow
from connector.sync import sla_report
from connector.sync.sla_report import Standing
from connector.texts import joined, say

_WORDS = {
    Standing.RUNNING: say("running"),
    Standing.WARNED: say("running, warned"),
    Standing.BREACHED: say("broken, still owed"),
    Standing.MET: say("met"),
    Standing.LATE: say("came too late"),
    Standing.ENDED: say("ended without a verdict"),
}


def clocks(policy: Policy, rows: Sequence[RunRow], now: datetime) -> list[dict[str, Any]]:
    """The latest runs as plain data. Seconds are counted as the clock's limit counts them (`business`)."""
    return [_clock(policy, row, now) for row in rows]


def _clock(policy: Policy, row: RunRow, now: datetime) -> dict[str, Any]:
    clock, run, speech = policy.clocks.get(row.clock), row.run, Speech(policy, policy.language)
    taken = sla_report.taken(clock, row, now) if clock is not None else None
    return {
        "clock": row.clock,
        "label": speech.clock(row.clock),
        "number": run.number,
        "standing": sla_report.standing(run).value,
        "limit": speech.span(clock.limit) if clock is not None else None,
        "business": clock.limit.business if clock is not None else None,
        "occurred_at": run.occurred_at,
        "started_at": run.started_at,
        "known_at": row.known_at,
        "written_at": row.written_at,
        "due_at": sla_report.due(clock, run) if clock is not None else run.breached_at,
        "paused": bool(run.pauses) and run.pauses[-1][1] is None,
        "warned_at": run.warned_at,
        "breached_at": run.breached_at,
        "withdrawn_at": run.withdrawn_at,
        "stopped_at": run.stopped_at,
        "ended_at": run.ended_at,
        "person": row.person,
        "pool": row.pool,
        "system_seconds": taken.system.total_seconds() if taken is not None else None,
        "human_seconds": taken.human.total_seconds() if taken is not None else None,
        "by_system": sla_report.is_by_system(clock, row, now) if clock is not None else False,
    }


def show_clocks(found: Sequence[dict[str, Any]]) -> None:
    """Print them."""
    rows = [
        (
            f"{one['label']} ({one['clock']}#{one['number']})",
            _stands(one),
            one["limit"],
            one["started_at"],
            _due(one),
            _span(one["system_seconds"]),
            _span(one["human_seconds"]),
        )
        for one in found
    ]
    if rows:
        columns = ("Promise", "Stands", "Limit", "Since", "Due", "System#", "People#")
        table(say("Promises, newest first (time as each limit counts it)"), columns, rows)


def _stands(one: dict[str, Any]) -> str:
    words = [_WORDS[Standing(one["standing"])]]
    if one["withdrawn_at"] is not None:
        words.append(say("a breach was taken back"))
    if one["by_system"]:
        words.append(say("people kept it, the system was late"))
    return joined("; ", words)


def _due(one: dict[str, Any]) -> object:
    return say("paused") if one["due_at"] is None and one["paused"] else one["due_at"]


def _span(seconds: float | None) -> str:
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))
