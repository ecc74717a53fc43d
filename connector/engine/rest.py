"""The short way for a lead at rest: nothing has come to it, nothing of it is due, no rule moves it. Pure.

That is how most leads stand at most looks. Such a lead comes to values, scores and the moment to look again; all that
events and work would ask is passed over. `glance` gives up wherever one of them might have a say, and `decide` looks
closely then, from what has been seen so far. Both ways come to the same, which every story of the tests checks at every
step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from connector.domain.decision import Decision
from connector.domain.lead import Actor, FieldFact, Lead
from connector.domain.runs import CadenceRun, ClockRun
from connector.domain.signal import Signal
from connector.domain.state import Edge, LeadState, Mover, StageEntry, altered
from connector.domain.value import UNREAD
from connector.engine import employer, events, handoff, publish, reach, standing, wake
from connector.engine.view import LeadView, occurrences

if TYPE_CHECKING:
    from connector.engine.plan import Plan


class Glimpse(NamedTuple):
    """What a glance came to: the lead as it stands, what is remembered of events if it stays there, whether it rests.

    None of what was not looked at, since something before it asks for a closer look already.
    """

    view: LeadView | None = None
    edges: Mapping[str, Edge] | None = None
    rests: bool = False


NO_GLIMPSE = Glimpse()

_ACTOR = attrgetter("actor")
_NOT_WRITTEN = FieldFact(value=UNREAD)


def glance(
    plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime, since: datetime
) -> Glimpse:
    """Whether the lead rests. No person has touched it since the last look where a view comes back."""
    entry = state.entry
    if entry is None or not (_is_idle(plan, state) and _is_left_alone(plan, lead, state)):
        return NO_GLIMPSE
    if employer.seen(plan, state, lead, now, None) is not state.employer:
        return NO_GLIMPSE
    for one in signals:
        if not one.seen and one.occurred_at <= now and _is_heard(plan, one, entry):
            return NO_GLIMPSE
    ways_out = plan.program.ways_out.get(entry.stage)
    if ways_out is None:
        return NO_GLIMPSE
    view = LeadView(plan, lead, occurrences(plan.unions, signals, now), entry, state.holds, now, state).settle()
    if ways_out(view) or not reach.acts_on(plan, view):
        return Glimpse(view)
    edges = handoff.edges_after(plan, events.edges_after(plan, state.edges, view, since, None), view, None, None)
    if edges is not state.edges:
        return Glimpse(view, edges)
    return Glimpse(view, edges, has_no_work(state, lead) or standing.rests(plan, state, view, since))


def decision(
    plan: Plan,
    view: LeadView,
    state: LeadState,
    signals: Sequence[Signal],
    earlier: tuple[StageEntry, ...],
    *,
    waking: bool,
) -> Decision:
    """What a lead at rest comes to."""
    assert view.entry is not None
    after = altered(state, **publish.scores_after(plan, state, view))
    return Decision(
        state=after,
        desired=publish.desired(plan, after, view),
        stage_desired=view.entry.stage,
        entries=earlier,
        tasks_changed=(),
        fired=(),
        scores=view.exacts(),
        overruled=(),
        wake=wake.next_wake(plan, after, view, signals) if waking else None,
        owners=publish.owners(after, view),
    )


def has_no_work(state: LeadState, lead: Lead) -> bool:
    """True when nothing is open for this lead: no task, clock or cadence, nothing held back, nobody asked for or away.

    What such a lead comes to by itself is a stage, values and scores; only an event brings work.
    """
    if state.tasks or state.requests or state.waiting or lead.away or lead.not_enrolled:
        return False
    return not (_is_one_running(state.clocks.values()) or _is_one_running(state.cadences.values()))


def _is_one_running(runs: Iterable[ClockRun | CadenceRun]) -> bool:
    for run in runs:  # noqa: SIM110  a generator costs twice as much here
        if run.running:
            return True
    return False


def _is_idle(plan: Plan, state: LeadState) -> bool:
    """True when this policy has seen the lead, and nothing that is remembered of it is still to be done."""
    begun = state.trail
    return (
        state.policy == plan.policy.hash
        and state.stuck is None
        and not (state.holds or state.settings)
        and (len(begun) != 1 or begun[0] is state.entry or begun[0] == state.entry)
        and handoff.owned(state) is state
    )


def _is_heard(plan: Plan, signal: Signal, entry: StageEntry) -> bool:
    """True for a new signal that may be more than one more of its kind: somebody waits for it, a colleague logged it,
    or it tells that the lead began earlier.
    """
    return (
        signal.kind in plan.signals_waited_for
        or signal.by is not None
        or (entry.mover is Mover.START and signal.occurred_at < entry.entered_at)
    )


def _is_left_alone(plan: Plan, lead: Lead, state: LeadState) -> bool:
    """True when no person has moved the lead or written over what the policy works out."""
    if lead.stage_report is not None or not standing.may_rest(state, lead):
        return False
    written = map(lead.fields.get, plan.computed_names, repeat(_NOT_WRITTEN))
    return Actor.PERSON not in map(_ACTOR, written)
