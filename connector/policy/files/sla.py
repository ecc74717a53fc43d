"""`sla.yaml`: clocks, escalation, the texts of the agreement. Checked, not run yet."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from connector.policy.files.actions import Actions
from connector.policy.files.base import Condition, Events, FileModel, Id, Label, fault
from connector.policy.files.ranges import Lasting, Period, Share
from connector.texts import say


class Rung(FileModel):
    """One step of escalation: at a share of the limit, or so long after it."""

    at: Share | None = None
    after: Lasting | None = None
    do: Actions

    @model_validator(mode="after")
    def _says_when(self) -> Rung:
        if (self.at is None) == (self.after is None):
            raise fault(say("a rung says either `at` or `after`"), reason="rung", allowed=("at", "after"))
        return self


class ClockModel(FileModel):
    """A promise between two departments, measured."""

    id: Id
    label: Label | None = None
    between: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    starts: Events
    stops: Events
    when: Condition = None
    paused_while: Condition = None
    limit: Lasting
    calendar: str | None = None
    escalation: list[Rung] = []
    renamed_from: Id | None = None


class Review(FileModel):
    """How often the agreement is looked at."""

    every: Period


class AgreementModel(FileModel):
    """The printed agreement."""

    title: Label
    parties: dict[Id, Label] = {}
    goals: dict[Id, str] = {}
    duties: dict[Id, list[Label]] = {}
    review: Review | None = None


class SlaFile(FileModel):
    """sla.yaml"""

    clocks: list[ClockModel] = []
    document: AgreementModel | None = None
