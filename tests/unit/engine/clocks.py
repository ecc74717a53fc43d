"""A policy with clocks, and leads that have just set one running, for tests of the engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.domain.runs import ClockRun
from tests.unit.engine.stories import POLICY, Story, plan_of, started

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

TOKYO = """\
calendars:
  tokyo: {default: true, hours: {mon: 9:00-18:00, tue: 9:00-18:00, wed: 9:00-18:00, thu: 9:00-18:00, fri: 9:00-18:00}, holidays: JP}
channels: {alerts: {kind: slack}}
"""  # noqa: E501
FIRST = """\
clocks:
  - id: first
    between: [marketing, inside_sales]
    starts: {enters: mql}
    stops: {signal: attempted}
    paused_while: {noted: 先方回答待ち}
    limit: 60 business minutes
    escalation:
      - {at: 50%, do: [{notify: {to: [alerts], text: 半分}}]}
      - {at: 100%, do: [{task: {kind: todo, to: owner, due: 30 business minutes, title: 未対応}}]}
      - {after: 30 business minutes, do: [{assign: {pool: sdr}}]}
"""
ROUTING = "pools: {sdr: {members: {hubspot_team: SDR}}}\n"
FILES: dict[str, str | None] = {"policy": POLICY + TOKYO, "work": "rules: []\n", "routing": ROUTING}


def story(sla: str = FIRST, **files: str | None) -> Story:
    """A lead that has been known for a day under a policy with these clocks."""
    return started(plan_of(sla=sla, **{**FILES, **files}))


def mql(sla: str = FIRST, **files: str | None) -> Story:
    """Friday at ten in Tokyo: the lead has just become an MQL."""
    found = story(sla, **files).happens("inquiry")
    found.decide()
    assert found.stage == "mql"
    return found


def run(found: Story, clock: str = "first") -> ClockRun:
    """Where its clock stands."""
    return found.state.clocks[clock]


def tokyo(text: str) -> datetime:
    """`2026-11-20 10:00` in Tokyo."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)
