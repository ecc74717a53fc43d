"""`tasuki people`: who may own leads, and what the CRM does not know of them: absences, weights, capacities."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.store import people, policies
from connector.store.clock import BusinessClock
from connector.store.database import Connection
from connector.store.people import PersonRow


@click.group(name="people")
def command() -> None:
    """Who may own leads, and what the CRM does not know of them: absences, weights, capacities."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(as_json: bool) -> None:
    """List who may own leads, with teams, absences, weights and capacities."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        found = people.people(conn, BusinessClock.now(conn))
    if as_json:
        emit([asdict(one) for one in found])
        return
    rows = [(one.person, one.name, ", ".join(one.teams), _state(one), one.weight, one.capacity) for one in found]
    table("People", ("Id", "Name", "Teams", "", "Weight#", "Capacity#"), rows, none="none: run `tasuki connect DIR`.")


@command.command(name="absent")
@click.argument("person")
@click.option("--from", "start", type=click.DateTime(), help="Since when; default: now.")
@click.option("--to", "end", type=click.DateTime(), help="Until when; default: until `tasuki people back`.")
def absent(person: str, start: datetime | None, end: datetime | None) -> None:
    """PERSON (id, name or mail address) is away: pools skip them."""
    with opened(read_settings()) as database:
        installation_id = installation(database)
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            one = _named(conn, person, now)
            since, until = _moment(conn, start) or now, _moment(conn, end)
            if until is not None and until <= since:
                raise UsageError("An absence must end after it begins: see --from and --to.", reason="bad_period")
            people.add_absence(conn, installation_id, one.person, starts_at=since, ends_at=until)
    line(f"{one.name} is away; pools skip them.")


@command.command(name="back")
@click.argument("person")
def back(person: str) -> None:
    """PERSON is back: their absences end now."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        now = BusinessClock.now(conn)
        one = _named(conn, person, now)
        ended = people.end_absences(conn, one.person, now)
    line(f"{one.name} is back." if ended else f"{one.name} was not away.")


@command.command(name="set")
@click.argument("person")
@click.option("--weight", type=click.FloatRange(0, 100), help="Share of the turns; 1 is usual, 0 takes none.")
@click.option("--capacity", type=click.IntRange(0), help="Own capacity instead of the pool's.")
def set_(person: str, weight: float | None, capacity: int | None) -> None:
    """Set PERSON's share of the turns, or a capacity of their own."""
    with opened(read_settings()) as database:
        installation_id = installation(database)
        with database.transaction(installation_id) as conn:
            one = _named(conn, person, BusinessClock.now(conn))
            people.set_person(conn, installation_id, one.person, weight=weight, capacity=capacity)
    line(f"{one.name} is set.")


def _named(conn: Connection, name: str, now: datetime) -> PersonRow:
    found = [one for one in people.people(conn, now) if name in (one.person, one.name, one.email)]
    if len(found) != 1:
        what = f"{len(found)} people are called" if found else "nobody is called"
        raise UsageError(f"{what} {name!r}: `tasuki people` lists them.", reason="unknown_person")
    return found[0]


def _moment(conn: Connection, said: datetime | None) -> datetime | None:
    """A moment in the running policy's time zone."""
    if said is None:
        return None
    active = policies.active(conn)
    zone = load_policy_from(policies.files(conn, active.hash)).zone if active is not None else UTC
    return said.replace(tzinfo=zone).astimezone(UTC)


def _state(one: PersonRow) -> str:
    if not one.active:
        return "left"
    return "absent" if one.absent else ""
