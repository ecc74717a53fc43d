"""The order in which computed fields and scores are worked out, and the cycles that forbid one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from connector.policy.build.context import Context
from connector.policy.build.names import scopes
from connector.policy.conditions import Condition
from connector.policy.document import Where
from connector.policy.model import FieldDef, ScoreDef
from connector.texts import say

TOTAL = "score.total"


def evaluation_order(
    context: Context, fields: Mapping[str, FieldDef], scores: Mapping[str, ScoreDef], total: Sequence[str]
) -> tuple[str, ...]:
    """Computed fields (by name) and scores (as `score.<id>`), each after everything that it reads."""
    needs = _needs(fields, scores, total)
    try:
        return tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        way = " → ".join(reversed(cycle))
        message = say("a cycle, each reads the next: {way}", way=way)
        context.report.error(_place(context, cycle[0]), message, reason="cycle")
        return ()


def _needs(
    fields: Mapping[str, FieldDef], scores: Mapping[str, ScoreDef], total: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Node → the nodes that it reads; names that nothing computes are no nodes."""
    reads: dict[str, Iterable[str]] = {}
    for name, definition in fields.items():
        if definition.rules:
            reads[name] = _names(rule.when for rule in definition.rules)
        elif definition.shows is not None and definition.shows.startswith("score."):
            reads[name] = (definition.shows,)
    for key, score in scores.items():
        reads[f"score.{key}"] = _names(rule.when for rule in score.rules)
    if scores:
        reads[TOTAL] = tuple(f"score.{key}" for key in total)
    return {node: tuple(name for name in names if name in reads) for node, names in reads.items()}


def _names(conditions: Iterable[Condition | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for condition in conditions if condition for name in sorted(condition.names)))


def _place(context: Context, node: str) -> Where:
    scoring = context.at("scoring")
    if node.startswith("score."):
        return scoring / "total" if node == TOTAL else scoring / "scores" / node.partition(".")[2]
    return next(_field_places(context, node), scoring / "ratings" / node)


def _field_places(context: Context, node: str) -> Iterator[Where]:
    return (where for _, _, name, _, where in scopes(context) if name == node)
