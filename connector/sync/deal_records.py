"""Deals that hand-overs make: what hangs on them, what stands already, and what is known of them once they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.domain.codec_work import moment_text
from connector.store import associations, deal_intents, managed, mirrors, wanted
from connector.store.database import Connection
from connector.store.managed import ManagedRow, Settlement
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.context import Line
from connector.sync.deal_view import chosen, deals_shown, is_closed
from connector.sync.drifting import end
from connector.sync.facts import same_on
from connector.sync.record_kinds import CONTACT, REUSED
from connector.sync.succession import standing
from connector.vendors.base import Lane, Record

CREATE, REFUSE = "create", "refuse"
"""What `if_open_deal` may say, beside `reuse`."""

OPEN_DEAL = "open_deal_exists"


def deal_ids(line: Line, work: Sequence[tuple[ManagedRow, MirrorRow]]) -> tuple[dict[str, str | None], set[str]]:
    """Record key → the deal that it hangs on (None: on none), and the keys of those whose deal waits for a person.

    One that is in neither waits for its deal to stand. A note names the deal that goes with it; a task of the deal's
    owner means the deal that the lead is seen with.
    """
    named = {record.key: str(deal) for record, _ in work if (deal := record.desired.get("deal"))}
    people = [person for record, person in work if record.desired.get("of_deal")]
    if not named and not people:
        return {record.key: None for record, _ in work}, set()
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        standing = managed.standing(conn, line.connection_id, sorted(set(named.values())))
        shown = deals_shown(conn, line.connection_id, line.binding, people) if people else {}
    found: dict[str, str | None] = {}
    resting: set[str] = set()
    for record, person in work:
        deal = named.get(record.key)
        if deal is None:
            view = shown.get(person.vendor_id)
            found[record.key] = view.row.vendor_id if view is not None and view.row is not None else None
        elif deal not in standing or standing[deal].step == "settled":
            found[record.key] = None  # never made, or a person has deleted it
        elif standing[deal].vendor_id is not None:
            found[record.key] = standing[deal].vendor_id
        elif standing[deal].step == "parked":
            resting.add(record.key)  # it goes with the deal, once a person has that tried again
    return found, resting


# ── what stands already ──────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class Plan:
    """What becomes of deals that are wanted: record keys to make now, and to look at again later.

    `company_of` and `known` are for the intent: see `store.deal_intents`.
    """

    make: set[str] = field(default_factory=set)
    wait: set[str] = field(default_factory=set)
    company_of: dict[str, str] = field(default_factory=dict)
    known: frozenset[str] = frozenset()


def adopt(line: Line, work: Sequence[tuple[ManagedRow, MirrorRow]], lane: Lane) -> Plan:
    """Where the person or its company has an open deal, `if_open_deal` says: take that one, make another, or refuse.

    Of several people of one company one deal is made, which the others then find; of two workers one `claimed` it.
    """
    rule = line.tenant.plan.policy.create_deal
    mode = rule.if_open_deal if rule is not None else CREATE
    if mode == CREATE or not work:
        return Plan(make={record.key for record, _ in work})
    company_of = {
        record.key: company
        for record, person in work
        if (company := person.properties.get(line.dialect.company_property))
    }
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        known = deal_intents.standing(conn, line.connection_id, company_of.values())
    open_deals = _open_deals(line, [person for _, person in work], lane)
    taken = [
        (record, person, open_deals[person.vendor_id]) for record, person in work if person.vendor_id in open_deals
    ]
    if taken and mode == REFUSE:
        _refuse(line, [record for record, _, _ in taken])
    elif taken:
        _take(line, taken, lane)
    plan = Plan(known=known)
    for record, person in work:
        company = company_of.get(record.key)
        if person.vendor_id in open_deals:
            continue
        if company is not None and company in plan.company_of.values():
            plan.wait.add(record.key)
        else:
            plan.make.add(record.key)
            plan.company_of |= {record.key: company} if company is not None else {}
    return plan


def merged(plans: Sequence[Plan]) -> Plan:
    """Plans of deals that were looked for apart, as one: still one deal for a company at a time."""
    found = Plan(known=frozenset().union(*(plan.known for plan in plans)))
    for plan in plans:
        taken = set(found.company_of.values())
        late = {key for key, company in plan.company_of.items() if company in taken}
        found.make |= plan.make - late
        found.wait |= plan.wait | late
        found.company_of |= {key: company for key, company in plan.company_of.items() if key not in late}
    return found


def claimed(line: Line, conn: Connection, plan: Plan, keys: Sequence[str]) -> list[str]:
    """Those deals that may be intended in this transaction: a company that got one since we asked waits in the plan."""
    free = deal_intents.claim(conn, line.connection_id, plan.company_of, plan.known)
    plan.wait |= plan.company_of.keys() - free
    return [key for key in keys if key not in plan.wait]


def _open_deals(line: Line, people: Sequence[MirrorRow], lane: Lane) -> dict[str, Record]:
    """Person → the newest open deal, in the policy's pipeline, of the person or of its company."""
    dialect, deal_type = line.dialect, line.dialect.deal.object_type
    company_of = {one.vendor_id: one.properties.get(dialect.company_property) for one in people}
    companies = sorted({company for company in company_of.values() if company})
    of_company = line.vendor.associated(dialect.company_type, companies, deal_type, lane=lane) if companies else {}
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        own = associations.of(conn, line.connection_id, dialect.person_type, sorted(company_of), deal_type)
    ids = sorted({one for found in (*of_company.values(), *own.values()) for one in found})
    records = standing(line.vendor.read(deal_type, ids, line.reading.deal_properties, lane=lane)) if ids else {}
    rows = {one: _row(line, record) for one, record in records.items()}
    still_open = {one: row for one, row in rows.items() if not is_closed(line.binding, row)}
    found: dict[str, Record] = {}
    for person, company in company_of.items():
        mine = {*own.get(person, ()), *of_company.get(company or "", ())}
        row = chosen(line.binding, [still_open[one] for one in sorted(mine) if one in still_open])
        if row is not None:
            found[person] = records[row.vendor_id]
    return found


def _row(line: Line, record: Record) -> MirrorRow:
    return MirrorRow(object_type=line.dialect.deal.object_type, vendor_id=record.id, properties=dict(record.properties))


def _take(line: Line, taken: Sequence[tuple[ManagedRow, MirrorRow, Record]], lane: Lane) -> None:
    """The deal that stands is the lead's from now on; the person is added to it."""
    dialect, tenant = line.dialect, line.tenant
    pairs = [(deal.id, person.vendor_id) for record, person, deal in taken if CONTACT in record.desired["associate"]]
    line.vendor.associate(dialect.deal.object_type, dialect.person_type, pairs, lane=lane)
    with tenant.database.transaction(tenant.installation_id) as conn:
        mirrored = {REUSED: moment_text(tenant.now(conn))}
        stand = [
            Settlement(record=record, step="exists", vendor_id=deal.id, mirror=mirrored, reported="open")
            for record, _, deal in taken
        ]
        managed.settle(conn, line.connection_id, stand)
        for _, person, deal in taken:
            landed(line, conn, {}, deal, person.vendor_id)


def _refuse(line: Line, records: Sequence[ManagedRow]) -> None:
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        parked = [Settlement(record=one, step="parked", dirty=True, parked_reason=OPEN_DEAL) for one in records]
        managed.settle(conn, line.connection_id, parked)


# ── what is known once they stand ────────────────────────────────────────────────────────────────────────────
def landed(line: Line, conn: Connection, sent: Mapping[str, str], shown: Record, person_id: str | None) -> None:
    """A deal that we made or changed is in the mirror at once, as the vendor answered: its own event is no news.

    What a new deal was not given is blank. `person_id`: whose it is now. Without `sent` it was not made just now: what
    the answer does not show is read.
    """
    dialect, installation_id = line.dialect, line.tenant.installation_id
    deal_type, now = dialect.deal.object_type, line.tenant.now(conn)
    row = mirrors.load(conn, line.connection_id, deal_type, [shown.id], lock=True).get(shown.id)
    if row is None:
        row = MirrorRow(object_type=deal_type, vendor_id=shown.id, modified_at=shown.modified_at, read_at=now)
        row.properties = {name: shown.properties.get(name) for name in line.reading.deal_properties}
    if sent:
        mirror.wrote(row, sent, shown, now=now, same=same_on(line.binding, deal_type))
        end(line, conn, row, list(sent), now=now)
    mirrors.put(conn, installation_id, line.connection_id, [row])
    if not sent:
        wanted.want(conn, installation_id, line.connection_id, deal_type, [shown.id], lane=Lane.HOT.value)
    if person_id is not None:
        associations.add(
            conn,
            installation_id,
            line.connection_id,
            from_type=dialect.person_type,
            from_id=person_id,
            to_type=deal_type,
            to_id=shown.id,
        )
