"""`tasuki people`: who may own leads, and what the CRM does not know of them: absences, weights, capacities."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import click

from connector.bootstrap import Runtime
from connector.cli.moments import MOMENT
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.policy.loader import load_policy_from
from connector.store import people, policies
from connector.store.clock import BusinessClock
from connector.store.database import Connection
from connector.store.people import PersonRow
from connector.sync.colleagues import every_id, everybody
from connector.sync.context import Tenant
from connector.sync.presence import Woken, people_changed
from connector.texts import say


@click.group(name="people")
def command() -> None:
    """Who may own leads, and what the CRM does not know of them: absences, weights, capacities."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(as_json: bool) -> None:
    """List who may own leads, with teams, absences, weights and capacities."""
    with _desk() as desk:
        found = desk.everybody()
    if as_json:
        emit([asdict(one) for one in found])
        return
    rows = [
        (one.person, one.name, ", ".join(one.teams), _state(one), one.weight, one.capacity, one.calendar)
        for one in found
    ]
    table(
        say("People"),
        ("Id", "Name", "Teams", "", "Weight#", "Capacity#", "Hours"),
        rows,
        none=say("none: run `tasuki connect DIR`."),
    )


@command.command(name="absent")
@click.argument("person")
@click.option("--from", "start", type=MOMENT, help="Since when; default: now.")
@click.option("--to", "end", type=MOMENT, help="Until when; default: until `tasuki people back`.")
def absent(person: str, start: datetime | None, end: datetime | None) -> None:
    """PERSON (id, name or mail address) is away: pools skip them, and open work moves when the policy says so."""
    with _desk() as desk:
        one = desk.named(person)
        since, until = _moment(desk.conn, start) or desk.now, _moment(desk.conn, end)
        if until is not None and until <= since:
            raise UsageError(say("An absence must end after it begins: see --from and --to."), reason="bad_period")
        people.add_absence(desk.conn, desk.installation_id, one.person, starts_at=since, ends_at=until)
        woken = desk.changed(one)
    line(
        say(
            "{name} is away; pools skip them. Leads with open work of theirs: {theirs}.",
            name=one.name,
            theirs=woken.theirs,
        )
    )


@command.command(name="back")
@click.argument("person")
def back(person: str) -> None:
    """PERSON is back: their absences end now, and leads that wait for somebody are offered again."""
    with _desk() as desk:
        one = desk.named(person)
        ended = people.end_absences(desk.conn, desk.ids(one.person), desk.now)
        woken = desk.changed(one)
    line(
        say("{name} is back. Leads that waited: {waiting}.", name=one.name, waiting=woken.waiting)
        if ended
        else say("{name} was not away.", name=one.name)
    )


@command.command(name="set")
@click.argument("person")
@click.option("--weight", type=click.FloatRange(0, 100), help="Share of the turns; 1 is usual, 0 takes none.")
@click.option("--capacity", type=click.IntRange(0), help="Own capacity instead of the pool's.")
@click.option("--calendar", metavar="NAME", help="Own working hours: a calendar of policy.yaml; '' for the pool's.")
def set_(person: str, weight: float | None, capacity: int | None, calendar: str | None) -> None:
    """Set PERSON's share of the turns, or a capacity or working hours of their own."""
    with _desk() as desk:
        one = desk.named(person)
        _refuse_unknown_calendar(desk.tenant, calendar)
        for own in desk.ids(one.person):  # what stands under another one would count beside it
            people.set_person(desk.conn, desk.installation_id, own, weight=weight, capacity=capacity, calendar=calendar)
        desk.changed(one)
    line(say("{name} is set.", name=one.name))


@dataclass(frozen=True, slots=True)
class _Desk:
    """One transaction in which somebody's data change, at one business time."""

    conn: Connection
    installation_id: int
    now: datetime
    tenant: Tenant | None  #: None: no policy is running yet, so that nothing waits.

    def named(self, name: str) -> PersonRow:
        """The person with this id (of either CRM), name or mail address."""
        return named(self.everybody(), self.ids(name), name)

    def ids(self, person: str) -> list[str]:
        """This id with those by which the CRMs know the same person."""
        return every_id(self.tenant, [person]) if self.tenant is not None else [person]

    def everybody(self) -> list[PersonRow]:
        """Everybody who may own records, each once."""
        return (
            everybody(self.tenant, self.conn, self.now)
            if self.tenant is not None
            else people.people(self.conn, self.now)
        )

    def changed(self, one: PersonRow) -> Woken:
        """Have everything decided again that hangs on this person."""
        if self.tenant is None:
            return Woken(theirs=0, waiting=0)
        return people_changed(self.tenant, self.conn, [one.person], self.now)


@contextmanager
def _desk() -> Iterator[_Desk]:
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = Runtime(database, settings).tenant(installation_id)
        with database.transaction(installation_id) as conn:
            yield _Desk(conn, installation_id, BusinessClock.now(conn), tenant)


def _refuse_unknown_calendar(tenant: Tenant | None, calendar: str | None) -> None:
    known = tenant.plan.policy.calendars if tenant is not None else {}
    if calendar and calendar not in known:
        there = ", ".join(known) or say("none")
        raise UsageError(
            say("The running policy has no calendar {calendar!r}; there are: {there}.", calendar=calendar, there=there),
            reason="unknown_calendar",
        )


def named(everybody: Sequence[PersonRow], ids: Collection[str], name: str) -> PersonRow:
    """Whose name this is, or one of these ids (see `every_id`). Raises `UsageError` for nobody and for several."""
    found = [one for one in everybody if one.person in ids or name in (one.name, one.email)]
    if len(found) != 1:
        raise UsageError(_not_one(len(found), name), reason="unknown_person")
    return found[0]


def _not_one(number: int, name: str) -> str:
    if number:
        return say("{n} people are called {name!r}: `tasuki people list` lists them.", n=number, name=name)
    return say("nobody is called {name!r}: `tasuki people list` lists them.", name=name)


def _moment(conn: Connection, said: datetime | None) -> datetime | None:
    """A moment in the time zone of the first running policy."""
    if said is None:
        return None
    running = policies.running(conn)
    zone = load_policy_from(policies.files(conn, running[0].hash)).zone if running else UTC
    return said.replace(tzinfo=zone).astimezone(UTC)


def _state(one: PersonRow) -> str:
    if not one.active:
        return say("left")
    return say("absent") if one.absent else ""
