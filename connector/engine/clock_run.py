"""One run of an SLA clock by what is known of its lead: its start, its pauses, its stop, its end. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause
from connector.domain.runs import ClockRun, Pauses
from connector.engine import evidence
from connector.engine.coming import all_after, moves_of
from connector.engine.deadlines import deadline
from connector.engine.events import Events, Happening, happened
from connector.policy.model import Clock

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView


def runs_now(plan: Plan, clock: Clock, before: ClockRun | None, view: LeadView, events: Events) -> list[ClockRun]:
    """The last run as it is known now, and those that have begun since, in order; one runs at a time."""
    runs: list[ClockRun] = []
    run = before
    if before is not None:
        run = as_known(plan, clock, before, view, events)
        runs.append(run)
    for start in _starts(plan, clock, before, run, view, events):
        if run is not None and (run.running or start.at <= _end(run)):
            continue  # it came while the clock was running
        begun = ClockRun(
            number=run.number + 1 if run is not None else 1,
            started_at=start.at,
            occurred_at=_occurred_at(plan, start, view),
        )
        run = as_known(plan, clock, begun, view, events, is_new=True)
        runs.append(run)
    return runs


def closed(run: ClockRun, at: datetime) -> ClockRun:
    """The run with its pause, if one lasts, ended."""
    if not run.pauses or run.pauses[-1][1] is not None:
        return run
    begun = run.pauses[-1][0]
    return replace(run, pauses=(*run.pauses[:-1], (begun, max(begun, at))))


def _end(run: ClockRun) -> datetime:
    return run.stopped_at or run.ended_at or run.started_at


# ── starts ───────────────────────────────────────────────────────────────────────────────────────────────────────
def _starts(
    plan: Plan, clock: Clock, before: ClockRun | None, run: ClockRun | None, view: LeadView, events: Events
) -> list[Happening]:
    """The moments that start this clock: those of this evaluation, and what came while a stop was not yet known."""
    if (view.entry is not None and _is_side(plan, view.entry.stage)) or (
        clock.when is not None and clock.when.test(view) is not True
    ):
        return []
    owner = f"{clock.id}.starts"
    found = happened(plan, owner, clock.starts, events)
    if before is not None and before.running and run is not None and run.stopped_at is not None:
        passed_over = all_after(plan, owner, clock.starts, run.stopped_at, view, events)
        found += [one for one in passed_over if _was_event(plan, one, view, events)]
    return sorted(found, key=lambda one: one.at)


def _was_event(plan: Plan, start: Happening, view: LeadView, events: Events) -> bool:
    """True for a moment that would have started the clock in its time: activation and old news start nothing."""
    if start.cause is Cause.STAGE_ENTRY:
        entry = next((one for one in events.trail if str(one.seq) == start.cause_id), None)
        return entry is not None and not entry.initial and not entry.passed
    return start.cause is Cause.SIGNAL and view.now - start.at <= plan.policy.fresh_for


def _occurred_at(plan: Plan, start: Happening, view: LeadView) -> datetime | None:
    """When that happened which lies behind a start; None where the start itself is all that is known."""
    if start.cause is Cause.STAGE_ENTRY:
        names = plan.evidence.get((view.entry.transition if view.entry else None) or "", frozenset())
    elif start.cause is Cause.EDGE:
        names = plan.watch_evidence.get(start.cause_id.rpartition("#")[0], frozenset())
    else:
        return None
    at = evidence.newest(names, view, start.at)
    return at if at is not None and start.at - at <= plan.policy.fresh_for else None


# ── what is known of a run ───────────────────────────────────────────────────────────────────────────────────────
def as_known(
    plan: Plan, clock: Clock, run: ClockRun, view: LeadView, events: Events, *, is_new: bool = False
) -> ClockRun:
    """The run with the stop, the pauses and the end that are known now: the very same where that is nothing new."""
    stop = _stop(plan, clock, run, view, events)
    if stop is not None and _comes_first(stop, run):
        return _stopped(clock, run, stop, view.now)
    if not run.running:
        return run
    entry = view.entry
    if entry is not None and entry.entered_at >= run.started_at and _is_side(plan, entry.stage):
        return replace(closed(run, entry.entered_at), ended_at=entry.entered_at)
    return _paused(plan, clock, run, view, is_new=is_new)


def _comes_first(stop: datetime, run: ClockRun) -> bool:
    """False for what came after the run was over."""
    if run.stopped_at is not None:
        return stop < run.stopped_at
    return run.ended_at is None or stop <= run.ended_at


def _stop(plan: Plan, clock: Clock, run: ClockRun, view: LeadView, events: Events) -> datetime | None:
    """The first of the `stops` events after the start; also a move that came with a start which is none itself.

    Becoming hot moves a lead on in the same moment: what the clock waited for has come.
    """
    found = [one.at for one in all_after(plan, f"{clock.id}.stops", clock.stops, run.started_at, view, events)]
    at_once = run.started_at
    came_with_it = at_once in [entry.entered_at for entry in events.trail]
    if came_with_it and not any(entry.entered_at == at_once for entry in moves_of(clock.starts, events.trail)):
        found += [entry.entered_at for entry in moves_of(clock.stops, events.trail) if entry.entered_at == at_once]
    return min(found, default=None)


def _stopped(clock: Clock, run: ClockRun, stop: datetime, now: datetime) -> ClockRun:
    """In time: no breach, also where one had been acted on before the stop was learnt."""
    run = replace(closed(run, stop), stopped_at=stop, ended_at=None)
    if run.breached_at is not None:
        return run if stop > run.breached_at else _withdrawn(run, now)
    due = deadline(clock, run)
    return replace(run, breached_at=due) if due is not None and stop > due else run


def _withdrawn(run: ClockRun, now: datetime) -> ClockRun:
    return replace(run, breached_at=None, withdrawn_at=now)


def _paused(plan: Plan, clock: Clock, run: ClockRun, view: LeadView, *, is_new: bool) -> ClockRun:
    """Open or close a pause at the moment at which its condition turned."""
    if clock.paused_while is None:
        return run
    is_open = bool(run.pauses) and run.pauses[-1][1] is None
    holds = clock.paused_while.test(view) is True
    if holds == is_open:
        return run
    at = evidence.came_to_be(clock.paused_while, plan.pause_evidence[clock.id], view)
    if at is None:  # a pause that stood before the clock began holds from its beginning
        at = run.started_at if is_new else view.now
    if not holds:
        return closed(run, at)
    at = max(at, run.started_at, *(ended for _, ended in run.pauses if ended is not None))
    pauses: Pauses = (*run.pauses, (at, None))
    run = replace(run, pauses=pauses)
    return _withdrawn(run, view.now) if run.breached_at is not None and at < run.breached_at else run


def _is_side(plan: Plan, stage: str) -> bool:
    definition = plan.policy.stages.get(stage)
    return definition is not None and definition.side
