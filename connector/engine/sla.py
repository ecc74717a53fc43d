"""SLA clocks: promises that start, pause and stop, and what is done when they run short. Pure.

Deadlines are derived from a run, its pauses and the calendar (`deadlines.py`): a holiday that is entered later moves
them. What was acted on stays acted on: each rung comes once a run. A stop or a pause that is learnt late and came in
time takes the breach back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey
from connector.domain.runs import ClockRun
from connector.domain.state import LeadState, StageEntry
from connector.domain.value import BLANK, Value
from connector.engine import clock_run
from connector.engine.acts import Trigger
from connector.engine.deadlines import deadline, rung_at
from connector.engine.events import Events, Happening, waited_for
from connector.policy.model import Clock, EventKind, Rung

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

RUNNING, WARNED, BREACHED, MET = "running", "warned", "breached", "met"

_RUNG = "rung_"
_CLOCK = Cause.CLOCK.value


@dataclass(slots=True)
class Ticked:
    """The clocks after a look.

    `runs` are the latest of each, `changed` every run that is not as it was, `breached` those that have just broken
    their promise. `triggers` act now. `absent_until` is the latest moment of which something was made that nothing had
    happened by then.
    """

    runs: Mapping[str, ClockRun]
    changed: list[tuple[str, ClockRun]] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    breached: dict[str, ClockRun] = field(default_factory=dict)
    absent_until: datetime | None = None

    def rest_on(self, moment: datetime) -> None:
        """Note that something was made of nothing having happened by this moment."""
        self.absent_until = max(self.absent_until or moment, moment)


def tick(plan: Plan, state: LeadState, view: LeadView, events: Events) -> Ticked:
    """Start, pause, resume and stop the clocks by what happened, and find the rungs that have come.

    What fell due before the policy was activated (`events.since`) is recorded and does nothing.
    """
    ticked = Ticked(state.clocks)
    if not events.came and not events.late and not any(run.running for run in state.clocks.values()):
        return ticked
    for name, run in state.clocks.items():
        if name not in plan.policy.clocks and run.running:
            _keep(ticked, name, replace(clock_run.closed(run, view.now), ended_at=view.now))
    for clock in plan.policy.clocks.values():
        before = state.clocks.get(clock.id)
        if _stands(plan, clock, before, events):
            continue
        for run in clock_run.runs_now(plan, clock, before, view, events):
            _keep(ticked, clock.id, _climbed(clock, run, view.now, events.since, ticked))
    return ticked


def stand(plan: Plan, runs: Mapping[str, ClockRun], view: LeadView, nothing: Events) -> bool:
    """True when a look at which nothing has come leaves every clock as it is: no stop, no pause, no rung, no breach."""
    for name, run in runs.items():
        if not run.running:
            continue
        clock = plan.policy.clocks.get(name)
        if clock is None or clock_run.as_known(plan, clock, run, view, nothing) is not run:
            return False
        ticked = Ticked(runs)
        if _climbed(clock, run, view.now, nothing.since, ticked) is not run or ticked.triggers or ticked.breached:
            return False
    return True


def _stands(plan: Plan, clock: Clock, run: ClockRun | None, events: Events) -> bool:
    """True for a clock that does not run when nothing has come that starts it, or stopped its last run."""
    if events.late or (run is not None and run.running):
        return False
    words = plan.clock_waits.get(clock.id)
    if words is None:
        listed = (("starts", clock.starts), ("stops", clock.stops))
        found = [word for name, waited in listed for word in waited_for(plan, f"{clock.id}.{name}", waited)]
        words = plan.clock_waits[clock.id] = frozenset(found)
    return events.came.isdisjoint(words)


def _keep(ticked: Ticked, name: str, run: ClockRun) -> None:
    if ticked.runs.get(name) != run:
        ticked.changed.append((name, run))
        ticked.runs = {**ticked.runs, name: run}


def standing(clocks: Mapping[str, Clock], runs: Mapping[str, ClockRun], entry: StageEntry | None, name: str) -> Value:
    """`clock.<id>` for conditions: running, warned, breached or met.

    Blank before its first run, when it ended without a verdict, and when the stage has been entered that starts it
    anew: what an earlier stay came to says nothing of this one.
    """
    run = runs.get(name)
    if run is None or (not run.running and _begins_anew(clocks.get(name), run, entry)):
        return BLANK
    if run.breached_at is not None:
        return BREACHED
    if run.ended_at is not None:
        return BLANK
    if run.stopped_at is not None:
        return MET
    return WARNED if run.warned_at is not None else RUNNING


def _begins_anew(clock: Clock | None, run: ClockRun, entry: StageEntry | None) -> bool:
    if clock is None or entry is None or entry.entered_at <= run.started_at:
        return False
    return any(
        (event.kind is EventKind.ENTERS and event.name == entry.stage)
        or (event.kind is EventKind.MOVES and event.name == entry.transition)
        for event in clock.starts
    )


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
    """True when what opened this task has gone: its run is over, or the breach that its rung acted on was withdrawn."""
    name, _, number = key.cause_id.rpartition("#")
    if key.cause != _CLOCK or name != key.rule:
        return False
    run, clock = runs.get(name), plan.policy.clocks.get(name)
    if run is None or clock is None or str(run.number) != number or not run.running:
        return True
    return run.breached_at is None and not _is_warning(_rung_of(clock, key))


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────
def _climbed(clock: Clock, run: ClockRun, now: datetime, since: datetime, ticked: Ticked) -> ClockRun:
    """The run with the rungs and the breach that have come by now, in order.

    A run that has stopped climbs no more; that it had broken its promise before that is noted all the same. One that
    had broken it before the policy was activated is left alone.
    """
    before = ticked.runs.get(clock.id)
    told = before.breached_at is not None if before is not None and before.number == run.number else False
    if run.running:
        due = deadline(clock, run)
        if run.breached_at is None and due is not None and due <= since:
            return replace(run, breached_at=due, fired=len(clock.escalation))
        run = _rungs(clock, run, now, since, ticked)
        if run.breached_at is None and due is not None and due <= now:
            run = replace(run, breached_at=due)
    if run.breached_at is not None and not told and run.withdrawn_at is None and run.breached_at > since:
        ticked.breached[clock.id] = run
        ticked.rest_on(run.breached_at)
    return run


def _rungs(clock: Clock, run: ClockRun, now: datetime, since: datetime, ticked: Ticked) -> ClockRun:
    for place, rung in enumerate(clock.escalation[run.fired :], start=run.fired):
        at = rung_at(clock, run, rung)
        if at is None or at > now:
            break
        if at > since:
            happening = Happening(Cause.CLOCK, f"{clock.id}#{run.number}", now, f"clock:{clock.id}")
            ticked.triggers.append(Trigger(clock.id, rung.do, happening, prefix=f"{_RUNG}{place + 1}."))
            ticked.rest_on(at)
        run = replace(run, fired=place + 1, warned_at=run.warned_at or (at if _is_warning(rung) else None))
    return run


def _rung_of(clock: Clock, key: EffectKey) -> Rung | None:
    place = key.slot.removeprefix(_RUNG).partition(".")[0]
    known = key.slot.startswith(_RUNG) and place.isdigit() and 0 < int(place) <= len(clock.escalation)
    return clock.escalation[int(place) - 1] if known else None


def _is_warning(rung: Rung | None) -> bool:
    """True for a rung that comes before the breach."""
    return rung is not None and rung.at is not None and rung.at < 1.0
