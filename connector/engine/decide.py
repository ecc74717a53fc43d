"""`decide`: what should be, given a lead, its signals, what we remember of it, and the moment. Pure.

Doing it twice changes nothing. What a new policy makes of an old lead is worked out quietly first (stages and
fields catch up, nothing is started); then what is new is applied aloud.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connector.domain.calendar import END_OF_TIME
from connector.domain.decision import Decision, Ground, Overruled
from connector.domain.effects import Task, WorkState
from connector.domain.lead import Lead
from connector.domain.runs import ClockRun
from connector.domain.signal import Signal
from connector.domain.state import Edge, LeadState, StageEntry, altered
from connector.domain.value import BLANK
from connector.engine import (
    by_hand,
    cadences,
    departures,
    employer,
    firsts,
    handoff,
    pressure,
    publish,
    reach,
    recalls,
    refusals,
    rest,
    routing,
    sla,
    two_people,
    wake,
    work,
)
from connector.engine.acts import Acts, follow, forbidden
from connector.engine.departures import Work
from connector.engine.events import Events, turned
from connector.engine.joining import joined, same_work
from connector.engine.manual import Judgement
from connector.engine.plan import Plan
from connector.engine.rest import NO_GLIMPSE, Glimpse
from connector.engine.run import Run
from connector.engine.view import LeadView, occurrences

MOST_ROUNDS = 8
"""How often one evaluation looks again because moves hang on work that moves brought about; then the next wake does."""


@dataclass(slots=True)
class _Look:
    """One look at a lead: what stays the same however often it is evaluated, and how it was found last."""

    plan: Plan
    lead: Lead
    now: datetime
    since: datetime
    closely: bool
    asking: bool = False
    waking: bool = True
    resting: LeadView | None = None  #: The lead as it stands, where the last evaluation found it at rest.
    glimpse: Glimpse = NO_GLIMPSE  #: What the last evaluation saw at a glance.
    found: tuple[LeadState, LeadView, Sequence[Signal]] | None = None  #: What it came to, if it may not be the last.


def decide(
    plan: Plan,
    lead: Lead,
    signals: Sequence[Signal],
    state: LeadState,
    now: datetime,
    *,
    since: datetime,
    closely: bool = False,
    waking: bool = True,
    asking: bool = False,
) -> Decision:
    """Evaluate one lead at `now` (UTC).

    `since` is when the policy was activated: what entered, happened or turned before it starts no work. After the
    decision is stored, the shell marks every signal that was passed in (and had occurred by `now`) as seen. `closely`
    looks at everything also where a lead is seen to rest: it comes to the same. Without `waking`, when to look again is
    left out. `asking` ends as soon as pools are asked: of such a decision only its requests are good, see
    `Decision.is_cut_short`.
    """
    lead, state = firsts.kept(plan, lead, state)
    look = _Look(plan, lead, now, since, closely=closely, asking=asking, waking=waking)
    decision = _decided(look, signals, state)
    if not waking or decision.is_cut_short or look.found is None:  # mostly it is known already
        return decision
    after, view, seen = look.found
    return replace(decision, wake=wake.next_wake(plan, after, view, seen))


def weighed(
    plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime, *, since: datetime
) -> tuple[Decision, LeadView]:
    """The decision without the next look, and the lead as it then stands: for forecasts, which ask what bears on it."""
    lead, state = firsts.kept(plan, lead, state)
    look = _Look(plan, lead, now, since, closely=False, waking=False)
    decision = _decided(look, signals, state)
    if look.resting is not None:
        return decision, look.resting
    after = decision.state
    times = occurrences(plan.unions, employer.of_this_job(signals, after.employer), now)
    return decision, LeadView(plan, lead, times, after.entry, after.holds, now, after).settle()


def _decided(look: _Look, signals: Sequence[Signal], state: LeadState) -> Decision:
    plan, lead, now, since = look.plan, look.lead, look.now, look.since
    earlier: tuple[StageEntry, ...] = ()
    grounds: Mapping[int, tuple[Ground, ...]] = {}
    at = _catches_up_at(plan, lead, state, now, since)
    if at == now and state.policy is not None:
        resting = _at_rest_under_both(look, signals, state)
        if resting is not None:
            return resting
    if at is not None:
        old = [one for one in signals if one.seen or one.occurred_at < since]
        # Before the activation everything is quiet; else what came after it is an event, and left for below.
        new = work.new_signals(plan, signals, since, now)
        run = Run(plan, lead, old, state, at, new, since, quiet_until=since if now >= since else END_OF_TIME)
        state, earlier = replace(run.state_after(), refused=state.refused), run.entries
        grounds = run.course.grounds
    decision = _evaluate(look, signals, state, earlier)
    if grounds:
        decision = replace(decision, grounds={**grounds, **decision.grounds})
    if look.asking and decision.state.requests:
        return replace(decision, is_cut_short=True)
    for _ in range(MOST_ROUNDS):
        if look.found is None:
            break
        state = decision.state
        seen = [one if one.seen or one.occurred_at > now else replace(one, seen=True) for one in signals]
        decision = joined(decision, _evaluate(look, seen, state, ()))
    return decision


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


def _at_rest_under_both(look: _Look, signals: Sequence[Signal], state: LeadState) -> Decision | None:
    """A policy that comes at this very moment finds the lead at rest: then there is nothing to catch up with.

    What would be quiet changes nothing, and no more does what would be aloud. None: look at both.
    """
    if any(not one.seen and one.occurred_at >= look.since for one in signals):
        return None
    return _at_a_glance(look, signals, altered(state, policy=look.plan.policy.hash), ())


def _at_a_glance(
    look: _Look, signals: Sequence[Signal], state: LeadState, earlier: tuple[StageEntry, ...]
) -> Decision | None:
    if look.closely:
        return None
    signals = employer.of_this_job(signals, state.employer)
    glimpse = look.glimpse = rest.glance(look.plan, look.lead, signals, state, look.now, look.since)
    look.resting = view = glimpse.view if glimpse.rests else None
    return rest.decision(look.plan, view, state, signals, earlier, waking=look.waking) if view is not None else None


def _evaluate(look: _Look, signals: Sequence[Signal], state: LeadState, earlier: tuple[StageEntry, ...]) -> Decision:
    look.found, before = None, state
    resting = _at_a_glance(look, signals, state, earlier)
    if resting is not None:
        return resting
    plan, lead, now, since = look.plan, look.lead, look.now, look.since
    signals = employer.of_this_job(signals, state.employer)
    unseen = [one for one in signals if not one.seen and one.occurred_at <= now]
    new = work.new_signals(plan, unseen, since, now)
    tasks, done = work.just_done(state.tasks, now)
    state = altered(state, tasks=tasks)
    progress = cadences.progress(plan, state, now)
    state = routing.granted(altered(state, cadences=progress.runs), lead)
    glimpse = look.glimpse if state is before else NO_GLIMPSE
    run = Run(plan, lead, signals, state, now, new, since, quiet_until=None, glimpse=glimpse)
    view, refused = run.course.view, run.course.refused
    events = Events(
        before=state.entry,
        arrival=run.entries[-1] if run.entries else None,
        signals=new,
        turned=turned(state.edges, run.edges),
        now=now,
        since=since,
        trail=run.standing.trail,
        late=len(unseen) > len(new),
        done=done,
        finished=progress.finished,
    )
    acts, worked = _act(plan, run.standing, view, events, asking=look.asking)
    view = acts.view
    if look.asking and acts.requests:
        return _asked(run.standing, acts, (*earlier, *run.entries))
    if refused is not None and _is_untold(refused, state):
        refusals.notify(plan, view, refused.as_remembered, acts)
    if run.course.stuck != state.stuck:
        refusals.notify_breaker(plan, view, run.course.stuck, acts)
    holds, overruled = publish.run_out(run.holds, view)
    if not acts.silent:
        acts.settings.update(run.forgotten)
    settings = publish.settings_after(state, lead, acts.settings, now)
    published = publish.scores_after(plan, state, view)
    after = altered(run.standing, **run.moved(), **worked, **published, holds=holds, settings=settings)
    is_last = not plan.fed_back or after is before or same_work(plan.fed_back, after, before)
    if not is_last:
        look.found = (after, view, signals)
    is_stage_ours = view.entry is not None and view.entry.stage in plan.policy.stages
    is_kept = refused is not None and not run.course.entries and plan.policy.manual_moves.refused == "keep"
    return Decision(
        state=after,
        desired={} if acts.silent else publish.desired(plan, after, view),
        stage_desired=view.entry.stage if view.entry and is_stage_ours and not is_kept and not acts.silent else None,
        entries=(*earlier, *run.entries),
        tasks_changed=_changed(tasks, acts),
        fired=tuple(dict.fromkeys(acts.fired)),
        scores=view.exacts(),
        overruled=(*overruled, *_refusals(run.course.refused, view, state)),
        wake=wake.next_wake(plan, after, view, signals) if look.waking and is_last else None,
        owners={} if acts.silent else publish.owners(after, view),
        requests=tuple(acts.requests.values()),
        deals_changed=tuple(acts.deals.values()),
        notes=tuple(acts.notes.values()),
        notices=tuple(acts.notices.values()),
        enrolments=tuple(acts.enrolments.values()),
        shadowed=tuple(dict.fromkeys(acts.shadowed)),
        grounds=run.course.grounds,
        clocks=tuple(acts.clocks),
        absent_until=acts.absent_until,
    )


def _asked(state: LeadState, acts: Acts, entries: tuple[StageEntry, ...]) -> Decision:
    """As far as it came before pools were asked."""
    return Decision(
        state=altered(state, requests=(*state.requests, *acts.requests.values())),
        desired={},
        stage_desired=None,
        entries=entries,
        tasks_changed=(),
        fired=tuple(dict.fromkeys(acts.fired)),
        scores={},
        overruled=(),
        wake=None,
        absent_until=acts.absent_until,
        is_cut_short=True,
    )


def _changed(before: Sequence[Task], acts: Acts) -> tuple[Task, ...]:
    """The tasks that are new or other than before."""
    if not acts.tasks:
        return ()
    standing = {task.key: task for task in before}
    return tuple(task for key, task in acts.tasks.items() if standing.get(key) != task)


def _act(
    plan: Plan, state: LeadState, view: LeadView, events: Events, *, asking: bool
) -> tuple[Acts, dict[str, object]]:
    """Do what this evaluation's events call for, and bring the open work in line with where the lead now stands; with
    what becomes of the state by it. `asking`: no further than where the lead's owner is asked for.

    Clocks come first, since a breach is an event for rules; cadences last, since rules start and stop them.
    """
    acts = Acts(plan, view, silent=not reach.acts_on(plan, view))
    given, state = state.deals, handoff.owned(state)
    if state.deals is given and rest.has_no_work(state, view.lead) and not (events.came or events.late):
        return acts, {}
    acts.deals.update((deal.key, deal) for deal in state.deals if deal not in given)
    ticked = sla.tick(plan, state, view, events)
    acts.clocks += ticked.changed
    acts.rest_on(ticked.absent_until)
    for task in state.tasks:
        settled = handoff.is_settled(view, state.edges, task)
        ends = acts.silent or settled or sla.is_over(plan, ticked.runs, task.key)
        acts.tasks[task.key] = work.in_line(plan, task, view, ends=ends)
    if ticked.breached:
        events = replace(events, breached=ticked.breached)
    acts.do(ticked.triggers)
    acts.do(work.routed(plan, view, events))
    if asking and acts.requests:
        return acts, {}
    acts.do(work.triggered(plan, acts.view, events))
    recalls.step(plan, acts.view, events, acts)
    handoff.hand_over(plan, state, acts.view, events, acts)
    if view.lead.not_enrolled:
        state = altered(state, edges=by_hand.ask_people(state.cadences, acts.view, acts, state.edges))
    runs = cadences.turned_to(plan, state.cadences, acts.view, events, acts)
    if state.waiting or acts.waiting:  # now that it is known which tasks end: they make room
        pressure.released(acts.view, (*state.waiting, *acts.waiting.values()), acts)
    runs = cadences.step(plan, runs, acts.view, acts) if runs else runs
    edges = _see_to_people(plan, state, acts, ticked.runs)
    edges = two_people.told(plan, acts, tuple(events.signals), edges)
    tasks = tuple(acts.tasks.values())
    return acts, {
        "edges": edges,
        "tasks": work.remembered(tasks, view),
        "clocks": ticked.runs,
        "cadences": runs,
        "waiting": tuple(acts.waiting.values()),
        "deals": (*state.deals, *(deal for deal in acts.deals.values() if deal not in state.deals)),
        "requests": routing.still_open(
            state.requests, tuple(acts.requests.values()), frozenset(acts.answered), tasks, acts.view
        ),
        "assigned": acts.view.state.assigned,
    }


def _see_to_people(plan: Plan, state: LeadState, acts: Acts, clocks: Mapping[str, ClockRun]) -> Mapping[str, Edge]:
    """Ask for people: for work whose owner is away, and for tasks of pools; then every task goes with its owner.

    Returns the memory with what was asked for those who are away.
    """
    edges = state.edges
    wants_people = acts.view.lead.away or any(task.pool is not None for task in acts.tasks.values())
    if wants_people and not acts.silent and not forbidden(plan, acts.view, "assign"):
        found = Work(tasks=tuple(acts.tasks.values()), clocks=clocks, edges=edges)
        for name, request in departures.moved(plan, acts.view, found):
            acts.ask(request)
            edges = {**edges, name: Edge(truth=None, turned=1, turned_at=acts.view.now)}
        waiting = {one.key for one in state.requests}
        for request in routing.of_tasks(plan, acts.view, tuple(acts.tasks.values())):
            if request.key not in waiting:
                acts.ask(request)
    for key, task in acts.tasks.items():
        if task.state is WorkState.OPEN:
            acts.tasks[key] = follow(task, acts.view)
    return edges


def _is_untold(refused: Judgement, state: LeadState) -> bool:
    return state.refused is None or refused.report.moved_at > state.refused.at


def _refusals(refused: Judgement | None, view: LeadView, state: LeadState) -> tuple[Overruled, ...]:
    """The refused move of a person, told once."""
    if refused is None or not _is_untold(refused, state):
        return ()
    kept = view.entry.stage if view.entry else BLANK
    return (Overruled(field="stage", kept=kept, lost=refused.report.stages[0], rule=refused.rule),)
