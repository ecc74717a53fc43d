"""A policy bound to a connection: which properties are read and written, and what each stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property

from connector.domain.lead import FieldFact
from connector.domain.value import BLANK, UNREAD, UNREADABLE, Value
from connector.engine.pipeline import STAGE
from connector.engine.plan import Plan
from connector.engine.words import label_in
from connector.policy.model import FieldDef, Home, SignalDef, StageStore
from connector.sync.shapes import MOST_SHAPES, Readings, Shape, Writings
from connector.vendors.base import Activity, ActivityKind, DealPipeline, Occurrence
from connector.vendors.dialect import Dialect
from connector.vendors.outcomes import outcome_values

SENDER = "sender"
ACTIVITY, OUTCOME = "activity", "outcome"
"""How a policy's source of signals names activities, and narrows them."""

OWNER, DEAL_OWNER, COMPANY_OWNER = "owner", "deal.owner", "company.owner"
"""Under these names the owners whom pools gave stand among the desired values."""

_BLANK_TARGETS = (UNREAD, UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySource:
    """One kind of activity that a signal is learnt from; `outcomes` as stored (None: any), `lasting` in seconds."""

    signal: str
    kind: ActivityKind
    outcomes: frozenset[str] | None
    lasting: float | None


@dataclass(frozen=True, kw_only=True)
class Binding:
    """Make one for each connection and policy version. `stage_orders`: property → its options in the vendor's order."""

    plan: Plan
    dialect: Dialect
    stage_values: Mapping[str, str]
    stage_orders: Mapping[str, Sequence[str]]
    pipelines: Sequence[DealPipeline] = ()  #: Of deals, as the account had them when it was connected.
    #: The account's outcomes of activities when it was connected: stored value → label.
    outcomes: Mapping[ActivityKind, Mapping[str, str]] = field(default_factory=dict)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def homes(self) -> Mapping[tuple[str, str], tuple[FieldDef, Home]]:
        """(object type, property) → the field that lives there."""
        return {
            (home.object_type, home.name): (definition, home)
            for definition in self.plan.policy.fields.values()
            for home in self.dialect.homes(definition)
        }

    def fields_on(self, object_type: str) -> Sequence[tuple[FieldDef, Home]]:
        """The fields that live on this object type."""
        return self._by_type.get(object_type, ())

    def homes_of(self, name: str) -> Iterator[Home]:
        """Where the fields of this name live, the first policy's first."""
        for definition in self.plan.policy.fields.values():
            if definition.name == name:
                yield from self.dialect.homes(definition)

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[tuple[FieldDef, Home]]]:
        found: dict[str, list[tuple[FieldDef, Home]]] = {}
        for (object_type, _), pair in self.homes.items():
            found.setdefault(object_type, []).append(pair)
        return found

    def shape(self, object_type: str, properties: tuple[str, ...]) -> Shape:
        """How a record with these properties is read: most records of an account have the same."""
        found = self._shapes.get((object_type, properties))
        if found is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            known = frozenset(properties)
            rows = [one for one in self._read_from.get(object_type, ()) if one[1] in known]
            found = self._shapes[object_type, properties] = Shape.of(rows)
        return found

    @cached_property
    def _shapes(self) -> dict[tuple[str, tuple[str, ...]], Shape]:
        return {}

    @cached_property
    def _read_from(self) -> Mapping[str, Sequence[tuple[str, str, Readings]]]:
        """Object type → (field, property, what its stored strings mean) for every field that lives there."""
        return {
            object_type: [(one.name, home.name, Readings(self.dialect, one, home)) for one, home in pairs]
            for object_type, pairs in self._by_type.items()
        }

    @cached_property
    def no_company(self) -> Mapping[str, FieldFact]:
        """What is known of a company where there is none: every field is blank."""
        return {one.name: FieldFact(value=BLANK) for one, _ in self.fields_on(self.dialect.company_type)}

    @cached_property
    def no_deal(self) -> Mapping[str, FieldFact]:
        """What is known of a deal where there is none."""
        return {name: FieldFact(value=BLANK) for name in (STAGE, *(one.name for one, _ in self.deal_homes))}

    @cached_property
    def stores(self) -> tuple[tuple[StageStore, Home], ...]:
        """Where the stage is stored on people of this vendor."""
        return tuple(
            (store, home)
            for store in self.plan.policy.stored_as
            if store.vendor == self.dialect.vendor
            for home in store.homes
            if home.object_type == self.dialect.person_type
        )

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
    def person_properties(self) -> tuple[str, ...]:
        """Every property of a person that a read asks for."""
        names = dict.fromkeys(self.dialect.person_properties)
        names |= dict.fromkeys(home.name for _, home in self.fields_on(self.dialect.person_type))
        names |= dict.fromkeys(home.name for _, home in self.stores)
        names |= dict.fromkeys(self.counters)
        if self.deal_properties and self.dialect.deal.person_count is not None:
            names[self.dialect.deal.person_count] = None
        return tuple(names)

    @cached_property
    def deal_homes(self) -> tuple[tuple[FieldDef, Home], ...]:
        """The fields that live on deals."""
        return tuple(self.fields_on(self.dialect.deal.object_type))

    @cached_property
    def deal_properties(self) -> tuple[str, ...]:
        """Every property of a deal that a read asks for; empty: the policy does not speak of deals here."""
        mapped = [home.name for _, home in self.deal_homes]
        if not mapped and self._pipeline_name is None:
            return ()
        return tuple(dict.fromkeys((*self.dialect.deal.properties, *mapped)))

    @cached_property
    def company_properties(self) -> tuple[str, ...]:
        """Every property of a company that a read asks for; empty: companies need not be read."""
        names = dict.fromkeys(home.name for _, home in self.fields_on(self.dialect.company_type))
        if self.plan.reads_company_owner:
            names[self.dialect.owner_property] = None
        return tuple(names)

    @cached_property
    def asks_of_companies(self) -> bool:
        """True when the policy asks more of companies than their fields."""
        return self.plan.reads_company_owner or self.plan.reads_colleagues

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

    # ── the pipeline ─────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def _pipeline_name(self) -> str | None:
        """What the policy's pipeline is called at this vendor; None: the policy keeps none here."""
        pipeline = self.plan.policy.pipeline
        return pipeline.stored.get(self.dialect.vendor) if pipeline is not None else None

    @cached_property
    def deal_pipeline(self) -> DealPipeline | None:
        """The account's pipeline that the policy names, by label or id; None: it names none, or there is none."""
        name = self._pipeline_name
        return next((one for one in self.pipelines if name is not None and name in (one.label, one.id)), None)

    @cached_property
    def knows_deal_pipeline(self) -> bool:
        """False: the policy names a pipeline that the account did not have when it was connected."""
        return self._pipeline_name is None or self.deal_pipeline is not None

    @cached_property
    def deal_stage_ids(self) -> Mapping[str, str]:
        """Stage id of the policy's pipeline → the account's stage id, by the name stored there, the label or the id."""
        pipeline = self.plan.policy.pipeline
        if pipeline is None or self.deal_pipeline is None:
            return {}
        names = {name: stage.id for stage in self.deal_pipeline.stages for name in (stage.label, stage.id)}
        found: dict[str, str] = {}
        for stage_id, stage in pipeline.stages.items():
            label = label_in(stage.label, self.plan.policy.language, stage_id)
            name = stage.stored.get(self.dialect.vendor, label)
            if name in names:
                found[stage_id] = names[name]
        return found

    @cached_property
    def deal_stage_closed(self) -> Mapping[str, bool]:
        """The account's stage id → whether a deal in it is won or lost."""
        return {stage.id: stage.closed for pipeline in self.pipelines for stage in pipeline.stages}

    def sender_properties(self, sender: str | None) -> dict[str, str]:
        """The properties of a deal that show who handed it over (`shows: sender`)."""
        return {home.name: sender for definition, home in self.deal_homes if sender and definition.shows == SENDER}

    def deal_stage(self, raw: str | None) -> Value:
        """The policy's stage of a stored one; a stage that the policy does not know stays the account's own word."""
        if not raw:
            return BLANK
        return next((stage for stage, stored in self.deal_stage_ids.items() if stored == raw), raw)

    # ── the stage ────────────────────────────────────────────────────────────────────────────────────────────
    def stage_value(self, store: StageStore, stage: str) -> str | None:
        """What this store holds for a stage; None: the stage is not stored there."""
        if store.labels:
            policy = self.plan.policy
            return label_in(policy.stages[stage].label, policy.language, stage)
        if stage in store.create:
            return self.stage_values.get(stage)
        return store.values.get(stage)

    def stages_meant(self, store: StageStore, raw: str) -> tuple[str, ...]:
        """The stages that a stored value can mean, in file order."""
        return self._meant[id(store)].get(raw, ())

    @cached_property
    def _meant(self) -> Mapping[int, Mapping[str | None, tuple[str, ...]]]:
        """The same for each store, by its identity."""
        found: dict[int, dict[str | None, tuple[str, ...]]] = {}
        for store in self.plan.policy.stored_as:
            meant = found.setdefault(id(store), {})
            for stage in self.plan.policy.stages:
                stored = self.stage_value(store, stage)
                meant[stored] = (*meant.get(stored, ()), stage)
        return found

    def is_backward(self, name: str, current: str | None, wanted: str) -> bool:
        """True when the vendor would refuse this move unless the property is cleared first."""
        order = list(self.stage_orders.get(name, ()))
        if name not in self.dialect.forward_only or not current or current not in order or wanted not in order:
            return False
        return order.index(wanted) < order.index(current)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────
    def project(self, desired: Mapping[str, Value], stage: str | None) -> dict[str, str]:
        """Canonical desired values as this vendor's properties of a person; '' clears."""
        wanted: dict[str, str] = {}
        if isinstance(owner := desired.get(OWNER), str):
            wanted[self.dialect.owner_property] = owner
        places = self._written_to
        for name, value in desired.items():
            for written_to, written in places.get(name, ()):
                text = written[value]
                if text is not None:
                    wanted[written_to] = text
        if stage is not None:
            for store, home in self.stores:
                stored = self.stage_value(store, stage)
                if stored is not None:
                    wanted[home.name] = stored
        return wanted

    @cached_property
    def written(self) -> frozenset[str]:
        """The properties of a person that we may write."""
        names = {written_to for pairs in self._written_to.values() for written_to, _ in pairs}
        return frozenset(names | {home.name for _, home in self.stores} | {self.dialect.owner_property})

    @cached_property
    def _written_to(self) -> Mapping[str, Sequence[tuple[str, Writings]]]:
        """Field → (property of a person, its strings for our values), for those that we write."""
        return {
            definition.name: [
                (home.name, Writings(self.dialect, definition, home))
                for home in self.dialect.homes(definition)
                if home.object_type == self.dialect.person_type
            ]
            for definition in self.plan.policy.fields.values()
            if self._writes(definition)
        }

    def project_deal(self, desired: Mapping[str, Value]) -> dict[str, str]:
        """Canonical desired values as this vendor's properties of the lead's deal; '' clears."""
        wanted: dict[str, str] = {}
        if isinstance(owner := desired.get(DEAL_OWNER), str):
            wanted[self.dialect.deal.owner] = owner
        for definition, home in self.deal_homes:
            value = desired.get(definition.name, UNREAD)
            if value not in _BLANK_TARGETS and self._writes(definition):
                wanted[home.name] = "" if value is BLANK else self.dialect.to_vendor(definition, home, value)
        return wanted

    def project_company(self, desired: Mapping[str, Value]) -> dict[str, str]:
        """What rules want on the record of the lead's company: the owner whom a pool gave."""
        owner = desired.get(COMPANY_OWNER)
        return {self.dialect.owner_property: owner} if isinstance(owner, str) else {}

    def definition_of(self, name: str) -> FieldDef | None:
        """The field that lives in this property of a person."""
        pair = self.homes.get((self.dialect.person_type, name))
        return pair[0] if pair else None

    @cached_property
    def contested(self) -> frozenset[str]:
        """Properties that people write too: re-read right before we write them."""
        names = {home.name for store, home in self.stores if store.read_back}
        names |= {home.name for definition, home in self.fields_on(self.dialect.person_type) if definition.answer}
        names.add(self.dialect.owner_property)
        return frozenset(names)

    def _writes(self, definition: FieldDef) -> bool:
        return definition.sync in ("both", f"to_{self.dialect.vendor}")


def _matches(signal: SignalDef, kind: str, form: str) -> bool:
    return any(
        source.kind == kind and any(fnmatchcase(form, pattern) for pattern in source.match) for source in signal.sources
    )
