"""What of a CRM means which signals: forms, lists, campaigns, counters, activities, coming in at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from connector.engine.plan import Plan
from connector.policy.model import Policy, SignalDef
from connector.vendors.base import Activity, ActivityKind, Occurrence
from connector.vendors.campaigns import Member
from connector.vendors.dialect import Dialect
from connector.vendors.outcomes import outcome_values

ACTIVITY, OUTCOME = "activity", "outcome"
"""How a policy's source of signals names activities, and narrows them."""

_WAYS_IN = {"salesforce": "web_to_lead"}
"""How a policy's source of signals names a vendor's own way in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySource:
    """One kind of activity that a signal is learnt from; `outcomes` as stored (None: any), `lasting` in seconds."""

    signal: str
    kind: ActivityKind
    outcomes: frozenset[str] | None
    lasting: float | None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Signals that a new record means, each with the values that its properties must have."""

    told_by: tuple[tuple[str, Mapping[str, Sequence[str]]], ...]

    @classmethod
    def of(cls, policy: Policy, vendor: str) -> Arrivals:
        """Those that the policy learns at this vendor."""
        return cls(
            tuple(
                (signal.id, source.where)
                for signal in policy.signals.values()
                for source in signal.sources
                if source.kind == _WAYS_IN.get(vendor)
            )
        )

    @property
    def properties(self) -> tuple[str, ...]:
        """What is read of a person for them."""
        return tuple(dict.fromkeys(name for _, wanted in self.told_by for name in wanted))

    def signals(self, properties: Mapping[str, str | None]) -> tuple[str, ...]:
        """The signals that coming in as a record with these properties means."""
        found = (
            signal
            for signal, wanted in self.told_by
            if all(properties.get(name) in values for name, values in wanted.items())
        )
        return tuple(dict.fromkeys(found))


class Sources:
    """The part of a `Binding` that knows where signals come from."""

    plan: Plan
    dialect: Dialect
    outcomes: Mapping[ActivityKind, Mapping[str, str]]

    @cached_property
    def counters(self) -> Mapping[str, tuple[str, ...]]:
        """Property of a person → the signals that its growth means."""
        found: dict[str, list[str]] = {}
        for signal in self.plan.policy.signals.values():
            for source in signal.sources:
                if source.kind == f"{self.dialect.vendor}_counter":
                    for match in source.match:
                        object_type, _, name = match.partition(".")
                        if object_type == self.dialect.person_type:
                            found.setdefault(name, []).append(signal.id)
        return {name: tuple(ids) for name, ids in found.items()}

    @cached_property
    def arrivals(self) -> Arrivals:
        """The signals that somebody's coming in means, by what the new record says."""
        return Arrivals.of(self.plan.policy, self.dialect.vendor)

    def form_signals(self, kind: str, form: str) -> tuple[str, ...]:
        """The signals that a submission of this form (or website event) means; patterns with `*` allowed."""
        return tuple(signal.id for signal in self.plan.policy.signals.values() if _matches(signal, kind, form))

    @cached_property
    def watches_forms(self) -> bool:
        """True when some signal is learnt from this vendor's forms."""
        kind = f"{self.dialect.vendor}_form"
        return any(source.kind == kind for signal in self.plan.policy.signals.values() for source in signal.sources)

    @cached_property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        """List name → the signals that joining it means."""
        kind, found = f"{self.dialect.vendor}_list", dict[str, list[str]]()
        for signal in self.plan.policy.signals.values():
            for source in signal.sources:
                for name in source.match if source.kind == kind else ():
                    found.setdefault(name, []).append(signal.id)
        return {name: tuple(ids) for name, ids in found.items()}

    @cached_property
    def campaigns(self) -> tuple[tuple[str, Mapping[str, Sequence[str]]], ...]:
        """The signals that are learnt from this vendor's campaigns, each with what narrows it: type, name, status."""
        kind = f"{self.dialect.vendor}_campaign"
        return tuple(
            (signal.id, source.where)
            for signal in self.plan.policy.signals.values()
            for source in signal.sources
            if source.kind == kind
        )

    def campaign_signals(self, member: Member) -> tuple[str, ...]:
        """The signals that a member means as it stands; patterns with `*` allowed."""
        told = {"type": member.type, "name": member.campaign, "status": member.status}
        found = (
            signal
            for signal, narrowed in self.campaigns
            if all(
                any(fnmatchcase(told.get(name) or "", pattern) for pattern in patterns)
                for name, patterns in narrowed.items()
            )
        )
        return tuple(dict.fromkeys(found))

    # ── activities ───────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def activity_sources(self) -> tuple[ActivitySource, ...]:
        """Every activity that the policy's signals are learnt from."""
        return tuple(
            ActivitySource(
                signal=signal.id,
                kind=ActivityKind(word),
                outcomes=self._stored_outcomes(ActivityKind(word), source.where.get(OUTCOME)),
                lasting=source.lasting.total_seconds() if source.lasting is not None else None,
            )
            for signal in self.plan.policy.signals.values()
            for source in signal.sources
            if source.kind == ACTIVITY
            for word in source.match
        )

    @cached_property
    def activity_types(self) -> tuple[str, ...]:
        """The types of records by which the policy's activities are learnt."""
        kinds = {source.kind for source in self.activity_sources}
        return tuple(name for name, words in self.dialect.activities.items() if kinds.intersection(words.kinds))

    def activity_signals(self, activity: Activity) -> dict[str, Occurrence]:
        """The signals that an activity means, each once, with the occurrence that counts for it."""
        found: dict[str, Occurrence] = {}
        for source in self.activity_sources:
            if source.kind is not activity.kind or source.signal in found:
                continue
            if source.lasting is not None and (activity.length_seconds or 0.0) < source.lasting:
                continue
            for one in activity.occurrences:
                if one.plain if source.outcomes is None else one.outcome in source.outcomes:
                    found[source.signal] = one
                    break
        return found

    def plain_signals(self, kind: ActivityKind) -> tuple[str, ...]:
        """The signals that an activity of this kind means whatever its outcome and length."""
        return tuple(
            source.signal
            for source in self.activity_sources
            if source.kind is kind and source.outcomes is None and source.lasting is None
        )

    def _stored_outcomes(self, kind: ActivityKind, words: Sequence[str] | None) -> frozenset[str] | None:
        if words is None:
            return None
        return frozenset(
            stored for word in words for stored in outcome_values(self.dialect.activities, self.outcomes, kind, word)
        )


def _matches(signal: SignalDef, kind: str, form: str) -> bool:
    return any(
        source.kind == kind and any(fnmatchcase(form, pattern) for pattern in source.match) for source in signal.sources
    )
