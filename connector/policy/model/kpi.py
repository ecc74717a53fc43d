"""kpi.yaml: what people aim at, and the reviews that look at it."""

from __future__ import annotations

from dataclasses import dataclass

from connector.domain.calendar import Span
from connector.policy.model.fields import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number, or a share (0.2 for `20%`)."""

    value: float
    share: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One figure that people aim at: from `least` to `most`, or better than before by `improves_by`."""

    id: str
    label: Label | None
    metric: str
    track: str | None
    per: str  #: person | team | pool
    every: Span | None
    after_start: Span | None
    least: Figure | None
    most: Figure | None
    improves_by: Figure | None
    below: Label | None  #: What it may mean to lie below.
    above: Label | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenuePlan:
    """From a revenue goal back to what is needed in the period `every`."""

    revenue: float
    every: Span
    average_deal: float
    deal_to_win: float
    sql_to_deal: float
    mql_to_sql: float
    people: int

    @property
    def wins(self) -> float:
        """Deals to win."""
        return self.revenue / self.average_deal

    @property
    def deals(self) -> float:
        """Meetings with field sales."""
        return self.wins / self.deal_to_win

    @property
    def sqls(self) -> float:
        """Leads to hand over."""
        return self.deals / self.sql_to_deal

    @property
    def mqls(self) -> float:
        """Leads for inside sales."""
        return self.sqls / self.mql_to_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A report that comes by itself: `day` is a weekday or a day of the month, `to` are channels."""

    id: str
    label: Label
    every: Span
    day: str | None
    at: str
    to: tuple[str, ...]
    shows: tuple[str, ...]
