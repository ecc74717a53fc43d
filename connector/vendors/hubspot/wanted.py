"""What a policy needs a HubSpot portal to have. Pure: a policy in, wanted properties out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connector.policy.model import FieldType, Home, Policy, StageStore
from connector.vendors.hubspot import protocol
from connector.vendors.provisioning import of_fields, text_of

VENDOR: Final = "hubspot"
GROUP: Final = "tasuki"
OWN_PREFIX: Final = "tasuki_"
"""Only properties with this prefix are ever created: a missing standard one is a misspelling."""

#: Types whose records we create, and which therefore carry our key.
KEYED_TYPES: Final = ("task", "deal", "note")

#: Field type → (HubSpot's type, its field type) of a property that we create.
_DEFINITIONS: Final[Mapping[FieldType, tuple[str, str]]] = {
    FieldType.TEXT: ("string", "text"),
    FieldType.LONG_TEXT: ("string", "textarea"),
    FieldType.EMAIL: ("string", "text"),
    FieldType.PHONE: ("string", "phonenumber"),
    FieldType.DOMAIN: ("string", "text"),
    FieldType.NUMBER: ("number", "number"),
    FieldType.MONEY: ("number", "number"),
    FieldType.CHOICE: ("enumeration", "select"),
    FieldType.CHOICES: ("enumeration", "checkbox"),
    FieldType.YES_NO: ("bool", "booleancheckbox"),
    FieldType.DATE: ("date", "date"),
    FieldType.MOMENT: ("datetime", "date"),
    FieldType.PERSON: ("string", "text"),
}

#: HubSpot's types (as `records.property_info` names them) that can hold a field type.
HOLDS: Final[Mapping[FieldType, tuple[str, ...]]] = {
    FieldType.TEXT: ("string", "enumeration", "phone_number"),
    FieldType.LONG_TEXT: ("string",),
    FieldType.EMAIL: ("string",),
    FieldType.PHONE: ("string", "phone_number"),
    FieldType.DOMAIN: ("string",),
    FieldType.NUMBER: ("number", "string"),
    FieldType.MONEY: ("number", "string"),
    FieldType.CHOICE: ("enumeration", "string", "bool"),
    FieldType.CHOICES: ("multi_enumeration",),
    FieldType.YES_NO: ("bool", "enumeration"),
    FieldType.DATE: ("date", "datetime"),
    FieldType.MOMENT: ("datetime",),
    FieldType.PERSON: ("string", "owner", "enumeration"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One property that a policy uses. `options` (value → label) are those that must exist; `field` names the
    policy's field for messages; `written` says that we write it, `computed` that a policy makes no sense otherwise."""

    object_type: str
    name: str
    label: str
    kind: FieldType
    field: str
    written: bool = True
    computed: bool = False
    unique: bool = False
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """True when we may create it."""
        return self.name.startswith(OWN_PREFIX)

    def definition(self) -> dict[str, object]:
        """The body that creates it."""
        kind, field_type = _DEFINITIONS[self.kind]
        options = dict(self.options)
        if self.kind is FieldType.YES_NO:
            options = {"true": "Yes", "false": "No"}
        return {
            "name": self.name,
            "label": self.label,
            "type": kind,
            "fieldType": field_type,
            "groupName": GROUP,
            "hasUniqueValue": self.unique,
            "formField": False,
            "options": [
                {"value": value, "label": label, "displayOrder": order, "hidden": False}
                for order, (value, label) in enumerate(options.items())
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedStages:
    """The custom stages of one store: `create` maps stage id → label, `order` lists every stage's value (None: new)."""

    object_type: str
    name: str
    create: Mapping[str, str]
    order: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedDealStage:
    """One stage of the deal pipeline, by its name in the portal."""

    name: str
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPipeline:
    """The deal pipeline by its name in the portal, with its stages in order."""

    name: str
    stages: tuple[WantedDealStage, ...]


def wanted_pipeline(policy: Policy) -> WantedPipeline | None:
    """The pipeline that the policy keeps in HubSpot."""
    pipeline = policy.pipeline
    if pipeline is None or VENDOR not in pipeline.stored:
        return None
    stages = tuple(
        WantedDealStage(
            name=stage.stored.get(VENDOR) or text_of(stage.label, policy.language) or key,
            probability=stage.probability,
        )
        for key, stage in pipeline.stages.items()
    )
    return WantedPipeline(name=pipeline.stored[VENDOR], stages=stages)


def source_lists(policy: Policy) -> list[tuple[str, str]]:
    """(signal, list) of every list whose joining is a signal."""
    return [
        (signal.id, name)
        for signal in policy.signals.values()
        for source in signal.sources
        if source.kind == f"{VENDOR}_list"
        for name in source.match
    ]


def wanted_properties(policy: Policy) -> list[Wanted]:
    """Every property that the policy's fields, stage stores and our own keys need, each once."""
    found: dict[tuple[str, str], Wanted] = {}
    for wanted in (*of_fields(policy, VENDOR, Wanted), *_of_stages(policy), *_of_counters(policy), *_keys(policy)):
        place = (wanted.object_type, wanted.name)
        known = found.get(place)
        if known is not None:
            wanted = _united(known, wanted)  # noqa: PLW2901 - two fields may share one property
        found[place] = wanted
    return list(found.values())


def wanted_stages(policy: Policy) -> list[WantedStages]:
    """The stores that need custom stages."""
    return [
        WantedStages(
            object_type=home.object_type,
            name=home.name,
            create=store.create,
            order=tuple(
                (stage, store.values.get(stage))
                for stage in policy.stages
                if stage in store.values or stage in store.create
            ),
        )
        for store, home in _stage_homes(policy)
        if store.create
    ]


def _united(one: Wanted, other: Wanted) -> Wanted:
    return Wanted(
        object_type=one.object_type,
        name=one.name,
        label=one.label,
        kind=one.kind,
        field=one.field,
        written=one.written or other.written,
        computed=one.computed or other.computed,
        unique=one.unique or other.unique,
        options={**one.options, **other.options},
    )


def _of_stages(policy: Policy) -> Iterator[Wanted]:
    for store, home in _stage_homes(policy):
        labels = {stage: text_of(found.label, policy.language) or stage for stage, found in policy.stages.items()}
        options = {value: labels.get(stage, stage) for stage, value in store.values.items()}
        yield Wanted(
            object_type=home.object_type,
            name=home.name,
            label="Tasuki stage",
            kind=FieldType.CHOICE,
            field="stage",
            computed=True,
            options=options,
        )


def _stage_homes(policy: Policy) -> Iterator[tuple[StageStore, Home]]:
    for store in policy.stored_as:
        for home in store.homes:
            if home.vendor == VENDOR:
                yield store, home


def _of_counters(policy: Policy) -> Iterator[Wanted]:
    for signal in policy.signals.values():
        for source in signal.sources:
            if source.kind != f"{VENDOR}_counter":
                continue
            for place in source.match:
                object_type, _, name = place.partition(".")
                yield Wanted(
                    object_type=object_type,
                    name=name,
                    label=name,
                    kind=FieldType.NUMBER,
                    field=f"signal.{signal.id}",
                    written=False,
                )


def keyed_types(policy: Policy) -> tuple[str, ...]:
    """The types whose records this policy makes."""
    if policy.create_deal is not None:
        return KEYED_TYPES
    return ("task", "note") if policy.records_in.get("activities") == "both" else ("task",)


def _keys(policy: Policy) -> Iterator[Wanted]:
    for object_type in keyed_types(policy):
        yield Wanted(
            object_type=object_type,
            name=protocol.KEY_PROPERTY,
            label="Tasuki key",
            kind=FieldType.TEXT,
            field="key",
            computed=True,
            unique=True,
        )
