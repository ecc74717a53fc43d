"""Runs of SLA clocks: what every promise came to, for as long as history is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from connector.domain import codec_work
from connector.domain.runs import ClockRun
from connector.store.clock import BUSINESS_NOW
from connector.store.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run of a clock, with who had to keep the promise and since when the CRM showed what had come.

    `written_at` None: what was decided when the run became known has not reached the CRM.
    """

    lead_id: int
    clock: str
    run: ClockRun
    known_at: datetime
    written_at: datetime | None
    person: str | None
    pool: str | None
    gone: bool = False  #: Its lead is not in the CRM now: it is not measured until it comes back.


_MOMENTS = ("started_at", "occurred_at", "warned_at", "breached_at", "withdrawn_at", "stopped_at", "ended_at")

_FIELDS = """lead_id, clock, number, started_at, occurred_at, known_at, written_at, pauses, warned_at, breached_at,
       withdrawn_at, stopped_at, ended_at, person, pool,
       EXISTS (SELECT FROM lead WHERE lead.id = lead_id AND gone IS NOT NULL) AS gone"""

# A run is known, and written, once; the rest is as it is known now. Rows that are so already are not touched.
_KEEP = """
INSERT INTO clock_run (installation_id, lead_id, clock, number, started_at, occurred_at, known_at, written_at, pauses,
                       warned_at, breached_at, withdrawn_at, stopped_at, ended_at, person, pool, policy_hash)
SELECT %(installation_id)s, lead_id, clock, number, started_at, occurred_at, %(now)s, written_at, pauses,
       warned_at, breached_at, withdrawn_at, stopped_at, ended_at, person, pool, %(policy_hash)s
FROM jsonb_to_recordset(%(runs)s) AS one (
    lead_id bigint, clock text, number int, started_at timestamptz, occurred_at timestamptz, written_at timestamptz,
    pauses jsonb, warned_at timestamptz, breached_at timestamptz, withdrawn_at timestamptz, stopped_at timestamptz,
    ended_at timestamptz, person text, pool text)
ORDER BY lead_id, clock, number
ON CONFLICT (installation_id, lead_id, clock, number) DO UPDATE
SET started_at = excluded.started_at, occurred_at = excluded.occurred_at, pauses = excluded.pauses,
    warned_at = excluded.warned_at, breached_at = excluded.breached_at, withdrawn_at = excluded.withdrawn_at,
    stopped_at = excluded.stopped_at, ended_at = excluded.ended_at, person = excluded.person, pool = excluded.pool
WHERE (clock_run.started_at, clock_run.occurred_at, clock_run.pauses, clock_run.warned_at, clock_run.breached_at,
       clock_run.withdrawn_at, clock_run.stopped_at, clock_run.ended_at, clock_run.person, clock_run.pool)
      IS DISTINCT FROM
      (excluded.started_at, excluded.occurred_at, excluded.pauses, excluded.warned_at, excluded.breached_at,
       excluded.withdrawn_at, excluded.stopped_at, excluded.ended_at, excluded.person, excluded.pool)
"""

# Written is what nothing is outstanding of, in any CRM; one in which it is parked keeps the others from nothing.
_WRITTEN = """
UPDATE clock_run SET written_at = %(now)s
WHERE lead_id = ANY(%(lead_ids)s) AND written_at IS NULL
  AND NOT EXISTS (SELECT FROM link WHERE link.lead_id = clock_run.lead_id
                    AND desired_revision > confirmed_revision AND parked_reason IS NULL)
"""

END_OF_LEAD = f"""
UPDATE clock_run SET ended_at = ({BUSINESS_NOW})
WHERE lead_id = ANY(%(lead_ids)s) AND stopped_at IS NULL AND ended_at IS NULL
"""
"""These leads are no more: nothing is measured of them from now on."""

_SINCE = f"""
SELECT {_FIELDS} FROM clock_run
WHERE coalesce(stopped_at, ended_at, 'infinity'::timestamptz) >= %(since)s
  AND (started_at < %(until)s OR stopped_at IS NULL AND ended_at IS NULL)
ORDER BY lead_id, clock, number
"""

_OF_LEAD = f"SELECT {_FIELDS} FROM clock_run WHERE lead_id = %s ORDER BY started_at DESC, clock LIMIT %s"


def keep(conn: Connection, installation_id: int, policy_hash: str, rows: Sequence[RunRow], *, now: datetime) -> None:
    """Keep these runs as they are known now; `known_at` and `written_at` stand from when a run was first kept."""
    if rows:
        runs = Jsonb([_encoded(row) for row in rows])
        values = {"installation_id": installation_id, "policy_hash": policy_hash, "runs": runs, "now": now}
        conn.execute(_KEEP, values)


def written(conn: Connection, lead_ids: Sequence[int], *, now: datetime) -> None:
    """Of these leads something has been written: where nothing more is outstanding, the CRM shows what runs."""
    if lead_ids:
        conn.execute(_WRITTEN, {"lead_ids": list(lead_ids), "now": now})


def between(conn: Connection, since: datetime, until: datetime) -> list[RunRow]:
    """The runs that were not over at `since` and had begun by `until`, and those that go on now."""
    return [_decoded(row) for row in conn.execute(_SINCE, {"since": since, "until": until})]


def of_lead(conn: Connection, lead_id: int, *, limit: int) -> list[RunRow]:
    """A lead's latest runs, the last begun first."""
    return [_decoded(row) for row in conn.execute(_OF_LEAD, [lead_id, limit])]


def _encoded(row: RunRow) -> dict[str, Any]:
    moments = {name: codec_work.text_or_none(getattr(row.run, name)) for name in _MOMENTS}
    return {
        **moments,
        "lead_id": row.lead_id,
        "clock": row.clock,
        "number": row.run.number,
        "pauses": codec_work.encode_pauses(row.run.pauses),
        "written_at": codec_work.text_or_none(row.written_at),
        "person": row.person,
        "pool": row.pool,
    }


def _decoded(row: Mapping[str, Any]) -> RunRow:
    return RunRow(
        lead_id=int(row["lead_id"]),
        clock=row["clock"],
        run=ClockRun(
            number=row["number"],
            pauses=codec_work.decode_pauses(row["pauses"]),
            **{name: row[name] for name in _MOMENTS},
        ),
        known_at=row["known_at"],
        written_at=row["written_at"],
        person=row["person"],
        pool=row["pool"],
        gone=row["gone"],
    )
