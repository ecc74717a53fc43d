"""Canonical fields: their types, where they live, how computed ones are worked out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from connector.domain.value import Scalar
from connector.policy.conditions import Condition

Label = Mapping[str, str]
"""Language code → text. A bare string in the YAML stands for every language."""


class FieldType(Enum):
    """The type of a canonical field; it decides which operators are allowed."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    EMAIL = "email"
    PHONE = "phone"
    DOMAIN = "domain"
    NUMBER = "number"
    MONEY = "money"
    CHOICE = "choice"
    CHOICES = "choices"
    YES_NO = "yes_no"
    DATE = "date"
    MOMENT = "moment"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a field lives at one vendor: `hubspot`, `contact`, `tasuki_band`.

    `values` maps a canonical choice id to what the vendor stores (absent: the id itself); `read_also`
    maps further vendor values to the choice they mean.
    """

    vendor: str
    object_type: str  #: hubspot: contact | company | deal; salesforce: Lead | Contact | Account | Opportunity
    name: str  #: The vendor's property or field name.
    values: Mapping[str, str]
    read_also: Mapping[str, str]  #: vendor value → canonical choice id


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """`{id, when, value}` of a computed field or rating; `when` None is always true."""

    id: str
    label: Label
    when: Condition | None
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmployer:
    """What it means that a person changes employer: the lead begins anew.

    The employer is the domain of `email`, unless it is one of `not_employers`. The former round is closed in `stage`
    for `reason` (None: it is only left), and `forget` are the fields that belonged to it.
    """

    email: str
    not_employers: tuple[str, ...]
    stage: str | None
    reason: str | None
    forget: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is the same lead in two CRMs, and to which company somebody belongs whose record names none.

    `same_lead` are groups of fields: records of two CRMs that agree in all fields of one group are the same lead.
    `create_in` says who gets a record in a CRM that does not have them (None: everybody). With `native_sync` the CRMs'
    own integration keeps records and fields together: it makes them, and we leave both alone. `same_company` are the
    company fields by which a company is found, in order; domains among `not_employers` find none.
    """

    same_lead: tuple[tuple[str, ...], ...] = ()
    same_company: tuple[str, ...] = ()
    not_employers: tuple[str, ...] = ()
    create_in: Mapping[str, Condition | None] = field(default_factory=dict)  #: by vendor
    native_sync: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDef:
    """One canonical field. `name` is as conditions write it (`deal.amount` for deal fields)."""

    name: str
    scope: str  #: lead | company | deal
    label: Label
    type: FieldType
    choices: Mapping[str, Label]
    tidy: str | None
    blank_as: str | None
    homes: tuple[Home, ...]
    sync: str  #: both | to_hubspot | to_salesforce | no
    wins: str
    blank_overwrites: bool
    keep_first: bool
    rules: tuple[ValueRule, ...]  #: Non-empty: a computed field (ratings are computed fields too).
    #: last_contact | attempts_in_stage | next_task_due | score.<id> | reasons | gate.<id>.missing | pipeline.missing |
    #: times_sent_back | refused_move | held_reason |
    #: contact_limit | next_meeting | queues | sender
    shows: str | None
    answer: bool

    @property
    def computed(self) -> bool:
        """True when the product works the value out and publishes it."""
        return bool(self.rules) or self.shows is not None
