"""People's moves: allowed, refused, or to be given a reason first, as `manual_moves` and the gates say."""

from __future__ import annotations

from dataclasses import dataclass

from connector.domain.lead import Actor, StageReport
from connector.domain.state import LeadState, Mover, Refusal, StageEntry
from connector.domain.value import Truth, is_known
from connector.engine import gates, recycle
from connector.engine.plan import Plan
from connector.engine.view import LeadView


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be done with a person's move: follow it, refuse it (`rule` says by what), or wait (None).

    `entry` is None also where a move is followed that leads to where the lead stands.
    """

    report: StageReport
    entry: StageEntry | None
    follow: Truth
    rule: str

    @property
    def as_remembered(self) -> Refusal:
        """What is remembered of a refused move."""
        return Refusal(at=self.report.moved_at, stage=self.report.stages[0], rule=self.rule)


def judge(plan: Plan, state: LeadState, view: LeadView, *, quiet: bool) -> Judgement | None:
    """The judgement on the move that the CRM reports; None when there is none to judge.

    A move is followed once: what our own rules made of the lead afterwards is not undone by the same report.
    """
    report, entry = view.lead.stage_report, view.entry
    if report is None or entry is None or report.first_sight or not report.stages:
        return None
    if report.actor is Actor.TASUKI or report.moved_at > view.now:
        return None
    if state.settled_at is not None and report.moved_at <= state.settled_at:
        return None
    if entry.stage in report.stages:
        return Judgement(report, None, True, "")
    target = report.stages[0]
    follow, rule = _allowed(plan, view, entry.stage, target)
    if follow is not True:
        return Judgement(report, None, follow, rule)
    moved = StageEntry(
        seq=entry.seq + 1,
        stage=target,
        entered_at=max(report.moved_at, entry.entered_at),
        mover=Mover.PERSON,
        reason=_reason(plan, view, entry.stage, target),
        initial=quiet,
    )
    return Judgement(report, moved, True, rule)


def _reason(plan: Plan, view: LeadView, source: str, target: str) -> str | None:
    """Why a person moved the lead aside or back."""
    if plan.policy.stages[target].side:
        return given_reason(plan, view, target, raw=False)
    needs = plan.policy.manual_moves.backward_needs
    if not _is_backward(plan, source, target) or needs is None:
        return None
    given = given_reason(plan, view, target, raw=False) if needs == "reason" else view.value(needs)
    return given if isinstance(given, str) and recycle.counts(view, given) else None


def _is_backward(plan: Plan, source: str, target: str) -> bool:
    return not plan.policy.stages[source].side and plan.order[target] < plan.order[source]


def given_reason(plan: Plan, view: LeadView, target: str, *, raw: bool) -> str | None:
    """The reason for being in a side stage that a person gave in the present stage, if it counts.

    `raw`: whenever it was given, and whether or not it counts.
    """
    for name in plan.reasons_for(target):
        value = view.lead.fact(name).value if raw else view.value(name)
        if isinstance(value, str) and (raw or recycle.counts(view, value)):
            return value
    return None


def _allowed(plan: Plan, view: LeadView, source: str, target: str) -> tuple[Truth, str]:
    """Whether a person may move this lead so, and the rule that says it: what must be given has been given."""
    rules, stages = plan.policy.manual_moves, plan.policy.stages
    if stages[target].side:
        return rules.to_side_allowed and _given(plan, view, rules.to_side_needs, target), "manual_moves.to_side"
    if _is_backward(plan, source, target):
        return rules.backward_allowed and _given(plan, view, rules.backward_needs, target), "manual_moves.backward"
    if rules.forward != "allowed":
        return False, "manual_moves.forward"
    for gate in plan.gates_into(target):
        if (truth := gates.passes(view, gate)) is not True:
            return truth, f"gate.{gate.id}"
    return True, "manual_moves.forward"


def _given(plan: Plan, view: LeadView, needs: str | None, target: str) -> bool:
    if needs is None:
        return True
    if needs == "reason":
        return given_reason(plan, view, target, raw=False) is not None
    given = view.value(needs)
    return is_known(given) and recycle.counts(view, given if isinstance(given, str) else None)
