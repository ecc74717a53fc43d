"""What `tasuki doctor` looks at. Each check is one that something else makes too: here they are only put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from connector.bootstrap_hubspot import Portal
from connector.cli.accounts import Account
from connector.cli.output import age
from connector.cli.quota import AccountDay, accounts_today, slowed
from connector.cli.reasons import cause, remedy
from connector.cli.session import refuse_played_time
from connector.errors import RetryableError, TasukiError, UsageError
from connector.policy.model import FieldType, Policy
from connector.settings import Settings
from connector.store import connections, inspection, parked, reconcile_passes, streams
from connector.store.clock import BusinessClock, machine_now
from connector.store.connections import ConnectionRow
from connector.store.database import Connection, Database
from connector.store.streams import BROKEN, GAPS
from connector.texts import count, said, say
from connector.vendors.hubspot.native import linked_people
from connector.vendors.provisioning import READ_ONLY, ProvisionPlan, homes_in

LATE = timedelta(minutes=5)
"""A delivery that waits for longer has no worker; a clock that is off by more refuses signed deliveries."""
_MOST_PARKED = 1_000
_MOST_WORDS = 5
SILENT = timedelta(minutes=15)
"""A stream of changes that lives says so every few minutes, also where nothing changes."""
HEARD_WITHIN_SECONDS = 60.0
"""A worker says every few seconds that it lives; one that has been silent for so long does not."""


class State(Enum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"  #: It works, and somebody should look.
    ERROR = "error"  #: Something does not work.


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line: what was looked at, where (`tasuki` or an account), how it stands, and what a person does about it."""

    check: str
    where: str
    state: State
    says: str
    remedy: str = ""


def of_error(check: str, where: str, error: TasukiError) -> Finding:
    """What went wrong says its remedy itself; what passes is a warning."""
    state = State.WARNING if isinstance(error, RetryableError) else State.ERROR
    again = say("Run `tasuki doctor` again; mend what is told.")
    return Finding(check=check, where=where, state=state, says=said(error), remedy=again)


def not_open(error: TasukiError) -> Finding:
    """The database does not open: nothing works without it, however soon it may be back."""
    if isinstance(error, RetryableError):
        then = say("Look whether the database runs, and whether TASUKI_DATABASE_URL is right; then run it again.")
    else:
        then = say("Run `tasuki doctor` again; mend what is told.")
    return Finding(check="database", where="tasuki", state=State.ERROR, says=said(error), remedy=then)


def _ok(check: str, where: str, says: str) -> Finding:
    return Finding(check=check, where=where, state=State.OK, says=says)


# ── here ─────────────────────────────────────────────────────────────────────────────────────────────────────
def of_store(database: Database, settings: Settings, *, machine: datetime) -> Iterator[Finding]:
    """The database and the clocks; that it opened says that its schema is up to date."""
    yield _ok("database", "tasuki", say("it answers, and its schema is up to date"))
    with database.transaction(None) as conn:
        apart = abs(machine_now(conn) - machine)
    try:
        refuse_played_time(database, settings)
    except UsageError as error:
        yield of_error("clock", "tasuki", error)
        return
    if apart > LATE:
        yield Finding(
            check="clock",
            where="tasuki",
            state=State.ERROR,
            says=say("this machine and the database are {span} apart", span=age(apart)),
            remedy=say("Let both take the time from one server (NTP)."),
        )
    else:
        yield _ok("clock", "tasuki", say("this machine and the database agree"))


def of_policies(names: Sequence[str]) -> Finding:
    """Something must run."""
    if names:
        return _ok("policy", "tasuki", say("running: {names}", names=", ".join(names)))
    told, then = say("no policy runs"), say("Run `tasuki activate DIR`.")
    return Finding(check="policy", where="tasuki", state=State.ERROR, says=told, remedy=then)


def of_work(conn: Connection) -> Iterator[Finding]:
    """Whether somebody works, and what waits for a person."""
    told = _nobody_works(conn)
    if told is not None:
        then = say("Start `tasuki work`, and look at its log.")
        yield Finding(check="work", where="tasuki", state=State.ERROR, says=told, remedy=then)
    else:
        left = inspection.unfinished(conn, BusinessClock.now(conn))
        yield _ok("work", "tasuki", count(left, "{n} thing is under way", "{n} things are under way"))
    waits = len(parked.listed(conn, limit=_MOST_PARKED))
    if waits:
        told = count(waits, "{n} thing waits for a person", "{n} things wait for a person")
        then = say("`tasuki parked list` says why, and what to do.")
        yield Finding(check="parked", where="tasuki", state=State.WARNING, says=told, remedy=then)
    else:
        yield _ok("parked", "tasuki", say("nothing waits for a person"))


def _nobody_works(conn: Connection) -> str | None:
    since, machine = inspection.waiting_since(conn), machine_now(conn)
    if since is not None and machine - since > LATE:
        return say("a delivery has waited for {span}: nobody works", span=age(machine - since))
    if not inspection.is_worked(conn, within_seconds=HEARD_WITHIN_SECONDS):
        return say("no worker has been heard of for a minute")
    return None


def not_connected(crm: str, others: Sequence[str]) -> Finding:
    """Its settings are there, and nobody has connected it; perhaps another account of that CRM."""
    told, then = say("not connected yet"), say("Run `tasuki connect {crm}`.", crm=crm)
    if others:
        told = say("not connected yet; connected is {others}", others=", ".join(others))
        then = say("Mend TASUKI_HUBSPOT_PORTAL_ID, or run `tasuki connect {crm}` if it is another portal.", crm=crm)
    return Finding(check="access", where=crm, state=State.ERROR, says=told, remedy=then)


# ── an account ───────────────────────────────────────────────────────────────────────────────────────────────
def of_account(account: Account, policies: Sequence[Policy], *, both: bool, follows: bool) -> Iterator[Finding]:
    """One account, from access to what it was told of. `follows`: its stream of changes is to be followed."""
    with account.database.transaction(account.installation_id) as conn:
        row = next(one for one in connections.listed(conn) if one.id == account.connection_id)
    where = f"{row.vendor} {row.account_id}"
    people = account.vendor.owners()
    yield _ok("access", where, count(len(people), "open; {n} user", "open; {n} users"))
    if row.status != "active":
        reason = row.paused_reason or "rejected"
        told = say("paused: {cause}", cause=cause(reason))
        yield Finding(check="pause", where=where, state=State.ERROR, says=told, remedy=remedy(reason))
    yield from of_fields({policy.name: account.plan(policy) for policy in policies}, row, where)
    if both:
        with account.database.transaction(account.installation_id) as conn:
            yield from (one for policy in policies for one in _words(conn, policy, row, where))
    if isinstance(account, Portal) and (both or any(one.identity.native_sync for one in policies)):
        yield _native(account, policies, where)
    with account.database.transaction(account.installation_id) as conn:
        yield _heard(conn, row, where)
        if follows:
            yield of_stream(conn, row, where)
        yield _looked(conn, row, where)
        now = BusinessClock.now(conn)
        yield from (_calls(one, where) for one in accounts_today(conn, now) if one.row.id == row.id)


def of_fields(plans: Mapping[str, ProvisionPlan], row: ConnectionRow, where: str) -> Iterator[Finding]:
    """What `tasuki connect` would do or cannot mend, by policy; and once, what is only read: that works as it is."""
    for name, plan in plans.items():
        yield from _fields(plan, name, row, where)
    places = sorted(frozenset[str]().union(*(plan.read_only for plan in plans.values())))
    if places:
        told = say("read and never written, as nobody may write it there: {places}", places=", ".join(places))
        yield _ok("fields", where, told)


def _fields(plan: ProvisionPlan, policy: str, row: ConnectionRow, where: str) -> Iterator[Finding]:
    then = say("Run `tasuki connect {crm}`.", crm=row.vendor)
    problems = [one for one in plan.problems if one.severity == "error" or one.reason != READ_ONLY]
    for problem in problems:
        state = State.ERROR if problem.severity == "error" else State.WARNING
        mend = say("Mend it there, then run `tasuki connect {crm}`.", crm=row.vendor)
        yield Finding(check="fields", where=where, state=state, says=problem.message, remedy=mend)
    for step in plan.steps:
        told = say("to be done: {says}", says=step.says)
        yield Finding(check="fields", where=where, state=State.ERROR, says=told, remedy=then)
    known = frozenset(row.capabilities.get("read_only") or ())
    freed = sorted(known.intersection(plan.asked) - plan.read_only)
    if freed:
        told = say("may be written by now, which is not done yet: {places}", places=", ".join(freed))
        yield Finding(check="fields", where=where, state=State.ERROR, says=told, remedy=then)
    if not plan.steps and not problems and not freed:
        yield _ok("fields", where, say("{policy} has all that it needs", policy=policy))


def _words(conn: Connection, policy: Policy, row: ConnectionRow, where: str) -> Iterator[Finding]:
    """Words of a CRM's own that the policy does not name: the other CRM has no such option, and is not told."""
    for definition, home in homes_in(policy, row.vendor):
        if definition.type is not FieldType.CHOICE or len({one.vendor for one in definition.homes}) < 2:
            continue
        known = {*definition.choices, *home.values.values(), *home.read_also}
        found = inspection.other_words(conn, row.id, home.object_type, home.name, known=sorted(known))
        if found:
            told = count(
                sum(found.values()),
                "{field}: {n} record holds what the policy does not name ({words}): the other CRM is not told",
                "{field}: {n} records hold what the policy does not name ({words}): the other CRM is not told",
                field=definition.name,
                words=", ".join(list(found)[:_MOST_WORDS]),
            )
            then = say("Name them in fields.yaml, under `values` or `read_also`, where they mean one of its choices.")
            yield Finding(check="choices", where=where, state=State.WARNING, says=told, remedy=then)


def _native(account: Portal, policies: Sequence[Policy], where: str) -> Finding:
    """HubSpot's own Salesforce integration and what the policy says of it."""
    linked, wanted = linked_people(account.vendor), any(one.identity.native_sync for one in policies)
    if linked and not wanted:
        told = count(
            linked,
            "HubSpot's own Salesforce integration has linked {n} contact, and no policy says so: both would write",
            "HubSpot's own Salesforce integration has linked {n} contacts, and no policy says so: both would write",
        )
        then = say(
            "Set `identity: {{native_sync: identity_and_fields}}` in fields.yaml, or switch the integration off."
        )
        return Finding(check="native_sync", where=where, state=State.ERROR, says=told, remedy=then)
    if wanted and not linked:
        told = say("a policy leaves identity and fields to HubSpot's own integration, which has linked nobody")
        then = say("Switch the integration on in HubSpot, or set `native_sync: none`.")
        return Finding(check="native_sync", where=where, state=State.WARNING, says=told, remedy=then)
    told = say("HubSpot's own Salesforce integration and the policy agree")
    return _ok("native_sync", where, told)


def _heard(conn: Connection, row: ConnectionRow, where: str) -> Finding:
    """Whether the account tells of what happens. Salesforce need not: it is looked through every minute."""
    at = inspection.last_heard(conn, row.vendor)
    if at is not None:
        return _ok("events", where, say("last heard {span} ago", span=age(machine_now(conn) - at)))
    if row.vendor != "hubspot":
        return _ok("events", where, say("none has come lately: changes are found by looking"))
    told = say("no event has come in for three days: changes are only found by looking")
    then = say("Check the app's webhook subscriptions and the address that they go to (docs/hubspot.md).")
    return Finding(check="events", where=where, state=State.WARNING, says=told, remedy=then)


def of_stream(conn: Connection, row: ConnectionRow, where: str) -> Finding:
    """Whether the account's stream of changes is heard: it says every few minutes that it lives."""
    found = next((one for one in streams.health(conn) if one.connection_id == row.id), None)
    if found is None or found.heard_seconds is None or found.heard_seconds > SILENT.total_seconds():
        told = say("change events are not heard: changes are only found by looking")
        then = say("The worker's log says why: `stream_refused`, `stream_broke_off` (see docs/operations.md).")
        return Finding(check="change_events", where=where, state=State.WARNING, says=told, remedy=then)
    told = say(
        "heard {span} ago; broken off {broken} times, {gaps} gaps",
        span=age(timedelta(seconds=found.heard_seconds)),
        broken=found.counts.get(BROKEN, 0),
        gaps=found.counts.get(GAPS, 0),
    )
    return _ok("change_events", where, told)


def _looked(conn: Connection, row: ConnectionRow, where: str) -> Finding:
    """Whether the looks for what no event told of come to their end."""
    failing = reconcile_passes.failing(conn, row.id)
    stuck = sum(one.attempts > 0 and one.under_way for one in reconcile_passes.listed(conn, row.id).values())
    if failing or stuck:
        told = count(failing + stuck, "{n} read or look fails and is tried again", "{n} reads or looks fail, again")
        then = say("`tasuki outbox list` and the worker's log say which.")
        return Finding(check="looks", where=where, state=State.WARNING, says=told, remedy=then)
    return _ok("looks", where, say("reads and looks end well"))


def _calls(one: AccountDay, where: str) -> Finding:
    used = say(
        "{ours} of {total} calls of today are ours", ours=f"{one.counted.ours:,.0f}", total=f"{one.counted.total:,.0f}"
    )
    if one.found.reason is None:
        return _ok("quota", where, used)
    then = say("`tasuki quota` tells how the day will end; give Tasuki a larger share, or wait for tomorrow.")
    return Finding(check="quota", where=where, state=State.WARNING, says=slowed(one), remedy=then)
