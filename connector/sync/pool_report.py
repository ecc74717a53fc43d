"""What a pool made of the leads that it was given in a period: for its own review, or for an agency every week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.domain import codec_work
from connector.domain.runs import ClockRun
from connector.store import pool_reports
from connector.store.database import Connection
from connector.store.pool_reports import Period
from connector.sync.context import Tenant
from connector.sync.sources import ACTIVITY

KEPT, BROKEN, OPEN = "kept", "broken", "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonReport:
    """One person's part. `activities`: signal → (times, leads); `stages`: stage → leads; `reasons`: reason → leads.

    `promises`: clock → how many of its runs were kept, broken, or are still open.
    """

    person: str
    given: int
    activities: Mapping[str, tuple[int, int]]
    stages: Mapping[str, int]
    reasons: Mapping[str, int]
    promises: Mapping[str, Mapping[str, int]]


def pool_report(tenant: Tenant, conn: Connection, pool: str, since: datetime, until: datetime) -> list[PersonReport]:
    """The report, one part for each person who was given leads; nothing that happened before a grant counts."""
    policy, period = tenant.plan.policy, Period(pool=pool, since=since, until=until)
    kinds = [one.id for one in policy.signals.values() if any(source.kind == ACTIVITY for source in one.sources)]
    given = pool_reports.given(conn, period)
    happened, entered = pool_reports.happened(conn, period, kinds), pool_reports.entered(conn, period)
    promises = _promises(tenant, conn, period)
    return [
        PersonReport(
            person=person,
            given=count,
            activities={kind: happened[person, kind] for kind in kinds if (person, kind) in happened},
            stages=_counted((stage, n) for (who, stage, _), n in entered.items() if who == person),
            reasons=_counted((why, n) for (who, _, why), n in entered.items() if who == person and why),
            promises=promises.get(person, {}),
        )
        for person, count in sorted(given.items())
    ]


def _promises(tenant: Tenant, conn: Connection, period: Period) -> dict[str, dict[str, dict[str, int]]]:
    """Person → clock → how its runs stand, for the promises that began with the lead in that person's hands."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for person, granted_at, clocks in pool_reports.clocks(conn, period):
        for name, raw in clocks.items():
            run = codec_work.decode_clock(raw)
            standing = _standing(run)
            if name in tenant.plan.policy.clocks and standing and granted_at <= run.started_at < period.until:
                found.setdefault(person, {}).setdefault(name, Counter())[standing] += 1
    return {who: {name: dict(counted) for name, counted in clocks.items()} for who, clocks in found.items()}


def _standing(run: ClockRun) -> str | None:
    """Kept, broken or open; None for a run that ended without a verdict."""
    if run.breached_at is not None:
        return BROKEN
    if run.stopped_at is not None:
        return KEPT
    return OPEN if run.running else None


def _counted(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for name, number in pairs:
        counted[name] += number
    return dict(sorted(counted.items()))
