"""Property definitions: the model, and how HubSpot's standard ones are made from the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.industries import INDUSTRIES
from connector.sandbox.standard_tables import LEAD_STATUS, LIFECYCLE, OPTIONS, SYSTEM, TABLES

DEFINED_AT_MS = 1_593_532_657_277


@dataclass(kw_only=True, slots=True)
class PropertyOption:
    """One choice of an enumeration."""

    label: str
    value: str
    display_order: int
    hidden: bool = False
    description: str = ""

    def as_json(self) -> dict[str, Any]:
        """As HubSpot prints it."""
        return {
            "label": self.label,
            "value": self.value,
            "description": self.description,
            "displayOrder": self.display_order,
            "hidden": self.hidden,
        }


@dataclass(kw_only=True, slots=True)
class PropertyDefinition:
    """One property of an object type."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    description: str = ""
    options: list[PropertyOption] = field(default_factory=list)
    display_order: int = -1
    calculated: bool = False
    #: the options live elsewhere (owners, teams, pipelines); where none are listed any value passes
    external_options: bool = False
    #: what its values are ids of: "OWNER", "COMPANY" or ""
    references: str = ""
    unique: bool = False
    #: duplicates are really refused (tasks may show `unique` without enforcing it)
    enforced: bool = False
    hidden: bool = False
    hubspot_defined: bool = True
    read_only: bool = False
    form_field: bool = False
    created: int = DEFINED_AT_MS
    updated: int = DEFINED_AT_MS
    archived: bool = False

    def allowed(self) -> set[str]:
        """The options' values."""
        return {option.value for option in self.options}

    def ordered_values(self) -> list[str]:
        """Option values by displayOrder."""
        return [option.value for option in sorted(self.options, key=lambda option: option.display_order)]

    def as_json(self) -> dict[str, Any]:
        """As HubSpot prints it."""
        row: dict[str, Any] = {
            "updatedAt": iso(self.updated),
            "createdAt": iso(self.created),
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [option.as_json() for option in self.options],
            "displayOrder": self.display_order,
            "calculated": self.calculated,
            "externalOptions": self.external_options,
            "archived": self.archived,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "hubspotDefined": self.hubspot_defined,
            "modificationMetadata": {
                "archivable": not self.hubspot_defined,
                "readOnlyDefinition": self.hubspot_defined,
                "readOnlyValue": self.read_only,
            },
            "formField": self.form_field,
            "dataSensitivity": "non_sensitive",
        }
        if self.references:
            row["referencedObjectType"] = self.references
        return row


def options_from(pairs: tuple[tuple[str, str], ...]) -> list[PropertyOption]:
    """Options in the order given."""
    return [PropertyOption(label=label, value=value, display_order=n) for n, (value, label) in enumerate(pairs)]


def _from_line(type_name: str, line: str) -> PropertyDefinition:
    name, label, kinds, group, flags = (part.strip() for part in line.split("|"))
    kind, field_type = kinds.split()
    made = PropertyDefinition(
        name=name,
        label=label,
        type=kind,
        field_type=field_type,
        group=group,
        read_only="ro" in flags.split(),
        calculated="calc" in flags.split(),
        form_field="form" in flags.split(),
        external_options="ext" in flags.split(),
        references=next((flag for flag in flags.split() if flag.isupper()), ""),
        options=options_from(OPTIONS.get((type_name, name), ())),
    )
    if kind == "bool":
        made.options = options_from((("true", "True"), ("false", "False")))
    return made


def _stage_properties(type_name: str, group: str, sales: str) -> list[PropertyDefinition]:
    lifecycle = PropertyDefinition(
        name="lifecyclestage",
        label="Lifecycle Stage",
        type="enumeration",
        field_type="radio",
        group=group,
        options=options_from(LIFECYCLE),
        external_options=True,
        form_field=type_name == "contacts",
    )
    status = PropertyDefinition(
        name="hs_lead_status",
        label="Lead Status",
        type="enumeration",
        field_type="radio",
        group=sales,
        options=options_from(LEAD_STATUS),
        form_field=type_name == "contacts",
    )
    dated = [date for value, _ in LIFECYCLE for date in stage_dates(value, group)]
    return [lifecycle, status, *dated]


def stage_dates(stage: str, group: str) -> list[PropertyDefinition]:
    """The date properties that HubSpot keeps for one lifecycle stage of contacts (or of `group`'s type)."""
    groups = ("contactlcs" if group == "contactinformation" else group, group)
    return [
        PropertyDefinition(
            name=name,
            label=f"Date entered '{stage}'",
            type="datetime",
            field_type="date",
            group=its_group,
            read_only=True,
        )
        for name, its_group in zip(
            (f"hs_v2_date_entered_{stage}", f"hs_lifecyclestage_{stage}_date"), groups, strict=True
        )
    ]


def standard_properties(type_name: str) -> dict[str, PropertyDefinition]:
    """Fresh copies of HubSpot's own properties of a type, by name."""
    group, table = TABLES[type_name]
    sales = "sales_properties" if type_name == "contacts" else group
    lines = (table + SYSTEM.format(group=group, sales=sales)).splitlines()
    made = [_from_line(type_name, line) for line in lines if line]
    if type_name in ("contacts", "companies"):
        made += _stage_properties(type_name, group, sales)
    if type_name == "companies":
        made.append(
            PropertyDefinition(
                name="industry",
                label="Industry",
                type="enumeration",
                field_type="select",
                group=group,
                options=options_from(INDUSTRIES),
                form_field=True,
            )
        )
    return {one.name: one for one in made}
