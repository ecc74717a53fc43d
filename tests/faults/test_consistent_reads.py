"""Decisions rest on consistent reads: a history of many workers at once, judged by an oracle that trusts none of them.

What happens to a lead is appended to a list; an evaluation reads the list and the lead and stores what it has seen.
All of it goes through what the product's own evaluations go through: claims, revisions, leases that run out, news
meanwhile.
"""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from connector.errors import RetryableError
from connector.store import connections, leads
from connector.store.database import Connection, Database
from connector.store.leads import Evaluated, LeadRow

WORKERS, REPORTERS = 6, 2
AT_ONCE = 10
SHORT_LEASE_SECONDS = 0.02
"""Of every other slice: it runs out while the slice is under way, and somebody else takes the same leads."""

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Look:
    """One evaluation whose transaction was committed, as its worker saw it."""

    lead_id: int
    revision: int
    read: Sequence[int]
    seen: Sequence[int]
    stored: bool


@dataclass(kw_only=True)
class History:
    """All that the workers claim to have done."""

    looks: list[Look] = field(default_factory=list)
    news: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    rolled_back: int = 0
    refused: int = 0
    forgotten: int = 0  #: Leads that were left to rest with news that nobody has seen.

    @property
    def operations(self) -> int:
        return len(self.looks) + sum(map(len, self.news.values()))


@pytest.mark.fault("T13")
def test_four_thousand_operations_at_once_show_no_anomaly(
    database_dsn: str, record_property: Callable[[str, object], None]
) -> None:
    _look_at_once(database_dsn, record_property, 4_000)


@pytest.mark.soak
@pytest.mark.fault("T13")
def test_a_hundred_thousand_operations_at_once_show_no_anomaly(
    database_dsn: str, record_property: Callable[[str, object], None]
) -> None:
    _look_at_once(database_dsn, record_property, 100_000)


def _look_at_once(dsn: str, record_property: Callable[[str, object], None], operations: int) -> None:
    with Database.open(dsn, max_size=WORKERS + REPORTERS) as database:
        installation_id = connections.ensure_installation(database, "default")
        with database.transaction(installation_id) as conn:
            conn.execute("CREATE TABLE news (number int PRIMARY KEY, lead_id bigint)")
            ids = leads.new_leads(conn, installation_id, [NOW] * (60 + operations // 500))
        history, enough = History(), threading.Event()
        with ThreadPoolExecutor(WORKERS + REPORTERS) as threads:
            reporting = [
                threads.submit(_report, database, installation_id, ids, history, one, operations)
                for one in range(REPORTERS)
            ]
            working = [threads.submit(_work, database, installation_id, history, one, enough) for one in range(WORKERS)]
            for one in reporting:
                one.result()
            enough.set()
            for one in working:
                one.result()
        with database.transaction(installation_id) as conn:
            conn.execute("UPDATE lead_due SET claimed_until = '-infinity'")  # what those who died still hold
        while _evaluate(database, installation_id, history, 60.0, lambda: None):
            pass
        _judge(database, installation_id, history)
    assert history.operations >= operations
    stored = sum(one.stored for one in history.looks)
    assert min(stored, len(history.looks) - stored, history.rolled_back) > 0, "nobody met anybody"
    counted = {"overtaken": len(history.looks) - stored, "rolled back": history.rolled_back}
    record_property("counted", {"operations": history.operations, **counted})


def _report(
    database: Database, installation_id: int, ids: Sequence[int], history: History, which: int, operations: int
) -> None:
    """Append to the lists of a few leads at a time, and make them due, in one transaction."""
    dice, number = random.Random(which), which
    while history.operations < operations:
        chosen = sorted(dice.sample(ids, dice.randint(1, AT_ONCE)))
        found = {number + REPORTERS * place: lead_id for place, lead_id in enumerate(chosen)}
        number += REPORTERS * len(chosen)
        while not _appended(database, installation_id, found):
            history.refused += 1
        for one, lead_id in found.items():
            history.news[lead_id].add(one)


def _appended(database: Database, installation_id: int, found: dict[int, int]) -> bool:
    try:
        with database.transaction(installation_id) as conn:
            for number, lead_id in found.items():
                conn.execute("INSERT INTO news VALUES (%s, %s)", [number, lead_id])
            leads.mark_due(conn, installation_id, list(found.values()), at=NOW, why="dirty", lane="hot")
    except RetryableError:
        return False
    return True


def _work(database: Database, installation_id: int, history: History, which: int, enough: threading.Event) -> None:
    dice = random.Random(100 + which)

    def dawdle() -> None:
        chance = dice.random()
        if chance < 0.02:
            raise _Died
        if chance < 0.1:
            enough.wait(2 * SHORT_LEASE_SECONDS)

    while not enough.is_set():
        lease = SHORT_LEASE_SECONDS if dice.random() < 0.5 else 5.0
        if not _evaluate(database, installation_id, history, lease, dawdle):
            enough.wait(0.002)


class _Died(Exception):
    """The worker is gone before its transaction was committed."""


def _evaluate(
    database: Database, installation_id: int, history: History, lease_seconds: float, dawdle: Callable[[], None]
) -> int:
    """As `sync.evaluate` does: claim, read, decide, store if nobody was faster. Returns how many were claimed."""
    with database.transaction(installation_id) as conn:
        token, due = leads.claim_due(conn, now=NOW, limit=AT_ONCE, lease_seconds=lease_seconds)
    claimed = [one.lead_id for one in due]
    if not claimed:
        return 0
    with database.transaction(installation_id) as conn:
        rows, news = leads.load(conn, claimed), _news(conn, claimed)
    results = [_seen(rows[one], news[one]) for one in claimed]
    looks: list[Look] = []
    try:
        dawdle()
        with database.transaction(installation_id) as conn:
            leads.lock(conn, claimed)
            stored = leads.store(conn, results, now=NOW)
            kept = [one for one in results if one.lead_id in stored]
            leads.finish_due(conn, token, kept)
            history.forgotten += _at_rest_unseen(conn, kept)
            dawdle()
        looks = [_look(rows[one.lead_id], one, one.lead_id in stored) for one in results]
    except _Died:
        history.rolled_back += 1
    except RetryableError:
        history.refused += 1
    history.looks += looks
    return len(claimed)


def _news(conn: Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {one: [] for one in ids}
    for row in conn.execute("SELECT lead_id, number FROM news WHERE lead_id = ANY(%s) ORDER BY number", [list(ids)]):
        found[row["lead_id"]].append(row["number"])
    return found


def _at_rest_unseen(conn: Connection, kept: Sequence[Evaluated]) -> int:
    """Of these leads, those that nobody will look at again though something has happened that they have not seen."""
    news = _news(conn, [one.lead_id for one in kept])
    query = "SELECT lead_id FROM lead_due WHERE due_at <= %s"
    due = {row["lead_id"] for row in conn.execute(query, [NOW])}
    return sum(not set(news[one.lead_id]) <= set(one.state["seen"]) and one.lead_id not in due for one in kept)


def _seen(row: LeadRow, news: Sequence[int]) -> Evaluated:
    return Evaluated(
        lead_id=row.id,
        revision=row.revision,
        stage=None,
        owner=None,
        state={"seen": list(news)},
        desired={},
        desired_stage=None,
        scores={},
        policy="p",
        policy_hash="p",
        generation=0,
        wake_at=None,
        wake_why=None,
    )


def _look(row: LeadRow, result: Evaluated, stored: bool) -> Look:
    read, seen = row.state.get("seen", []), result.state["seen"]
    return Look(lead_id=row.id, revision=row.revision, read=read, seen=seen, stored=stored)


def _judge(database: Database, installation_id: int, history: History) -> None:
    """By the workers' own words, lead by lead: one line of versions, each read from the one before; nothing lost."""
    assert (forgotten := history.forgotten) == 0, f"{forgotten} leads were left to rest with news unseen"
    by_lead: dict[int, list[Look]] = defaultdict(list)
    for one in history.looks:
        by_lead[one.lead_id].append(one)
    with database.transaction(installation_id) as conn:
        final = leads.load(conn, list(by_lead))
        assert conn.execute("SELECT 1 FROM lead_due WHERE due_at <= %s", [NOW]).fetchone() is None
    assert by_lead.keys() == history.news.keys()
    for lead_id, looks in by_lead.items():
        stored = sorted((one for one in looks if one.stored), key=lambda one: one.revision)
        first = stored[0].revision
        assert [one.revision for one in stored] == list(range(first, first + len(stored))), "an update was lost"
        written = {one.revision + 1: one.seen for one in stored}
        assert all(one.read == written.get(one.revision, []) for one in looks), "read what nobody had committed"
        assert all(set(one.read) <= set(one.seen) for one in looks), "read an older list than the one before"
        assert set(final[lead_id].state["seen"]) == history.news[lead_id], "decided without the last news"
        assert final[lead_id].revision == first + len(stored)
