"""Runs of clocks in the store: each once, as it is known now; since when the CRM showed it; what a period finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.domain.runs import ClockRun
from connector.store import clock_runs, leads, links, merging
from connector.store.clock_runs import RunRow
from connector.store.database import Database

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE = 1


@pytest.fixture
def two(database: Database) -> tuple[int, int]:
    """Two leads with a link each, of which nothing is outstanding."""
    with database.transaction(ONE) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one'), (2, 'other')")
        first, second = leads.new_leads(conn, ONE, [NOW, NOW])
        links.ensure(conn, ONE, 1, {first: "101", second: "102"})
    return first, second


def row(lead_id: int, **run: datetime | int | None) -> RunRow:
    """A run that has just begun."""
    return RunRow(
        lead_id=lead_id, clock="first", run=replace(ClockRun(number=1, started_at=NOW), **run), known_at=NOW,
        written_at=None, person="7", pool="sdr",
    )  # fmt: skip


def keep(database: Database, *rows: RunRow, now: datetime = NOW) -> None:
    with database.transaction(ONE) as conn:
        clock_runs.keep(conn, ONE, "hash", rows, now=now)


def kept(database: Database, since: datetime = NOW - HOUR, until: datetime = NOW + HOUR) -> list[RunRow]:
    with database.transaction(ONE) as conn:
        return clock_runs.between(conn, since, until)


def test_a_run_is_kept_as_it_is_known_now_and_was_known_and_written_once(
    database: Database, two: tuple[int, int]
) -> None:
    paused = ((NOW + HOUR, NOW + 2 * HOUR), (NOW + 3 * HOUR, None))
    broken = row(two[0], occurred_at=NOW - HOUR, warned_at=NOW, breached_at=NOW + HOUR)
    keep(database, replace(broken, written_at=NOW), now=NOW)
    assert kept(database) == [replace(broken, written_at=NOW)]
    taken_back = replace(
        broken, run=replace(broken.run, breached_at=None, withdrawn_at=NOW + HOUR, pauses=paused), person="8", pool=None
    )
    keep(database, replace(taken_back, written_at=NOW + HOUR), now=NOW + HOUR)
    assert kept(database) == [replace(taken_back, written_at=NOW)], "since when we knew and it was shown stays"


def test_keeping_the_same_again_writes_nothing(database: Database, two: tuple[int, int]) -> None:
    def version() -> object:
        with database.transaction(ONE) as conn:
            return conn.execute("SELECT xmin::text, ctid::text FROM clock_run").fetchall()

    keep(database, row(two[0]))
    before = version()
    keep(database, row(two[0]), now=NOW + HOUR)
    assert version() == before


def test_it_is_written_when_nothing_of_the_lead_is_outstanding_in_any_crm(
    database: Database, two: tuple[int, int]
) -> None:
    def written() -> datetime | None:
        return kept(database)[0].written_at

    keep(database, row(two[0]))
    with database.transaction(ONE) as conn:
        links.ensure(conn, ONE, 2, {two[0]: "00Q1"})
        links.desire(conn, {two[0]: "hot"})
        clock_runs.written(conn, [two[0]], now=NOW)
    assert written() is None
    with database.transaction(ONE) as conn:
        conn.execute("UPDATE link SET confirmed_revision = desired_revision WHERE connection_id = 1")
        clock_runs.written(conn, [two[0]], now=NOW)
    assert written() is None, "the other CRM does not show it yet"
    with database.transaction(ONE) as conn:
        conn.execute("UPDATE link SET confirmed_revision = desired_revision")
        clock_runs.written(conn, [two[0]], now=NOW + HOUR)
        clock_runs.written(conn, [two[0]], now=NOW + 2 * HOUR)
    assert written() == NOW + HOUR


def test_a_period_finds_what_had_not_ended_before_it_and_what_goes_on_now(
    database: Database, two: tuple[int, int]
) -> None:
    early, later = replace(row(two[0]), clock="early"), row(two[0], stopped_at=NOW + HOUR)
    keep(database, early, later, row(two[1], ended_at=NOW - 2 * HOUR, started_at=NOW - 3 * HOUR))
    assert [one.clock for one in kept(database)] == ["early", "first"]
    assert [one.clock for one in kept(database, NOW + 2 * HOUR, NOW + 3 * HOUR)] == ["early"]
    assert [one.clock for one in kept(database, NOW - 9 * HOUR, NOW - 8 * HOUR)] == ["early"], "it runs now"
    assert len(kept(database, NOW - 9 * HOUR, NOW + HOUR)) == 3
    with database.transaction(2) as conn:
        assert clock_runs.between(conn, NOW - 9 * HOUR, NOW + HOUR) == [], "another company's"


def test_of_a_lead_that_is_not_in_the_crm_nothing_runs_until_it_is_back(
    database: Database, two: tuple[int, int]
) -> None:
    keep(database, row(two[0]))
    with database.transaction(ONE) as conn:
        leads.identify(conn, ONE, 1, "contact", [("101", two[0])])
        leads.set_gone(conn, 1, ["101"], "archived", object_type="contact")
    assert [one.gone for one in kept(database)] == [True]
    with database.transaction(ONE) as conn:
        leads.set_gone(conn, 1, ["101"], None, object_type="contact")
    assert [one.gone for one in kept(database)] == [False]


def test_a_lead_that_is_merged_is_measured_no_more_and_its_history_stays(
    database: Database, two: tuple[int, int]
) -> None:
    keep(database, row(two[0]), row(two[1]), replace(row(two[0], stopped_at=NOW + HOUR), clock="met"))
    with database.transaction(ONE) as conn:
        merging.merge(conn, two[0], two[1])
    ends = {(one.lead_id, one.clock): one.run.ended_at is not None for one in kept(database)}
    assert ends == {(two[0], "first"): True, (two[0], "met"): False, (two[1], "first"): False}
