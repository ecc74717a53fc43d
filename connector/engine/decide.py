"""`decide`: what should be, given a lead, its signals, what we remember of it, and the moment. Pure.

Doing it twice changes nothing. What a new policy makes of an old lead is worked out quietly first (stages and
fields catch up, nothing is started); then what is new is applied aloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from connector.domain.decision import Decision, Overruled
from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import Edge, Hold, LeadState, StageEntry
from connector.domain.value import BLANK, Value
from connector.engine import lifecycle, publish, wake, work
from connector.engine.lifecycle import Course
from connector.engine.plan import Plan
from connector.engine.view import LeadView, occurrences
from connector.engine.work import Work


def decide(
    plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime, *, since: datetime
) -> Decision:
    """Evaluate one lead at `now` (UTC).

    `since` is when the policy was activated: what entered, happened or turned before it starts no work. After the
    decision is stored, the shell marks every signal that was passed in (and had occurred by `now`) as seen.
    """
    quiet_entries: tuple[StageEntry, ...] = ()
    if state.policy != plan.policy.hash and not _is_new(lead, state, since):
        old = [one for one in signals if one.seen or one.occurred_at < since]
        state, quiet_entries = _catch_up(plan, lead, old, state, now)
    return _evaluate(plan, lead, signals, state, now, since, quiet_entries)


def _is_new(lead: Lead, state: LeadState, since: datetime) -> bool:
    """A lead that came into being under this policy has nothing to catch up with."""
    return state.policy is None and lead.created_at >= since


def _catch_up(
    plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime
) -> tuple[LeadState, tuple[StageEntry, ...]]:
    run = _Run(plan, lead, signals, state, now, quiet=True)
    caught_up = replace(
        state,
        entry=run.course.view.entry,
        holds=run.holds,
        edges=run.edges,
        answers_used=publish.answers_after(plan, run.state, run.course),
        recycled_at=run.course.recycled_at,
        stuck=run.course.stuck,
        policy=plan.policy.hash,
    )
    return caught_up, run.entries


def _evaluate(
    plan: Plan,
    lead: Lead,
    signals: Sequence[Signal],
    state: LeadState,
    now: datetime,
    since: datetime,
    earlier: tuple[StageEntry, ...],
) -> Decision:
    run = _Run(plan, lead, signals, state, now, quiet=False)
    done = work.do_work(plan, run.state, run.course, run.edges, signals, since)
    after = _state_after(plan, run, done)
    view = run.course.view
    refused = run.course.refused
    told = refused is not None and state.refused_at is not None and refused.moved_at <= state.refused_at
    return Decision(
        state=after,
        desired=publish.desired(plan, after, view, done.settings),
        stage_desired=view.entry.stage if view.entry else None,
        entries=(*earlier, *run.entries),
        tasks_changed=done.changed,
        fired=done.fired,
        scores={name: _number(view, name) for name in publish.score_names(plan)},
        overruled=() if refused is None or told else (_refusal(run, refused.stages[0]),),
        wake=wake.next_wake(plan, after, view),
    )


class _Run:
    """The moves of one evaluation: adopt, judge the person's move, transitions, and what `becomes` true."""

    def __init__(
        self, plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime, *, quiet: bool
    ) -> None:
        times = occurrences(plan.policy, signals, now)
        self._lead, self._now, self._plan, self._times = lead, now, plan, times
        self.holds: Mapping[str, Hold] = {}
        first = self._look(state.entry)
        self.holds = publish.holds_after(plan, state, first)
        adopted: tuple[StageEntry, ...] = ()
        view = self._look(state.entry)
        if state.entry is None and (entry := lifecycle.adopt(plan, view, lead.stage_report, self._began(signals))):
            state = replace(state, entry=entry)
            adopted = (entry,)
            view = self._look(entry)
        self.state = state
        self.course: Course = lifecycle.run(plan, state, self._look, view, quiet=quiet)
        self.entries = (*adopted, *self.course.entries)
        self.edges: dict[str, Edge] = work.edges_after(plan, state, self.course.view)

    def _look(self, entry: StageEntry | None) -> LeadView:
        return LeadView(self._plan.policy, self._lead, self._times, entry, self.holds, self._now)

    def _began(self, signals: Sequence[Signal]) -> datetime:
        """When a lead that we first see now began: not after the first thing that it did."""
        return min([self._lead.created_at, self._now, *(one.occurred_at for one in signals if not one.seen)])


def _state_after(plan: Plan, run: _Run, done: Work) -> LeadState:
    state, view = run.state, run.course.view
    after = replace(
        state,
        entry=view.entry,
        edges=run.edges,
        holds=run.holds,
        tasks=done.tasks,
        answers_used=publish.answers_after(plan, state, run.course),
        recycled_at=run.course.recycled_at,
        refused_at=run.course.refused.moved_at if run.course.refused else state.refused_at,
        stuck=run.course.stuck,
        policy=plan.policy.hash,
    )
    ratings = {name: view.value(name) for name in plan.ratings}
    rating_changed = ratings != state.ratings
    return replace(publish.scores_after(plan, after, view, rating_changed=rating_changed), ratings=ratings)


def _number(view: LeadView, name: str) -> float:
    value = view.value(f"score.{name}")
    return float(value) if isinstance(value, int | float) else 0.0


def _refusal(run: _Run, wanted: str) -> Overruled:
    entry = run.course.view.entry
    kept: Value = entry.stage if entry else BLANK
    return Overruled(field="stage", kept=kept, lost=wanted, rule="manual_moves")
