"""Leads at rest under the running version of a policy, as briefly as another version has to see them.

Nothing has come to such a lead since it was decided, and nothing is left to write: so it is known without a decision
what the running version makes of it. Read is what values are made of. Who changed what and when, and what is remembered
of events, is half of all that is stored of a lead and is not read: a lead for which that matters is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connector.domain.codec import decode_state, encode_value
from connector.domain.effects import WorkState
from connector.domain.lead import Account, Lead
from connector.domain.signal import Occurred
from connector.domain.state import Employer, LeadState, Mover, StageEntry
from connector.domain.value import Value, is_known
from connector.engine import employer
from connector.engine.plan import Plan
from connector.engine.publish import PUBLISH_EVERY
from connector.engine.routing import LEAD
from connector.engine.view import NOTHING, LeadView, occurrences
from connector.engine.wake import JITTER
from connector.store import associations, companies, mirrors, resting_leads, signals
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.store.resting_leads import RestingRow
from connector.sync import mirror
from connector.sync.deal_view import counted
from connector.sync.facts import named_at, same_on
from connector.sync.shown import COMPANY, COUNT, OF_COMPANY, OWNER, Raws, Showing, Shown

_Signal = TypeVar("_Signal", bound=Occurred)

_IS_OPEN = WorkState.OPEN.value

_READ = ("assigned", "tasks", "clocks", "cadences")
"""What of the rest conditions may read beside the entry; most leads have none of it."""

_NOTHING: Mapping[str, Any] = {}
_YES = "true"
_MOVERS = {one.value: one for one in Mover}


@dataclass(frozen=True, slots=True)
class _Company:
    """What is known of a company: what rules ask of its record, the account that it is to somebody who is alone there,
    stage → the leads that stand there.
    """

    raws: Raws | None
    values: tuple[Value, ...]
    alone: Account | None = None
    stages: Mapping[str, set[int]] = field(default_factory=dict)
    _accounts: dict[frozenset[str], Account] = field(default_factory=dict)

    def account(self, lead_id: int) -> Account | None:
        """The company as one of its people has it: with the others."""
        if not self.stages or self.alone is None:
            return self.alone
        others = frozenset([stage for stage, ids in self.stages.items() if len(ids) > 1 or lead_id not in ids])
        account = self._accounts.get(others)  # most of its people see the same
        if account is None:
            account = self._accounts[others] = replace(self.alone, stages=others)
        return account


@dataclass(frozen=True, slots=True)
class _Slice:
    """What leads of a slice are seen with. `without_deal`: of whom it has been read that they have none."""

    showing: Showing
    people: Mapping[str, Raws]
    companies: Mapping[str, _Company]
    no_company: _Company
    without_deal: Collection[str]
    now: datetime


def resting(
    conn: Connection,
    connection_id: int,
    showing: Showing,
    ids: Sequence[int],
    *,
    under: str,
    rules: Collection[str] = (),
    now: datetime,
) -> Iterator[tuple[int, LeadView]]:
    """Those of these leads that rest under the version of this hash, seen under the version that is shown.

    Who has open tasks of these `rules` is left out: they may be others now.
    """
    binding = showing.binding
    if binding.deal_properties and not binding.knows_deal_pipeline:
        return iter(())
    found = resting_leads.load(conn, connection_id, ids, under=under, now=now)
    rows = [row for row in found if is_quiet(row, rules, now)]
    if not rows:
        return iter(())
    persons = mirrors.shown(conn, connection_id, showing.person.columns, [row.vendor_id for row in rows])
    seen = _Slice(
        showing,
        {person[0]: person for person in persons},
        _companies(conn, connection_id, showing, persons),
        _Company(None, showing.of_company(None)),
        _without_deal(conn, connection_id, showing, persons),
        now,
    )
    happened = signals.brief(conn, [row.id for row in rows], binding.plan.policy.name)
    return _views(seen, rows, happened)


def _companies(
    conn: Connection, connection_id: int, showing: Showing, persons: Sequence[Raws]
) -> Mapping[str, _Company]:
    """The companies of these people, those that have been read completely."""
    binding, dialect = showing.binding, showing.binding.dialect
    ids = sorted({person[COMPANY] for person in persons if person[COMPANY]})
    if not ids:
        return {}
    stood = (
        companies.stages(conn, connection_id, ids, person_type=dialect.person_type)
        if binding.plan.reads_colleagues
        else {}
    )
    return {
        raws[0]: _Company(raws, showing.of_company(raws), _account(showing, raws), stood.get(raws[0], {}))
        for raws in mirrors.shown(conn, connection_id, showing.company.columns, ids)
    }


def _account(showing: Showing, company: Raws) -> Account | None:
    """The company and whose it is; None where nobody asks."""
    binding, dialect = showing.binding, showing.binding.dialect
    if not binding.asks_of_companies:
        return None
    company_id, changes, owner = company[: OF_COMPANY + 1]
    if changes is None:
        return Account(id=company_id, owner=owner or None)
    name = dialect.owner_property
    row = MirrorRow(
        object_type=dialect.company_type, vendor_id=company_id, properties={name: owner}, meta={name: changes}
    )
    told = mirror.fact(row, name, same_on(binding, dialect.company_type))
    return Account(id=company_id, owner=told.raw or None, owner_changed_at=named_at(told))


def _without_deal(conn: Connection, connection_id: int, showing: Showing, persons: Sequence[Raws]) -> Collection[str]:
    """Those of these people of whom it has been read that they have no deal, or of whom nobody asks."""
    binding, dialect = showing.binding, showing.binding.dialect
    if not binding.deal_properties:
        return {person[0] for person in persons}
    belongs = associations.of(
        conn, connection_id, dialect.person_type, [person[0] for person in persons], dialect.deal.object_type
    )
    has_none = {name for name, deals in belongs.items() if not deals}
    if showing.counts is not None:
        has_none.update(one[0] for one in persons if one[0] not in belongs and not counted(one[COUNT]))
    return has_none


def is_quiet(row: RestingRow, rules: Collection[str], now: datetime) -> bool:
    """True when no task of these rules is open, and no score is about to be published (which may come before the
    wake).
    """
    if row.rest is not None and not all(_stands(task, rules) for task in row.rest.get("tasks", ())):
        return False
    if row.published_at is None:
        return True
    return not timedelta() <= now - datetime.fromisoformat(row.published_at) - PUBLISH_EVERY <= JITTER


def _stands(task: Mapping[str, Any], rules: Collection[str]) -> bool:
    """True for a task that has ended, or is open by a rule that has not changed."""
    return task["ended_at"] is not None or (task["state"] == _IS_OPEN and task["key"]["rule"] not in rules)


def read_state(row: RestingRow) -> LeadState:
    """Of what is remembered of such a lead, that which conditions may read."""
    parts = {name: row.rest[name] for name in _READ if name in row.rest} if row.rest is not None else None
    return decode_state(parts) if parts else NOTHING


def read_entry(row: RestingRow) -> StageEntry:
    """Where it stands: for no reason, and not come back."""
    return StageEntry(
        seq=int(row.seq),
        stage=row.stage,
        entered_at=datetime.fromisoformat(row.entered_at),
        mover=_MOVERS[row.mover],
        transition=row.transition,
        passed=row.passed == _YES,
        initial=row.initial == _YES,
    )


def _views(
    seen: _Slice, rows: Sequence[RestingRow], happened: Mapping[int, Sequence[signals.Occurrence]]
) -> Iterator[tuple[int, LeadView]]:
    showing, now = seen.showing, seen.now
    plan = showing.binding.plan
    for row in rows:
        person = seen.people.get(row.vendor_id)
        if person is None or row.vendor_id not in seen.without_deal or any(showing.answers(person)):
            continue
        company_id = person[COMPANY]
        company = seen.companies.get(company_id) if company_id else seen.no_company
        if company is None:
            continue
        lead = _lead(showing, row, person, company)
        if not is_told_by_values(plan, lead, row):
            continue
        done = of_this_job(happened.get(row.id, ()), row.job_since)
        moments = occurrences(plan.unions, done, now) if done else {}
        values = showing.values(person, company.values)
        yield row.id, LeadView(plan, lead, moments, read_entry(row), {}, now, read_state(row), values=values)


def _lead(showing: Showing, row: RestingRow, person: Raws, company: _Company) -> Lead:
    """The lead as its records show it."""
    binding = showing.binding
    owner = binding.dialect.owner(person[OWNER])
    return Lead(
        id=row.id,
        fields=Shown(showing, person, company.raws),
        owner=binding.canonical_person(owner) if owner else None,
        created_at=row.created_at,
        account=company.account(row.id),
    )


def of_this_job(signals: Sequence[_Signal], since: str | None) -> Sequence[_Signal]:
    """What the lead did since it came to its present employer."""
    if since is None:
        return signals
    return employer.of_this_job(signals, Employer(domain="", since=datetime.fromisoformat(since)))


def is_told_by_values(plan: Plan, lead: Lead, row: RestingRow) -> bool:
    """True when it does not hang on who changed its owner and its fields, and when, what they are taken for."""
    rest = row.rest or _NOTHING
    given, firsts = rest.get("assigned", _NOTHING).get(LEAD), rest.get("firsts", _NOTHING)
    if given is not None and given[0] != lead.owner:
        return False
    for name in plan.kept_first:
        value = lead.fact(name).value
        if firsts.get(name) != (encode_value(value) if is_known(value) else None):
            return False
    return True
