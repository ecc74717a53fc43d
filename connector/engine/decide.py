"""`decide`: what should be, given a lead, its signals, what we remember of it, and the moment. Pure.

Doing it twice changes nothing. What a new policy makes of an old lead is worked out quietly first (stages and
fields catch up, nothing is started); then what is new is applied aloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.domain.calendar import END_OF_TIME
from connector.domain.decision import Decision, Overruled
from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import Edge, Hold, LeadState, Mover, StageEntry
from connector.domain.value import BLANK
from connector.engine import lifecycle, publish, wake, work
from connector.engine.lifecycle import Course
from connector.engine.plan import Plan
from connector.engine.view import LeadView, occurrences


def decide(
    plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime, *, since: datetime
) -> Decision:
    """Evaluate one lead at `now` (UTC).

    `since` is when the policy was activated: what entered, happened or turned before it starts no work. After the
    decision is stored, the shell marks every signal that was passed in (and had occurred by `now`) as seen.
    """
    earlier: tuple[StageEntry, ...] = ()
    at = _catches_up_at(plan, lead, state, now, since)
    if at is not None:
        old = [one for one in signals if one.seen or one.occurred_at < since]
        # Before the activation everything is quiet; else what came after it is an event, and left for below.
        new = work.new_signals(plan, signals, since, now)
        run = _Run(plan, lead, old, state, at, new, quiet_until=since if now >= since else END_OF_TIME)
        state, earlier = replace(run.state_after(), refused_at=state.refused_at), run.entries
    return _evaluate(plan, lead, signals, state, now, since, earlier)


def _catches_up_at(plan: Plan, lead: Lead, state: LeadState, now: datetime, since: datetime) -> datetime | None:
    """The moment as of which a policy first catches up with a lead; None where there is nothing to catch up with.

    A lead that we know stood still since the activation: what has fallen due after that is no matter of the policy's
    coming. One that we have not seen before is taken as it is found, unless it came into being under this policy.
    """
    if state.policy is None:
        return None if lead.created_at >= since else now
    if state.policy == plan.policy.hash and now >= since:
        return None
    return min(now, max(since, state.entry.entered_at if state.entry else since))


def _evaluate(
    plan: Plan,
    lead: Lead,
    signals: Sequence[Signal],
    state: LeadState,
    now: datetime,
    since: datetime,
    earlier: tuple[StageEntry, ...],
) -> Decision:
    new = work.new_signals(plan, signals, since, now)
    run = _Run(plan, lead, signals, state, now, new, quiet_until=None)
    view, refused = run.course.view, run.course.refused
    events = work.Events(
        before=state.entry,
        arrival=run.entries[-1] if run.entries else None,
        signals=new,
        turned=work.turned(state.edges, run.edges),
    )
    done = work.do_work(plan, run.state, view, events)
    holds, overruled = publish.run_out(run.holds, view)
    settings = publish.settings_after(state, lead, done.settings, now)
    after = replace(run.state_after(), holds=holds, tasks=done.tasks, settings=settings)
    after = publish.scores_after(plan, after, view)
    is_stage_ours = view.entry is not None and view.entry.stage in plan.policy.stages
    is_kept = refused is not None and not run.course.entries and plan.policy.manual_moves.refused == "keep"
    return Decision(
        state=after,
        desired=publish.desired(plan, after, view),
        stage_desired=view.entry.stage if view.entry and is_stage_ours and not is_kept else None,
        entries=(*earlier, *run.entries),
        tasks_changed=done.changed,
        fired=done.fired,
        scores={name: publish.score_value(view, name) for name in publish.score_names(plan)},
        overruled=(*overruled, *_refusals(run, state.refused_at)),
        wake=wake.next_wake(plan, after, view, signals),
    )


class _Run:
    """The moves of one evaluation: holds, adoption, the person's move, transitions, and what `becomes` true."""

    def __init__(
        self,
        plan: Plan,
        lead: Lead,
        signals: Sequence[Signal],
        state: LeadState,
        now: datetime,
        new: Sequence[Signal],
        *,
        quiet_until: datetime | None,
    ) -> None:
        self._plan, self._lead, self._now = plan, lead, now
        self._times = occurrences(plan.members, signals, now)
        self.holds: Mapping[str, Hold] = publish.holds_after(plan, state, lead, now)
        state = _from_its_beginning(plan, state, signals, now)
        adopted: tuple[StageEntry, ...] = ()
        view = self._look(state.entry)
        if state.entry is None or (plan.policy.stages and state.entry.stage not in plan.policy.stages):
            entry = self._adopted(view, state, signals, new, quiet=quiet_until is not None)
            if entry is not None:
                state, adopted, view = replace(state, entry=entry), (entry,), self._look(entry)
        self.state = state
        self.course: Course = lifecycle.run(plan, state, self._look, view, quiet_until=quiet_until)
        if adopted and self.course.entries:
            adopted = (replace(adopted[0], passed=True),)
        self.entries = (*adopted, *self.course.entries)
        self.edges: dict[str, Edge] = work.edges_after(plan, state, self.course.view, quiet_until)

    def state_after(self) -> LeadState:
        """The state after these moves; work and publishing come on top."""
        refused = self.course.refused
        return replace(
            self.state,
            entry=self.course.view.entry,
            edges=self.edges,
            holds=self.holds,
            answers_used=publish.answers_after(self._plan, self.state, self.course),
            recycled_at=self.course.recycled_at,
            settled_at=self.course.settled_at,
            refused_at=refused.report.moved_at if refused else self.state.refused_at,
            stuck=self.course.stuck,
            policy=self._plan.policy.hash,
        )

    def _look(self, entry: StageEntry | None) -> LeadView:
        return LeadView(self._plan.policy, self._lead, self._times, entry, self.holds, self._now)

    def _adopted(
        self, view: LeadView, state: LeadState, signals: Sequence[Signal], new: Sequence[Signal], *, quiet: bool
    ) -> StageEntry | None:
        """Where a lead stands that has no stage, or whose stage the policy no longer knows."""
        if state.entry is not None:
            began = self._now
        else:  # not after the first thing that it did, which may have been what created it
            began = min([self._lead.created_at, self._now, *(one.occurred_at for one in signals if not one.seen)])
        latest = min((one.occurred_at for one in new), default=self._now)
        return lifecycle.adopt(self._plan, view, self._lead.stage_report, began, latest, quiet=quiet)


def _from_its_beginning(plan: Plan, state: LeadState, signals: Sequence[Signal], now: datetime) -> LeadState:
    """A lead stands in its first stage since the first thing that it did, also when that is learnt later.

    A form makes the record: its submission lies a moment before the creation, and may reach us after it.
    """
    entry = state.entry
    if (
        entry is None
        or entry.seq != 1
        or entry.mover is not Mover.START
        or entry.stage != next(iter(plan.policy.stages), None)
    ):
        return state
    first = min((one.occurred_at for one in signals if not one.seen and one.occurred_at <= now), default=now)
    return replace(state, entry=replace(entry, entered_at=first)) if first < entry.entered_at else state


def _refusals(run: _Run, told_at: datetime | None) -> tuple[Overruled, ...]:
    """The refused move of a person, told once."""
    refused, entry = run.course.refused, run.course.view.entry
    if refused is None or (told_at is not None and refused.report.moved_at <= told_at):
        return ()
    lost = refused.report.stages[0]
    return (Overruled(field="stage", kept=entry.stage if entry else BLANK, lost=lost, rule=refused.rule),)
