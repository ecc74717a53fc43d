"""One deal at a time for a company: of two workers that hand over two of its people at once, one makes the deal.

Whether a deal stands is asked of the vendor, and two workers may both be told that none does. So the intents of one
connection's deals are committed one after the other, and one that finds that another was made or begun for the same
company since it asked is given up: asked again, the vendor shows that deal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connector.store.database import Connection

_STANDING = "SELECT key FROM managed_record WHERE connection_id = %s AND company = ANY(%s) AND step = 'exists'"

_IN_TURN = "SELECT pg_advisory_xact_lock(%s, hashtext('deal_intents'))"

_OTHERS = """
SELECT company FROM managed_record
WHERE connection_id = %(connection_id)s AND company = ANY(%(companies)s) AND step IN ('creating', 'exists')
  AND key <> ALL(%(known)s)
"""

_CLAIM = """
UPDATE managed_record SET company = mine.company
FROM unnest(%(keys)s::text[], %(companies)s::text[]) AS mine (key, company)
WHERE connection_id = %(connection_id)s AND managed_record.key = mine.key
"""


def standing(conn: Connection, connection_id: int, companies: Collection[str]) -> frozenset[str]:
    """The keys of the deals that we made for these companies: to be looked for before the vendor is asked."""
    return frozenset(row["key"] for row in conn.execute(_STANDING, [connection_id, sorted(companies)]))


def claim(conn: Connection, connection_id: int, company_of: Mapping[str, str], known: Collection[str]) -> set[str]:
    """Which of these (record key → company) may be created in this transaction; the others are to be looked at again.

    `known` are the deals that stood before the vendor was asked. Held until the transaction ends.
    """
    if not company_of:
        return set()
    conn.execute(_IN_TURN, [connection_id])
    companies = sorted(set(company_of.values()))
    values = {"connection_id": connection_id, "companies": companies, "known": sorted({*known, *company_of})}
    taken = {row["company"] for row in conn.execute(_OTHERS, values)}
    free = {key: company for key, company in company_of.items() if company not in taken}
    mine = {"connection_id": connection_id, "keys": list(free), "companies": list(free.values())}
    conn.execute(_CLAIM, mine)
    return set(free)
