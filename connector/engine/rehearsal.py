"""One lead in a world without vendors: what is decided is done at once, and time passes from wake to wake. Pure.

Examples run on it, and so do back-tests. It is the shell's loop (decide, do, wait) with nothing in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.domain.decision import Decision
from connector.domain.effects import Grant, Notice, OwnerRequest, Task, WorkState
from connector.domain.lead import Actor, FieldFact, Lead, StageReport
from connector.domain.signal import Signal
from connector.domain.state import LeadState, StageEntry
from connector.domain.value import BLANK, Value
from connector.engine.decide import decide
from connector.engine.plan import Plan
from connector.engine.view import LeadView, occurrences

Granter = Callable[[OwnerRequest], Grant]
"""Answers a request for an owner at once."""

MOST_GRANTS = 8
"""Requests that answer one another are cut after so many rounds; the rest waits for the next look."""


class RehearsalError(RuntimeError):
    """A policy that never comes to rest: it wakes a lead again and again without end."""


def turns(people: Mapping[str, Sequence[str]]) -> Granter:
    """Pools (id → people) give in turn, in the order in which the people stand; an empty pool gives nobody."""
    turn: dict[str, int] = {}

    def grant(request: OwnerRequest) -> Grant:
        there = people.get(request.pool, ())
        free = [one for one in there if one != request.avoid] or list(there)
        person: str | None = None
        if request.prefer in free:
            person = request.prefer
        elif free:
            place = turn.get(request.pool, 0)
            turn[request.pool] = place + 1
            person = free[place % len(free)]
        return Grant(
            request=request.key.text(),
            pool=request.pool,
            owner_of=request.owner_of,
            person=person,
            granted_at=request.asked_at,
        )

    return grant


@dataclass(slots=True, kw_only=True)
class Rehearsal:
    """The lead, what happened to it so far, and what came of it."""

    plan: Plan
    grant: Granter
    now: datetime
    since: datetime
    created_at: datetime
    lead_id: int = 1
    owner: str | None = None
    fields: dict[str, FieldFact] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    report: StageReport | None = None
    state: LeadState = field(default_factory=LeadState)
    deal_owner: str | None = None
    wake_at: datetime | None = None
    entries: list[StageEntry] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, definition in self.plan.policy.fields.items():
            if not definition.rules:
                self.fields.setdefault(name, FieldFact(value=BLANK))
        self.fields.setdefault("deal.stage", FieldFact(value=BLANK))

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────
    def happens(self, kind: str, at: datetime) -> None:
        """A signal; one that is older than `fresh_for` was acted on in its time, or never."""
        seen = self.now - at > self.plan.policy.fresh_for
        number = len(self.signals) + 1
        self.signals.append(Signal(id=number, kind=kind, occurred_at=at, learnt_at=max(at, self.now), seen=seen))

    def change(self, values: Mapping[str, Value], actor: Actor = Actor.PERSON) -> None:
        """Somebody changes fields now."""
        for name, value in values.items():
            self.fields[name] = FieldFact(value=value, changed_at=self.now, actor=actor)

    def moved(self, stage: str) -> None:
        """A person moves the lead in the CRM now."""
        self.report = StageReport(stages=(stage,), moved_at=self.now, actor=Actor.PERSON)

    def complete(self, rule: str) -> bool:
        """A person completes the oldest open task of a rule; False when there is none."""
        open_tasks = sorted((task for task in self.open_tasks if task.key.rule == rule), key=lambda one: one.due_at)
        if not open_tasks:
            return False
        done = open_tasks[0].key
        self.state = replace(
            self.state,
            tasks=tuple(replace(one, state=WorkState.DONE) if one.key == done else one for one in self.state.tasks),
        )
        return True

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def look(self) -> Decision:
        """Decide now and do what was decided; requests for an owner are granted, and decided with their answers."""
        decision = self._decided()
        for _ in range(MOST_GRANTS):
            asked = [one for one in decision.state.requests if all(g.request != one.key.text() for g in self.grants)]
            if not asked:
                break
            self.grants += [self.grant(one) for one in asked]
            decision = self._decided()
        self._stand(decision)
        return decision

    def pass_time(self, until: datetime) -> None:
        """Look at every wake until then, and then."""
        most = 200 + 60 * max(1, (until - self.now) // timedelta(days=1))
        while self.wake_at is not None and self.wake_at <= until:
            most -= 1
            if most < 0:
                raise RehearsalError("this lead never comes to rest: rules wake it again and again")
            self.now = self.wake_at
            self.look()
        self.now = until
        self.look()

    def _decided(self) -> Decision:
        return decide(self.plan, self.lead, self.signals, self.state, self.now, since=self.since)

    def _stand(self, decision: Decision) -> None:
        """What was decided is so from now on."""
        self.signals = [replace(one, seen=one.seen or one.occurred_at <= self.now) for one in self.signals]
        self.state = decision.state
        self.entries += decision.entries
        self.notices += decision.notices
        self.wake_at = decision.wake.at if decision.wake is not None else None
        self._do(decision)

    def _do(self, decision: Decision) -> None:
        """What the CRM would show once everything is written."""
        for name, value in decision.desired.items():
            definition = self.plan.policy.fields.get(name)
            if definition is not None and not definition.rules and self.fields[name].value != value:
                self.fields[name] = FieldFact(value=value, changed_at=self.now, actor=Actor.TASUKI)
        if self.report is not None and decision.stage_desired not in (None, *self.report.stages):
            self.report = None  # a move that was taken back is no move any more
        for deal in decision.deals_changed:
            if self.fields["deal.stage"].value is BLANK:
                self.fields["deal.stage"] = FieldFact(value=deal.stage, changed_at=self.now, actor=Actor.TASUKI)
                if deal.amount is not None and "deal.amount" in self.fields:
                    self.fields["deal.amount"] = FieldFact(value=deal.amount, changed_at=self.now, actor=Actor.TASUKI)
        self.owner = decision.owners.get("lead", self.owner)
        self.deal_owner = decision.owners.get("deal", self.deal_owner)

    # ── what is to be seen ───────────────────────────────────────────────────────────────────────────────────────
    @property
    def lead(self) -> Lead:
        """The lead as its CRM shows it."""
        return Lead(
            id=self.lead_id,
            fields=dict(self.fields),
            owner=self.owner,
            deal_owner=self.deal_owner,
            created_at=self.created_at,
            stage_report=self.report,
            grants=tuple(self.grants),
        )

    @property
    def view(self) -> LeadView:
        """The lead as conditions read it after the last look."""
        times = occurrences(self.plan.unions, self.signals, self.now)
        return LeadView(self.plan, self.lead, times, self.state.entry, self.state.holds, self.now, self.state)

    @property
    def open_tasks(self) -> list[Task]:
        """What people have to do."""
        return [task for task in self.state.tasks if task.state is WorkState.OPEN]
