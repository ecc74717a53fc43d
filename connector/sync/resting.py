"""Leads at rest under the running version of a policy, as briefly as another version has to see them.

Nothing has come to such a lead since it was decided, and nothing is left to write: so it is known without a decision
what the running version makes of it. Read is what values are made of. Who changed what and when, and what is remembered
of events, is half of all that is stored of a lead and is not read: a lead for which that matters is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar, cast

from connector.domain.codec import decode_state, encode_value
from connector.domain.effects import WorkState
from connector.domain.lead import Account, Lead
from connector.domain.signal import Occurred
from connector.domain.state import Employer, LeadState, Mover, StageEntry
from connector.domain.value import BLANK, Value, is_known
from connector.engine import employer
from connector.engine.plan import Plan
from connector.engine.publish import PUBLISH_EVERY
from connector.engine.routing import LEAD
from connector.engine.view import NOTHING, LeadView, occurrences
from connector.engine.wake import JITTER
from connector.store import companies, resting_leads, shown, signals
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.store.resting_leads import RestingRow
from connector.store.shown import Raws, Stretch
from connector.sync import mirror
from connector.sync import shown as places
from connector.sync.deal_view import counted
from connector.sync.facts import named_at, same_on
from connector.sync.shown import Showing, Shown

_Signal = TypeVar("_Signal", bound=Occurred)

_IS_OPEN = WorkState.OPEN.value

_READ = ("assigned", "tasks", "clocks", "cadences")
"""What of the rest conditions may read beside the entry; most leads have none of it."""

_NOTHING: Mapping[str, Any] = {}
_NOWHERE = frozenset[str]()
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
    owner: Value = BLANK
    stages: Mapping[str, set[int]] = field(default_factory=dict)
    _others: dict[str | None, frozenset[str]] = field(default_factory=dict)

    def others(self, lead_id: int, stage: str) -> frozenset[str]:
        """Where the others stand to somebody who stands there."""
        if not self.stages:
            return _NOWHERE
        alone = stage if self.stages.get(stage) == {lead_id} else None  # else somebody else stands there too
        found = self._others.get(alone)
        if found is None:  # most of its people see the same
            found = self._others[alone] = frozenset(one for one in self.stages if one != alone)
        return found

    def account(self, others: frozenset[str]) -> Account | None:
        """The company as one of its people has it: with the others."""
        return replace(self.alone, stages=others) if self.alone is not None and others else self.alone


@dataclass(frozen=True, slots=True)
class _Slice:
    """What leads of a slice are seen with."""

    showing: Showing
    people: Mapping[int, Raws]
    companies: Mapping[str, _Company]
    no_company: _Company
    happened: Mapping[int, Sequence[signals.Occurrence]]
    now: datetime


class RestingView(LeadView):
    """Such a lead. What is seldom asked for of it, itself and its stage entry, is made when somebody does."""

    __slots__ = ("_as_stored", "_entered_at", "_made_of")

    def __init__(
        self,
        plan: Plan,
        make_lead: Callable[[], Lead],
        row: RestingRow,
        entered_at: datetime,
        moments: Mapping[str, Sequence[datetime]],
        now: datetime,
        values: list[Value | None],
    ) -> None:
        state = read_state(row) if row.rest is not None else NOTHING
        super().__init__(plan, cast(Lead, None), moments, None, _NOTHING, now, state, values=values)
        del self.lead, self.entry
        self._made_of, self._as_stored, self._entered_at = make_lead, row, entered_at

    def __getattr__(self, name: str) -> Any:
        """Called for what has not been made."""
        if name == "lead":
            self.lead = self._made_of()
            return self.lead
        if name == "entry":
            self.entry = read_entry(self._as_stored)
            return self.entry
        raise AttributeError(name)

    @property
    def stage_entered_at(self) -> datetime:
        """When the present stage was entered."""
        return self._entered_at


def resting(
    conn: Connection,
    connection_id: int,
    showing: Showing,
    leads: Stretch,
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
    rows = [row for row in resting_leads.load(conn, leads, under=under, now=now) if is_quiet(row, rules, now)]
    if not rows:
        return iter(())
    people = {one[places.LEAD]: one for one in shown.people(conn, connection_id, showing.person.columns, leads)}
    stood = {person[0]: (row.id, row.stage) for row in rows if (person := people.get(row.id)) is not None}
    seen = _Slice(
        showing,
        people,
        _companies(conn, connection_id, showing, people.values(), stood),
        _Company(None, showing.of_company(None)),
        signals.brief(conn, leads, binding.plan.policy.name),
        now,
    )
    return _views(seen, rows)


def _companies(
    conn: Connection,
    connection_id: int,
    showing: Showing,
    people: Collection[Raws],
    stood: Mapping[str, tuple[int, str]],
) -> Mapping[str, _Company]:
    """The companies of these people, those that have been read completely. `stood`: who stands where, as we know."""
    binding, dialect = showing.binding, showing.binding.dialect
    ids = sorted({person[places.COMPANY] for person in people if person[places.COMPANY]})
    if not ids:
        return {}
    stages = (
        companies.stages(conn, connection_id, ids, person_type=dialect.person_type, known=stood)
        if binding.plan.reads_colleagues
        else {}
    )
    return {
        raws[0]: _company(showing, raws, stages.get(raws[0], {}))
        for raws in shown.records(conn, connection_id, showing.company.columns, ids)
    }


def _company(showing: Showing, raws: Raws, stages: Mapping[str, set[int]]) -> _Company:
    account = _account(showing, raws)
    owner = account.owner if account is not None else None
    return _Company(raws, showing.of_company(raws), account, owner or BLANK, stages)


def _account(showing: Showing, company: Raws) -> Account | None:
    """The company and whose it is; None where nobody asks."""
    binding, dialect = showing.binding, showing.binding.dialect
    if not binding.asks_of_companies:
        return None
    company_id, changes, owner = company[: places.OF_COMPANY + 1]
    if changes is None:
        return Account(id=company_id, owner=dialect.owner(owner))
    name = dialect.owner_property
    row = MirrorRow(
        object_type=dialect.company_type, vendor_id=company_id, properties={name: owner}, meta={name: changes}
    )
    told = mirror.fact(row, name, same_on(binding, dialect.company_type))
    return Account(id=company_id, owner=dialect.owner(told.raw), owner_changed_at=named_at(told))


def _has_no_deal(showing: Showing, person: Raws) -> bool:
    """True where it has been read that a person has no deal, or where nobody asks."""
    if not showing.binding.deal_properties:
        return True
    deals = person[places.DEALS]
    return not deals if deals is not None else showing.counts is not None and not counted(person[places.COUNT])


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


def _views(seen: _Slice, rows: Sequence[RestingRow]) -> Iterator[tuple[int, LeadView]]:
    showing, people, happened, now = seen.showing, seen.people, seen.happened, seen.now
    plan = showing.binding.plan
    for row in rows:
        person = people.get(row.id)
        if person is None or not _has_no_deal(showing, person) or any(showing.answers(person)):
            continue
        company_id = person[places.COMPANY]
        company = seen.companies.get(company_id) if company_id else seen.no_company
        if company is None:
            continue
        entered_at, others = datetime.fromisoformat(row.entered_at), company.others(row.id, row.stage)
        owner = company.owner if row.rest is None or "assigned" not in row.rest else None
        view = RestingView(
            plan,
            partial(_lead, showing, row, person, company, others),
            row,
            entered_at,
            occurrences(plan.unions, of_this_job(happened[row.id], row.job_since), now) if row.id in happened else {},
            now,
            showing.values(person, company.values, (row.stage, entered_at, others, owner)),
        )
        if is_told_by_values(view, row):
            yield row.id, view


def _lead(showing: Showing, row: RestingRow, person: Raws, company: _Company, others: frozenset[str]) -> Lead:
    """The lead as its records show it."""
    binding = showing.binding
    owner = binding.dialect.owner(person[places.OWNER])
    return Lead(
        id=row.id,
        fields=Shown(showing, person, company.raws),
        owner=binding.canonical_person(owner) if owner else None,
        created_at=row.created_at,
        account=company.account(others),
    )


def of_this_job(signals: Sequence[_Signal], since: str | None) -> Sequence[_Signal]:
    """What the lead did since it came to its present employer."""
    if since is None:
        return signals
    return employer.of_this_job(signals, Employer(domain="", since=datetime.fromisoformat(since)))


def is_told_by_values(view: LeadView, row: RestingRow) -> bool:
    """True when it does not hang on who changed its owner and its fields, and when, what they are taken for."""
    program, rest = view.plan.program, row.rest or _NOTHING
    given, firsts = rest.get("assigned", _NOTHING).get(LEAD), rest.get("firsts", _NOTHING)
    if given is not None and given[0] != view.lead.owner:
        return False
    for name in view.plan.kept_first:
        slot = program.slots.get(name)
        is_there = slot is not None and slot < len(program.fact_names)
        value = view.value(name) if is_there else view.lead.fact(name).value
        if firsts.get(name) != (encode_value(value) if is_known(value) else None):
            return False
    return True
