"""Two leads become one: the winner's state stands, and takes over the work that was made for the loser.

A task's key is never recomputed: an adopted one carries the lead it was made for in its cause (`7~2`: the second
stage entry of lead 7). Of two open tasks of one rule and slot the older survives; a task whose stage is not the
winner's is closed at the next evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from psycopg.types.json import Jsonb

from connector.domain import codec
from connector.domain.effects import EffectKey, Task, WorkState
from connector.domain.state import LeadState
from connector.store import leads, merging, mirrors
from connector.store.database import Connection
from connector.store.leads import LeadRow
from connector.sync.binding import Binding

ORPHANED = -1
"""`Task.opened_in` of a task that belongs to no stage of the winner: it closes at the next evaluation."""

_OF = "~"


def merge_leads(conn: Connection, loser: int, winner: int) -> None:
    """Make one lead of two, in a transaction that holds both (`leads.lock`)."""
    rows = leads.load(conn, [loser, winner])
    merged = merge_states(rows[winner], rows[loser])
    merging.merge(conn, loser, winner)
    conn.execute("UPDATE lead SET state = %s WHERE id = %s", [Jsonb(codec.encode_state(merged)), winner])


def merge_states(winner: LeadRow, loser: LeadRow) -> LeadState:
    """The winner's state with the open tasks of both; how often either was sent back or recycled counts on."""
    state, other = codec.decode_state(winner.state), codec.decode_state(loser.state)
    same_stage = state.entry is not None and other.entry is not None and state.entry.stage == other.entry.stage
    here = state.entry.seq if state.entry and same_stage else ORPHANED
    adopted = [
        replace(task, key=replace(task.key, cause_id=_adopted(task.key.cause_id, loser.id)), opened_in=here)
        for task in other.tasks
        if task.state is WorkState.OPEN
    ]
    return replace(
        state,
        tasks=tuple(_collapsed([*state.tasks, *adopted])),
        sent_back=state.sent_back + other.sent_back,
        recycled_at=tuple(sorted({*state.recycled_at, *other.recycled_at})),
    )


def record_key(lead_id: int, task: Task) -> str:
    """The key of a task's managed record."""
    return key_of(lead_id, task.key)


def key_of(lead_id: int, key: EffectKey) -> str:
    """The key of an effect's managed record, unique at the vendor too: the lead that it was made for, and its cause."""
    made_for, mark, cause_id = key.cause_id.rpartition(_OF)
    if not mark:
        return f"{lead_id}:{key.text()}"
    return f"{made_for}:{replace(key, cause_id=cause_id).text()}"


def rebase_counters(conn: Connection, installation_id: int, connection_id: int, binding: Binding, winner: str) -> None:
    """A merge adds up counters at the vendor: what the next read shows is a new baseline, no behaviour."""
    rows = mirrors.load(conn, connection_id, binding.dialect.person_type, [winner], lock=True)
    for row in rows.values():
        for name in binding.counters:
            row.properties.pop(name, None)
    mirrors.put(conn, installation_id, connection_id, list(rows.values()))


def _adopted(cause_id: str, lead_id: int) -> str:
    return cause_id if _OF in cause_id else f"{lead_id}{_OF}{cause_id}"


def _collapsed(tasks: Iterable[Task]) -> list[Task]:
    """Of open tasks of one rule and slot, all but the oldest are to be closed."""
    kept: list[Task] = []
    taken: set[tuple[str, str]] = set()
    for task in sorted(tasks, key=lambda one: one.opened_at):
        name = (task.key.rule, task.key.slot)
        if task.state is WorkState.OPEN and name in taken:
            task = replace(task, opened_in=ORPHANED)  # noqa: PLW2901
        elif task.state is WorkState.OPEN:
            taken.add(name)
        kept.append(task)
    return kept
