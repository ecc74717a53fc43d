"""`recycle.yaml`: one table of reasons, when each comes again, limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.policy.files.actions import DoModel
from connector.policy.files.base import Condition, Events, FileModel, Id, Label, fault
from connector.policy.files.fields import ReasonUse
from connector.policy.files.ranges import PlainPeriod, Times
from connector.texts import say


class AgainModel(FileModel):
    """When a recycled lead comes again: after a time, or on an event and at the latest then."""

    after: PlainPeriod | None = None
    on: Events = None
    at_latest: PlainPeriod | None = None
    to: Literal["same_person", "another_person"] = "same_person"

    @model_validator(mode="after")
    def _says_when(self) -> AgainModel:
        if (self.after is None) == (self.on is None):
            raise fault(say("`again` says either `after` or `on`"), reason="again", allowed=("after", "on"))
        return self


class ReasonModel(FileModel):
    """One line of the table."""

    label: Label | None = None
    used_for: Annotated[list[ReasonUse], Field(min_length=1)]
    when: Condition = None
    again: AgainModel | None = None
    renamed_from: Id | None = None


class LimitsModel(FileModel):
    """After so many times within so long: then this stage."""

    times: Times
    within: PlainPeriod | None = None
    then: str


class RecycleFile(FileModel):
    """recycle.yaml"""

    reasons: dict[Id, ReasonModel]
    on_wake: DoModel | None = None
    limits: LimitsModel | None = None
