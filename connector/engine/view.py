"""One lead at one moment, as conditions read it: facts as they are, computed values worked out when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.domain.lead import Lead
from connector.domain.runs import Assigned
from connector.domain.signal import Occurred
from connector.domain.state import Hold, LeadState, StageEntry
from connector.domain.value import BLANK, UNREAD, UNREADABLE, Missing, Value
from connector.engine import routing
from connector.engine.crossing import Fade, Fall
from connector.engine.fading import whole
from connector.engine.makers import MEETINGS, SCORE, maker
from connector.engine.scoring import ScoreResult
from connector.policy.model import FieldDef, Policy, ScoreRule

if TYPE_CHECKING:
    from connector.engine.plan import Plan

NOTHING = LeadState()

_AT = itemgetter(2)  # of a part of a score
_NOTHING_FADES = frozenset[str]()

_NOTHING_HELD: Mapping[int, Value] = {}  # a plain one: it is asked often


class LeadView:
    """Implements `policy.conditions.View`. Values are worked out once and remembered, most of them by the policy's
    program in the list `values`: make a new view for a new moment, `within` for another stage entry. Cycles cannot
    occur: the loader refuses them.
    """

    __slots__ = (
        "_fades", "_fading", "_falls", "_held", "_named",
        "entry", "exact_scores", "holds", "lead", "moments", "now", "plan", "policy", "results", "score_bases",
        "state", "values", "whole_scores", "zone",
    )  # fmt: skip

    def __init__(
        self,
        plan: Plan,
        lead: Lead,
        occurrences: Mapping[str, Sequence[datetime]],
        entry: StageEntry | None,
        holds: Mapping[str, Hold],
        now: datetime,
        state: LeadState = NOTHING,
        *,
        values: list[Value | None] | None = None,
    ) -> None:
        """`values`: what is known already of what the program reads and works out, each in its place."""
        program = plan.program
        self.plan = plan
        self.policy = plan.policy
        self.lead = lead
        self.entry = entry
        self.state = state  #: What is remembered of clocks, cadences and owners.
        self.holds = holds
        self.now = now
        self.zone: ZoneInfo = plan.policy.zone
        self.moments = occurrences
        self.values: list[Value | None] = values or program.read(lead.fields)
        self._held = _held(program.slots, holds, now) if holds else _NOTHING_HELD
        self._named: dict[str, Value] = {}
        self.results: dict[str, ScoreResult] = {}  #: Those scores that have been worked out.
        self.exact_scores: dict[str, float] = {}  #: The same with their fractions, sums included.
        self.whole_scores: dict[str, float] | None = None
        self.score_bases: dict[str, float] | None = None
        self._fades: dict[str, Fade] = {}
        self._falls: dict[str, Fall] = {}
        self._fading: frozenset[str] | None = None
        if entry is not None and entry.came_back_at is not None:
            self._read_deal()

    def within(self, entry: StageEntry) -> LeadView:
        """The lead at the same moment in another stage entry: what does not hang on that is not worked out again."""
        return self._again(LeadView, entry)

    def earlier(self, moment: datetime) -> LeadView:
        """The lead in the same stage at an earlier moment: later signals have not happened, facts are today's."""
        before = {kind: times[: bisect_right(times, moment)] for kind, times in self.moments.items()}
        return LeadView(self.plan, self.lead, before, self.entry, self.holds, moment, self.state)

    def as_owned(self, owner_of: str, given: Assigned) -> LeadView:
        """The same lead with an owner that a pool has just given."""
        state = replace(self.state, assigned={**self.state.assigned, owner_of: given})
        return LeadView(self.plan, self.lead, self.moments, self.entry, self.holds, self.now, state)

    def as_held(self) -> LeadView:
        """The same lead with its answers as the records hold them, whenever they were given."""
        return self._again(_Held, self.entry)

    def _again(self, kind: type[LeadView], entry: StageEntry | None) -> LeadView:
        program = self.plan.program
        other = object.__new__(kind)
        other.plan, other.policy, other.lead, other.state = self.plan, self.policy, self.lead, self.state
        other.holds, other.now, other.zone, other.moments = self.holds, self.now, self.zone, self.moments
        other.entry = entry
        other.values = [*self.values[: program.lasting], *program.passing]
        other._held = self._held
        other._named = {}
        other.results = {key: found for key, found in self.results.items() if key in program.lasting_scores}
        other.exact_scores = {}
        other.whole_scores = other.score_bases = None
        other._fades, other._falls = {}, {}
        other._fading = None
        if self._came_back() or other._came_back():
            other._read_deal()
        return other

    def _came_back(self) -> bool:
        return self.entry is not None and self.entry.came_back_at is not None

    def _read_deal(self) -> None:
        """A deal that was closed before the lead came back says nothing of this round."""
        for name, slot in self.plan.program.deal_facts:
            self.values[slot] = self.work_out(name)

    @property
    def stage_entered_at(self) -> datetime | None:
        """When the present stage was entered."""
        return self.entry.entered_at if self.entry else None

    @property
    def owner_now(self) -> str | None:
        """Whose the lead is: the CRM's owner, or one that a pool has just given."""
        return routing.owner_now(self.state.assigned, self.lead, "lead")

    @property
    def deal_owner_now(self) -> str | None:
        """Whose the lead's deal is."""
        return routing.owner_now(self.state.assigned, self.lead, "deal")

    @property
    def owner_pool_now(self) -> str | None:
        """The pool that gave the lead its present owner."""
        return routing.pool_now(self.state.assigned, self.lead)

    @property
    def company_owner_now(self) -> str | None:
        """Whose the lead's company is."""
        return routing.owner_now(self.state.assigned, self.lead, "company")

    def value(self, name: str) -> Value:
        """See `View.value`."""
        slot = self.plan.program.slots.get(name)
        if slot is not None:
            value = self.values[slot]  # no value is None; to fail and catch it would cost far more
            return self.make(slot) if value is None else value
        value = self._named.get(name)
        if value is None:
            value = self._named[name] = self.work_out(name)
        return value

    def make(self, slot: int) -> Value:
        """Work out the value that stands in this slot: what a person wrote over it, or what the policy says."""
        held = self._held.get(slot)
        value = self.values[slot] = self.plan.program.makers[slot](self) if held is None else held
        return value

    def times(self, signal: str) -> Sequence[datetime]:
        """See `View.times`."""
        return self.moments.get(signal, ())

    def score(self, score_id: str) -> ScoreResult:
        """The score with what it is made of."""
        found = self.results.get(score_id)
        if found is None:
            found = self.results[score_id] = self.plan.program.scores[score_id](self)
        return found

    def undecided(self, score_id: str) -> tuple[ScoreRule, ...]:
        """The rules of a score whose condition is unknown: they give nothing until what they wait for is known."""
        rules = self.policy.scores[score_id].rules
        return tuple(rule for rule in rules if rule.when is not None and rule.when.test(self) is None)

    def fade(self, name: str) -> Fade:
        """A score (by its bare name) as a function of time."""
        found = self._fades.get(name)
        if found is None:
            found = self._fades[name] = Fade([self._part(part) for part in self.parts(name)], self.now)
        return found

    def _part(self, score: str) -> tuple[float, Fall | None]:
        """A score's value now, and, if it can fade, as a function of time: the same for each sum that it is part of."""
        result = self.score(score)
        if score not in self.plan.fading_parts:
            return result.value, None
        fall = self._falls.get(score)
        if fall is None:
            fall = self._falls[score] = Fall(self.policy.scores[score], result)
        return result.value, fall

    @property
    def fading(self) -> frozenset[str]:
        """The scores that time alone moves now."""
        found = self._fading
        if found is None:
            found = _NOTHING_FADES
            for part, names in self.plan.fading_parts.items() if self.moments else ():
                if any(map(_AT, self.score(part).parts)):
                    found |= names
            self._fading = found
        return found

    def moves(self, movers: frozenset[str]) -> bool:
        """See `View.moves`."""
        return not (movers.isdisjoint(self.moments) and movers.isdisjoint(self.fading))

    def score_crossing(self, score: str, threshold: float) -> datetime | None:
        """See `View.score_crossing`; `score` is written `score.<id>` or as the bare id."""
        return self.fade(score.removeprefix(SCORE)).crossing(threshold)

    def parts(self, name: str) -> tuple[str, ...]:
        """The scores that make up a score, by bare names."""
        return self.policy.total if name == "total" else (name,)

    def exact(self, name: str) -> float:
        """A score with its fractions, by its bare name; rules and people see whole points."""
        found = self.exact_scores.get(name)
        if found is None:
            found = self.exact_scores[name] = float(sum([self.score(part).value for part in self.parts(name)]))
        return found

    def whole(self, name: str) -> float:
        """A score in whole points, by its bare name."""
        return whole(self.exact(name))

    def settle(self) -> LeadView:
        """Work everything out at once that rules decide: an evaluation asks for all of it."""
        if not self._held:  # else one by one, looking at what a person wrote
            self.plan.program.settle(self)
        return self

    def exacts(self) -> dict[str, float]:
        """Every score with its fractions."""
        found = self.exact_scores
        if len(found) == len(self.plan.score_names):
            return found
        return {name: self.exact(name) for name in self.plan.score_names}

    def wholes(self) -> dict[str, float]:
        """Every score in whole points."""
        found = self.whole_scores
        if found is None:
            found = self.whole_scores = {name: whole(exact) for name, exact in self.exacts().items()}
        return found

    def bases(self) -> dict[str, float]:
        """Every score as if nothing had faded: these move only when facts do."""
        found = self.score_bases
        if found is None:
            found = self.score_bases = {name: self.score(name).basis for name in self.policy.scores}
            if self.policy.total:
                found["total"] = sum([found[part] for part in self.policy.total])
        return found

    def is_held(self, name: str) -> bool:
        """True while a person's edit of this computed field is kept."""
        hold = self.holds.get(name)
        return hold is not None and hold.since <= self.now < hold.until

    def computed(self, definition: FieldDef) -> Value:
        """What the rules of a computed field say, whatever a person wrote over it."""
        return self.plan.program.makers[self.plan.program.slots[definition.name]](self)

    def nothing(self, definition: FieldDef) -> Value:
        """No rule holds: blank. But while one hangs on what nobody has read, that decides nothing."""
        waits_for = (name for rule in definition.rules if rule.when for name in rule.when.unknowns(self))
        return UNREAD if any(self.value(name) in (UNREAD, UNREADABLE) for name in waits_for) else BLANK

    def work_out(self, name: str) -> Value:
        """The value of a name that has no slot."""
        made = self.plan.program.others.get(name)
        if made is None:
            made = self.plan.program.others[name] = maker(self.policy, name)
        return made(self)

    def answer(self, name: str) -> Value:
        """An answer counts only if it was given since the stage was entered."""
        fact = self.lead.fields.get(name)
        if fact is None or fact.value.__class__ is Missing or self.entry is None:
            return UNREAD if fact is None else fact.value
        given = fact.changed_at
        return fact.value if given is not None and self.entry.entered_at < given <= self.now else BLANK


class _Held(LeadView):
    __slots__ = ()

    def answer(self, name: str) -> Value:
        return self.lead.fact(name).value


def _held(slots: Mapping[str, int], holds: Mapping[str, Hold], now: datetime) -> dict[int, Value]:
    """Slot → what a person wrote over the value that the policy works out, while that is kept."""
    return {slots[name]: hold.value for name, hold in holds.items() if hold.since <= now < hold.until}


def occurrences(
    unions: Mapping[str, frozenset[str]], signals: Sequence[Occurred], now: datetime
) -> dict[str, tuple[datetime, ...]]:
    """The moments of each signal and of each union (its name → what it unites), ascending, none after `now`."""
    plain: dict[str, list[datetime]] = {}
    for one in signals:
        if one.occurred_at <= now:
            plain.setdefault(one.kind, []).append(one.occurred_at)
            if one.starts_at is not None:
                plain.setdefault(MEETINGS, []).append(one.starts_at)
    if not plain:
        return {}
    result: dict[str, tuple[datetime, ...]] = {
        kind: tuple(sorted(moments)) if len(moments) > 1 else (moments[0],) for kind, moments in plain.items()
    }
    for name, kinds in unions.items():
        if not kinds.isdisjoint(plain):
            result[name] = tuple(sorted(moment for kind in kinds for moment in plain.get(kind, ())))
    return result


def members_of(policy: Policy) -> dict[str, frozenset[str]]:
    """Signal id → the kinds of occurrences that count as it: itself, and what a union unites, however deep."""

    def below(name: str) -> frozenset[str]:
        definition = policy.signals.get(name)
        return frozenset({name}).union(*(below(part) for part in (definition.of if definition else ())))

    return {name: below(name) for name in policy.signals}
