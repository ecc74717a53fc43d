"""Leads at rest under the running version of a policy, as briefly as another version has to see them.

Nothing has come to such a lead since it was decided, and nothing is left to write: so it is known without a decision
what the running version makes of it. Read is what values are made of. Who changed what and when, and what is remembered
of events, is half of all that is stored of a lead and is not read: a lead for which that matters is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connector.domain.codec import decode_entry, decode_state, encode_value
from connector.domain.effects import WorkState
from connector.domain.lead import Lead
from connector.domain.signal import Occurred
from connector.domain.state import Employer, LeadState
from connector.domain.value import is_known
from connector.engine import employer
from connector.engine.plan import Plan
from connector.engine.publish import PUBLISH_EVERY
from connector.engine.routing import LEAD
from connector.engine.view import NOTHING, LeadView, occurrences
from connector.engine.wake import JITTER
from connector.store import leads, mirrors, signals
from connector.store.database import Connection
from connector.store.leads import RestingRow
from connector.store.mirrors import MirrorRow
from connector.sync.accounts import Accounts, accounts_of
from connector.sync.binding import Binding
from connector.sync.deal_view import UNREAD_DEAL, DealView, deals_shown
from connector.sync.shown import Showing

_Signal = TypeVar("_Signal", bound=Occurred)

_UNSETTLED = frozenset(("requests", "waiting", "holds", "settings", "stuck", "refused"))
"""What of a state is there only while somebody has to answer, or a person's word stands against the rules."""

_IS_OPEN = WorkState.OPEN.value

_READ = ("tasks", "clocks", "cadences", "assigned")
"""What of the rest conditions may read beside the entry; most leads have none of it."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """What leads of a slice are seen with."""

    binding: Binding
    people: Mapping[str, MirrorRow]
    companies: Mapping[str, MirrorRow]
    accounts: Accounts
    deals: Mapping[str, DealView]
    showing: Showing
    answers: Sequence[str]  #: The properties of people in which they answer.
    now: datetime


def resting(
    conn: Connection,
    connection_id: int,
    binding: Binding,
    ids: Sequence[int],
    *,
    under: str,
    rules: Collection[str] = (),
    now: datetime,
) -> Iterator[tuple[int, LeadView]]:
    """Those of these leads that rest under the version of this hash, seen under the version of this binding.

    Who has open tasks of these `rules` is left out: they may be others now.
    """
    found = leads.resting(conn, connection_id, ids, under=under, now=now)
    rows = {row.id: row for row in found if is_quiet(row.state, rules, now)}
    if not rows:
        return iter(())
    person_type = binding.dialect.person_type
    people = mirrors.shown(conn, connection_id, person_type, [row.vendor_id for row in rows.values()])
    company_property = binding.dialect.company_property
    company_ids = {one for person in people.values() if (one := person.properties.get(company_property))}
    companies = mirrors.load(conn, connection_id, binding.dialect.company_type, sorted(company_ids))
    persons = list(people.values())
    seen = _Slice(
        binding,
        people,
        companies,
        accounts_of(conn, connection_id, binding, persons, companies, turns=False),
        deals_shown(conn, connection_id, binding, persons),
        Showing(binding),
        [home.name for definition, home in binding.fields_on(person_type) if definition.answer],
        now,
    )
    happened = signals.brief(conn, list(rows), binding.plan.policy.name)
    return _views(seen, rows, happened)


def is_quiet(raw: Mapping[str, Any], rules: Collection[str], now: datetime) -> bool:
    """True when nobody has to answer, no task of these rules is open, and no score is about to be published (which may
    come before the wake).
    """
    entry, published_at = raw.get("entry"), raw.get("published_at")
    if not _UNSETTLED.isdisjoint(raw) or not all(_stands(task, rules) for task in raw.get("tasks", ())):
        return False
    if entry is None or entry["reason"] is not None or entry["came_back_at"] is not None:
        return False
    if published_at is None:
        return True
    return not timedelta() <= now - datetime.fromisoformat(published_at) - PUBLISH_EVERY <= JITTER


def _stands(task: Mapping[str, Any], rules: Collection[str]) -> bool:
    """True for a task that has ended, or is open by a rule that has not changed."""
    return task["ended_at"] is not None or (task["state"] == _IS_OPEN and task["key"]["rule"] not in rules)


def read_state(raw: Mapping[str, Any]) -> LeadState:
    """Of what is remembered of such a lead, that which conditions may read."""
    parts = {name: raw[name] for name in _READ if name in raw}
    return decode_state(parts) if parts else NOTHING


def _views(
    seen: _Slice, rows: Mapping[int, RestingRow], happened: Mapping[int, Sequence[signals.Occurrence]]
) -> Iterator[tuple[int, LeadView]]:
    plan, now = seen.binding.plan, seen.now
    for lead_id, row in rows.items():
        person = seen.people.get(row.vendor_id)
        if person is None or any(map(person.properties.get, seen.answers)):
            continue
        lead = _lead(seen, row, person)
        if lead is not None and is_told_by_values(plan, lead, row.state):
            done = of_this_job(happened.get(lead_id, ()), row.state)
            moments = occurrences(plan.unions, done, now) if done else {}
            yield (
                lead_id,
                LeadView(plan, lead, moments, decode_entry(row.state["entry"]), {}, now, read_state(row.state)),
            )


def _lead(seen: _Slice, row: RestingRow, person: MirrorRow) -> Lead | None:
    """The lead as its records show it; None where they have not been read completely, or tell of a deal."""
    binding, deal = seen.binding, seen.deals.get(person.vendor_id, UNREAD_DEAL)
    company_id = person.properties.get(binding.dialect.company_property)
    company = seen.companies.get(company_id) if company_id else None
    if deal.row is not None or not (deal.known or not binding.deal_properties):
        return None
    try:
        fields = seen.showing.fields(person.properties, company.properties if company is not None else None)
    except KeyError:
        return None
    owner = binding.dialect.owner(person.properties.get(binding.dialect.owner_property))
    return Lead(
        id=row.id,
        fields=fields,
        owner=binding.canonical_person(owner) if owner else None,
        created_at=row.created_at,
        account=seen.accounts.of(binding, person, row.id),
    )


def of_this_job(signals: Sequence[_Signal], raw: Mapping[str, Any]) -> Sequence[_Signal]:
    """What the lead did since it came to its present employer."""
    _, since = raw.get("employer", (None, None))
    return employer.of_this_job(signals, Employer(domain="", since=datetime.fromisoformat(since))) if since else signals


def is_told_by_values(plan: Plan, lead: Lead, raw: Mapping[str, Any]) -> bool:
    """True when it does not hang on who changed its owner and its fields, and when, what they are taken for."""
    given, firsts = raw.get("assigned", {}).get(LEAD), raw.get("firsts", {})
    if given is not None and given[0] != lead.owner:
        return False
    for name in plan.kept_first:
        value = lead.fact(name).value
        if firsts.get(name) != (encode_value(value) if is_known(value) else None):
            return False
    return True
