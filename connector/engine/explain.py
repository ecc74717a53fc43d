"""Why a lead stands where it does: which rules gave which points from which events, and what is unknown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.domain.effects import Enrolment, Task
from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import Hold, LeadState, StageEntry
from connector.domain.value import Truth, Value
from connector.engine import employer, evidence, gates, lifecycle, pressure, recycle, refusals, wake
from connector.engine.plan import Plan
from connector.engine.view import LeadView, occurrences
from connector.engine.words import label_in, rule_label
from connector.policy.model import Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePart:
    """One rule's points now, and the occurrences that they come from (latest last)."""

    rule: str
    label: str
    points: float
    full_points: float
    at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A rule that says nothing yet because these names are unknown."""

    rule: str
    label: str
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreWhy:
    """One score: its value now, its limits' effect, its parts."""

    id: str
    value: float
    published: float | None
    parts: tuple[ScorePart, ...]
    undecided: tuple[Undecided, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveWhy:
    """A transition out of the present stage: true, false, or unknown for want of these names.

    `missing` are the labels of what its gate still asks for; `waits` says that its condition holds, but that a
    person's move stands against it until something new happens; `held` that its reason was given too early.
    """

    transition: str
    target: str
    truth: Truth
    unknown: tuple[str, ...]
    condition: str
    missing: str = ""
    waits: bool = False
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that `tasuki explain` prints, for one moment."""

    at: datetime
    entry: StageEntry | None
    total: float
    scores: tuple[ScoreWhy, ...]
    values: tuple[tuple[str, Value], ...]
    moves: tuple[MoveWhy, ...]
    holds: tuple[tuple[str, Hold], ...]
    tasks: tuple[Task, ...]
    stuck: str | None
    wake_at: datetime | None
    wake_why: str | None
    hold_off: str = ""  #: The contact limit that is reached, in words.
    waiting: tuple[Enrolment, ...] = ()  #: Enrolments that it holds back.


def explain(plan: Plan, lead: Lead, signals: Sequence[Signal], state: LeadState, now: datetime) -> Explanation:
    """Explain the lead as it stood after its last evaluation, with points as of `now`."""
    signals = employer.of_this_job(signals, state.employer)
    view = LeadView(plan, lead, occurrences(plan.unions, signals, now), state.entry, state.holds, now, state)
    stage = state.entry.stage if state.entry else ""
    total = view.value("score.total") if plan.policy.total else 0.0
    next_wake = wake.next_wake(plan, state, view, signals)
    return Explanation(
        at=now,
        entry=state.entry,
        total=float(total) if isinstance(total, int | float) else 0.0,
        scores=tuple(_score(view, state, score_id) for score_id in plan.policy.scores),
        values=tuple((field.name, view.value(field.name)) for field in plan.policy.computed),
        moves=tuple(_move(view, plan, state, transition) for transition in plan.from_stage.get(stage, ())),
        holds=tuple((name, hold) for name, hold in state.holds.items() if view.is_held(name)),
        tasks=state.tasks,
        stuck=state.stuck,
        wake_at=next_wake.at if next_wake else None,
        wake_why=next_wake.why.value if next_wake else None,
        hold_off=pressure.told(view, state.tasks),
        waiting=state.waiting,
    )


def _score(view: LeadView, state: LeadState, score_id: str) -> ScoreWhy:
    result = view.score(score_id)
    return ScoreWhy(
        id=score_id,
        value=result.value,
        published=state.published.get(score_id),
        parts=tuple(
            ScorePart(
                rule=one.rule.id,
                label=rule_label(view, one.rule),
                points=one.points,
                full_points=one.rule.points * max(1, len(one.at)),
                at=one.at,
            )
            for one in result.contributions
        ),
        undecided=tuple(
            Undecided(
                rule=rule.id,
                label=label_in(rule.label, view.policy.language, rule.id),
                unknown=rule.when.unknowns(view) if rule.when else (),
            )
            for rule in view.undecided(score_id)
        ),
    )


def _held(view: LeadView, transition: Transition) -> str:
    """What has to come before its reason counts; empty where that is so."""
    reason = lifecycle.reason_of(transition, view)
    if recycle.counts(view, reason):
        return ""
    return refusals.held(view) or f"{reason}"


def _move(view: LeadView, plan: Plan, state: LeadState, transition: Transition) -> MoveWhy:
    truth = transition.when.test(view)
    gate = plan.policy.gates[transition.gate] if transition.gate is not None else None
    return MoveWhy(
        transition=transition.id,
        target=transition.target,
        truth=truth,
        unknown=transition.when.unknowns(view) if truth is None else (),
        condition=transition.when.describe(view.policy.language),
        missing=gates.missing(view, gate) if gate is not None else "",
        waits=truth is True and not evidence.is_free(plan, transition, view, state.stuck),
        held=_held(view, transition) if truth is True else "",
    )
