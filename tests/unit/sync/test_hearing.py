"""What events say of a property before a read, or the answer to a write, shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.store.mirrors import MirrorRow
from connector.sync import mirror, overtaking
from connector.vendors.base import EventKind, InboundEvent, Record

READ = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _same(name: str, one: str | None, other: str | None) -> bool:
    return one == other


def _told(value: str, seconds: float, *, by_us: bool = False) -> InboundEvent:
    return InboundEvent(
        key=value.encode(),
        kind=EventKind.CHANGED,
        account_id="1",
        object_type="contact",
        object_id="7",
        occurred_at=READ + timedelta(seconds=seconds),
        property_name="channel",
        value=value,
        source="INTEGRATION" if by_us else "CRM_UI",
        actor_is_us=by_us,
        actor_is_person=not by_us,
    )


def test_an_edit_is_kept_when_our_write_over_it_is_known_by_its_event_alone() -> None:
    row = MirrorRow(object_type="contact", vendor_id="7", properties={"channel": "web"}, modified_at=READ)
    assert mirror.hear(row, _told("outbound", 1.0), same=_same)
    assert mirror.hear(row, _told("event", 1.5, by_us=True), same=_same)
    assert overtaking.standing_over(row, "channel") == "event"

    # the answer was lost: a read shows what we wrote
    at = READ + timedelta(seconds=1.5)
    record = Record(object_type="contact", id="7", properties={"channel": "event"}, modified_at=at)
    mirror.absorb(row, record, now=at, same=_same, agreed=lambda: {"channel": "event"})
    assert mirror.fact(row, "channel", _same).raw == "outbound"
    assert overtaking.overtaken(row) == {"channel": "outbound"}
    assert overtaking.standing_over(row, "channel") == "event"


def test_an_edit_after_our_write_stands() -> None:
    row = MirrorRow(object_type="contact", vendor_id="7", properties={"channel": "web"}, modified_at=READ)
    assert mirror.hear(row, _told("event", 1.0, by_us=True), same=_same)
    assert mirror.hear(row, _told("outbound", 1.5), same=_same)
    assert not overtaking.overtaken(row)
    at = READ + timedelta(seconds=1.5)
    record = Record(object_type="contact", id="7", properties={"channel": "outbound"}, modified_at=at)
    mirror.absorb(row, record, now=at, same=_same, agreed=lambda: {"channel": "event"})
    assert mirror.fact(row, "channel", _same).raw == "outbound"
    assert not overtaking.overtaken(row)


def test_what_a_lost_answer_left_behind_is_written_over_when_something_else_is_wanted_by_then() -> None:
    row = MirrorRow(object_type="contact", vendor_id="7", properties={"channel": "web"}, modified_at=READ)
    assert mirror.stands(row, "channel", "web", _same)
    mirror.hear(row, _told("event", 1.0, by_us=True), same=_same)
    assert not mirror.stands(row, "channel", "web", _same), "the CRM shows what we wrote and never heard of"
    assert not mirror.stands(row, "channel", "event", _same), "nor has the write been confirmed"
