"""`fields.yaml`: the canonical lead, company and deal, and where each field lives in the CRMs."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from connector.policy.files.base import (
    OPERATORS,
    AllOrCondition,
    Condition,
    FileModel,
    Id,
    Label,
    Scalar,
    Words,
    YesNo,
    fault,
)
from connector.texts import say

FieldTypeName = Literal[
    "text", "long_text", "email", "phone", "domain", "number", "money", "choice", "choices", "yes_no",
    "date", "moment", "person",
]  # fmt: skip
Direction = Literal["both", "to_hubspot", "to_salesforce", "no"]
Winner = Literal["newest", "hubspot", "salesforce", "hubspot_unless_blank", "salesforce_unless_blank"]
ReasonUse = Literal["return", "reject", "lost", "discard"]


def _home(key: str) -> Any:
    def read(value: Any) -> Any:
        return value if isinstance(value, dict) else {key: value}

    return read


class HubSpotHome(FileModel):
    """`contact.email`, or with `property`, `values` and `read_also`."""

    property: str
    values: dict[str, Scalar] = {}
    read_also: dict[str, Words] = {}


class SalesforceHome(FileModel):
    """`[Lead.Email, Contact.Email]`, or with `fields`, `values` and `read_also`."""

    fields: Words
    values: dict[str, Scalar] = {}
    read_also: dict[str, Words] = {}


InHubSpot: TypeAlias = Annotated[
    HubSpotHome, BeforeValidator(_home("property"), json_schema_input_type=str | HubSpotHome)
]
InSalesforce: TypeAlias = Annotated[
    SalesforceHome, BeforeValidator(_home("fields"), json_schema_input_type=str | list[str] | SalesforceHome)
]


class ReasonChoices(FileModel):
    """`{reasons: return}`: the reasons of recycle.yaml that are used for this."""

    reasons: ReasonUse


def _choices(value: Any) -> Any:
    if isinstance(value, list):
        if any(not isinstance(word, str) for word in value):
            raise fault(say("choices are words, or `{{word: label}}`"))
        value = {word: word for word in value}
    if isinstance(value, dict):
        for word in value:
            if word in OPERATORS:
                raise fault(
                    say("`{word}` is an operator word and cannot be a choice", word=word), reason="operator_word"
                )
        if set(value) == {"reasons"} and isinstance(value["reasons"], str):
            return ReasonChoices.model_validate(value)
    return value


AnyChoices: TypeAlias = Annotated[
    ReasonChoices | dict[str, Label],
    Field(union_mode="left_to_right"),
    BeforeValidator(_choices, json_schema_input_type=ReasonChoices | list[str] | dict[str, Label]),
]


class ValueRuleModel(FileModel):
    """`{id, when, value}`: the first true rule gives its value."""

    id: Id
    label: Label | None = None
    when: Condition = None
    value: Scalar
    renamed_from: Id | None = None


class FieldModel(FileModel):
    """One canonical field."""

    label: Label | None = None
    type: FieldTypeName
    choices: AnyChoices | None = None
    tidy: str | None = None
    blank_as: str | None = None
    keep: Literal["first"] | None = None
    hubspot: InHubSpot | None = None
    salesforce: InSalesforce | None = None
    sync: Direction | None = None
    wins: Winner | None = None
    blank_overwrites: YesNo = False
    rules: list[ValueRuleModel] | None = None
    shows: str | None = None
    answer: YesNo = False
    renamed_from: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> FieldModel:
        if self.rules is not None and self.shows is not None:
            raise fault(say("a field has either `rules` or `shows`, not both"), reason="two_origins")
        if self.answer and (self.rules is not None or self.shows is not None):
            raise fault(say("an `answer` is given by a person and cannot be computed"), reason="two_origins")
        return self


class Leaving(FileModel):
    """What becomes of the round that a person's leaving the company ends."""

    to: str
    reason: str | None = None
    forget: Words = ()


class CreateIn(FileModel):
    """Who of another CRM gets a record in this one."""

    hubspot: AllOrCondition = None
    salesforce: AllOrCondition = None


class Identity(FileModel):
    """Which fields make two records the same lead, which a company, and what a new employer means."""

    same_lead: list[Words] = []
    same_company: Words = ()
    create_in: CreateIn = CreateIn()
    native_sync: Literal["none", "identity_and_fields"] = "none"
    new_employer: Literal["new_lead", "same_lead"] = "same_lead"
    not_employers: str | Words = ()
    on_leaving: Leaving | None = None


class Defaults(FileModel):
    """Direction and winner of fields that do not say."""

    sync: Direction = "both"
    wins: Winner = "newest"


class FieldsFile(FileModel):
    """fields.yaml"""

    identity: Identity = Identity()
    defaults: Defaults = Defaults()
    lead: dict[Id, FieldModel]
    company: dict[Id, FieldModel] = {}
    deal: dict[Id, FieldModel] = {}
