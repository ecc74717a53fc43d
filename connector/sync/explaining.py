"""Everything that is known of one lead, for `tasuki explain`: found by whatever name a person has for it.

The explanation is worked out again from the facts, for this moment; nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connector.domain import codec
from connector.domain.same_company import NOWHERE, Clue
from connector.domain.state import LeadState
from connector.engine import firsts
from connector.engine.explain import Explanation, explain
from connector.engine.supposing import Prospect, prospects
from connector.engine.view import occurrences
from connector.errors import UsageError
from connector.store import clock_runs, connections, history, inspection, leads, managed, mirrors, people, signals
from connector.store.clock_runs import RunRow
from connector.store.database import Connection
from connector.store.inspection import DueRow, EntryRow, LinkRow
from connector.store.leads import LeadRow
from connector.store.managed import ManagedRow
from connector.store.mirrors import MirrorRow
from connector.sync import facts, mirror
from connector.sync.accounts import accounts_of
from connector.sync.binding import Binding
from connector.sync.context import Tenant
from connector.sync.deal_view import UNREAD_DEAL, deals_shown
from connector.sync.difference import dropped_name
from connector.sync.found_companies import CompanyRule, found_for
from connector.sync.merging import record_key
from connector.texts import say

MOST_ENTRIES = 1_000
"""A lead's whole history is told; one that somebody moves to and fro without end is told from its latest."""

CLOCKS_SHOWN = 20
LOST_SHOWN = 50
_LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """A property that the breaker keeps from being written: `writers` wrote against each other until `until`."""

    property_name: str
    until: datetime
    writers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LostValue:
    """A value that a rule did not let stand, and the one that stood instead; `field` is the policy's or the CRM's name.
    Values are as JSON has them (`codec.encode_value`)."""

    at: datetime
    field: str
    rule: str
    actor: str
    kept: Any
    lost: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyTold:
    """The company that a lead belongs to. `clue`: by what it was found, where the lead's record names none; `several`
    that fit equally, so that it belongs to none of them."""

    id: str | None
    name: str | None = None
    link: str | None = None
    clue: Clue | None = None
    several: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One lead as it stands. `records` maps a task's effect key to its managed record in the CRM."""

    row: LeadRow
    state: LeadState
    explanation: Explanation
    prospects: tuple[Prospect, ...]
    company: CompanyTold | None  #: None: nobody asks for its company.
    link: LinkRow
    paused: str | None  #: Why its connection is paused.
    person_read_at: datetime | None
    due: DueRow | None
    entries: tuple[EntryRow, ...]
    records: Mapping[str, ManagedRow]
    frozen: tuple[Frozen, ...]
    owners: Mapping[str, str]
    users: Mapping[str, str]  #: The CRM's user ids → names: who moved what.
    grants: tuple[Mapping[str, Any], ...]  #: What pools gave for it, the latest first.
    clocks: tuple[RunRow, ...]  #: Its latest promises, the last begun first.
    lost: tuple[LostValue, ...]  #: The latest values that a rule did not let stand, newest first.


def find_lead(tenant: Tenant, text: str) -> int:
    """The lead behind a lead id, a contact id (`lead:7`, `contact:7` say which) or an e-mail address.

    Raises `UsageError` when there is none, or more than one.
    """
    with tenant.database.transaction(tenant.installation_id) as conn:
        found = leads_named(tenant, conn, text)
    if not found:
        raise UsageError(
            say(
                "No lead is known as {text!r}: give a lead id, a HubSpot contact id or an e-mail address. A "
                "contact that was only just made is known once the worker has read it.",
                text=text,
            ),
            reason="no_such_lead",
        )
    if len(found) > 1:
        listed = ", ".join(f"lead:{one}" for one in found)
        raise UsageError(
            say("{text!r} may be any of {listed}: say which.", text=text, listed=listed), reason="ambiguous_lead"
        )
    return found[0]


def story(tenant: Tenant, lead_id: int) -> Story:
    """The lead with everything that bears on it. Raises `UsageError` for one that was never read or decided."""
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        row = leads.load(conn, [lead_id])[lead_id]
        tenant = tenant.under(row.policy)
        link = next((one for one in inspection.links_of(conn, lead_id) if one.connection_id in tenant.bindings), None)
        if link is None:
            raise UsageError(
                say("Lead {lead_id} is in no connected CRM (any more).", lead_id=lead_id), reason="lead_not_linked"
            )
        binding = tenant.bindings[link.connection_id]
        person, company = _records(conn, link, binding)
        if person is None:
            raise UsageError(
                say(
                    "Lead {lead_id} has not been read from the CRM yet; `tasuki outbox list` shows what waits.",
                    lead_id=lead_id,
                ),
                reason="lead_not_read",
            )
        return _told(tenant, conn, row, link, binding, person, company, now)


def _told(
    tenant: Tenant,
    conn: Connection,
    row: LeadRow,
    link: LinkRow,
    binding: Binding,
    person: MirrorRow,
    company: MirrorRow | None,
    now: datetime,
) -> Story:
    state = codec.decode_state(row.state)
    found = signals.of_leads(conn, [row.id], [tenant.policy.name]).get(row.id, [])
    deal = deals_shown(conn, link.connection_id, binding, [person]).get(person.vendor_id, UNREAD_DEAL)
    lead = facts.lead_of(binding, row, state, person, company, moving=link.moving, deal=deal)
    records = {company.vendor_id: company} if company is not None else {}
    accounts = accounts_of(conn, link.connection_id, binding, [person], records)
    lead, state = firsts.kept(tenant.plan, replace(lead, account=accounts.of(binding, person, row.id)), state)
    moments = occurrences(tenant.plan.unions, found, now)
    by_key = {one.key: one for one in managed.of_leads(conn, link.connection_id, [row.id], dirty_only=False)}
    paused = next((one for one in connections.listed(conn) if one.id == link.connection_id), None)
    return Story(
        row=row,
        state=state,
        explanation=explain(tenant.plan, lead, found, state, now),
        prospects=prospects(tenant.plan, lead, moments, state, now),
        company=_company_told(tenant, conn, link.connection_id, person),
        link=link,
        paused=(paused.paused_reason or "paused") if paused is not None and paused.status == "paused" else None,
        person_read_at=person.read_at,
        due=inspection.due_of(conn, row.id),
        entries=tuple(inspection.entries_of(conn, row.id, limit=MOST_ENTRIES)),
        records={
            task.key.text(): by_key[record_key(row.id, task)]
            for task in state.tasks
            if record_key(row.id, task) in by_key
        },
        frozen=tuple(one for record in (person, company, deal.row) if record for one in _frozen(record, binding, now)),
        owners=connections.owner_names(conn, link.connection_id),
        users=connections.user_names(conn, link.connection_id),
        grants=tuple(people.grants_to(conn, row.id)),
        clocks=tuple(clock_runs.of_lead(conn, row.id, limit=CLOCKS_SHOWN)),
        lost=tuple(_lost(tenant, one) for one in history.values_of(conn, row.id, limit=LOST_SHOWN)),
    )


def _lost(tenant: Tenant, raw: Mapping[str, Any]) -> LostValue:
    """One row of the ledger, opened with the key of the lead for whom it was sealed."""
    key = tenant.vault.data_key(bytes(raw["data_key"]))
    values = key.open(bytes(raw["sealed"]), about=f"{raw['lead_id']}:{raw['field']}")
    told: Mapping[str, Any] = values if isinstance(values, dict) else {}
    shown = {name: raw[name] for name in ("at", "field", "rule", "actor")}
    return LostValue(**shown, kept=told.get("kept"), lost=told.get("lost"))


def leads_named(tenant: Tenant, conn: Connection, text: str) -> list[int]:
    """The leads that may be meant, by whatever name."""
    kind, _, rest = text.strip().rpartition(":")
    return sorted({_survivor(conn, one) for one in _candidates(tenant, conn, kind, rest)})


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────
def _candidates(tenant: Tenant, conn: Connection, kind: str, text: str) -> list[int]:
    types = {binding.dialect.person_type for binding in tenant.bindings.values()}
    if "@" in text:
        return [lead_id for one in types for lead_id in inspection.by_email(conn, one, text)]
    found: list[int] = []
    if kind in ("", "lead") and text.isascii() and text.isdigit() and int(text) <= _LARGEST_ID:
        found += leads.load(conn, [int(text)])
    if kind in ("", "contact") and text:
        found += [lead_id for one in types for lead_id in inspection.by_vendor_id(conn, one, text)]
    return found


def _survivor(conn: Connection, lead_id: int) -> int:
    """The lead that holds everything after merges."""
    seen = {lead_id}
    while (after := inspection.merged_into(conn, lead_id)) is not None and after not in seen:
        seen.add(after)
        lead_id = after
    return lead_id


def _records(conn: Connection, link: LinkRow, binding: Binding) -> tuple[MirrorRow | None, MirrorRow | None]:
    dialect = binding.dialect
    found = mirrors.load(conn, link.connection_id, dialect.person_type, [link.vendor_id])
    person = found.get(link.vendor_id)
    company_id = binding.company_of(person) if person else None
    if company_id is None:
        return person, None
    return person, mirrors.load(conn, link.connection_id, dialect.company_type, [company_id]).get(company_id)


def _company_told(tenant: Tenant, conn: Connection, connection_id: int, person: MirrorRow) -> CompanyTold | None:
    """Where the lead belongs by what is known now, which is as it will be decided next."""
    binding = tenant.reading[connection_id]
    dialect, rule = binding.dialect, CompanyRule(binding)
    if not binding.company_properties:
        return None
    found = NOWHERE
    if dialect.names_no_company(person.vendor_id):
        clues = {person.vendor_id: rule.of_person(person.properties)}
        found = found_for(conn, connection_id, rule, clues)[person.vendor_id]
    company = person.properties.get(dialect.company_property) or found.company
    if company is None:
        return CompanyTold(id=None, clue=found.clue, several=found.several)
    row = mirrors.load(conn, connection_id, dialect.company_type, [company]).get(company)
    return CompanyTold(
        id=company,
        name=next((row.properties.get(one) for one in ("Name", "name") if row and row.properties.get(one)), None),
        link=dialect.record_link(dialect.company_type, company),
        clue=found.clue,
    )


def _frozen(record: MirrorRow, binding: Binding, now: datetime) -> Iterator[Frozen]:
    """What the breaker holds of a record; of another one than the person's it is named with its type."""
    for name in sorted(record.meta):
        if mirror.is_frozen(record, name, now):
            why = record.meta[name]["frozen"]
            of_person = record.object_type == binding.dialect.person_type
            yield Frozen(
                property_name=name if of_person else dropped_name(record.object_type, name),
                until=datetime.fromisoformat(why["until"]),
                writers=tuple(why["writers"]),
            )
