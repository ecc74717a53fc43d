"""Where leads belong hangs on what stands now, never on what came first: the index agrees with a look at everybody."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.domain.same_company import Clue, choose
from connector.engine.plan import prepare
from connector.policy.loader import load_policy
from connector.store import leads, links, mirrors
from connector.store.database import Connection, Database
from connector.store.mirrors import MirrorRow
from connector.sync.binding import Binding
from connector.sync.context import Tenant
from connector.sync.found_companies import CompanyRule, find_companies, keep_companies
from connector.vendors.salesforce.dialect import SalesforceDialect

NOW = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
CRM = 7
PLAN = prepare(load_policy(Path(__file__).parents[3] / "mappings" / "b2b-ja"))
BINDING = Binding(
    plan=PLAN,
    dialect=SalesforceDialect(zone=ZoneInfo("Asia/Tokyo"), language="ja"),
    stage_values={},
    stage_orders={},
)
RULE = CompanyRule(BINDING)

ADDRESSES = st.sampled_from(["a@one.example", "a@ml.one.example", "a@two.example", "a@gmail.com", None])
SITES = st.sampled_from(["https://www.One.example/jp", "two.example", "gmail.com", None])
NAMES = st.sampled_from(["㈱ 一", "株式会社一", "二", None])
LEAD = st.fixed_dictionaries({"Email": ADDRESSES, "Website": SITES, "Company": NAMES, "AccountId": st.none()})
ACCOUNT = st.one_of(st.none(), st.fixed_dictionaries({"Website": SITES, "Name": NAMES}))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["00Q1", "00Q2", "00Q3"]), LEAD),
        st.tuples(st.sampled_from(["0011", "0012", "0013"]), ACCOUNT),
    ),
    min_size=1,
    max_size=12,
)


def test_by_what_people_and_companies_are_found() -> None:
    person = {"Email": "taro@ml.one.example", "Website": "https://www.two.example/", "Company": "㈱ 一"}
    assert _texts(RULE.of_person(person)) == [
        ("company_domain", "ml.one.example"),
        ("company_domain", "one.example"),
        ("company_domain", "two.example"),
        ("company_name", "株式会社一"),
    ]
    assert _texts(RULE.of_person({"Email": "taro@yahoo.co.jp", "Website": "gmail.com"})) == []
    account = MirrorRow(object_type="Account", vendor_id="0011", properties={"Website": None, "Name": "(株)一"})
    assert _texts(RULE.of_company(account)) == [("company_name", "株式会社一")]
    assert RULE.of_company(dataclasses.replace(account, gone="archived")) == []


def _texts(clues: Sequence[Clue]) -> list[tuple[str, str]]:
    return [(one.field, one.value) for one in clues]


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_in_which_records_come_and_change_does_not_matter(
    database: Database, steps: list[tuple[str, Mapping[str, str | None] | None]]
) -> None:
    tenant = _tenant(database)
    with database.transaction(1) as conn:
        conn.execute("TRUNCATE mirror, company_key, lead, lead_due, link, installation CASCADE")
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
    stand: dict[str, MirrorRow] = {}
    lead_of: dict[str, int] = {}
    for vendor_id, properties in steps:
        with database.transaction(1) as conn:
            _take(tenant, conn, stand, lead_of, vendor_id, properties)
            due = {int(row["lead_id"]) for row in conn.execute("DELETE FROM lead_due RETURNING lead_id")}
        find_companies(tenant, sorted(due), NOW)
        with database.transaction(1) as conn:
            rows = mirrors.load(conn, CRM, "Lead", list(lead_of))
        assert {one: row.belongs_to for one, row in rows.items()} == {one: _expected(stand, one) for one in lead_of}


def _take(
    tenant: Tenant,
    conn: Connection,
    stand: dict[str, MirrorRow],
    lead_of: dict[str, int],
    vendor_id: str,
    properties: Mapping[str, str | None] | None,
) -> None:
    """A record is read: as reading does, a lead is due then; of an account, those whom it concerns."""
    kind = "Lead" if vendor_id.startswith("00Q") else "Account"
    row = stand.setdefault(vendor_id, MirrorRow(object_type=kind, vendor_id=vendor_id))
    row.properties, row.gone = dict(properties or {}), None if properties is not None else "archived"
    mirrors.put(conn, 1, CRM, [row])
    if kind == "Account":
        due = keep_companies(tenant, conn, CRM, [row])
        leads.mark_due(conn, 1, sorted(due), at=NOW, why="company", lane="background")
        return
    if vendor_id not in lead_of:
        (lead_of[vendor_id],) = leads.new_leads(conn, 1, [NOW])
        links.ensure(conn, 1, CRM, {lead_of[vendor_id]: vendor_id})
    leads.mark_due(conn, 1, [lead_of[vendor_id]], at=NOW, why="read", lane="background")


def _expected(stand: Mapping[str, MirrorRow], lead: str) -> str | None:
    """Everybody is asked, each time."""
    having: dict[bytes, set[str]] = {}
    for row in stand.values():
        for one in RULE.of_company(row) if row.object_type == "Account" else ():
            having.setdefault(one.key, set()).add(row.vendor_id)
    return choose(RULE.of_person(stand[lead].properties), having).company


def _tenant(database: Database) -> Tenant:
    unused = cast(Any, None)
    return Tenant(
        installation_id=1,
        database=database,
        vault=unused,
        policy=unused,
        plan=PLAN,
        bindings={CRM: BINDING},
        running=(),
        reading={CRM: BINDING},
        version=unused,
        now=lambda conn: NOW,
    )
