"""`policy.yaml`: name, language, zone, calendars, named lists, channels, rhythm."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.policy.files.base import (
    AllOrCondition,
    Condition,
    FileModel,
    Id,
    Label,
    Percent,
    PlainDuration,
    Words,
    YesNo,
    fault,
)
from connector.policy.files.ranges import PlainPeriod, Within
from connector.texts import say

Crm = Literal["hubspot", "salesforce"]
Response = Literal["repair", "report", "hold"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class RecordsIn(FileModel):
    """In which CRM tasks, sequences, deals and notes are created when both are connected."""

    tasks: Crm | None = None
    sequences: Crm | None = None
    deals: Crm | None = None
    notes: Crm | None = None
    activities: Literal["both"] | None = None


class Rhythm(FileModel):
    """How often everything is looked at again, how long an edit holds, how fresh a signal must be, who is told."""

    check_every: PlainPeriod = timedelta(minutes=15)
    hold_edits: PlainDuration = timedelta(days=7)
    fresh_for: PlainPeriod = timedelta(hours=24)
    tell: Words = ()


class DriftModel(FileModel):
    """What is done where the CRM differs from what should be, by why it differs."""

    missed_event: Response = "repair"
    lost_write: Response = "repair"
    human_edit: Response = "repair"
    other_app: Response = "repair"
    merge: Response = "repair"
    normalised: Response = "report"
    not_stored: Response = "report"


class CalendarModel(FileModel):
    """Opening hours of one office."""

    label: Label | None = None
    default: YesNo = False
    hours: dict[Weekday, Words]
    holidays: str | None = None
    closed: Words = ()
    open: Words = ()


class ListModel(FileModel):
    """A named list: `values` in place, or a `column` of a CSV `file` (UTF-8 or Shift_JIS)."""

    label: Label | None = None
    values: Words | None = None
    file: str | None = None
    column: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> ListModel:
        if (self.values is None) == (self.file is None):
            raise fault(say("a list has either `values` or a `file`"), reason="list_source")
        if self.column is not None and self.file is None:
            raise fault(say("`column` belongs to a `file`"), reason="list_source")
        return self


class Channel(FileModel):
    """A place for notices; its address is a secret and set by `tasuki secret set`."""

    label: Label | None = None
    kind: Literal["slack", "teams", "mail", "chatwork", "line_works", "google_chat", "webhook"]


class TrialModel(FileModel):
    """The policy acts on a part of the leads only, and is compared with the rest."""

    share: Percent | None = None
    when: Condition = None

    @model_validator(mode="after")
    def _says_whom(self) -> TrialModel:
        if self.share is None and self.when is None:
            raise fault(say("a trial says whom it covers"), reason="trial", allowed=("share", "when"))
        return self


class PolicyFile(FileModel):
    """policy.yaml"""

    policy: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)] | None = None
    label: Label | None = None
    language: Literal["ja", "en"] = "ja"
    time_zone: str = "Asia/Tokyo"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "JPY"
    fiscal_year_starts: Annotated[int, Within(1, 12)] = 4
    applies_to: AllOrCondition = "all"
    trial: TrialModel | None = None
    records_in: RecordsIn = RecordsIn()
    sync: Rhythm = Rhythm()
    drift: DriftModel = DriftModel()
    calendars: dict[Id, CalendarModel] = {}
    lists: dict[Id, ListModel] = {}
    channels: dict[Id, Channel] = {}
