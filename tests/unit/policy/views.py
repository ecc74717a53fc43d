"""A lead at one moment, for tests of conditions: plain mappings behind the `View` protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connector.domain.value import UNREAD, Value
from connector.policy.conditions import Condition

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)  # Friday, 10:00 in Tokyo


@dataclass(frozen=True, kw_only=True)
class FakeView:
    """What a condition may ask; signals after `now` are not shown, as the engine promises."""

    now: datetime = NOW
    zone: ZoneInfo = TOKYO
    values: Mapping[str, Value] = field(default_factory=dict)
    signals: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    stage_entered_at: datetime | None = None
    crossings: Mapping[tuple[str, float], datetime] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        if name == "stage_entered_at" and self.stage_entered_at is not None:
            return self.stage_entered_at
        return self.values.get(name, UNREAD)

    def times(self, signal: str) -> Sequence[datetime]:
        return [moment for moment in sorted(self.signals.get(signal, ())) if moment <= self.now]

    def score_crossing(self, score: str, threshold: float) -> datetime | None:
        return self.crossings.get((score, threshold))

    def moves(self, movers: frozenset[str]) -> bool:
        return any(
            name in self.signals or any(f"score.{score}" == name for score, _ in self.crossings) for name in movers
        )

    def at(self, now: datetime) -> FakeView:
        """The same lead at another moment."""
        return replace(self, now=now)


@dataclass(slots=True)
class Soonest:
    """Keeps the moment at which one condition says that it turns: plain, behind the `Turns` protocol."""

    limit: datetime
    at: datetime | None = None

    def take(self, moment: datetime | None) -> datetime:
        self.at = moment
        return self.limit

    def against(self, score: str, thresholds: Sequence[float]) -> datetime:
        raise AssertionError(f"{score} does not fade")

    def turn(self, view: FakeView, condition: Condition) -> datetime:
        return self.take(condition.next_change(view))
