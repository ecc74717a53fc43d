"""Records are found by address and by company from an index, whatever the base, under row-level security."""

from __future__ import annotations

from typing import Any

import pytest

from connector.store import companies, mirrors, people
from connector.store.database import Database

_BASE = """
INSERT INTO mirror (installation_id, connection_id, object_type, vendor_id, properties)
SELECT 1, 1, 'contact', n::text,
       jsonb_build_object('email', 'a' || n || '@example.co.jp', 'associatedcompanyid', (n / 5)::text)
FROM generate_series(1, 5000) AS n;
INSERT INTO lead (installation_id, created_at) SELECT 1, now() FROM generate_series(1, 5000);
INSERT INTO link (installation_id, connection_id, lead_id, vendor_id)
SELECT 1, 1, id, (row_number() OVER ())::text FROM lead;
INSERT INTO identity (installation_id, connection_id, object_type, vendor_id, lead_id)
SELECT 1, 1, 'contact', vendor_id, lead_id FROM link;
INSERT INTO assignment_grant (installation_id, lead_id, request, asked_pool, pool, owner_of, person, why, granted_at)
SELECT 1, id, 'r', 'p', 'p', 'lead', '1', 'turn', now() FROM lead;
ANALYZE mirror, lead, link, identity, assignment_grant
"""
COMPANY = {
    "connection_id": 1,
    "person_type": "contact",
    "company_id": "7",
    "ids": ["7"],
    "lead_id": 1,
    "owner_of": "lead",
}


@pytest.mark.parametrize(
    ("query", "values", "index"),
    [
        (mirrors._BY_EMAIL, {"connection_id": 1, "emails": ["a7@example.co.jp"]}, "mirror_email"),
        (mirrors._OF_COMPANY, {"connection_id": 1, "ids": ["7"]}, "mirror_company"),
        (companies._COLLEAGUES, COMPANY, "mirror_company"),
        (people._SAME_COMPANY, COMPANY, "mirror_company"),
        (people._COMPANY_OWNERS, COMPANY | {"owner_property": "hubspot_owner_id", "people": ["1"]}, "mirror_company"),
    ],
)
def test_a_look_up_searches_its_index(database: Database, query: str, values: dict[str, Any], index: str) -> None:
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        for statement in _BASE.split(";"):
            conn.execute(statement)
        plan = [row["QUERY PLAN"] for row in conn.execute(f"EXPLAIN {query}", values)]
    (place,) = [place for place, line in enumerate(plan) if f"on {index}" in line or f"using {index}" in line]
    condition = plan[place + 1]
    assert "Index Cond" in condition, "\n".join(plan)
    assert f"({'company_id' if index == 'mirror_company' else 'email'} = " in condition, "\n".join(plan)


def test_what_is_held_between_two_ids_is_searched_in_the_order_of_numbers(database: Database) -> None:
    held = {"connection_id": 1, "object_type": "contact", "above": "99", "upto": "1001", "limit": 500}
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        for statement in _BASE.split(";"):
            conn.execute(statement)
        query = mirrors._BETWEEN.format(upto=mirrors._UPTO)
        plan = [row["QUERY PLAN"] for row in conn.execute(f"EXPLAIN {query}", held)]
        between = [
            mirrors.between(conn, 1, "contact", *bounds) for bounds in (("99", "1001"), ("4998", None), (None, "2"))
        ]
    assert any("mirror_in_order" in line for line in plan), "\n".join(plan)
    assert any("Index Cond" in line and "ROW(id_length" in line for line in plan), "\n".join(plan)
    assert between == [[str(number) for number in range(100, 1002)], ["4999", "5000"], ["1", "2"]]


def test_what_we_hold_beside_several_pages_is_found_from_an_index_alone(database: Database) -> None:
    """Ranges of ids as numbers sort; of a range that was emptied at the vendor not more than a page can be asked."""
    with database.transaction(1) as conn:
        conn.execute("INSERT INTO installation (id, name) VALUES (1, 'one')")
        for statement in _BASE.split(";"):
            conn.execute(statement)
        conn.execute("UPDATE mirror SET gone = 'archived' WHERE vendor_id = '12'")
        conn.execute("UPDATE mirror SET fingerprint = 'sixteen bytes it' WHERE vendor_id = '9'")
        ranges: list[tuple[str | None, str | None]] = [("8", "13"), (None, "2"), ("4998", None), ("1000", "2000")]
        found = mirrors.beside(conn, 1, "contact", ranges)
        assert found[0].by_id() == {"9": b"sixteen bytes it", "10": None, "11": None, "13": None}
        assert [one.ids for one in found[1:3]] == [("1", "2"), ("4999", "5000")]
        assert len(found[3].ids) == mirrors.MOST_BESIDE
        values = {"connection_id": 1, "object_type": "contact", "aboves": ["8"], "uptos": ["13"], "limit": 500}
        plan = "\n".join(row["QUERY PLAN"] for row in conn.execute(f"EXPLAIN {mirrors._BESIDE}", values))
        assert "mirror_in_order" in plan, plan
        assert "Seq Scan on mirror" not in plan, plan
        parts = mirrors.boundaries(conn, 1, "contact", most=4, least=1000)
        assert parts == ["1251", "2501", "3751"], "even parts, gone ones left out"
        assert mirrors.boundaries(conn, 1, "contact", most=4, least=5_000) == []
