"""Two versions of a policy, and the leads for which they are the same. Pure.

A lead that rests under the running version (nothing has come to it since it was decided, and its wake lies ahead) rests
under a new one as well where everything that differs between the two gives the same for it: then
nothing becomes of it, and it need not be decided. What may differ so are formulas: of computed fields and scores, the
ways out of stages, the rules that wait for events (`policy.versions` tells which).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from connector.domain.value import BLANK
from connector.engine import bodies
from connector.engine.makers import DEAL, SCORE, of_this_round
from connector.engine.program import SlotScope
from connector.engine.scoring import ScoreResult
from connector.engine.view import LeadView
from connector.engine.words import reasons
from connector.policy.conditions import Condition
from connector.policy.generated import Module
from connector.policy.model import Contribution, Transition
from connector.policy.versions import Apart

if TYPE_CHECKING:
    from connector.engine.plan import Plan

Alike: TypeAlias = Callable[[LeadView], bool]
"""True of a lead at rest under the older version, seen under the newer one: it is left as it stands."""


def alike(old: Plan, new: Plan, differing: Apart) -> Alike | None:
    """What tells the leads that a new version leaves alone; None where none is known to be."""
    if frozenset(old.ratings) != frozenset(new.ratings) or _reasons(old) != _reasons(new):
        return None
    older = _older(old, new, differing)
    fields = [(name, older[name]) for name in sorted(differing.fields)]
    scores = [(name, older[SCORE + name]) for name in sorted(differing.scores)]
    coming = list(_coming(old, new, differing.rules))
    told = [one.name for one in new.shown if one.shows == "reasons"]
    ways_out: Mapping[Any, Callable[[LeadView], list[Transition]]] = new.program.ways_out

    def is_alike(view: LeadView) -> bool:  # asked of every lead of a base: loops, which cost half of what `all` does
        ways = ways_out.get(view.value("stage"))
        if ways is None or ways(view):
            return False
        for name, before in fields:
            if before(view) != view.value(name):
                return False
        for name, before in scores:
            if not _gives_the_same(before(view), view.score(name)):
                return False
        for comes in coming:
            if comes(view):
                return False
        if view.moments:
            for name in told:
                if not _is_told(name, view):
                    return False
        return True

    return is_alike


def _reasons(plan: Plan) -> list[tuple[str, ...]]:
    """The fields that say why a lead is where it is: the ways out of stages name them."""
    return [plan.reasons_for(stage) for stage in plan.policy.stages]


def _coming(old: Plan, new: Plan, rules: Collection[str]) -> Iterator[Callable[[LeadView], bool]]:
    """For each condition that these rules watch: whether it may come at once, since the older version saw another."""
    before = {one.name: one.event for one in old.watched_conditions}
    for watch in new.watched_conditions:
        known, condition = before.get(watch.name), watch.event.condition
        if watch.name.partition("/")[0] not in rules or condition is None:
            continue
        if known is None or known.condition is None or known.kind is not watch.event.kind:
            yield _holds(condition)
        else:
            yield _is_another(known.condition, condition)


def _holds(condition: Condition) -> Callable[[LeadView], bool]:
    return lambda view: condition.test(view) is True


def _is_another(old: Condition, new: Condition) -> Callable[[LeadView], bool]:
    return lambda view: old.test(view) is not new.test(view)


def _is_told(name: str, view: LeadView) -> bool:
    """True when the record shows the reasons as they stand: where they fade, their words change without a wake."""
    return view.value(name) == (reasons(view) or BLANK)


def _gives_the_same(old: ScoreResult, new: ScoreResult) -> bool:
    return old[:2] == new[:2] and _told(old.contributions) == _told(new.contributions)


def _told(contributions: Sequence[Contribution]) -> list[tuple[object, ...]]:
    """What is told of them, and what the next look goes by."""
    return [(one.rule.id, one.rule.label, one.points, one.at) for one in contributions]


def _older(old: Plan, new: Plan, differing: Apart) -> dict[str, Callable[[LeadView], Any]]:
    """The older formulas by name, as functions of leads that are seen under the newer version."""
    module, slots = Module(), new.program.slots
    module.names |= {"make": LeadView.make, **bodies.NAMES}
    names = [*sorted(differing.fields), *sorted(SCORE + name for name in differing.scores)]
    for place, name in enumerate(names):
        scope = SlotScope(module, slots, len(new.program.fact_names), frozenset())
        if name.startswith(SCORE):
            body = bodies.score(scope, old.policy.scores[name.removeprefix(SCORE)], "result")
        else:
            body = bodies.field(scope, old.policy.fields[name], "result")
        module.define(f"older_{place}", scope, [*body, "return result"], name)
    functions = module.run()
    found = {name: functions[f"older_{place}"] for place, name in enumerate(names)}
    return {name: of_this_round(made) if name.startswith(DEAL) else made for name, made in found.items()}
