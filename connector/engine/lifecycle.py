"""Moves: a person's, judged by `manual_moves`, and the policy's own transitions, to a fixpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time

from connector.domain.lead import Actor, StageReport
from connector.domain.state import LeadState, Mover, StageEntry
from connector.domain.value import is_known
from connector.engine import recycle
from connector.engine.plan import Plan
from connector.engine.view import LeadView
from connector.policy.model import Transition

Look = Callable[[StageEntry | None], LeadView]
"""A fresh view of the lead as if it stood in this stage entry."""

LIMITS = "limits"
"""The transition id recorded when the loop limit of recycle.yaml moves a lead on."""


@dataclass(slots=True)
class Course:
    """What the moves of one evaluation came to; `view` is the lead where it came to rest."""

    view: LeadView
    entries: list[StageEntry] = field(default_factory=list)
    recycled_at: tuple[datetime, ...] = ()
    stuck: str | None = None
    refused: StageReport | None = None


def adopt(plan: Plan, view: LeadView, report: StageReport | None, entered_at: datetime) -> StageEntry | None:
    """The first stage of a lead that we have not seen before: where its CRM says it stands, else the first one."""
    stages = plan.policy.stages
    if not stages:
        return None
    stage = report.stages[0] if report is not None and report.stages else next(iter(stages))
    reason = _given_reason(plan, view, raw=True) if stages[stage].side else None
    return StageEntry(seq=1, stage=stage, entered_at=entered_at, mover=Mover.START, reason=reason, initial=True)


def run(plan: Plan, state: LeadState, look: Look, view: LeadView, *, quiet: bool) -> Course:
    """Judge the person's move, if there is one, then apply transitions until none applies.

    `quiet` marks the entries as adopted: they start nothing (a policy's activation is not an event).
    """
    course = Course(view=view, recycled_at=state.recycled_at)
    if view.entry is None:
        return course
    _manual_move(plan, course, look, quiet=quiet)
    _transitions(plan, state, course, look, quiet=quiet)
    for place, entry in enumerate(course.entries[:-1]):
        course.entries[place] = replace(entry, passed=True)
    return course


# ── a person's move ──────────────────────────────────────────────────────────────────────────────────────────
def _manual_move(plan: Plan, course: Course, look: Look, *, quiet: bool) -> None:
    view = course.view
    report = view.lead.stage_report
    entry = view.entry
    if report is None or entry is None or report.first_sight or not report.stages or entry.stage in report.stages:
        return
    if report.actor is Actor.TASUKI:
        return
    target = report.stages[0]
    if not _allowed(plan, view, entry.stage, target):
        course.refused = report
        return
    reason = _given_reason(plan, view, raw=False)
    moved = StageEntry(
        seq=entry.seq + 1,
        stage=target,
        entered_at=max(min(report.moved_at, view.now), entry.entered_at),
        mover=Mover.PERSON,
        reason=reason if plan.policy.stages[target].side else None,
        initial=quiet,
    )
    _enter(plan, course, look, moved)


def _allowed(plan: Plan, view: LeadView, source: str, target: str) -> bool:
    """Whether `manual_moves` lets a person move this lead so: what must be given has been given."""
    rules = plan.policy.manual_moves
    stages = plan.policy.stages
    if stages[target].side:
        return rules.to_side_allowed and _given(plan, view, rules.to_side_needs)
    if not stages[source].side and plan.order[target] < plan.order[source]:
        return rules.backward_allowed and _given(plan, view, rules.backward_needs)
    return rules.forward == "allowed"


def _given(plan: Plan, view: LeadView, needs: str | None) -> bool:
    if needs is None:
        return True
    if needs == "reason":
        return _given_reason(plan, view, raw=False) is not None
    return is_known(view.value(needs))


def _given_reason(plan: Plan, view: LeadView, *, raw: bool) -> str | None:
    """The reason that a person gave in this stage (`raw`: at any time)."""
    for name in plan.reason_fields:
        value = view.lead.fact(name).value if raw else view.value(name)
        if isinstance(value, str):
            return value
    return None


# ── the policy's moves ───────────────────────────────────────────────────────────────────────────────────────
def _transitions(plan: Plan, state: LeadState, course: Course, look: Look, *, quiet: bool) -> None:
    """Try transitions in file order until none applies. A stage that comes round again is a loop: cut, and told."""
    path = [course.view.entry.stage] if course.view.entry else []
    while (entry := course.view.entry) is not None:
        chosen = next((one for one in plan.from_stage[entry.stage] if _applies(plan, one, course.view)), None)
        if chosen is None:
            return
        target, transition = chosen.target, chosen.id
        reason = _reason(chosen, course.view)
        if _is_recycling(plan, target, reason) and _over_limit(plan, state, course):
            target, transition = plan.policy.recycle.then, LIMITS  # type: ignore[union-attr,assignment]
        if target in path:
            course.stuck = "→".join([*path, target])
            return
        path.append(target)
        moved = StageEntry(
            seq=entry.seq + 1,
            stage=target,
            entered_at=course.view.now,
            mover=Mover.RULE,
            transition=transition,
            reason=reason,
            initial=quiet,
        )
        _enter(plan, course, look, moved)


def _applies(plan: Plan, transition: Transition, view: LeadView) -> bool:
    if transition.when.test(view) is not True:
        return False
    entry = view.entry
    if entry is None or entry.mover is not Mover.PERSON:
        return True
    return has_new_evidence(plan, transition, view, entry.entered_at)


def has_new_evidence(plan: Plan, transition: Transition, view: LeadView, since: datetime) -> bool:
    """People win until something new happens: a signal, a changed field or a date reached after their move.

    A score that already stood is no evidence: only the facts below it count.
    """
    for name in plan.evidence[transition.id]:
        if name.startswith("signal."):
            times = view.times(name.removeprefix("signal."))
            if times and times[-1] > since:
                return True
        elif name == "recycle.due":
            due = recycle.due_at(view)
            if due is not None and since < due <= view.now:
                return True
        else:
            fact = view.lead.fact(name)
            if fact.changed_at is not None and fact.changed_at > since and fact.actor is not Actor.TASUKI:
                return True
            if isinstance(fact.value, date) and since < _moment(fact.value, view) <= view.now:
                return True
    return False


def _moment(value: date | datetime, view: LeadView) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time(), view.zone).astimezone(UTC)


def _reason(transition: Transition, view: LeadView) -> str | None:
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


def _is_recycling(plan: Plan, target: str, reason: str | None) -> bool:
    """True for a move to a side stage from which the lead comes again."""
    rules = plan.policy.recycle
    if rules is None or reason is None or not plan.policy.stages[target].side:
        return False
    found = rules.reasons.get(reason)
    return found is not None and found.again is not None


def _over_limit(plan: Plan, state: LeadState, course: Course) -> bool:
    rules = plan.policy.recycle
    if rules is None or rules.then is None:
        return False
    return recycle.limit_reached(plan.policy, replace(state, recycled_at=course.recycled_at), course.view.now)


def _enter(plan: Plan, course: Course, look: Look, entry: StageEntry) -> None:
    course.entries.append(entry)
    if _is_recycling(plan, entry.stage, entry.reason):
        course.recycled_at = (*course.recycled_at, entry.entered_at)
    course.view = look(entry)
