"""One lead at one moment, as conditions read it: facts as they are, computed values worked out when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import Hold, LeadState, StageEntry
from connector.domain.value import BLANK, UNREAD, UNREADABLE, Value, is_known
from connector.engine import cadences, fading, gates, pipeline, recycle, routing, scoring, sla
from connector.engine.scoring import ScoreResult
from connector.policy.model import FieldDef, FieldType, Policy

SCORE = "score."
GATE = "gate."
CLOCK = "clock."
CADENCE = "cadence."
DEAL = "deal."
PIPELINE = "pipeline.missing"
NOTHING = LeadState()
ATTEMPTED = "attempted"
CONTACTS = ("contacted", ATTEMPTED)
"""The signals that count as contact, by the names that the language gives them."""


class LeadView:
    """Implements `policy.conditions.View`. Values are worked out once and remembered: make a new view for a new moment
    or stage. Cycles cannot occur: the loader refuses them.
    """

    __slots__ = (
        "_crossings", "_lead", "_occurrences", "_values", "entry", "holds", "now", "policy", "scores", "state", "zone",
    )  # fmt: skip

    def __init__(
        self,
        policy: Policy,
        lead: Lead,
        occurrences: Mapping[str, Sequence[datetime]],
        entry: StageEntry | None,
        holds: Mapping[str, Hold],
        now: datetime,
        state: LeadState = NOTHING,
    ) -> None:
        self.policy = policy
        self.entry = entry
        self.state = state  #: What is remembered of clocks, cadences and owners.
        self.holds = holds
        self.now = now
        self.zone: ZoneInfo = policy.zone
        self.scores: dict[str, ScoreResult] = {}
        self._lead = lead
        self._occurrences = occurrences
        self._values: dict[str, Value] = {}
        self._crossings: dict[tuple[str, float], datetime | None] = {}

    @property
    def lead(self) -> Lead:
        """The lead that is looked at."""
        return self._lead

    def earlier(self, moment: datetime) -> LeadView:
        """The lead in the same stage at an earlier moment: later signals have not happened, facts are today's."""
        before = {kind: times[: bisect_right(times, moment)] for kind, times in self._occurrences.items()}
        return LeadView(self.policy, self._lead, before, self.entry, self.holds, moment, self.state)

    def as_held(self) -> LeadView:
        """The same lead with its answers as the records hold them, whenever they were given."""
        return _Held(self.policy, self._lead, self._occurrences, self.entry, self.holds, self.now, self.state)

    @property
    def stage_entered_at(self) -> datetime | None:
        """When the present stage was entered."""
        return self.entry.entered_at if self.entry else None

    @property
    def owner_now(self) -> str | None:
        """Whose the lead is: the CRM's owner, or one that a pool has just given."""
        return routing.owner_now(self.state.assigned, self._lead, "lead")

    @property
    def deal_owner_now(self) -> str | None:
        """Whose the lead's deal is."""
        return routing.owner_now(self.state.assigned, self._lead, "deal")

    def value(self, name: str) -> Value:
        """See `View.value`."""
        value = self._values.get(name)  # no value is None; to fail and catch it would cost far more
        if value is None:
            value = self._values[name] = self._work_out(name)
        return value

    def times(self, signal: str) -> Sequence[datetime]:
        """See `View.times`."""
        return self._occurrences.get(signal, ())

    def score(self, score_id: str) -> ScoreResult:
        """The score with what it is made of."""
        found = self.scores.get(score_id)
        if found is None:
            found = self.scores[score_id] = scoring.score(self, self.policy.scores[score_id])
        return found

    def score_crossing(self, score: str, threshold: float) -> datetime | None:
        """See `View.score_crossing`; `score` is written `score.<id>` or as the bare id."""
        name = score.removeprefix(SCORE)
        found = self._crossings.get((name, threshold), self.now)
        if found == self.now:  # a crossing lies after now: this one has not been worked out yet
            parts = [(self.policy.scores[part], self.score(part)) for part in self.parts(name)]
            found = self._crossings[name, threshold] = fading.crossing(parts, threshold, self.now)
        return found

    def parts(self, name: str) -> tuple[str, ...]:
        """The scores that make up a score, by bare names."""
        return self.policy.total if name == "total" else (name,)

    def exact(self, name: str) -> float:
        """A score with its fractions, by its bare name; rules and people see whole points."""
        return sum(self.score(part).value for part in self.parts(name))

    def unfaded(self, name: str) -> float:
        """The score as if nothing had faded: it moves only when facts do."""
        return sum(self.score(part).basis for part in self.parts(name))

    def is_held(self, name: str) -> bool:
        """True while a person's edit of this computed field is kept."""
        hold = self.holds.get(name)
        return hold is not None and hold.since <= self.now < hold.until

    def computed(self, definition: FieldDef) -> Value:
        """What the rules of a computed field say, whatever a person wrote over it."""
        if definition.type is FieldType.CHOICES:
            tags = frozenset(str(rule.value) for rule in definition.rules if rule.when is None or rule.when.test(self))
            return tags or self._nothing(definition)
        for rule in definition.rules:
            if rule.when is None or rule.when.test(self):
                return rule.value
        return self._nothing(definition)

    def _nothing(self, definition: FieldDef) -> Value:
        """No rule holds: blank. But while one hangs on what nobody has read, that decides nothing."""
        waits_for = (name for rule in definition.rules if rule.when for name in rule.when.unknowns(self))
        return UNREAD if any(self.value(name) in (UNREAD, UNREADABLE) for name in waits_for) else BLANK

    def _work_out(self, name: str) -> Value:
        if name.startswith(DEAL) and pipeline.is_past(self):
            return BLANK
        definition = self.policy.fields.get(name)
        if definition is not None:
            if definition.rules or definition.answer or definition.shows is not None:
                return self._field(name, definition)
            fact = self._lead.fields.get(name)
            return UNREAD if fact is None else fact.value
        if name.startswith(SCORE):
            return fading.whole(self.exact(name.removeprefix(SCORE)))
        return self._built_in(name)

    def _field(self, name: str, definition: FieldDef) -> Value:
        if definition.rules:
            return self.holds[name].value if self.is_held(name) else self.computed(definition)
        return self._answer(name) if definition.answer else self._shown(definition)

    def _answer(self, name: str) -> Value:
        """An answer counts only if it was given since the stage was entered."""
        fact = self._lead.fact(name)
        if not is_known(fact.value) or self.entry is None:
            return fact.value
        given = fact.changed_at
        return fact.value if given is not None and self.entry.entered_at < given <= self.now else BLANK

    def _shown(self, definition: FieldDef) -> Value:
        """What follows from this view is read from it, not from what was last written into the CRM."""
        shows = definition.shows or ""
        if shows.startswith(SCORE):
            return self.value(shows)
        if shows == "last_contact":
            return max((moment for name in CONTACTS for moment in self.times(name)), default=BLANK)
        if shows == "attempts_in_stage":
            since = self.stage_entered_at
            return sum(1 for moment in self.times(ATTEMPTED) if since is None or moment >= since)
        gate = self.policy.gates.get(shows.removeprefix(GATE).removesuffix(".missing"))
        if gate is not None and shows.startswith(GATE):
            return gates.told(self, gate) or BLANK
        if shows == PIPELINE:
            return pipeline.told(self) or BLANK
        return self._lead.fact(definition.name).value

    def _built_in(self, name: str) -> Value:
        if name == "stage":
            return self.entry.stage if self.entry else UNREAD
        if name == "stage_entered_at":
            return self.entry.entered_at if self.entry else UNREAD
        if name == "owner":
            return self.owner_now or BLANK
        if name == "deal.stage":
            return self._lead.fact(name).value
        if name.startswith(CLOCK):
            return sla.standing(self.state.clocks, name.removeprefix(CLOCK))
        if name.startswith(CADENCE):
            return cadences.standing(self.state.cadences, name.removeprefix(CADENCE))
        if name.startswith(GATE):
            truth = gates.passes(self, self.policy.gates[name.removeprefix(GATE)])
            return UNREAD if truth is None else "passed" if truth else "missing"
        if name == "recycle.due":
            due = recycle.due_at(self)
            return due is not None and due <= self.now
        if name == "recycle.reason":
            return (self.entry.reason if self.entry else None) or BLANK
        return UNREAD


class _Held(LeadView):
    __slots__ = ()

    def _answer(self, name: str) -> Value:
        return self._lead.fact(name).value


def occurrences(
    members: Mapping[str, frozenset[str]], signals: Sequence[Signal], now: datetime
) -> dict[str, tuple[datetime, ...]]:
    """The moments of each signal, unions included (`members`), ascending, none after `now`."""
    plain: dict[str, list[datetime]] = {}
    for one in signals:
        if one.occurred_at <= now:
            plain.setdefault(one.kind, []).append(one.occurred_at)
    result: dict[str, tuple[datetime, ...]] = {kind: tuple(sorted(moments)) for kind, moments in plain.items()}
    for name, kinds in members.items():
        if len(kinds) > 1 and not kinds.isdisjoint(plain):
            result[name] = tuple(sorted(moment for kind in kinds for moment in plain.get(kind, ())))
    return result


def members_of(policy: Policy) -> dict[str, frozenset[str]]:
    """Signal id → the kinds of occurrences that count as it: itself, and what a union unites, however deep."""

    def below(name: str) -> frozenset[str]:
        definition = policy.signals.get(name)
        return frozenset({name}).union(*(below(part) for part in (definition.of if definition else ())))

    return {name: below(name) for name in policy.signals}
