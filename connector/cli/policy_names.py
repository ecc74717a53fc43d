"""What a policy calls things, for those who read: stages, options, people's pools, rules."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from connector.engine.words import label_in
from connector.policy.model import Policy


class PolicyNames:
    """What the policy calls things, in its language; its own word for what it does not know."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def of(self, name: str) -> str:
        """The label of a field, signal or score, as conditions name them."""
        kind, _, rest = name.partition(".")
        policy = self._policy
        if name in policy.fields:
            return self._label(policy.fields[name].label, name)
        if kind == "signal" and rest in policy.signals:
            return self._label(policy.signals[rest].label, rest)
        if kind == "score" and rest in policy.scores:
            return self._label(policy.scores[rest].label, rest)
        return name

    def stage(self, stage: str) -> str:
        """A stage's label."""
        found = self._policy.stages.get(stage)
        return self._label(found.label, stage) if found else stage

    def transition(self, transition: str | None) -> str | None:
        """A transition's label; the word itself for one that is no transition of this policy."""
        found = next((one for one in self._policy.transitions if one.id == transition), None)
        return self._label(found.label, found.id) if found else transition

    def reason(self, reason: str | None) -> str | None:
        """A reason's label."""
        found = self._policy.recycle.reasons.get(reason or "") if self._policy.recycle else None
        return self._label(found.label, found.id) if found else reason

    def value(self, field: str, value: Any) -> str | None:
        """The label of a choice."""
        definition = self._policy.fields.get(field)
        if definition is None or not isinstance(value, str) or value not in definition.choices:
            return None
        return self._label(definition.choices[value], value)

    def signal_of(self, score: str, rule: str) -> str | None:
        """The label of the signal behind a score rule; None for a rule on facts."""
        found = next((one for one in self._policy.scores[score].rules if one.id == rule), None)
        return self.of(f"signal.{found.signal}") if found and found.signal else None

    def points_of(self, score: str, rule: str) -> float:
        """The full points of a score rule."""
        return next(one.points for one in self._policy.scores[score].rules if one.id == rule)

    def score_label(self, score: str) -> str:
        """A score's label."""
        return self._label(self._policy.scores[score].label, score)

    def cadence(self, cadence: str) -> str:
        """A cadence's label."""
        found = self._policy.cadences.get(cadence)
        return self._label(found.label, cadence) if found else cadence

    def pool(self, pool: str) -> str:
        """A pool's label."""
        found = self._policy.routing.pools.get(pool) if self._policy.routing else None
        return self._label(found.label, pool) if found else pool

    def clock(self, clock: str) -> str:
        """A clock's label."""
        found = self._policy.clocks.get(clock)
        return self._label(found.label, clock) if found else clock

    def rule(self, rule: str) -> str:
        """The label of whatever acts under this id: rules of every kind, cadences, recalls."""
        return self._rules.get(rule) or self.cadence(rule)

    @cached_property
    def _rules(self) -> dict[str, str]:
        policy = self._policy
        found = {one.id: self._label(one.label, one.id) for one in policy.rules}
        found |= {one.id: self._label(one.label, one.id) for one in policy.recalls}
        found |= {one.id: self._label(one.label, one.id) for one in policy.transitions}
        found |= {one.id: self._label(one.label, one.id) for one in (policy.routing.rules if policy.routing else ())}
        for definition in policy.computed:
            found |= {one.id: self._label(one.label, one.id) for one in definition.rules}
        for score in policy.scores.values():
            for rule in score.rules:
                signal = self.signal_of(score.id, rule.id)
                found[rule.id] = self._label(rule.label, signal or rule.id)
        return found

    def _label(self, label: Any, otherwise: str) -> str:
        return label_in(label, self._policy.language, otherwise)
