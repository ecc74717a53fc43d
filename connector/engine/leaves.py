"""What the names of a policy's conditions rest on, however deep: plain fields, signals, built-in names. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from connector.engine import gates
from connector.policy.conditions import Condition
from connector.policy.model import FieldType, Policy, Transition


def evidence_of(policy: Policy, transition: Transition) -> frozenset[str]:
    """Everything that a transition rests on: its condition, and the gate that it leads through."""
    return leaves(policy, transition.when.names | gate_names(policy, transition.gate))


def leaves(policy: Policy, names: frozenset[str]) -> frozenset[str]:
    """What these names come down to: each that no rule of the policy decides."""
    return frozenset(_leaves(policy, names, frozenset()))


def gate_names(policy: Policy, gate: str | None) -> frozenset[str]:
    """Every field that this gate looks at."""
    return gates.names(policy.gates[gate]) if gate is not None else frozenset()


def dated(policy: Policy, names: frozenset[str]) -> tuple[str, ...]:
    """Those of them that are fields which can hold a date or a moment."""
    fields, types = policy.fields, (FieldType.DATE, FieldType.MOMENT)
    return tuple(name for name in sorted(names) if name in fields and fields[name].type in types)


def _leaves(policy: Policy, names: frozenset[str], seen: frozenset[str]) -> Iterator[str]:
    for name in names - seen:
        below = _below(policy, name)
        if below is None:
            yield name
        else:
            yield from _leaves(policy, below, seen | names)


def _below(policy: Policy, name: str) -> frozenset[str] | None:
    """The names that a computed field or score reads; None for a leaf."""
    definition = policy.fields.get(name)
    if definition is not None and definition.rules:
        return _names(rule.when for rule in definition.rules)
    if name.startswith("gate."):
        return gate_names(policy, name.removeprefix("gate."))
    if name == "score.total":
        return frozenset(f"score.{part}" for part in policy.total)
    score = policy.scores.get(name.removeprefix("score.")) if name.startswith("score.") else None
    if score is None:
        return None
    signals = frozenset(f"signal.{rule.signal}" for rule in score.rules if rule.signal)
    return _names(rule.when for rule in score.rules) | signals


def _names(conditions: Iterator[Condition | None]) -> frozenset[str]:
    return frozenset[str]().union(*(one.names for one in conditions if one is not None))
