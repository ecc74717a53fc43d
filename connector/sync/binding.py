"""A policy bound to a connection: which properties are read and written, and what each stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from connector.domain.lead import FieldFact
from connector.domain.value import BLANK, UNREAD, UNREADABLE, Value
from connector.engine.pipeline import STAGE
from connector.engine.plan import Plan
from connector.engine.words import label_in
from connector.policy.model import FieldDef, FieldType, Home, StageStore
from connector.store.mirrors import MirrorRow
from connector.sync.shapes import MOST_SHAPES, Readings, Shape, Writings
from connector.sync.sources import Sources
from connector.vendors.base import ActivityKind, DealPipeline
from connector.vendors.dialect import Dialect

SENDER = "sender"
OWNER, DEAL_OWNER, COMPANY_OWNER = "owner", "deal.owner", "company.owner"
"""Under these names the owners whom pools gave stand among the desired values."""

_BLANK_TARGETS = (UNREAD, UNREADABLE)


@dataclass(frozen=True, kw_only=True)
class Binding(Sources):
    """Make one for each connection and policy version. `stage_orders`: property → its options in the vendor's order."""

    plan: Plan
    dialect: Dialect
    stage_values: Mapping[str, str]
    stage_orders: Mapping[str, Sequence[str]]
    pipelines: Sequence[DealPipeline] = ()  #: Of deals, as the account had them when it was connected.
    #: The account's outcomes of activities when it was connected: stored value → label.
    outcomes: Mapping[ActivityKind, Mapping[str, str]] = field(default_factory=dict)
    partners: frozenset[str] = frozenset()  #: The vendors of the company's other CRMs.
    #: The account's user → the id by which this person goes everywhere: the one in the first CRM, where they are there.
    colleagues: Mapping[str, str] = field(default_factory=dict)
    our_user: str | None = None  #: Who we are in the account.
    users: frozenset[str] | None = None  #: The account's users, where another CRM has some too.
    #: `type.property` of what the account let nobody write when it was connected: read, and never written.
    read_only: frozenset[str] = frozenset()

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

    def homes_of(self, name: str) -> Iterator[tuple[FieldDef, Home]]:
        """The fields of this name and where they live, the first policy's first."""
        for definition in self.plan.policy.fields.values():
            if definition.name == name:
                yield from ((definition, home) for home in self.dialect.homes(definition))

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
    def person_properties(self) -> tuple[str, ...]:
        """Every property of a person that a read asks for."""
        names = dict.fromkeys(self.dialect.person_properties)
        names |= dict.fromkeys(home.name for _, home in self.fields_on(self.dialect.person_type))
        names |= dict.fromkeys(home.name for _, home in self.stores)
        names |= dict.fromkeys(self.counters)
        names |= dict.fromkeys(self.arrivals.properties)
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
        if names and self.dialect.merged_property is not None:
            names[self.dialect.merged_property] = None
        return tuple(names)

    def company_of(self, person: MirrorRow) -> str | None:
        """The company that a person's record names, else the one that it was found to belong to."""
        return person.properties.get(self.dialect.company_property) or person.belongs_to

    @cached_property
    def asks_of_companies(self) -> bool:
        """True when the policy asks more of companies than their fields."""
        return self.plan.reads_company_owner or self.plan.reads_colleagues

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

    # ── two CRMs ─────────────────────────────────────────────────────────────────────────────────────────────
    @cached_property
    def shared(self) -> frozenset[str]:
        """The fields of leads and companies that people fill here and in another CRM of the company."""
        if not self.partners:
            return frozenset()
        return frozenset(
            definition.name
            for definition in self.plan.policy.fields.values()
            if definition.scope != "deal"
            and not definition.computed
            and self.dialect.homes(definition)
            and any(home.vendor in self.partners for home in definition.homes)
        )

    @cached_property
    def merged_properties(self) -> frozenset[str]:
        """The properties of people in which they stand here."""
        if not self.shared:
            return frozenset()
        places = self.fields_on(self.dialect.person_type)
        return frozenset(home.name for definition, home in places if definition.name in self.shared)

    def canonical_person(self, own: str) -> str:
        """By what id a user of this account goes everywhere."""
        return self.colleagues.get(own, own)

    def own_person(self, canonical: str) -> str | None:
        """The account's user for such an id; None: it has none of that address."""
        own = self._own_people.get(canonical, canonical)
        return own if self.users is None or own in self.users else None

    @cached_property
    def _own_people(self) -> Mapping[str, str]:
        return {canonical: own for own, canonical in self.colleagues.items()}

    def means(self, object_type: str, name: str, raw: str | None, wanted: str) -> bool:
        """True when the stored string is another way to write the wanted one: a person's spelling, an option that is
        read as the same choice. What stands so is left as it is."""
        pair = self.homes.get((object_type, name))
        if pair is None or pair[0].name not in self.shared:
            return False
        return self.dialect.to_canonical(*pair, raw) == self.dialect.to_canonical(*pair, wanted or None)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────
    def project(self, desired: Mapping[str, Value], stage: str | None) -> dict[str, str]:
        """Canonical desired values as this vendor's properties of a person; '' clears."""
        wanted: dict[str, str] = {}
        if isinstance(owner := desired.get(OWNER), str) and (own := self.own_person(owner)) is not None:
            wanted[self.dialect.owner_property] = own
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
                (home.name, self._writings(definition, home))
                for home in self.dialect.homes(definition)
                if home.object_type == self.dialect.person_type and self.writes(definition, home)
            ]
            for definition in self.plan.policy.fields.values()
        }

    def _writings(self, definition: FieldDef, home: Home) -> Writings:
        if self.partners and definition.type is FieldType.PERSON:
            return Writings.of_people(self.own_person, self.dialect, definition, home)
        if self.partners and definition.choices:
            return Writings.of_choices(self.dialect, definition, home)
        return Writings(self.dialect, definition, home)

    def project_deal(self, desired: Mapping[str, Value]) -> dict[str, str]:
        """Canonical desired values as this vendor's properties of the lead's deal; '' clears."""
        wanted: dict[str, str] = {}
        if isinstance(owner := desired.get(DEAL_OWNER), str):
            wanted[self.dialect.deal.owner] = owner
        for definition, home in self.deal_homes:
            value = desired.get(definition.name, UNREAD)
            if value not in _BLANK_TARGETS and self.writes(definition, home):
                wanted[home.name] = "" if value is BLANK else self.dialect.to_vendor(definition, home, value)
        return wanted

    def project_company(self, desired: Mapping[str, Value]) -> dict[str, str]:
        """What is wanted on the record of the lead's company: the owner whom a pool gave, and what another CRM shows of
        the company."""
        wanted: dict[str, str] = {}
        if isinstance(owner := desired.get(COMPANY_OWNER), str) and (own := self.own_person(owner)) is not None:
            wanted[self.dialect.owner_property] = own
        for definition, home in self.fields_on(self.dialect.company_type) if self.shared else ():
            if definition.name in self.shared and self.writes(definition, home):
                text = self._written_of_companies[definition.name, home.name][desired.get(definition.name, UNREAD)]
                if text is not None:
                    wanted[home.name] = text
        return wanted

    @cached_property
    def _written_of_companies(self) -> Mapping[tuple[str, str], Writings]:
        return {
            (definition.name, home.name): self._writings(definition, home)
            for definition, home in self.fields_on(self.dialect.company_type)
        }

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
        return frozenset(names) | self.merged_properties

    def writes(self, definition: FieldDef, home: Home) -> bool:
        """True when this field is written in this place, as the policy says and the account lets us."""
        if f"{home.object_type}.{home.name}" in self.read_only:
            return False
        return definition.sync in ("both", f"to_{self.dialect.vendor}")

    def writes_somewhere(self, definition: FieldDef) -> bool:
        """True when this field is written in some place of the account."""
        return any(self.writes(definition, home) for home in self.dialect.homes(definition))
