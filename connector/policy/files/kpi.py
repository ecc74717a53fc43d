"""`kpi.yaml`: targets, reference rates, planner, cost, reviews. Checked, not run yet."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from connector.policy.files.base import Duration, FileModel, Id, Label, Percent, Scalar, Words, fault
from connector.policy.files.ranges import MOST_NUMBER, Amount, Goal, Period, Share, Within
from connector.policy.model.kpi import Figure as FigureValue
from connector.texts import say

_FIGURE = re.compile(r"-?[0-9]+(\.[0-9]+)?\s*%?\Z")
_ANY = Within(-MOST_NUMBER, MOST_NUMBER)
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]\Z")


def _figure(value: Any) -> Any:
    if not isinstance(value, str) or not _FIGURE.match(value):
        raise fault(say("a figure is a number or a share such as 20%"), reason="bad_number")
    share, number = value.endswith("%"), float(value.rstrip("% "))
    return FigureValue(value=_ANY.kept(number, value) / (100 if share else 1), share=share)


def _rising(ends: list[Any]) -> list[Any]:
    low, high = ends
    if isinstance(low, FigureValue):
        low, high = low.value, high.value
    if low > high:
        raise fault(say("the lower end of `between` comes first"), reason="range")
    return ends


def _time(value: Any) -> Any:
    if not isinstance(value, str) or not _TIME.match(value):
        raise fault(say("a time of day is written 9:00"), reason="bad_time")
    return value


Figure: TypeAlias = Annotated[FigureValue, BeforeValidator(_figure), WithJsonSchema({"type": ["number", "string"]})]
TimeOfDay: TypeAlias = Annotated[str, BeforeValidator(_time)]


class Target(FileModel):
    """What is aimed at: one of these."""

    between: Annotated[list[Figure], Field(min_length=2, max_length=2), AfterValidator(_rising)] | None = None
    at_least: Figure | None = None
    at_most: Figure | None = None
    improves_by: Figure | None = None

    @model_validator(mode="after")
    def _one(self) -> Target:
        values = (self.between, self.at_least, self.at_most, self.improves_by)
        if sum(value is not None for value in values) != 1:
            words = ("between", "at_least", "at_most", "improves_by")
            raise fault(say("a target is exactly one of these"), reason="target", allowed=words)
        return self


class TargetModel(FileModel):
    """One figure that people aim at."""

    id: Id
    label: Label | None = None
    metric: str
    track: str | None = None
    per: Literal["person", "team", "pool"] = "team"
    every: Period | None = None
    after_start: Duration | None = None
    target: Target
    below: Label | None = None
    above: Label | None = None
    renamed_from: Id | None = None


class Between(FileModel):
    """A reference range."""

    between: Annotated[list[Percent], Field(min_length=2, max_length=2), AfterValidator(_rising)]


class Plan(FileModel):
    """From a revenue goal back to the people."""

    revenue: Goal
    every: Period
    average_deal: Goal
    deal_to_win: Share
    sql_to_deal: Share
    mql_to_sql: Share
    people: Annotated[int, Within(1, 1_000_000)]


class CostModel(FileModel):
    """What a team costs."""

    per_person: Amount
    every: Period


class ReviewModel(FileModel):
    """A report that comes by itself."""

    id: Id
    label: Label | None = None
    every: Period
    day: Scalar | None = None
    at: TimeOfDay
    to: Words
    shows: Words
    renamed_from: Id | None = None


class KpiFile(FileModel):
    """kpi.yaml"""

    targets: list[TargetModel] = []
    reference: dict[Id, Between | dict[Id, Between]] = {}
    plan: Plan | None = None
    cost: dict[Id, CostModel] = {}
    reviews: list[ReviewModel] = []
