"""Leads that end: merged into another one, or found never to have been anybody. For erasure see `erasing`."""

from __future__ import annotations

from collections.abc import Sequence

from connector.store.clock_runs import END_OF_LEAD
from connector.store.database import Connection
from connector.store.signals import SAME_SUBMISSION

# The same submission may have been learnt for both before they were known to be one.
_TWINS = """
old.lead_id = %(loser)s AND kept.lead_id = %(winner)s AND old.kind = kept.kind
  AND old.detail ->> 'form' = kept.detail ->> 'form'
  AND old.occurred_at BETWEEN kept.occurred_at - %(near)s AND kept.occurred_at + %(near)s
  AND (old.detail ->> 'submission_id' IS NULL OR kept.detail ->> 'submission_id' IS NULL
       OR old.detail ->> 'submission_id' = kept.detail ->> 'submission_id')
"""

_MOVE = (
    "UPDATE signal AS kept SET detail = jsonb_set(kept.detail, '{submission_id}', old.detail -> 'submission_id')"
    f" FROM signal AS old WHERE {_TWINS} AND kept.detail ->> 'submission_id' IS NULL"
    " AND old.detail ->> 'submission_id' IS NOT NULL",
    f"DELETE FROM signal AS old USING signal AS kept WHERE {_TWINS}",
    # One activity with both people is one activity of the one person.
    "DELETE FROM signal AS old USING signal AS kept WHERE old.lead_id = %(loser)s AND kept.lead_id = %(winner)s"
    " AND old.kind = kept.kind AND old.record = kept.record",
    "UPDATE signal SET lead_id = %(winner)s WHERE lead_id = %(loser)s",
    "UPDATE managed_record SET lead_id = %(winner)s WHERE lead_id = %(loser)s",
    "UPDATE identity SET lead_id = %(winner)s WHERE lead_id = %(loser)s",
    "UPDATE drift SET lead_id = %(winner)s WHERE lead_id = %(loser)s",
    "DELETE FROM agreement WHERE lead_id = %(loser)s",
    "DELETE FROM identity_key WHERE lead_id IN (%(loser)s, %(winner)s)",  # who fits the winner now is asked anew
    "UPDATE identity_review SET state = 'settled' WHERE state = 'open' AND %(loser)s IN (lead_id, other_id)",
    "DELETE FROM lead_due WHERE lead_id = %(loser)s",
    END_OF_LEAD,
    # revision: an evaluation of either that is under way is not stored
    "UPDATE lead SET gone = 'merged', merged_into = %(winner)s, revision = revision + 1 WHERE id = %(loser)s",
    "UPDATE lead SET revision = revision + 1 WHERE id = %(winner)s",
    "UPDATE lead SET merged_into = %(winner)s WHERE merged_into = %(loser)s",
)

# What waits to be found by address goes on waiting under the winner; everything else of the link is the loser's past.
_KEEP_ARRIVAL = """
UPDATE link SET arrival = coalesce(link.arrival, old.arrival)
FROM link AS old
WHERE link.lead_id = %(winner)s AND old.lead_id = %(loser)s AND old.connection_id = link.connection_id
  AND link.vendor_id = ''
"""

# Whom the winner waits to be found as in a CRM is found: the loser's record there.
_FOUND = """
DELETE FROM link WHERE lead_id = %(winner)s AND vendor_id = ''
  AND connection_id IN (SELECT connection_id FROM link WHERE lead_id = %(loser)s AND vendor_id <> '')
"""

# What the winner has no record for in a CRM, the loser brings along. Whoever works on it knows it as the loser's:
# nothing of that is stored, and nobody need wait for the lease.
_KEEP_LINKS = """
UPDATE link SET lead_id = %(winner)s, desired_revision = desired_revision + 1,
    claim = NULL, claimed_until = '-infinity', read_claim = NULL, read_claimed_until = '-infinity'
WHERE lead_id = %(loser)s AND vendor_id <> ''
  AND connection_id NOT IN (SELECT connection_id FROM link WHERE lead_id = %(winner)s)
"""


def merge(conn: Connection, loser: int, winner: int) -> None:
    """One person was two leads: everything that the loser did and that was made for it is the winner's from now on.

    The states are not touched: see `sync.merging`.
    """
    values = {"winner": winner, "loser": loser, "lead_ids": [loser], "near": SAME_SUBMISSION}
    conn.execute(_KEEP_ARRIVAL, values)
    conn.execute(_FOUND, values)
    conn.execute(_KEEP_LINKS, values)
    conn.execute("DELETE FROM link WHERE lead_id = %(loser)s", values)
    for statement in _MOVE:
        conn.execute(statement, values)


def forget(conn: Connection, lead_ids: Sequence[int]) -> None:
    """Remove leads that turned out to be nobody: no record, no history."""
    if not lead_ids:
        return
    for table, column in (("signal", "lead_id"), ("lead_due", "lead_id"), ("link", "lead_id"), ("lead", "id")):
        conn.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [list(lead_ids)])
