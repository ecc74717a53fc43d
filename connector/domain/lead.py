"""A lead as one evaluation sees it: canonical field values with who changed them and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from connector.domain.effects import Grant, NotEnrolled
from connector.domain.value import UNREAD, Value


class Actor(Enum):
    """Who made a change."""

    PERSON = "person"  #: A person in the CRM (or an import or workflow that acts for one).
    VENDOR = "vendor"  #: The CRM itself: a form, a calculated property, another integration.
    TASUKI = "tasuki"  #: This product.


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFact:
    """The value of one canonical field, and the change that brought it.

    `changed_at` is the latest moment at which the change can have happened (UTC; None: it stood there when
    we first looked, which is evidence of nothing new).
    """

    value: Value
    changed_at: datetime | None = None
    actor: Actor = Actor.VENDOR


_NEVER_READ = FieldFact(value=UNREAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A person who has work of this lead is away from `since` on (it may lie ahead), or has `left` for good.

    `cause_id` names the stored row that says so. `pools` are the pools that the person belongs to, in the policy's
    order.
    """

    person: str
    cause_id: str
    since: datetime
    until: datetime | None = None  #: None: nobody knows.
    left: bool = False
    pools: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of the lead's company beside its fields: whose it is, and what its other people come to.

    `owner` is the owner of the company's record as the CRM shows it. `stages` are where its other people stand, `taken`
    the cadences (`one_per_company`) whose turn is somebody else's.
    """

    id: str
    owner: str | None = None
    owner_changed_at: datetime | None = None
    stages: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One person whom the company may sell to, whatever the number of CRMs that know them.

    `fields` is keyed by canonical name: lead and company fields bare (`email`, `employees`), deal fields as
    `deal.amount` and `deal.stage` (BLANK where the lead has no deal). `owner` is the owner's canonical person id as the
    CRM shows it, `owner_changed_at` the latest moment at which somebody else can have named that owner (None: it stood
    there when we first looked); the same for the deal's. `stage_report` is a vendor-side stage move as the shell
    understood it. `grants` are the owners that pools gave. `away` tells of those people who own something of it.
    """

    id: int
    fields: Mapping[str, FieldFact] = field(default_factory=lambda: MappingProxyType({}))
    owner: str | None = None
    owner_changed_at: datetime | None = None
    deal_owner: str | None = None
    deal_owner_changed_at: datetime | None = None
    created_at: datetime
    stage_report: StageReport | None = None
    grants: tuple[Grant, ...] = ()
    away: tuple[Away, ...] = ()
    not_enrolled: tuple[NotEnrolled, ...] = ()  #: Enrolments that are left to people.
    enrolled_by: str | None = None  #: The CRM that enrols it; None: the one that the policy names first.
    link: str | None = None  #: Where people find its record in the CRM.
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  #: What people are called, by id.
    account: Account | None = None  #: None: it belongs to no company, or the policy asks nothing of companies.
    speaks_for_deal: bool = True  #: False: another lead has this deal too, and what the deal lacks is told there.

    def fact(self, name: str) -> FieldFact:
        """The fact for `name`; UNREAD when nobody has read it."""
        return self.fields.get(name, _NEVER_READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """A vendor's stored stage that differs from what the present stage is stored as: a move made by somebody.

    `stages` are the policy's stages that this stored value can mean, in file order (several share a value);
    empty for a value that means none of ours. `reason` is what the mover gave, if anything.
    """

    stages: tuple[str, ...]
    moved_at: datetime
    actor: Actor
    person: str | None = None  #: Who moved it, as the CRM names its users; None: it does not say.
    first_sight: bool = False  #: True when the lead has no stage of ours yet: adopt, start nothing.
