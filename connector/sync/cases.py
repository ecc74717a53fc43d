"""What an evaluation is given: leads with their mirrors, signals and managed records, read in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from connector.domain import codec
from connector.domain.agreed import Agreed
from connector.domain.codec_agreed import decode_agreed
from connector.domain.effects import Task, WorkState
from connector.domain.lead import Lead
from connector.domain.signal import Signal
from connector.domain.state import LeadState
from connector.store import agreements, connections, leads, managed, mirrors, signals
from connector.store.database import Connection
from connector.store.leads import LeadRow
from connector.store.managed import ManagedRow
from connector.store.mirrors import MirrorRow
from connector.sync import facts
from connector.sync.accounts import Accounts, accounts_of
from connector.sync.binding import Binding
from connector.sync.both import Merged, Side, lead_of_both, merge
from connector.sync.deal_view import UNREAD_DEAL, DealView, deals_shown
from connector.sync.enrolments import not_enrolled
from connector.sync.merging import record_key
from connector.sync.presence import Presence, concerning, presence
from connector.sync.takers import Known, own, policy_of
from connector.vendors.dialect import Dialect

_ENDS = {"done": WorkState.DONE, "deleted": WorkState.SETTLED}
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One lead with everything that its evaluation needs."""

    row: LeadRow
    connection_id: int
    binding: Binding
    person: MirrorRow
    company: MirrorRow | None
    deal: DealView
    moving: bool
    dropped: Mapping[str, object]
    signals: Sequence[Signal]
    records: Sequence[ManagedRow]
    presence: Presence = field(default_factory=dict)  #: Who is away.
    accounts: Accounts = field(default_factory=Accounts)  #: The companies of the slice.
    names: Mapping[str, str] = field(default_factory=dict)  #: What the CRM's users are called, by id.
    known_until: datetime | None = None  #: What had happened by then is known.
    others: Sequence[Signal] = ()  #: Signals that count for other policies alone: looked at with it, and no news later.
    under_until: datetime | None = None  #: When time alone may give it to another policy.
    elsewhere: tuple[Case, ...] = ()  #: The same lead as the company's other CRMs have it.
    agreed: Mapping[str, Agreed] = field(default_factory=dict)  #: What the CRMs agreed on last.
    merged: Merged | None = None  #: What they make of it together; None: only one has it.

    @property
    def policy(self) -> str:
        """The name of the policy that it is under."""
        return self.binding.plan.policy.name

    @property
    def passes(self) -> bool:
        """True for a lead that comes under this policy from another."""
        return self.row.policy is not None and self.row.policy != self.policy

    @property
    def all(self) -> tuple[Case, ...]:
        """The lead in each CRM, the one in which it is worked first."""
        return (self, *self.elsewhere)

    @property
    def named_company(self) -> MirrorRow | None:
        """The company's record, if the person's names it: what is only found to be its company is written by nobody."""
        return self.company if self.person.belongs_to is None else None

    @property
    def sides(self) -> tuple[Side, ...]:
        """Its records in each CRM."""
        return tuple(
            Side(binding=one.binding, person=one.person, company=one.named_company, moving=one.moving)
            for one in self.all
        )

    def home_of(self, what: str) -> Case:
        """The lead in the CRM where its tasks, deals or notes are made, or where it is enrolled (`sequences`)."""
        vendor = self.binding.plan.policy.records_in.get(what)
        return next((one for one in self.all if one.binding.dialect.vendor == vendor), self)

    def state(self) -> LeadState:
        """What we remember of the lead, with what people did to our tasks since."""
        return _with_reports(codec.decode_state(self.row.state), self)

    def lead(self, state: LeadState) -> Lead:
        """The lead as its CRM shows it."""
        lead = facts.lead_of(
            self.binding,
            self.row,
            state,
            self.person,
            self.company,
            moving=self.moving,
            deal=self.deal,
            not_enrolled=not_enrolled(self.records) if self.records else (),
            names=self.names,
            account=self.accounts.of(self.binding, self.person, self.row.id),
            enrolled_by=self.home_of("sequences").binding.dialect.vendor,
        )
        away = concerning(self.presence, lead, state)
        lead = replace(lead, away=away) if away else lead
        if self.merged is None:
            return lead
        lead = lead_of_both(lead, state, self.sides, self.merged)
        vendor = self.binding.plan.policy.records_in.get("deals")
        there = next((one for one in self.elsewhere if one.binding.dialect.vendor == vendor), None)
        return lead if there is None else facts.with_deal(lead, there.binding, there.deal)


def load_cases(
    policies: Sequence[Mapping[int, Binding]],
    conn: Connection,
    ids: Sequence[int],
    *,
    now: datetime,
    results: bool = True,
) -> dict[int, Case]:
    """The leads that can be decided, by id, each under the first of these policies that takes it at this moment.

    A policy is given by its bindings. Absent are the leads that are gone or that nobody has read yet. Without
    `results`, what was desired of them last is left out.
    """
    rows = leads.load(conn, ids, results=results)
    names = [policy_name(one) for one in policies]
    found_signals = signals.of_leads(conn, ids, names)
    cases: dict[int, Case] = {}
    several: dict[int, list[Case]] = {}
    for connection_id, first in policies[0].items():
        people = _people(conn, connection_id, first, ids)
        persons = [person for person, _, _, _ in people.values()]
        companies = _companies(conn, connection_id, first, persons)
        users = connections.owner_names(conn, connection_id)
        records: dict[int, list[ManagedRow]] = {}
        for record in managed.of_leads(conn, connection_id, ids, dirty_only=False):
            records.setdefault(record.lead_id, []).append(record)
        under = [_Under.of(conn, connection_id, one, persons, companies) for one in policies]
        for lead_id, (person, moving, dropped, known_until) in people.items():
            row = rows[lead_id]
            if row.gone is not None:
                continue
            company_id = first.company_of(person)
            company = companies.get(company_id) if company_id else None
            its_signals: Sequence[Signal] = found_signals.get(lead_id, ())
            one, until = under[0], None
            others: Sequence[Signal] = ()
            if len(under) > 1:
                known = Known(row=row, person=person, company=company, moving=moving, signals=its_signals)
                found = policy_of(known, [one.binding for one in under], [one.deals for one in under], now)
                one, until = under[found.place], found.until
                everything, its_signals = its_signals, own(its_signals, names[found.place])
                others = [signal for signal in everything if signal not in its_signals]
            case = Case(
                row=row,
                connection_id=connection_id,
                binding=one.binding,
                person=person,
                company=company,
                deal=one.deals.get(person.vendor_id, UNREAD_DEAL),
                moving=moving,
                dropped=dropped,
                signals=its_signals,
                records=records.get(lead_id, ()),
                presence=one.away,
                accounts=one.accounts,
                names=users,
                known_until=known_until,
                others=others,
                under_until=until,
            )
            if cases.setdefault(lead_id, case) is not case:
                several.setdefault(lead_id, [cases[lead_id]]).append(case)
    return cases | _as_one(conn, several, policies) if several else cases


def _as_one(
    conn: Connection, several: Mapping[int, Sequence[Case]], policies: Sequence[Mapping[int, Binding]]
) -> dict[int, Case]:
    """Of a lead that several CRMs have, the one in which it is worked holds the others."""
    agreed = agreements.of(conn, list(several))
    bound = {policy_name(one): one for one in policies}
    return {lead_id: _together(found, agreed.get(lead_id, {}), bound) for lead_id, found in several.items()}


def _together(found: Sequence[Case], agreed: Mapping[str, Any], bound: Mapping[str, Mapping[int, Binding]]) -> Case:
    standing = [case for case in found if case.person.gone is None] or found[:1]
    first, *others = sorted(standing, key=_is_elsewhere)
    records = [record for case in found for record in case.records]
    if not others:
        return replace(first, records=records)
    known = [one.known_until for one in standing]
    case = replace(
        first,
        elsewhere=tuple(replace(one, binding=bound[first.policy][one.connection_id]) for one in others),
        records=records,
        agreed={name: decode_agreed(raw) for name, raw in agreed.items()},
        known_until=min(one for one in known if one is not None) if None not in known else None,
    )
    return replace(case, merged=merge(case.binding.plan.policy, case.sides, case.agreed))


def _is_elsewhere(case: Case) -> bool:
    """False for the CRM in which the policy wants tasks: there people work."""
    vendor = case.binding.plan.policy.records_in.get("tasks")
    return vendor is not None and case.binding.dialect.vendor != vendor


@dataclass(frozen=True, slots=True)
class _Under:
    """What a slice's leads are seen with under one policy."""

    binding: Binding
    away: Presence
    accounts: Accounts
    deals: Mapping[str, DealView]

    @classmethod
    def of(
        cls,
        conn: Connection,
        connection_id: int,
        bindings: Mapping[int, Binding],
        people: Sequence[MirrorRow],
        companies: Mapping[str, MirrorRow],
    ) -> _Under:
        """The same for every lead of the slice: asked once, whoever of them is under it."""
        binding = bindings[connection_id]
        return cls(
            binding,
            presence(conn, binding.plan.policy, bindings.values()),
            accounts_of(conn, connection_id, binding, people, companies),
            deals_shown(conn, connection_id, binding, people),
        )


def policy_name(bindings: Mapping[int, Binding]) -> str:
    """The name of the policy that these bind; of an installation without connections, none."""
    return next((one.plan.policy.name for one in bindings.values()), "")


def _people(
    conn: Connection, connection_id: int, binding: Binding, ids: Sequence[int]
) -> dict[int, tuple[MirrorRow, bool, Mapping[str, object], datetime | None]]:
    rows = conn.execute(
        "SELECT lead_id, vendor_id, journal IS NOT NULL AS moving, dropped || left_alone AS dropped, known_until"
        " FROM link WHERE connection_id = %s AND lead_id = ANY(%s)",
        [connection_id, list(ids)],
    ).fetchall()
    held = mirrors.load(conn, connection_id, binding.dialect.person_type, [row["vendor_id"] for row in rows])
    return {
        int(row["lead_id"]): (held[row["vendor_id"]], row["moving"], row["dropped"], row["known_until"])
        for row in rows
        if row["vendor_id"] in held
    }


def _companies(
    conn: Connection, connection_id: int, binding: Binding, people: Sequence[MirrorRow]
) -> dict[str, MirrorRow]:
    ids = sorted({one for row in people if (one := binding.company_of(row))})
    return mirrors.load(conn, connection_id, binding.dialect.company_type, ids) if ids else {}


def _with_reports(state: LeadState, case: Case) -> LeadState:
    """What people did with our tasks: done, deleted, or put off to another time."""
    records = {record.key: record for record in case.records}
    if not records:
        return state
    dialects = {one.connection_id: one.binding.dialect for one in case.all}
    return replace(
        state,
        tasks=tuple(_reported(task, records.get(record_key(case.row.id, task)), dialects) for task in state.tasks),
    )


def _reported(task: Task, record: ManagedRow | None, dialects: Mapping[int, Dialect]) -> Task:
    if task.state is not WorkState.OPEN or record is None:
        return task
    if record.reported in _ENDS:
        return replace(task, state=_ENDS[record.reported])
    dialect = dialects.get(record.connection_id)
    due_at = dialect.moment(record.mirror.get(dialect.task_due_property)) if dialect is not None else None
    is_put_off = due_at is not None and abs(due_at - task.due_at) >= _SECOND  # the CRM keeps no microseconds
    return replace(task, due_at=due_at) if due_at is not None and is_put_off else task
