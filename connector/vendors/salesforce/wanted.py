"""What a policy needs an org to have. Pure: a policy in, wanted fields out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.policy.model import FieldType, Policy, StageStore
from connector.vendors.provisioning import of_fields, text_of
from connector.vendors.salesforce import dialect
from connector.vendors.salesforce.protocol import KEY_PROPERTY, PERSON, VENDOR

OWN_PREFIX: Final = "Tasuki"
"""Only custom fields with this prefix are ever created: any other that is missing is a misspelling."""

KEY_LENGTH: Final = 120
KEYED_TYPES: Final = ("Task", "Opportunity")
"""Objects whose records we create, and which therefore carry our key."""

ACTIVITY: Final = "Activity"
"""Where custom fields of tasks and events are made, both at once."""

#: Field type → the metadata of a custom field that we create.
_METADATA: Final[Mapping[FieldType, Mapping[str, Any]]] = {
    FieldType.TEXT: {"type": "Text", "length": 255},
    FieldType.LONG_TEXT: {"type": "LongTextArea", "length": 32_000, "visibleLines": 4},
    FieldType.EMAIL: {"type": "Email"},
    FieldType.PHONE: {"type": "Phone"},
    FieldType.DOMAIN: {"type": "Text", "length": 255},
    FieldType.NUMBER: {"type": "Number", "precision": 18, "scale": 2},
    FieldType.MONEY: {"type": "Currency", "precision": 18, "scale": 2},
    FieldType.CHOICE: {"type": "Picklist"},
    FieldType.CHOICES: {"type": "MultiselectPicklist", "visibleLines": 4},
    FieldType.YES_NO: {"type": "Checkbox", "defaultValue": "false"},
    FieldType.DATE: {"type": "Date"},
    FieldType.MOMENT: {"type": "DateTime"},
    FieldType.PERSON: {"type": "Lookup", "referenceTo": "User"},
}

#: Salesforce's types (as `records.property_info` names them) that can hold a field type.
HOLDS: Final[Mapping[FieldType, tuple[str, ...]]] = {
    FieldType.TEXT: ("string", "enumeration"),
    FieldType.LONG_TEXT: ("string",),
    FieldType.EMAIL: ("string",),
    FieldType.PHONE: ("string",),
    FieldType.DOMAIN: ("string",),
    FieldType.NUMBER: ("number", "string"),
    FieldType.MONEY: ("number", "string"),
    FieldType.CHOICE: ("enumeration", "string", "bool"),
    FieldType.CHOICES: ("multi_enumeration", "string"),
    FieldType.YES_NO: ("bool", "enumeration"),
    FieldType.DATE: ("date", "datetime"),
    FieldType.MOMENT: ("datetime",),
    FieldType.PERSON: ("reference", "owner", "string"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One field that a policy uses. `options` (value → label) are those that must exist; `field` names the policy's
    field for messages; `written` says that we write it, `computed` that a policy makes no sense otherwise."""

    object_type: str
    name: str
    label: str
    kind: FieldType
    field: str
    written: bool = True
    computed: bool = False
    is_key: bool = False
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """True when we may create it."""
        return self.name.startswith(OWN_PREFIX) and self.name.endswith("__c")

    @property
    def full_name(self) -> str:
        """As the Metadata and Tooling APIs name it."""
        return f"{ACTIVITY if self.object_type in ('Task', 'Event') else self.object_type}.{self.name}"

    def metadata(self) -> dict[str, Any]:
        """The definition of a custom field that holds it."""
        found: dict[str, Any] = {"label": self.label[:40], **_METADATA[self.kind]}
        if self.is_key:
            found |= {"length": KEY_LENGTH, "externalId": True, "unique": True, "caseSensitive": True}
        if self.kind is FieldType.PERSON:
            relation = self.name.removesuffix("__c")
            found |= {"relationshipName": f"{self.object_type}{relation}", "relationshipLabel": self.label[:40]}
        if self.kind in (FieldType.CHOICE, FieldType.CHOICES):
            found["valueSet"] = value_set(self.options)
        return found


def value_set(options: Mapping[str, str]) -> dict[str, Any]:
    """The values of a picklist of our own; others may be added to it by hand."""
    values = [{"fullName": value, "label": label, "default": False} for value, label in options.items()]
    return {"restricted": False, "valueSetDefinition": {"sorted": False, "value": values}}


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPipeline:
    """The record type of opportunities that the policy names, and the stages that it needs, by name."""

    name: str
    stages: tuple[str, ...]


def wanted_fields(policy: Policy) -> list[Wanted]:
    """Every field that the policy's fields, stage stores, signals and our own keys need, each once."""
    found: dict[tuple[str, str], Wanted] = {}
    for one in (*of_fields(policy, VENDOR, Wanted), *_of_stages(policy), *_of_signals(policy), *_of_work(policy)):
        place = (one.object_type, one.name)
        known = found.get(place)
        found[place] = one if known is None else _united(known, one)
    return list(found.values())


def wanted_pipeline(policy: Policy) -> WantedPipeline | None:
    """The pipeline that the policy keeps in Salesforce."""
    pipeline = policy.pipeline
    if pipeline is None or VENDOR not in pipeline.stored:
        return None
    stages = tuple(
        stage.stored.get(VENDOR) or text_of(stage.label, policy.language) or key
        for key, stage in pipeline.stages.items()
    )
    return WantedPipeline(name=pipeline.stored[VENDOR], stages=stages)


def keyed_types(policy: Policy) -> tuple[str, ...]:
    """The objects whose records this policy makes: people too, where another CRM or the own website brings some whom
    the org may not know."""
    by_website = any(one.kind == "website_form" for signal in policy.signals.values() for one in signal.sources)
    people = (PERSON,) if by_website or VENDOR in policy.identity.create_in else ()
    return (*(KEYED_TYPES if policy.create_deal is not None else ("Task",)), *people)


def _united(one: Wanted, other: Wanted) -> Wanted:
    return dataclasses.replace(
        one,
        written=one.written or other.written,
        computed=one.computed or other.computed,
        is_key=one.is_key or other.is_key,
        options={**one.options, **other.options},
    )


def _of_stages(policy: Policy) -> Iterator[Wanted]:
    for store in policy.stored_as:
        for home in store.homes:
            if home.vendor == VENDOR:
                yield Wanted(
                    object_type=home.object_type,
                    name=home.name,
                    label="Tasuki stage",
                    kind=FieldType.CHOICE,
                    field="stage",
                    computed=True,
                    options=_stored_stages(policy, store),
                )


def _stored_stages(policy: Policy, store: StageStore) -> dict[str, str]:
    labels = {stage: text_of(found.label, policy.language) or stage for stage, found in policy.stages.items()}
    if store.labels:
        return {label: label for label in labels.values()}
    made = {label: label for label in store.create.values()}
    return {value: labels.get(stage, stage) for stage, value in store.values.items()} | made


def _of_signals(policy: Policy) -> Iterator[Wanted]:
    """The fields of leads by which signals are told."""
    for signal in policy.signals.values():
        for source in signal.sources:
            for name in source.where if source.kind == "web_to_lead" else ():
                yield Wanted(
                    object_type=PERSON,
                    name=name,
                    label=name,
                    kind=FieldType.TEXT,
                    field=f"signal.{signal.id}",
                    written=False,
                )


def _of_work(policy: Policy) -> Iterator[Wanted]:
    for object_type in keyed_types(policy):
        yield Wanted(
            object_type=object_type,
            name=KEY_PROPERTY,
            label="Tasuki key",
            kind=FieldType.TEXT,
            field="key",
            computed=True,
            is_key=True,
        )
    for name, options in dialect.TASK_OPTIONS.items():
        yield Wanted(
            object_type="Task",
            name=name,
            label=name,
            kind=FieldType.CHOICE,
            field="task",
            computed=True,
            options={one: one for one in options},
        )
