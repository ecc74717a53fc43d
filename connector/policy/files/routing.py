"""`routing.yaml`: pools, who gets which lead, what absence and leaving mean."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.policy.files.actions import AssignModel, Pool
from connector.policy.files.base import Condition, Duration, Events, FileModel, Id, Label, Words, YesNo, fault
from connector.policy.files.ranges import Heads, Lasting
from connector.texts import say


class Members(FileModel):
    """The team or group of the CRM whose people make the pool."""

    hubspot_team: str | None = None
    salesforce_group: str | None = None


class Capacity(FileModel):
    """What one person takes on in a period."""

    mqls: Heads | None = None
    meetings: Heads | None = None
    leads: Heads | None = None
    per: Literal["day", "week", "month"]

    @property
    def kinds(self) -> dict[str, int | None]:
        """What can be counted, and how many of it."""
        return {"mqls": self.mqls, "meetings": self.meetings, "leads": self.leads}

    @model_validator(mode="after")
    def _one_kind(self) -> Capacity:
        if sum(most is not None for most in self.kinds.values()) != 1:
            message = say("a capacity counts exactly one of these")
            raise fault(message, reason="capacity", allowed=tuple(self.kinds))
        return self


class PoolModel(FileModel):
    """A group of people, never named here."""

    label: Label | None = None
    members: Members
    capacity: Capacity | None = None
    warn_above: Heads | None = None
    warn_if_fewer_than: Heads | None = None
    calendar: str | None = None
    outside_hours: Literal["skip", "wait"] | None = None
    may_see: Words | None = None


class RoutingRule(FileModel):
    """The first rule that holds assigns."""

    id: Id
    label: Label | None = None
    on: Events
    when: Condition = None
    assign: AssignModel
    renamed_from: Id | None = None


class KeepOwner(FileModel):
    """For how long the former owner is preferred."""

    for_: Annotated[Lasting, Field(alias="for")]
    also: Literal["same_company"] | None = None


class OpenTasks(FileModel):
    """What becomes of open tasks."""

    after: Duration | None = None
    to: Literal["same_pool", "nobody"] = "same_pool"


class Absent(FileModel):
    """While a person is away."""

    skip: YesNo = True
    open_tasks: OpenTasks | None = None


class LeftCompany(FileModel):
    """When a person has left."""

    open_tasks: Literal["same_pool", "nobody"] = "same_pool"


class TwoPeople(FileModel):
    """When somebody else than the owner works on a lead."""

    notify: YesNo = True


class RoutingFile(FileModel):
    """routing.yaml"""

    pools: dict[Id, PoolModel]
    rules: list[RoutingRule] = []
    keep_owner: KeepOwner | None = None
    absent: Absent | None = None
    left_company: LeftCompany | None = None
    nobody_free: Pool | None = None
    two_people: TwoPeople | None = None
