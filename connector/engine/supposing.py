"""What would happen if something that is missing were known: the use of asking for it. Pure.

A score rule whose condition is unknown gives nothing; here it gives its points, so the answer is the best case: a lead
*could* move then, depending on what the value turns out to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from connector.domain.lead import Lead
from connector.domain.state import Hold, LeadState, StageEntry
from connector.engine.fading import limited
from connector.engine.plan import Plan
from connector.engine.scoring import ScoreResult
from connector.engine.view import LeadView
from connector.policy.model import ScoreRule, Transition


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """A transition that could be made if `names` were known; `alone`: any one of them may be enough."""

    transition: str
    target: str
    names: tuple[str, ...]
    alone: bool


class _Supposing(LeadView):
    """The same lead, were `names` known and in its favour."""

    __slots__ = ("_names",)

    def __init__(
        self,
        plan: Plan,
        lead: Lead,
        occurrences: Mapping[str, Sequence[datetime]],
        entry: StageEntry | None,
        holds: Mapping[str, Hold],
        now: datetime,
        state: LeadState,
        names: frozenset[str],
    ) -> None:
        super().__init__(plan, lead, occurrences, entry, holds, now, state)
        self._names = names

    def score(self, score_id: str) -> ScoreResult:
        """With the points of the rules that wait for nothing but `names`."""
        found = super().score(score_id)
        hoped = [rule.points for rule in self.undecided(score_id) if self._may_hope(rule)]
        if not hoped:
            return found
        total = sum(points for _, points, _ in found.parts) + sum(hoped)
        return found._replace(value=limited(self.policy.scores[score_id], total))

    def _may_hope(self, rule: ScoreRule) -> bool:
        if rule.points <= 0 or rule.signal is not None or rule.when is None:
            return False
        return self._names.issuperset(rule.when.unknowns(self))


def prospects(
    plan: Plan,
    lead: Lead,
    occurrences: Mapping[str, Sequence[datetime]],
    state: LeadState,
    now: datetime,
) -> tuple[Prospect, ...]:
    """The transitions out of the present stage that are not true and could be if something were known."""
    entry = state.entry
    if entry is None:
        return ()
    plain = LeadView(plan, lead, occurrences, entry, state.holds, now, state)

    def supposing(names: Sequence[str]) -> LeadView:
        return _Supposing(plan, lead, occurrences, entry, state.holds, now, state, frozenset(names))

    found = (_prospect(plan, one, plain, supposing) for one in plan.from_stage.get(entry.stage, ()))
    return tuple(one for one in found if one is not None)


def _prospect(
    plan: Plan, transition: Transition, plain: LeadView, supposing: Callable[[Sequence[str]], LeadView]
) -> Prospect | None:
    truth = transition.when.test(plain)
    if truth is True:
        return None
    if truth is None:
        names, alone = transition.when.unknowns(plain), False
    else:
        waiting = sorted(_waited_for(plain) & plan.evidence[transition.id])
        names = tuple(name for name in waiting if transition.when.test(supposing([name])) is True)
        alone = len(names) > 1
        if not names and transition.when.test(supposing(waiting)) is True:
            names = tuple(waiting)
    if not names:
        return None
    return Prospect(transition=transition.id, target=transition.target, names=names, alone=alone)


def _waited_for(view: LeadView) -> set[str]:
    """The names that undecided score rules wait for."""
    rules = chain.from_iterable(view.undecided(score_id) for score_id in view.policy.scores)
    return {name for rule in rules if rule.when is not None for name in rule.when.unknowns(view)}
