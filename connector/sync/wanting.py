"""What a decision wants to exist in the CRM, as managed records: tasks, deals, notes, enrolments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from connector.domain import codec_work
from connector.domain.effects import Deal, Enrolment, Note, Task, WorkState
from connector.sync.enrolments import ENROLMENT
from connector.sync.merging import key_of
from connector.vendors.dialect import Dialect


def record_rows(
    dialect: Dialect,
    lead_id: int,
    tasks: Iterable[Task],
    deals: Iterable[Deal],
    notes: Iterable[Note],
    enrolments: Iterable[Enrolment] = (),
) -> Iterator[dict[str, Any]]:
    """The rows for `managed.want`. A note names its deal by that deal's own record key."""
    for task in tasks:
        yield _row(dialect.task_type, key_of(lead_id, task.key), lead_id, codec_work.encode_task(task), task.state)
    for deal in deals:
        kind = dialect.deal.object_type
        yield _row(kind, key_of(lead_id, deal.key), lead_id, codec_work.encode_deal(deal), deal.state)
    for note in notes:
        desired = {
            "text": note.text,
            "at": codec_work.moment_text(note.at),
            "deal": key_of(lead_id, note.deal) if note.deal is not None else None,
        }
        yield _row(dialect.note_kind, key_of(lead_id, note.key), lead_id, desired, WorkState.OPEN)
    for one in enrolments:
        yield _row(ENROLMENT, key_of(lead_id, one.key), lead_id, codec_work.encode_enrolment(one), WorkState.OPEN)


def _row(kind: str, key: str, lead_id: int, desired: dict[str, Any], state: WorkState) -> dict[str, Any]:
    return {"key": key, "lead_id": lead_id, "kind": kind, "desired": desired, "state": state.value}
