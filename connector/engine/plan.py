"""A policy made ready to run: what is looked up in every evaluation is worked out here, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from connector.engine import program
from connector.engine.events import waited_for
from connector.engine.leaves import dated, evidence_of, leaves
from connector.engine.recycle import reason_fields
from connector.engine.view import members_of
from connector.engine.watching import Watch, recycle_watches, watches
from connector.policy.conditions import Condition
from connector.policy.model import (
    Action,
    Assign,
    AssignAction,
    Cadence,
    Event,
    EventKind,
    FieldDef,
    Gate,
    Policy,
    Transition,
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A policy with its lookups. Make one for each policy version (`prepare`) and keep it."""

    policy: Policy

    @cached_property
    def program(self) -> program.Program:
        """The policy written as Python."""
        return program.write(self)

    @cached_property
    def order(self) -> Mapping[str, int]:
        """Stage id → position in the main line (side stages included, by file order)."""
        return {stage: position for position, stage in enumerate(self.policy.stages)}

    @cached_property
    def from_stage(self) -> Mapping[str, tuple[Transition, ...]]:
        """Stage id → the transitions out of it, in file order."""
        return {
            stage: tuple(one for one in self.policy.transitions if stage in one.sources) for stage in self.policy.stages
        }

    @cached_property
    def through(self) -> Mapping[tuple[str, str], tuple[Transition, ...]]:
        """Stage id and gate id → the transitions out of the stage that lead through the gate."""
        found: dict[tuple[str, str], tuple[Transition, ...]] = {}
        for stage, ways in self.from_stage.items():
            for one in ways:
                if one.gate is not None:
                    found[stage, one.gate] = (*found.get((stage, one.gate), ()), one)
        return found

    @cached_property
    def reason_fields(self) -> tuple[str, ...]:
        """The answer fields that hold reasons."""
        return reason_fields(self.policy)

    def reasons_for(self, stage: str) -> tuple[str, ...]:
        """The fields that say why a lead is in this side stage: those that lead there, or any where none does."""
        ways = [one for one in self.policy.transitions if one.target == stage]
        names = {name for one in ways for name in (*one.when.names, one.reason_field) if name is not None}
        return tuple(name for name in self.reason_fields if name in names) or self.reason_fields

    def gates_into(self, stage: str) -> tuple[Gate, ...]:
        """The gates through which transitions enter this stage: people pass them too."""
        named = dict.fromkeys(one.gate for one in self.policy.transitions if one.target == stage and one.gate)
        return tuple(self.policy.gates[name] for name in named)

    @cached_property
    def transitions(self) -> Mapping[str, Transition]:
        """Transition id → transition."""
        return {one.id: one for one in self.policy.transitions}

    @cached_property
    def waiting(self) -> Mapping[str, Sequence[Event]]:
        """Whoever waits for events (a rule, a clock's starts, …) → the events that it lists."""
        policy = self.policy
        found: dict[str, Sequence[Event]] = {rule.id: rule.on for rule in policy.rules}
        if policy.routing is not None:
            found |= {rule.id: rule.on for rule in policy.routing.rules}
        for clock in policy.clocks.values():
            found |= {f"{clock.id}.starts": clock.starts, f"{clock.id}.stops": clock.stops}
        for cadence in policy.cadences.values():
            found[f"{cadence.id}.stop_on"] = cadence.stop_on
        for recall in policy.recalls:
            found |= {recall.id: recall.on, f"{recall.id}.stop_on": recall.stop_on}
        if policy.create_deal is not None:
            found["create_deal"] = policy.create_deal.on
        return found

    @cached_property
    def watched(self) -> tuple[Watch, ...]:
        """Every event of the policy that has to be remembered between evaluations."""
        found = [watch for owner, events in self.waiting.items() for watch in watches(owner, events)]
        reasons = self.policy.recycle.reasons.values() if self.policy.recycle is not None else ()
        return (*found, *recycle_watches(reasons))

    @cached_property
    def signals_waited_for(self) -> frozenset[str]:
        """The signals that are events for somebody; all others only count."""
        events = (event for listed in self.waiting.values() for event in listed)
        names = {one.name for one in events if one.kind is EventKind.SIGNAL and one.name is not None}
        return frozenset(names).union(*(self.members.get(name, frozenset()) for name in names))

    @cached_property
    def hearers(self) -> Mapping[str, frozenset[str]]:
        """What can come, in a word (`signal:replied`) → whoever waits for it."""
        found: dict[str, frozenset[str]] = {}
        for owner, listed in self.waiting.items():
            for word in waited_for(self, owner, listed):
                found[word] = found.get(word, frozenset()) | {owner}
        return found

    @cached_property
    def waits(self) -> dict[str, frozenset[str]]:
        """Who waits for events (a rule, a clock's starts, …) → what it waits for, noted when it is first asked."""
        return {}

    @cached_property
    def clock_waits(self) -> dict[str, frozenset[str]]:
        """Clock → what it waits for, to start or to stop."""
        return {}

    @cached_property
    def watched_conditions(self) -> tuple[Watch, ...]:
        """Those that are conditions."""
        return tuple(watch for watch in self.watched if watch.event.condition is not None)

    @cached_property
    def watched_names(self) -> Mapping[str, None]:
        """How these are remembered, in order."""
        return {watch.name: None for watch in self.watched_conditions}

    @cached_property
    def watched_dates(self) -> tuple[Watch, ...]:
        """The others: fields that change, dates that come."""
        return tuple(watch for watch in self.watched if watch.event.condition is None)

    @cached_property
    def watched_changes(self) -> tuple[Watch, ...]:
        """The fields that change."""
        return tuple(watch for watch in self.watched_dates if watch.event.kind is EventKind.CHANGES)

    @cached_property
    def watched_reaches(self) -> Mapping[str, tuple[Watch, ...]]:
        """The dates that come: the name of each → what waits for it."""
        found: dict[str, tuple[Watch, ...]] = {}
        for watch in self.watched_dates:
            if watch.event.kind is EventKind.REACHES:
                name = watch.event.name or ""
                found[name] = (*found.get(name, ()), watch)
        return found

    @cached_property
    def standing_conditions(self) -> tuple[Condition, ...]:
        """The conditions that matter in every stage: computed fields, scores, those that events watch."""
        conditions: list[Condition] = []
        for definition in self.policy.computed:
            conditions += [rule.when for rule in definition.rules if rule.when is not None]
        for score in self.policy.scores.values():
            conditions += [rule.when for rule in score.rules if rule.when is not None]
        conditions += [one.paused_while for one in self.policy.clocks.values() if one.paused_while is not None]
        trial = self.policy.trial
        reach = (self.policy.applies_to, trial.when if trial is not None else None)
        conditions += [condition for condition in reach if condition is not None]
        conditions += [one.event.condition for one in self.watched if one.event.condition is not None]
        conditions += [one for one in self.policy.identity.create_in.values() if one is not None]
        if self.policy.pipeline is not None:
            conditions += [one.when for one in self.policy.pipeline.also]
        return tuple(conditions)

    @cached_property
    def turning(self) -> Mapping[str | None, tuple[Condition, ...]]:
        """Stage id → those conditions that time alone may change there: the standing ones, and of the ways out of it.

        Under None: in no stage. What has to hold before a reason counts is asked in every stage.
        """
        standing = _turning(self.standing_conditions)
        table = self.policy.recycle.reasons.values() if self.policy.recycle is not None else ()
        reasons = _turning([reason.when for reason in table if reason.when is not None])
        ways = {stage: _turning([one.when for one in out]) + reasons for stage, out in self.from_stage.items()}
        return {None: standing} | {stage: standing + out for stage, out in ways.items()}

    @cached_property
    def turning_never(self) -> tuple[Condition, ...]:
        """Those of what is forbidden."""
        return _turning([rule.when for rule in self.policy.never])

    @cached_property
    def forbidding(self) -> Mapping[str, tuple[Condition, ...]]:
        """What can be forbidden (`task`, `call`, …) → the conditions under which it is."""
        words = {word for rule in self.policy.never for word in rule.what}
        return {word: tuple(rule.when for rule in self.policy.never if word in rule.what) for word in words}

    @cached_property
    def ratings(self) -> tuple[str, ...]:
        """The computed fields that read scores: a change of one publishes the scores at once."""
        return tuple(
            definition.name
            for definition in self.policy.computed
            if any(name.startswith("score.") for rule in definition.rules if rule.when for name in rule.when.names)
        )

    @cached_property
    def score_names(self) -> tuple[str, ...]:
        """The scores, `total` included where the policy has one, by their bare names."""
        return (*self.policy.scores, *(("total",) if self.policy.total else ()))

    @cached_property
    def fading_names(self) -> tuple[str, ...]:
        """Those of them that fade."""
        fading = {name for name, score in self.policy.scores.items() if score.decay is not None}
        return tuple(name for name in self.score_names if not fading.isdisjoint(self.parts(name)))

    @cached_property
    def fading_parts(self) -> Mapping[str, frozenset[str]]:
        """The scores that fade by themselves → those that move with them, as conditions call them."""
        fading = [name for name, score in self.policy.scores.items() if score.decay is not None]
        return {
            part: frozenset([f"score.{name}" for name in self.fading_names if part in self.parts(name)])
            for part in fading
        }

    def parts(self, name: str) -> tuple[str, ...]:
        """The scores that make up a score, by bare names."""
        return self.policy.total if name == "total" else (name,)

    @cached_property
    def publish_step(self) -> int:
        """By how much a fading score moves before it is written again: whole points, as they are written."""
        return max(1, ceil(min((score.publish_step for score in self.policy.scores.values()), default=1.0)))

    @cached_property
    def computed_names(self) -> tuple[str, ...]:
        """The computed fields."""
        return tuple(definition.name for definition in self.policy.computed)

    @cached_property
    def published(self) -> tuple[tuple[str, int], ...]:
        """Those that stand in a CRM, each with its place in a view's values."""
        slots = self.program.slots
        return tuple((one.name, slots[one.name]) for one in self.policy.computed if one.homes)

    @cached_property
    def shown(self) -> tuple[FieldDef, ...]:
        """The fields written from state that stand in a CRM."""
        return tuple(definition for definition in self.policy.shows if definition.homes)

    @cached_property
    def shows(self) -> list[Any]:
        """How their values are found (`publish.Shows`), noted when it is first asked."""
        return []

    @cached_property
    def reason_texts(self) -> dict[tuple[str, int], str]:
        """What is told of score rules and the points that they give (`words.py`)."""
        return {}

    @cached_property
    def gap_texts(self) -> dict[tuple[str, int], str]:
        """What has been told of gates, by their gaps (`gates.py`)."""
        return {}

    @cached_property
    def evidence(self) -> Mapping[str, frozenset[str]]:
        """Transition id → every plain field, signal and built-in name that its condition rests on, however deep."""
        return {one.id: evidence_of(self.policy, one) for one in self.policy.transitions}

    @cached_property
    def dated_ways(self) -> Mapping[str, tuple[tuple[Transition, tuple[str, ...]], ...]]:
        """Stage id → those transitions out of it that rest on fields that can hold a date or a moment, and these."""
        found = {
            stage: tuple((one, names) for one in ways if (names := dated(self.policy, self.evidence[one.id])))
            for stage, ways in self.from_stage.items()
        }
        return {stage: ways for stage, ways in found.items() if ways}

    @cached_property
    def watch_evidence(self) -> Mapping[str, frozenset[str]]:
        """The same for the conditions that events watch, by the watch's name."""
        return {
            one.name: leaves(self.policy, one.event.condition.names)
            for one in self.watched
            if one.event.condition is not None
        }

    @cached_property
    def pause_evidence(self) -> Mapping[str, frozenset[str]]:
        """The same for `paused_while`, by the clock's id."""
        return {
            one.id: leaves(self.policy, one.paused_while.names)
            for one in self.policy.clocks.values()
            if one.paused_while is not None
        }

    @cached_property
    def fed_back(self) -> frozenset[str]:
        """The clocks, cadences and owners on which a move, a value or an event hangs: these are settled last."""
        names = {name for one in self.policy.transitions for name in self.evidence[one.id]}
        for condition in self.standing_conditions:
            names |= leaves(self.policy, condition.names)
        return frozenset(name for name in names if name.startswith(("clock.", "cadence.", "owner", "company.owner")))

    @cached_property
    def reads_colleagues(self) -> bool:
        """True when something hangs on the other people of a lead's company."""
        return "company.stages" in self._company_names or bool(self.turns)

    @cached_property
    def reads_company_owner(self) -> bool:
        """True when something hangs on whose a company is, or pools give companies an owner."""
        return "company.owner" in self._company_names or any(one.owner_of == "company" for one in self._assignments())

    @cached_property
    def kept_first(self) -> tuple[str, ...]:
        """The fields whose first value is kept."""
        return tuple(one.name for one in self.policy.fields.values() if one.keep_first)

    @cached_property
    def turns(self) -> Mapping[str, Cadence]:
        """The cadences that run for one person of a company at a time."""
        return {name: one for name, one in self.policy.cadences.items() if one.turn_by is not None}

    @cached_property
    def watches_colleagues(self) -> bool:
        """True when a lead has to be looked at again because somebody else of its company moved."""
        return "company.stages" in self._company_names

    @cached_property
    def _company_names(self) -> frozenset[str]:
        """The names of companies that the policy's conditions read, wherever they stand."""
        policy = self.policy
        conditions = [*self.standing_conditions, *(one.when for one in policy.transitions)]
        conditions += [one.when for one in policy.rules if one.when is not None]
        conditions += [one.when for one in policy.clocks.values() if one.when is not None]
        conditions += [one.when for one in policy.never]
        conditions += [one.when for one in (policy.routing.rules if policy.routing else ()) if one.when is not None]
        return frozenset(name for one in conditions for name in one.names if name.startswith("company."))

    def _assignments(self) -> Iterator[Assign]:
        policy = self.policy
        yield from (rule.assign for rule in (policy.routing.rules if policy.routing is not None else ()))
        for actions in _actions(policy):
            yield from (one.assign for one in actions if isinstance(one, AssignAction))

    @cached_property
    def queue_of(self) -> Mapping[str, str]:
        """Rule or cadence → the queue that lists it, the first where several do."""
        return {rule: queue.id for queue in reversed(list(self.policy.queues.values())) for rule in queue.tasks}

    @cached_property
    def members(self) -> Mapping[str, frozenset[str]]:
        """Signal id → the kinds of occurrences that count as it: itself, and what a union unites, however deep."""
        return members_of(self.policy)

    @cached_property
    def unions(self) -> Mapping[str, frozenset[str]]:
        """Those of them that unite others."""
        return {name: kinds for name, kinds in self.members.items() if len(kinds) > 1}


def _turning(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    return tuple(one for one in conditions if one.moved_by is None or one.moved_by)


def _actions(policy: Policy) -> Iterator[Sequence[Action]]:
    """Everything that stands under a `do:`."""
    yield from (rule.do for rule in policy.rules)
    yield from (rung.do for clock in policy.clocks.values() for rung in clock.escalation)
    yield from (gate.if_missing for gate in policy.gates.values())
    if policy.recycle is not None:
        yield policy.recycle.on_wake


def prepare(policy: Policy) -> Plan:
    """The policy, ready to run."""
    return Plan(policy=policy)
