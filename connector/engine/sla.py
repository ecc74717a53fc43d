"""SLA clocks: promises that start, pause and stop, and what is done when they run short. Pure.

Deadlines are derived from a run, its pauses and the calendar (`deadlines.py`): a holiday that is entered later moves
them. What was acted on stays acted on: each rung fires once a run. A stop that is learnt late and came in time takes
the breach back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey
from connector.domain.runs import ClockRun
from connector.domain.state import LeadState
from connector.domain.value import BLANK, Value
from connector.engine import acts
from connector.engine.coming import first_after
from connector.engine.deadlines import deadline, rung_at
from connector.engine.events import Events, Happening, happened
from connector.policy.model import Clock

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

RUNNING, WARNED, BREACHED, MET = "running", "warned", "breached", "met"


@dataclass(frozen=True, slots=True)
class Ticked:
    """The clocks after a look: their runs, the rungs that act now, and the runs that have just breached."""

    runs: Mapping[str, ClockRun]
    triggers: tuple[acts.Trigger, ...]
    breached: Mapping[str, ClockRun]


def tick(plan: Plan, state: LeadState, view: LeadView, events: Events) -> Ticked:
    """Start, pause, resume and stop the clocks by what happened, and find the rungs that have come."""
    if not plan.policy.clocks:
        return Ticked(state.clocks, (), {})
    runs = dict(state.clocks)
    triggers: list[acts.Trigger] = []
    breached: dict[str, ClockRun] = {}
    for clock in plan.policy.clocks.values():
        run = _as_known(plan, clock, runs.get(clock.id), view, events)
        if run is None or not run.running:
            run = _started(plan, clock, run, view, events)
        if run is None:
            continue
        if run.running:
            run, fired, is_breach = _climbed(clock, run, view.now)
            triggers += fired
            if is_breach:
                breached[clock.id] = run
        runs[clock.id] = run
    return Ticked(runs, tuple(triggers), breached)


def standing(runs: Mapping[str, ClockRun], clock: str) -> Value:
    """`clock.<id>` for conditions: running, warned, breached or met; blank before its first run and when it ended."""
    run = runs.get(clock)
    if run is None or run.ended_at is not None:
        return BLANK
    if run.breached_at is not None:
        return BREACHED
    if run.stopped_at is not None:
        return MET
    return WARNED if run.warned_at is not None else RUNNING


def next_deadlines(plan: Plan, state: LeadState, view: LeadView) -> Iterator[datetime]:
    """When rungs and breaches of running clocks will come, if nothing happens."""
    for name, run in state.clocks.items():
        clock = plan.policy.clocks.get(name)
        if clock is None or not run.running:
            continue
        moments = [rung_at(clock, run, rung) for rung in clock.escalation[run.fired :]]
        if run.breached_at is None:
            moments.append(deadline(clock, run))
        yield from (moment for moment in moments if moment is not None)


def is_over(plan: Plan, runs: Mapping[str, ClockRun], key: EffectKey) -> bool:
    """True when the run whose rung opened this task runs no longer: what it asked for has been done."""
    name, _, number = key.cause_id.rpartition("#")
    if key.cause != Cause.CLOCK.value or name != key.rule:
        return False
    run = runs.get(name)
    return run is None or name not in plan.policy.clocks or str(run.number) != number or not run.running


# ── a run by what is known ───────────────────────────────────────────────────────────────────────────────────────
def _as_known(plan: Plan, clock: Clock, run: ClockRun | None, view: LeadView, events: Events) -> ClockRun | None:
    """The run with the stop, the pauses and the end that are known now."""
    if run is None or run.ended_at is not None:
        return run
    found = first_after(plan, f"{clock.id}.stops", clock.stops, run.started_at, view, events)
    stop = found.at if found is not None else None
    if stop is not None and (run.stopped_at is None or stop < run.stopped_at):
        run = _stopped(clock, replace(run, pauses=_closed(run.pauses, stop)), stop)
    if run.stopped_at is not None:
        return run
    entry = view.entry
    if entry is not None and entry.entered_at >= run.started_at and _is_side(plan, entry.stage):
        return replace(run, ended_at=entry.entered_at, pauses=_closed(run.pauses, entry.entered_at))
    return _paused(clock, run, view)


def _is_side(plan: Plan, stage: str) -> bool:
    definition = plan.policy.stages.get(stage)
    return definition is not None and definition.side


def _stopped(clock: Clock, run: ClockRun, stop: datetime) -> ClockRun:
    """In time: no breach, also where one had been acted on before the stop was learnt."""
    due = deadline(clock, run)
    late = due is not None and stop > due
    return replace(run, stopped_at=stop, breached_at=(run.breached_at or due) if late else None)


def _paused(clock: Clock, run: ClockRun, view: LeadView) -> ClockRun:
    """Open or close a pause at the moment at which what it hangs on changed."""
    if clock.paused_while is None:
        return run
    is_open = bool(run.pauses) and run.pauses[-1][1] is None
    holds = clock.paused_while.test(view) is True
    if holds == is_open:
        return run
    changed = [view.lead.fact(name).changed_at for name in clock.paused_while.names]
    latest = max((at for at in changed if at is not None and at <= view.now), default=None)
    earliest = run.pauses[-1][0] if is_open else run.pauses[-1][1] if run.pauses else None
    at = max(latest or view.now, run.started_at, earliest or run.started_at)
    if holds:
        return replace(run, pauses=(*run.pauses, (at, None)))
    return replace(run, pauses=_closed(run.pauses, at))


def _closed(
    pauses: tuple[tuple[datetime, datetime | None], ...], at: datetime
) -> tuple[tuple[datetime, datetime | None], ...]:
    if not pauses or pauses[-1][1] is not None:
        return pauses
    begun = pauses[-1][0]
    return (*pauses[:-1], (begun, max(begun, at)))


def _started(plan: Plan, clock: Clock, before: ClockRun | None, view: LeadView, events: Events) -> ClockRun | None:
    """A new run where a start has come (and is not what the last run began with); else the last one."""
    found = happened(plan, f"{clock.id}.starts", clock.starts, events)
    if not found or (clock.when is not None and clock.when.test(view) is not True):
        return before
    started_at = found[0].at
    if before is not None and started_at <= before.started_at:
        return before
    if view.entry is not None and _is_side(plan, view.entry.stage):
        return before
    run = ClockRun(number=before.number + 1 if before is not None else 1, started_at=started_at)
    return _as_known(plan, clock, run, view, events)


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────
def _climbed(clock: Clock, run: ClockRun, now: datetime) -> tuple[ClockRun, list[acts.Trigger], bool]:
    """The rungs that have come by now, in order, and whether the run has just breached."""
    triggers: list[acts.Trigger] = []
    happening = Happening(Cause.CLOCK, f"{clock.id}#{run.number}", now, f"clock:{clock.id}")
    for place, rung in enumerate(clock.escalation[run.fired :], start=run.fired):
        at = rung_at(clock, run, rung)
        if at is None or at > now:
            break
        triggers.append(acts.Trigger(clock.id, rung.do, happening, prefix=f"rung_{place + 1}."))
        is_warning = rung.at is not None and rung.at < 1.0
        run = replace(run, fired=place + 1, warned_at=run.warned_at or (at if is_warning else None))
    due = deadline(clock, run)
    is_breach = run.breached_at is None and due is not None and due <= now
    return (replace(run, breached_at=due) if is_breach else run), triggers, is_breach
