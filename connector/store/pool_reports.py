"""What became of the leads that a pool was given in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.store.database import Connection

_GIVEN = """
SELECT DISTINCT ON (lead_id) lead_id, person, granted_at FROM assignment_grant
WHERE pool = %(pool)s AND owner_of = 'lead' AND granted_at >= %(since)s AND granted_at < %(until)s
ORDER BY lead_id, granted_at DESC
"""

_SIGNALS = f"""
WITH given AS ({_GIVEN})
SELECT given.person, signal.kind, count(*) AS times, count(DISTINCT signal.lead_id) AS leads
FROM given JOIN signal USING (lead_id)
WHERE signal.occurred_at >= given.granted_at AND signal.occurred_at < %(until)s AND signal.kind = ANY(%(kinds)s)
GROUP BY 1, 2
"""

_ENTERED = f"""
WITH given AS ({_GIVEN})
SELECT given.person, stage_entry.stage, stage_entry.reason, count(DISTINCT lead_id) AS leads
FROM given JOIN stage_entry USING (lead_id)
WHERE stage_entry.entered_at > given.granted_at AND stage_entry.entered_at < %(until)s AND NOT stage_entry.initial
GROUP BY 1, 2, 3
"""

_CLOCKS = f"""
WITH given AS ({_GIVEN})
SELECT given.person, given.granted_at, lead.state -> 'clocks' AS clocks
FROM given JOIN lead ON lead.id = given.lead_id WHERE lead.state ? 'clocks'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Whose leads are looked at, and from when to when."""

    pool: str
    since: datetime
    until: datetime

    @property
    def values(self) -> dict[str, Any]:
        """As queries take it."""
        return {"pool": self.pool, "since": self.since, "until": self.until}


def given(conn: Connection, period: Period) -> dict[str, int]:
    """How many leads each person was given."""
    counted: dict[str, int] = {}
    for row in conn.execute(_GIVEN, period.values):
        counted[row["person"]] = counted.get(row["person"], 0) + 1
    return counted


def happened(conn: Connection, period: Period, kinds: list[str]) -> dict[tuple[str, str], tuple[int, int]]:
    """(person, signal) → (how often, of how many leads), since the leads were given."""
    rows = conn.execute(_SIGNALS, {**period.values, "kinds": kinds})
    return {(row["person"], row["kind"]): (int(row["times"]), int(row["leads"])) for row in rows}


def entered(conn: Connection, period: Period) -> dict[tuple[str, str, str | None], int]:
    """(person, stage, reason) → how many leads entered it, since they were given."""
    rows = conn.execute(_ENTERED, period.values)
    return {(row["person"], row["stage"], row["reason"]): int(row["leads"]) for row in rows}


def clocks(conn: Connection, period: Period) -> list[tuple[str, datetime, Mapping[str, Any]]]:
    """(person, when the lead was given, its clocks' latest runs as JSON, see `domain.codec_work`) of each lead."""
    return [(row["person"], row["granted_at"], row["clocks"]) for row in conn.execute(_CLOCKS, period.values)]
