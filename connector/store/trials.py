"""Reads for trials and rules in shadow: what would have been done, and what people and live rules did beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.store.database import Connection

_SHADOWS = """
WITH hits AS (
    SELECT at, lead_id, jsonb_array_elements_text(data -> 'shadow') AS rule
    FROM ledger WHERE at >= %(since)s AND at < %(until)s AND data ? 'shadow'
)
SELECT rule,
       count(*) AS times,
       count(DISTINCT lead_id) AS leads,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM ledger AS live
           WHERE live.lead_id = hits.lead_id
             AND live.at BETWEEN hits.at - interval '1 day' AND hits.at + interval '1 day'
             AND jsonb_array_length(coalesce(live.data -> 'rules', '[]')) > 0
       )) AS beside_live_rules,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM signal
           WHERE signal.lead_id = hits.lead_id AND signal.kind = ANY(%(contacts)s)
             AND signal.occurred_at BETWEEN hits.at AND hits.at + interval '3 days'
       )) AS contacted,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM stage_entry
           WHERE stage_entry.lead_id = hits.lead_id AND NOT stage_entry.initial
             AND stage_entry.entered_at > hits.at AND stage_entry.stage = ANY(%(main)s)
       )) AS moved_on
FROM hits GROUP BY rule ORDER BY rule
"""

_STAGES = """
SELECT stage, count(DISTINCT lead_id) AS leads FROM stage_entry
WHERE lead_id = ANY(%(ids)s) AND entered_at >= %(since)s AND NOT initial GROUP BY stage
"""

_CONTACTED = """
SELECT extract(epoch FROM first.at - stage_entry.entered_at) AS seconds
FROM stage_entry
JOIN LATERAL (
    SELECT min(occurred_at) AS at FROM signal
    WHERE signal.lead_id = stage_entry.lead_id AND kind = ANY(%(contacts)s) AND occurred_at >= stage_entry.entered_at
) AS first ON first.at IS NOT NULL
WHERE stage_entry.lead_id = ANY(%(ids)s) AND stage_entry.entered_at >= %(since)s AND NOT stage_entry.initial
  AND stage_entry.stage = %(stage)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """One rule that acted on nothing: how often it would have, and what happened there all the same.

    `beside_live_rules`: another rule acted on the lead within a day; `contacted`: a person did within three days;
    `moved_on`: the lead entered a stage of the main line afterwards.
    """

    rule: str
    times: int
    leads: int
    beside_live_rules: int
    contacted: int
    moved_on: int


def shadows(
    conn: Connection, *, since: datetime, until: datetime, contacts: Sequence[str], main: Sequence[str]
) -> list[Shadow]:
    """Every rule that would have acted in the period, by id; `contacts` are signal ids, `main` stages."""
    values = {"since": since, "until": until, "contacts": list(contacts), "main": list(main)}
    return [Shadow(**row) for row in conn.execute(_SHADOWS, values)]


def entered(conn: Connection, ids: Sequence[int], since: datetime) -> dict[str, int]:
    """How many of these leads entered each stage since then."""
    rows = conn.execute(_STAGES, {"ids": list(ids), "since": since})
    return {row["stage"]: int(row["leads"]) for row in rows}


def contact_seconds(
    conn: Connection, ids: Sequence[int], since: datetime, *, stage: str, contacts: Sequence[str]
) -> list[float]:
    """For each entry of these leads into a stage since then that was followed by a contact: how long that took."""
    values = {"ids": list(ids), "since": since, "stage": stage, "contacts": list(contacts)}
    return [float(row["seconds"]) for row in conn.execute(_CONTACTED, values)]
