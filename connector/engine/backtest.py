"""Replays what leads did under another policy: how much work it would have made, and whom it would have found. Pure.

All leads live through the same time together, so that pools give in the order in which they would have been asked. What
people did stays as it was (signals, answers, moves); what they would have done with other tasks nobody knows, so tasks
are counted and never completed here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

from connector.domain.decision import Decision
from connector.domain.lead import Actor, FieldFact
from connector.domain.signal import Signal
from connector.domain.state import LeadState, Mover, StageEntry
from connector.domain.value import BLANK
from connector.engine.plan import Plan
from connector.engine.rehearsal import Granter, Rehearsal, RehearsalError

NOBODY = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A person's move of a lead, as it happened."""

    at: datetime
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known of one lead: facts with their times, what it did, where it stood at the start, what people moved.

    `reached` are the stages that it really entered from the start on, with the first moment of each.
    """

    lead_id: int
    created_at: datetime
    owner: str | None
    fields: Mapping[str, FieldFact]
    signals: Sequence[Signal]
    entry: StageEntry | None
    moves: Sequence[Move]
    reached: Mapping[str, datetime]


@dataclass(slots=True)
class Replay:
    """What came of the replay, counted. Keys are ids; people are canonical person ids."""

    leads: int = 0
    unsettled: int = 0  #: Leads that never came to rest: rules wake them without end.
    entered: Counter[str] = field(default_factory=Counter)  #: stage → times entered
    transitions: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)  #: rule → times it acted
    shadowed: Counter[str] = field(default_factory=Counter)  #: rule in shadow → times it would have acted
    tasks: Counter[str] = field(default_factory=Counter)  #: rule → tasks opened
    notices: Counter[str] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)  #: person → leads and deals given by pools
    load: Counter[str] = field(default_factory=Counter)  #: person → tasks opened for them
    clocks: dict[str, Counter[str]] = field(default_factory=dict)  #: clock → started, met, breached
    found: Counter[str] = field(default_factory=Counter)  #: outcome stage → leads that reached it and were promoted
    missed: Counter[str] = field(default_factory=Counter)  #: outcome stage → leads that reached it and were not
    promoted: int = 0  #: Leads that left the first stage along the main line.


@dataclass(slots=True)
class _Life:
    """One lead on its way through the replay."""

    past: Past
    world: Rehearsal
    coming: list[datetime]  #: Moments at which something known happens, ascending.
    decisions: list[Decision] = field(default_factory=list)


def replay(plan: Plan, pasts: Sequence[Past], grant: Granter, start: datetime, end: datetime) -> Replay:
    """Live through `start` … `end` under `plan`, as if it had been activated at `start`."""
    result = Replay(leads=len(pasts))
    queue: list[tuple[datetime, int]] = []
    lives: list[_Life] = []
    for number, past in enumerate(pasts):
        life = _begun(plan, past, grant, start, end)
        lives.append(life)
        if (at := _next(life, end)) is not None:
            heappush(queue, (at, number))
    steps = 0
    most = 2_000 + sum(20 + 4 * len(life.coming) + 3 * (end - start).days for life in lives)
    while queue:
        at, number = heappop(queue)
        life = lives[number]
        _live(life, at)
        steps += 1
        if steps > most:
            raise RehearsalError("this policy never comes to rest: rules wake leads again and again")
        if (after := _next(life, end)) is not None:
            heappush(queue, (after, number))
    for life in lives:
        _count(result, plan, life)
    return result


def _begun(plan: Plan, past: Past, grant: Granter, start: datetime, end: datetime) -> _Life:
    """A lead as it was at the start; one that came into being later begins then."""
    began = max(start, past.created_at)
    fields = {name: _as_of(fact, began) for name, fact in past.fields.items()}
    entry = past.entry if past.created_at < start else None
    world = Rehearsal(
        plan=plan,
        grant=grant,
        now=began,
        since=start,
        created_at=past.created_at,
        lead_id=past.lead_id,
        owner=past.owner if past.created_at < start else None,
        fields=fields,
        signals=[Signal(id=one.id, kind=one.kind, occurred_at=one.occurred_at, learnt_at=one.learnt_at, seen=True)
                 for one in past.signals if one.occurred_at < began],
        state=LeadState(entry=entry, policy="before" if entry is not None else None),
    )  # fmt: skip
    coming = {began, *(one.occurred_at for one in past.signals), *(move.at for move in past.moves)}
    coming |= {fact.changed_at for fact in past.fields.values() if fact.changed_at is not None}
    return _Life(past=past, world=world, coming=sorted(at for at in coming if began <= at <= end))


def _as_of(fact: FieldFact, moment: datetime) -> FieldFact:
    """What a field held then, as far as is known: before its last change it is taken for blank."""
    if fact.actor is Actor.TASUKI or (fact.changed_at is not None and fact.changed_at > moment):
        return FieldFact(value=BLANK)
    return fact


def _next(life: _Life, end: datetime) -> datetime | None:
    """The next moment of this lead: something known happens, or time alone changes the decision."""
    moments = life.coming[:1]
    if life.world.wake_at is not None:
        moments = [*moments, life.world.wake_at]
    at = min(moments, default=None)
    return at if at is not None and at <= end else None


def _live(life: _Life, at: datetime) -> None:
    """Everything that happens to this lead at one moment, and a look at it."""
    world, past = life.world, life.past
    world.now = at
    if life.coming and life.coming[0] <= at:
        life.coming.pop(0)
        world.signals += [one for one in past.signals if one.occurred_at == at]
        for name, fact in past.fields.items():
            if fact.changed_at == at and fact.actor is not Actor.TASUKI:
                world.fields[name] = fact
        for move in past.moves:
            if move.at == at:
                world.moved(move.stage)
    life.decisions.append(world.look())


# ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────
def _count(result: Replay, plan: Plan, life: _Life) -> None:
    opened = set()
    for decision in life.decisions:
        result.entered.update(entry.stage for entry in decision.entries if not entry.initial)
        result.transitions.update(entry.transition for entry in decision.entries if entry.transition is not None)
        result.rules.update(decision.fired)
        result.shadowed.update(decision.shadowed)
        result.notices.update(notice.key.rule for notice in decision.notices)
        for task in decision.tasks_changed:
            if task.key not in opened:
                opened.add(task.key)
                result.tasks[task.key.rule] += 1
    tasks = {task.key: task for decision in life.decisions for task in decision.tasks_changed}
    result.load.update(task.owner or NOBODY for task in tasks.values())
    result.owners.update(grant.person or NOBODY for grant in life.world.grants)
    _count_clocks(result, life)
    _count_outcomes(result, plan, life)


def _count_clocks(result: Replay, life: _Life) -> None:
    runs = {(name, run.number): run for one in life.decisions for name, run in one.state.clocks.items()}
    for (name, _), run in runs.items():
        counted = result.clocks.setdefault(name, Counter())
        counted["started"] += 1
        counted["breached"] += run.breached_at is not None
        counted["met"] += run.stopped_at is not None and run.breached_at is None


def _count_outcomes(result: Replay, plan: Plan, life: _Life) -> None:
    """Whether the leads that really got somewhere are those that this policy would have promoted."""
    promoted = any(_is_promotion(plan, entry) for one in life.decisions for entry in one.entries)
    result.promoted += promoted
    for stage in life.past.reached:
        if stage in plan.policy.stages and not plan.policy.stages[stage].side and plan.order[stage] > 1:
            (result.found if promoted else result.missed)[stage] += 1


def _is_promotion(plan: Plan, entry: StageEntry) -> bool:
    stage = plan.policy.stages.get(entry.stage)
    return stage is not None and not stage.side and plan.order[entry.stage] > 0 and entry.mover is Mover.RULE
