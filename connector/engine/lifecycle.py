"""Moves: a person's, as `manual` judges it, and the policy's own transitions, to a fixpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connector.domain.decision import Ground
from connector.domain.lead import StageReport
from connector.domain.state import LeadState, Mover, StageEntry
from connector.engine import breaker, evidence, gates, manual, recycle
from connector.engine.manual import Judgement
from connector.engine.plan import Plan
from connector.engine.view import LeadView
from connector.policy.model import Recycle, Transition

Look = Callable[[StageEntry], LeadView]
"""A fresh view of the lead as if it stood in this stage entry."""

PERSON = "person"
"""The ground of a person's move: who made it."""

LIMITS = "limits"
"""The transition id recorded when the loop limit of recycle.yaml moves a lead on."""


@dataclass(slots=True)
class Course:
    """What the moves of one evaluation came to; `view` is the lead where it came to rest.

    `quiet_until` is set while a policy catches up with a lead: its entries are no events, and what came after that
    moment is left for the pass that is aloud.
    """

    view: LeadView
    quiet_until: datetime | None
    recycled_at: tuple[datetime, ...]
    settled_at: datetime | None
    stuck: str | None
    sent_back: int
    trail: tuple[StageEntry, ...]  #: The lead's latest entries when the evaluation began.
    entries: list[StageEntry] = field(default_factory=list)
    refused: Judgement | None = None
    grounds: dict[int, tuple[Ground, ...]] = field(default_factory=dict)  #: What an entry (by seq) rests on.


def adopt(
    plan: Plan, view: LeadView, report: StageReport | None, began: datetime, latest: datetime, *, quiet: bool
) -> StageEntry | None:
    """The first stage of a lead that we have not seen before: where its CRM says it stands, else the first one.

    In the first stage it stands since it `began`; in a later one since its CRM moved it there. That moment is often
    no more than a bound, so that it is not put after `latest`, the first new thing that the lead did.
    """
    stages = plan.policy.stages
    if not stages:
        return None
    first = next(iter(stages))
    stage = report.stages[0] if report is not None and report.stages else first
    entered_at = began
    if stage != first and report is not None:
        earliest = view.entry.entered_at if view.entry else view.lead.created_at
        entered_at = max(earliest, min(report.moved_at, latest, view.now))
    return StageEntry(
        seq=view.entry.seq + 1 if view.entry else 1,
        stage=stage,
        entered_at=entered_at,
        mover=Mover.START,
        reason=manual.given_reason(plan, view, stage, raw=True) if stages[stage].side else None,
        initial=quiet,
    )


def run(
    plan: Plan,
    state: LeadState,
    look: Look,
    view: LeadView,
    *,
    quiet_until: datetime | None,
    forced: Sequence[StageEntry] = (),
) -> Course:
    """Follow the person's move, if there is one, then apply transitions until none applies.

    `forced` are entries that come before all others: what they end is not judged by its last move.
    """
    stuck = None if breaker.is_named(state.stuck) else state.stuck
    course = Course(view, quiet_until, state.recycled_at, state.settled_at, stuck, state.sent_back, state.trail)
    if view.entry is None:
        return course
    for entry in forced:
        _enter(plan, course, look, entry)
    judgement = manual.judge(plan, state, view, quiet=quiet_until is not None) if not forced else None
    if judgement is not None and judgement.follow is True:
        course.settled_at = judgement.report.moved_at
        if judgement.entry is not None:
            if judgement.report.person is not None:
                course.grounds[judgement.entry.seq] = (Ground(name=PERSON, value=judgement.report.person),)
            _enter(plan, course, look, judgement.entry)
    elif judgement is not None and judgement.follow is False:
        course.refused = judgement
    _transitions(plan, course, look)
    if course.refused is not None and course.entries:
        course.settled_at = course.refused.report.moved_at  # the lead has gone on: it is not judged from there
    for place, entry in enumerate(course.entries[:-1]):
        course.entries[place] = replace(entry, passed=True)
    return course


def _transitions(plan: Plan, course: Course, look: Look) -> None:
    """Try transitions in file order until none applies. A stage that comes round again is a loop: cut, and told."""
    path = [course.view.entry.stage] if course.view.entry else []
    while (moved := _next(plan, course, path)) is not None:
        path.append(moved.stage)
        _enter(plan, course, look, moved)


def _next(plan: Plan, course: Course, path: list[str]) -> StageEntry | None:
    """The entry that the first applicable transition makes; one that closes a loop or is at rest is passed over."""
    view = course.view
    if view.entry is None:
        return None
    ways_out = plan.program.ways_out.get(view.entry.stage)
    for transition in ways_out(view) if ways_out is not None else ():
        if not may_act(plan, transition, view, course.stuck):
            continue
        if course.quiet_until is not None and _is_newer(plan, transition, view, course.quiet_until):
            return None
        moved = _moved(plan, transition, course, view.entry)
        if breaker.rests_until((*course.trail, *course.entries), view.entry.stage, moved.stage, view.now):
            course.stuck = breaker.named(view.entry.stage, moved.stage)
            continue
        if moved.stage not in path:
            course.grounds[moved.seq] = evidence.grounds(transition, view)
            return moved
        course.stuck = "→".join([*path, moved.stage])
    return None


def may_act(plan: Plan, transition: Transition, view: LeadView, stuck: str | None) -> bool:
    """True when a transition whose condition holds has a reason that counts, passes its gate, and waits for nothing."""
    if not recycle.counts(view, reason_of(transition, view)):
        return False
    if transition.gate is not None and gates.passes(view, plan.policy.gates[transition.gate]) is not True:
        return False
    return evidence.is_free(plan, transition, view, stuck)


def _is_newer(plan: Plan, transition: Transition, view: LeadView, since: datetime) -> bool:
    """True when a transition rests on a fact that came after the activation: that one is an event."""
    return evidence.is_newer(plan.evidence[transition.id], view, since)


def _moved(plan: Plan, transition: Transition, course: Course, entry: StageEntry) -> StageEntry:
    view = course.view
    target, name, reason = transition.target, transition.id, reason_of(transition, view)
    if reason is None and "recycle.due" in transition.when.names:
        reason = entry.reason  # it comes again for the reason for which it went
    limits = plan.policy.recycle
    if limits is not None and limits.then is not None and _is_recycling(plan, limits, target, reason):  # noqa: SIM102
        if recycle.limit_reached(plan.policy, course.recycled_at, view.now):
            target, name = limits.then, LIMITS
    return StageEntry(
        seq=entry.seq + 1,
        stage=target,
        entered_at=view.now,
        mover=Mover.RULE,
        transition=name,
        reason=reason,
        initial=course.quiet_until is not None,
    )


def reason_of(transition: Transition, view: LeadView) -> str | None:
    """Why this transition moves the lead: its own reason, or the one that a person gave; None: it gives none."""
    if transition.reason is not None:
        return transition.reason
    names = [transition.reason_field] if transition.reason_field else sorted(transition.when.names)
    for name in names:
        definition = view.policy.fields.get(name)
        if definition is not None and definition.answer:
            value = view.value(name)
            if isinstance(value, str) and view.policy.recycle and value in view.policy.recycle.reasons:
                return value
    return None


def _is_recycling(plan: Plan, rules: Recycle, target: str, reason: str | None) -> bool:
    """True for a move to a side stage from which the lead comes again."""
    found = rules.reasons.get(reason) if reason is not None else None
    return found is not None and found.again is not None and plan.policy.stages[target].side


def _came_back_at(plan: Plan, before: StageEntry, entry: StageEntry) -> datetime | None:
    """When the round began in which the lead is now: with this entry, if it leads back into or up the main line."""
    source, target = plan.policy.stages.get(before.stage), plan.policy.stages[entry.stage]
    if source is None or target.side or (not source.side and plan.order[target.id] > plan.order[source.id]):
        return before.came_back_at
    return entry.entered_at


def _is_sent_back(plan: Plan, before: StageEntry, entry: StageEntry) -> bool:
    """True when somebody sent the lead back or aside, and why is known."""
    source, target = plan.policy.stages.get(before.stage), plan.policy.stages[entry.stage]
    if source is None or source.side or entry.reason is None or entry.initial:
        return False
    return target.side or plan.order[target.id] < plan.order[source.id]


def _enter(plan: Plan, course: Course, look: Look, entry: StageEntry) -> None:
    before = course.view.entry
    if before is not None:
        entry = replace(entry, came_back_at=_came_back_at(plan, before, entry))
        course.sent_back += _is_sent_back(plan, before, entry)
    course.entries.append(entry)
    course.stuck = None
    rules = plan.policy.recycle
    if rules is not None and entry.transition != LIMITS and _is_recycling(plan, rules, entry.stage, entry.reason):
        recent = recycle.counted(plan.policy, course.recycled_at, entry.entered_at)
        course.recycled_at = (*recent, entry.entered_at)
    course.view = look(entry)
