"""`scoring.yaml`: scores, their sum, and the ratings that read them."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated

from pydantic import model_validator

from connector.policy.files.base import (
    Choices,
    Condition,
    Events,
    FileModel,
    Id,
    Label,
    Words,
    fault,
)
from connector.policy.files.fields import Direction, InHubSpot, InSalesforce, ValueRuleModel
from connector.policy.files.ranges import Period, PlainPeriod, Points, Times, Within
from connector.policy.files.signals import SignalModel
from connector.texts import say


class UpTo(FileModel):
    """At most so many occurrences count, of those within this window."""

    times: Times
    within: PlainPeriod | None = None


class ScoreRuleModel(FileModel):
    """Points while `when` is true, or per occurrence of `signal`."""

    id: Id
    label: Label | None = None
    when: Condition = None
    signal: str | None = None
    points: Points
    up_to: UpTo | None = None
    renamed_from: Id | None = None

    @model_validator(mode="after")
    def _has_cause(self) -> ScoreRuleModel:
        if self.when is None and self.signal is None:
            raise fault(say("a score rule needs `when` or `signal`"), reason="missing_key", allowed=("when", "signal"))
        if self.up_to is not None and self.signal is None:
            raise fault(say("`up_to` limits a `signal`"), reason="up_to_without_signal")
        return self


class Linear(FileModel):
    """Fades evenly to nothing."""

    to_zero_after: PlainPeriod


class DecayModel(FileModel):
    """How signal points fade."""

    half_life: PlainPeriod | None = None
    linear: Linear | None = None

    @model_validator(mode="after")
    def _one_way(self) -> DecayModel:
        if (self.half_life is None) == (self.linear is None):
            raise fault(
                say("points fade either by `half_life` or `linear`"), reason="decay", allowed=("half_life", "linear")
            )
        return self


class ScoreModel(FileModel):
    """A sum of rules."""

    label: Label | None = None
    floor: Points | None = 0.0
    cap: Points | None = None
    decay: DecayModel | None = None
    publish_step: Annotated[float, Within(0, 1_000_000, above=True)] = 1.0
    rules: list[ScoreRuleModel]
    renamed_from: Id | None = None

    @model_validator(mode="after")
    def _limits(self) -> ScoreModel:
        if self.floor is not None and self.cap is not None and self.floor >= self.cap:
            message = say(
                "`floor` ({floor:g}) is not below `cap` ({cap:g}): no lead could differ from another",
                floor=self.floor,
                cap=self.cap,
            )
            raise fault(message, reason="floor_above_cap")
        return self


class RatingModel(FileModel):
    """A computed choice that reads scores: a band, a grade."""

    label: Label | None = None
    choices: Choices
    rules: list[ValueRuleModel]
    hubspot: InHubSpot | None = None
    salesforce: InSalesforce | None = None
    sync: Direction | None = None
    renamed_from: Id | None = None


class Calibrate(FileModel):
    """How often scores are held against what came of the leads."""

    every: Period
    outcome: Events


class ScoringFile(FileModel):
    """scoring.yaml"""

    signals: dict[Id, SignalModel] = {}
    scores: dict[Id, ScoreModel] = {}
    total: Words | None = None
    ratings: dict[Id, RatingModel] = {}
    calibrate: Calibrate | None = None
