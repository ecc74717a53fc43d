"""What stands under `do:`: one action a line, each with one action word."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from connector.policy.files.base import FileModel, Id, Scalar, fault
from connector.policy.files.ranges import Lasting
from connector.texts import say

ACTION_WORDS = ("task", "notify", "assign", "set", "start", "stop", "enrol")
Kind = Literal["call", "mail", "social", "todo"]
Priority = Literal["high", "medium", "low"]


class Pool(FileModel):
    """`{pool: sdr}`: whoever of the pool takes it."""

    pool: str


def _person(value: Any) -> Any:
    if isinstance(value, str) and value not in ("owner", "deal_owner"):
        raise fault(
            say("a task goes to owner, deal_owner or {{pool: …}}"), allowed=("owner", "deal_owner", "pool"), got=value
        )
    return value


Receiver: TypeAlias = Annotated[Literal["owner", "deal_owner"] | Pool, BeforeValidator(_person)]


class TaskModel(FileModel):
    """A task for a person."""

    kind: Kind
    to: Receiver = "owner"
    due: Lasting
    priority: Priority | None = None
    queue: str | None = None
    title: str
    text: str = ""


class NotifyModel(FileModel):
    """A notice to people or channels."""

    to: list[str | Pool]
    text: str = ""


class AssignModel(FileModel):
    """Asks a pool for an owner."""

    pool: str
    by: Literal["round_robin", "least_loaded", "priority"] = "round_robin"
    owner_of: Literal["lead", "deal", "company"] = "lead"


class EnrolModel(FileModel):
    """Lets the CRM itself send: one sequence, list or campaign of each CRM."""

    hubspot_sequence: str | None = None
    hubspot_list: str | None = None
    salesforce_campaign: str | None = None

    @model_validator(mode="after")
    def _one(self) -> EnrolModel:
        of_hubspot = (self.hubspot_sequence, self.hubspot_list)
        places = [value for value in (*of_hubspot, self.salesforce_campaign) if value is not None]
        if not places or None not in of_hubspot:
            raise fault(
                say("enrol in one place, or in one of each CRM"),
                reason="enrol_place",
                allowed=("hubspot_sequence", "hubspot_list", "salesforce_campaign"),
            )
        return self


class ActionModel(FileModel):
    """One line of `do:`; `id` is needed when a rule says one action word twice."""

    id: Id | None = None
    task: TaskModel | None = None
    notify: NotifyModel | None = None
    assign: AssignModel | None = None
    set_: Annotated[dict[str, Scalar] | None, Field(alias="set", min_length=1)] = None
    start: str | None = None
    stop: str | None = None
    enrol: EnrolModel | None = None

    @property
    def word(self) -> str:
        """The action word of this line."""
        return next(word for word in ACTION_WORDS if self._of(word) is not None)

    def _of(self, word: str) -> object:
        return getattr(self, "set_" if word == "set" else word)

    @model_validator(mode="after")
    def _one_word(self) -> ActionModel:
        if sum(self._of(word) is not None for word in ACTION_WORDS) != 1:
            raise fault(say("an action is exactly one of these words"), reason="action_word", allowed=ACTION_WORDS)
        return self


Actions: TypeAlias = Annotated[list[ActionModel], Field(min_length=1)]


class DoModel(FileModel):
    """`{do: […]}`"""

    do: Actions
