"""`work.yaml`: rules "on this event do that", queues, cadences and what is never done."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.policy.files.actions import Actions, EnrolModel, Kind
from connector.policy.files.base import (
    Condition,
    Events,
    FileModel,
    Id,
    Label,
    Words,
    YesNo,
    fault,
)
from connector.policy.files.ranges import Lasting, PlainPeriod, Times, Within
from connector.texts import say

Never = Literal["task", "call", "mail", "social", "todo", "enrol", "notify", "assign"]


class WorkRuleModel(FileModel):
    """On an event, while a condition holds, do something."""

    id: Id
    label: Label | None = None
    on: Events
    when: Condition = None
    do: Actions
    shadow: YesNo = False
    renamed_from: Id | None = None


class QueueModel(FileModel):
    """A list of tasks in an order, shown in the CRMs."""

    label: Label | None = None
    tasks: Words
    order: str | None = None
    hubspot: dict[Literal["task_queue"], str] | None = None
    salesforce: dict[Literal["list_view"], str] | None = None


class StepModel(FileModel):
    """One step of a cadence, on day `day` after its start."""

    day: Annotated[int, Within(0, 3_650)]
    call: str | None = None
    mail: str | None = None
    social: str | None = None
    enrol: EnrolModel | None = None
    due: Lasting | None = None

    @model_validator(mode="after")
    def _one_word(self) -> StepModel:
        if sum(value is not None for value in (self.call, self.mail, self.social, self.enrol)) != 1:
            words = ("call", "mail", "social", "enrol")
            raise fault(say("a step is exactly one of these words"), reason="step_word", allowed=words)
        return self


class OnePerCompany(FileModel):
    """One person of a company at a time; the others wait."""

    order: str


class CadenceModel(FileModel):
    """Steps over days, until something stops them."""

    label: Label | None = None
    stop_on: Events = None
    one_per_company: OnePerCompany | None = None
    steps: Annotated[list[StepModel], Field(min_length=1)]


class RecallStepModel(FileModel):
    """What comes after one more attempt that reached nobody."""

    after: Lasting
    call: str | None = None
    mail: str | None = None
    social: str | None = None
    text: str = ""

    @model_validator(mode="after")
    def _one_word(self) -> RecallStepModel:
        if sum(value is not None for value in (self.call, self.mail, self.social)) != 1:
            words = ("call", "mail", "social")
            raise fault(say("what comes again is exactly one of these words"), reason="step_word", allowed=words)
        return self


class RecallModel(FileModel):
    """After an attempt that reached nobody: when to try again, how often, and how."""

    id: Id
    label: Label | None = None
    on: Events
    when: Condition = None
    stop_on: Events = None
    again: Annotated[list[RecallStepModel], Field(min_length=1)]
    renamed_from: Id | None = None


class ScriptModel(FileModel):
    """What to say on a task, and the hearing sheet: which fields to fill."""

    id: Id
    label: Label | None = None
    tasks: Words | None = None
    kind: Kind | None = None
    when: Condition = None
    text: str = ""
    ask: Words | None = None
    renamed_from: Id | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ScriptModel:
        if not self.text and not self.ask:
            raise fault(
                say("a script has a `text`, fields to `ask` for, or both"),
                reason="missing_key",
                allowed=("text", "ask"),
            )
        return self


class LimitWindow(FileModel):
    """So many contacts in so long."""

    times: Times
    within: PlainPeriod


class ContactLimitModel(FileModel):
    """How often a lead is contacted at most, over all rules, cadences and recalls."""

    id: Id
    label: Label | None = None
    signal: str
    up_to: LimitWindow
    when: Condition = None
    renamed_from: Id | None = None


class NeverModel(FileModel):
    """Outranks every rule."""

    id: Id
    label: Label | None = None
    what: list[Never]
    when: Condition
    renamed_from: Id | None = None


class WorkFile(FileModel):
    """work.yaml"""

    rules: list[WorkRuleModel] = []
    queues: dict[Id, QueueModel] = {}
    cadences: dict[Id, CadenceModel] = {}
    recalls: list[RecallModel] = []
    scripts: list[ScriptModel] = []
    contact_limits: list[ContactLimitModel] = []
    never: list[NeverModel] = []
