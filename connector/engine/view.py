"""One lead at one moment, as conditions read it: facts as they are, computed values worked out when asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import Hold, StageEntry
from connector.domain.value import BLANK, UNREAD, Value, is_known
from connector.engine import fading, recycle, scoring
from connector.engine.scoring import ScoreResult
from connector.policy.model import FieldDef, FieldType, Policy

SCORE = "score."
TOTAL = "score.total"


class LeadView:
    """Implements `policy.conditions.View`. Values are worked out once and remembered: make a new view for a new moment
    or stage. Cycles cannot occur: the loader refuses them.
    """

    __slots__ = ("_lead", "_occurrences", "_values", "entry", "holds", "now", "policy", "scores", "zone")

    def __init__(
        self,
        policy: Policy,
        lead: Lead,
        occurrences: Mapping[str, Sequence[datetime]],
        entry: StageEntry | None,
        holds: Mapping[str, Hold],
        now: datetime,
    ) -> None:
        self.policy = policy
        self.entry = entry
        self.holds = holds
        self.now = now
        self.zone: ZoneInfo = policy.zone
        self.scores: dict[str, ScoreResult] = {}
        self._lead = lead
        self._occurrences = occurrences
        self._values: dict[str, Value] = {}

    @property
    def lead(self) -> Lead:
        """The lead that is looked at."""
        return self._lead

    @property
    def stage_entered_at(self) -> datetime | None:
        """When the present stage was entered."""
        return self.entry.entered_at if self.entry else None

    def value(self, name: str) -> Value:
        """See `View.value`."""
        try:
            return self._values[name]
        except KeyError:
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
        parts = self.policy.total if name == "total" else (name,)
        return fading.crossing([(self.policy.scores[part], self.score(part)) for part in parts], threshold, self.now)

    def unfaded(self, name: str) -> float:
        """The score as if nothing had faded: it moves only when facts do."""
        parts = self.policy.total if name == "total" else (name,)
        return sum(self.score(part).basis for part in parts)

    def is_held(self, name: str) -> bool:
        """True while a person's edit of this computed field is kept."""
        hold = self.holds.get(name)
        return hold is not None and self.now < hold.until

    def computed(self, definition: FieldDef) -> Value:
        """What the rules of a computed field say, whatever a person wrote over it."""
        if definition.type is FieldType.CHOICES:
            tags = frozenset(str(rule.value) for rule in definition.rules if rule.when is None or rule.when.test(self))
            return tags or BLANK
        for rule in definition.rules:
            if rule.when is None or rule.when.test(self):
                return rule.value
        return BLANK

    def _work_out(self, name: str) -> Value:
        definition = self.policy.fields.get(name)
        if definition is not None:
            return self._field(name, definition)
        if name.startswith(SCORE):
            if name == TOTAL:
                return sum(self.score(part).value for part in self.policy.total)
            return self.score(name.removeprefix(SCORE)).value
        return self._built_in(name)

    def _field(self, name: str, definition: FieldDef) -> Value:
        if definition.rules:
            return self.holds[name].value if self.is_held(name) else self.computed(definition)
        if definition.answer:
            return self._answer(name)
        return self._lead.fact(name).value

    def _answer(self, name: str) -> Value:
        """An answer counts only if it was given since the stage was entered."""
        fact = self._lead.fact(name)
        if not is_known(fact.value) or self.entry is None:
            return fact.value
        given = fact.changed_at
        return fact.value if given is not None and given > self.entry.entered_at else BLANK

    def _built_in(self, name: str) -> Value:
        if name == "stage":
            return self.entry.stage if self.entry else UNREAD
        if name == "stage_entered_at":
            return self.entry.entered_at if self.entry else UNREAD
        if name == "owner":
            return self._lead.owner or BLANK
        if name == "recycle.due":
            due = recycle.due_at(self)
            return due is not None and due <= self.now
        if name == "recycle.reason":
            return (self.entry.reason if self.entry else None) or BLANK
        return UNREAD


def occurrences(
    policy: Policy, signals: Sequence[Signal], now: datetime, *, seen_only: bool = False
) -> dict[str, tuple[datetime, ...]]:
    """The moments of each signal, unions included, ascending, none after `now`."""
    plain: dict[str, list[datetime]] = {}
    for one in signals:
        if seen_only and not one.seen:
            continue
        plain.setdefault(one.kind, []).append(one.occurred_at)
    result: dict[str, tuple[datetime, ...]] = {}
    for kind, moments in plain.items():
        moments.sort()
        result[kind] = tuple(moments[: bisect_right(moments, now)])
    for definition in policy.signals.values():
        if definition.of:
            union = sorted(moment for part in definition.of for moment in result.get(part, ()))
            if union:
                result[definition.id] = tuple(union)
    return result
