"""Deciding one case: every instant that was due, in order, then now; and anew with the owners that pools gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.domain.decision import Decision, Ground, Overruled, WakeClass
from connector.domain.effects import Deal, EffectKey, Enrolment, Grant, Note, Notice, Task
from connector.domain.lead import Lead
from connector.domain.runs import ClockRun
from connector.domain.signal import Signal
from connector.domain.state import StageEntry
from connector.engine.decide import decide
from connector.engine.passing import as_met, leave, since
from connector.store.leads import DueClaim
from connector.sync.cases import Case
from connector.sync.context import Tenant

MOST_STEPS = 500
"""Instants that one evaluation steps through after a standstill; what is left collapses into now."""

_WAKES = frozenset(why.value for why in WakeClass)


@dataclass(slots=True, kw_only=True)
class Result:
    """What came of a case: the last decision, and everything that happened on the way there."""

    due: DueClaim
    case: Case
    lead: Lead
    decision: Decision
    grants: tuple[Grant, ...] = ()
    offer_again_at: datetime | None = None  #: When somebody may be able to take what nobody can take now.
    entries: list[StageEntry] = field(default_factory=list)
    grounds: dict[int, tuple[Ground, ...]] = field(default_factory=dict)
    tasks: dict[EffectKey, Task] = field(default_factory=dict)
    deals: dict[EffectKey, Deal] = field(default_factory=dict)
    notes: dict[EffectKey, Note] = field(default_factory=dict)
    enrolments: dict[EffectKey, Enrolment] = field(default_factory=dict)
    notices: dict[EffectKey, Notice] = field(default_factory=dict)
    overruled: list[Overruled] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)
    clocks: dict[tuple[str, int], ClockRun] = field(default_factory=dict)

    def take(self, decision: Decision) -> None:
        """Take in one more decision on the way."""
        self.decision = decision
        self.entries += decision.entries
        self.grounds |= decision.grounds
        self.tasks |= {task.key: task for task in decision.tasks_changed}
        self.deals |= {deal.key: deal for deal in decision.deals_changed}
        self.notes |= {note.key: note for note in decision.notes}
        self.enrolments |= {one.key: one for one in decision.enrolments}
        self.notices |= {one.key: one for one in decision.notices}
        self.overruled += decision.overruled
        self.fired += decision.fired
        self.shadowed += decision.shadowed
        self.clocks |= {(name, run.number): run for name, run in decision.clocks}


@dataclass(frozen=True, slots=True)
class ToRead:
    """A case that would act because nothing has happened, which is not known yet: it is read before it is decided."""

    urgent: bool  #: Somebody waits for it: a promise has run out, a step is due.


def decide_case(
    tenant: Tenant,
    due: DueClaim,
    case: Case,
    now: datetime,
    grants: tuple[Grant, ...] = (),
    *,
    asking: bool = False,
) -> Result | ToRead:
    """Step through every instant that was due, in order, then now; `grants` are the answers of pools to what it asks.

    `asking`: a decision that asks pools may be cut short, since it is made anew with their answers.

    Nothing is stored between asking and answering: the case is decided from its beginning, so that whatever comes of
    an instant has the owner that it is for. Nothing is decided of what is `ToRead`: what we know is older than the
    moment by which nothing had happened.
    """
    state, left = case.state(), None
    if not tenant.policy.has(case.row.policy) and state.policy is not None:
        left = leave(tenant.version(state.policy), case.lead(state), case.signals, state, now)
        state = left.state
    lead = replace(case.lead(as_met(tenant.plan, state)), grants=grants)
    found: Sequence[Signal] = case.signals
    instant = _first_instant(tenant, due, case, now) if left is None else now
    begun_at = since(state, tenant.policy.activated_at)
    result: Result | None = None
    asking = asking and instant >= now  # what is asked on the way may hang on what the instants before it bring about
    by_time = due.why == WakeClass.WINDOW.value and instant == due.due_at
    for step in range(MOST_STEPS + 1):
        if step == MOST_STEPS:
            instant = now
        decision = decide(tenant.plan, lead, found, state, instant, since=begun_at, asking=asking)
        if _is_rash(decision, case.known_until, instant if by_time else None):
            return ToRead(urgent=decision.absent_until is not None)
        state = decision.state
        if result is None:
            result = Result(due=due, case=case, lead=lead, decision=decision, grants=grants)
            if left is not None:
                result.tasks |= left.tasks
                result.clocks |= {(name, run.number): run for name, run in left.clocks}
        result.take(decision)
        found = [replace(one, seen=one.seen or one.occurred_at <= instant) for one in found]
        if instant >= now:
            break
        wake = decision.wake
        instant = wake.at if wake is not None and instant < wake.at < now else now
        by_time = wake is not None and wake.why is WakeClass.WINDOW and wake.at == instant
    assert result is not None
    return result


def _is_rash(decision: Decision, known_until: datetime | None, by_time: datetime | None) -> bool:
    """True when it acts because nothing has happened, without knowing: a promise that ran out, a step that nobody
    answered, a period that ended (`by_time`: time alone brought this decision about, at this moment)."""
    acts = bool(decision.entries or decision.fired)
    moments = [one for one in (decision.absent_until, by_time if acts else None) if one is not None]
    return bool(moments) and (known_until is None or known_until < max(moments))


def _first_instant(tenant: Tenant, due: DueClaim, case: Case, now: datetime) -> datetime:
    """The wake that was missed, if one was; what lies further back than `stale_after` collapses into one step."""
    if case.row.evaluated_at is None or due.why not in _WAKES or due.due_at >= now:
        return now
    return max(due.due_at, now - timedelta(seconds=tenant.limits.stale_after_seconds))
