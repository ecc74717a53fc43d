"""What events say of a property before a read, or the answer to a write, shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from connector.domain.lead import Actor
from connector.store.mirrors import MirrorRow
from connector.sync import mirror, overtaking
from connector.sync.authors import ANSWERS_LAG, WRITES_REMEMBERED, Ours
from connector.sync.unanswered import APPLIED_WITHIN, may_stand
from connector.vendors.base import EventKind, InboundEvent, Record

READ = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def _same(name: str, one: str | None, other: str | None) -> bool:
    return one == other


def _ours(*values: str, at: datetime = READ) -> Ours:
    """These were sent for the channel, and have no answer."""
    return partial(may_stand, {"channel": [[one, at.isoformat()] for one in values]}, same=_same)


def _told(value: str, seconds: float, *, by_us: bool = False, shows_state: bool = False) -> InboundEvent:
    return InboundEvent(
        key=value.encode(),
        shows_state=shows_state,
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
    assert mirror.hear(row, _told("event", 1.5, by_us=True), same=_same, ours=_ours("event"))
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
    assert mirror.hear(row, _told("event", 1.0, by_us=True), same=_same, ours=_ours("event"))
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
    mirror.hear(row, _told("event", 1.0, by_us=True), same=_same, ours=_ours("event"))
    assert not mirror.stands(row, "channel", "web", _same), "the CRM shows what we wrote and never heard of"
    assert not mirror.stands(row, "channel", "event", _same), "nor has the write been confirmed"


# ── under our own name ───────────────────────────────────────────────────────────────────────────────────────
LATE = APPLIED_WITHIN.total_seconds()


def _wrote(row: MirrorRow, value: str, seconds: float, *, cleared: bool = False) -> None:
    at = READ + timedelta(seconds=seconds)
    record = Record(object_type="contact", id="7", properties={"channel": value}, modified_at=at)
    mirror.wrote(row, {"channel": value}, record, now=at, same=_same, cleared="channel" if cleared else None)


def _shown(row: MirrorRow, value: str, seconds: float, ours: Ours, wanted: str) -> mirror.PropertyFact:
    at = READ + timedelta(seconds=seconds)
    record = Record(object_type="contact", id="7", properties={"channel": value}, modified_at=at)
    mirror.absorb(row, record, now=at, same=_same, agreed=lambda: {"channel": wanted}, ours=ours)
    return mirror.fact(row, "channel", _same)


def _row() -> MirrorRow:
    return MirrorRow(object_type="contact", vendor_id="7", properties={"channel": "web"}, modified_at=READ)


@pytest.mark.fault("F28")
def test_what_bears_our_name_and_was_never_sent_is_a_persons() -> None:
    row = _row()
    _wrote(row, "event", 1.0)
    sent = _ours("web", at=READ + timedelta(seconds=2))
    assert mirror.hear(row, _told("outbound", 3.0, by_us=True), same=_same, ours=sent)
    fact = _shown(row, "outbound", 3.0, sent, "web")
    assert (fact.raw, fact.actor, fact.changed_at) == ("outbound", Actor.PERSON, READ + timedelta(seconds=3))


@pytest.mark.fault("F28")
@pytest.mark.parametrize("told", ["by its event", "by a read alone"])
@pytest.mark.parametrize(("seconds", "actor"), [(3.0, Actor.TASUKI), (LATE, Actor.TASUKI), (LATE + 2.0, Actor.PERSON)])
def test_what_was_sent_and_has_no_answer_is_ours_while_the_call_may_still_be_applied(
    told: str, seconds: float, actor: Actor
) -> None:
    row = _row()
    _wrote(row, "event", 1.0)
    row.modified_at = READ + timedelta(seconds=seconds)  # it was read right before, and nothing had changed
    sent = _ours("outbound", at=READ)
    if told == "by its event":
        assert mirror.hear(row, _told("outbound", seconds, by_us=True), same=_same, ours=sent)
    fact = _shown(row, "outbound", seconds, sent, "web")
    assert (fact.raw, fact.actor) == ("outbound", actor)


@pytest.mark.fault("F28")
def test_what_was_sent_and_the_crm_says_that_somebody_else_wrote_is_theirs() -> None:
    row = _row()
    sent = _ours("outbound")
    assert mirror.hear(row, _told("outbound", 3.0), same=_same, ours=sent)
    assert _shown(row, "outbound", 3.0, sent, "web").actor is Actor.PERSON


@pytest.mark.fault("F28")
def test_an_edit_under_our_name_that_our_write_went_over_is_overtaken_and_our_own_earlier_writes_are_not() -> None:
    row = _row()
    _wrote(row, "event", 1.0)
    _wrote(row, "web", 5.0)
    assert not mirror.hear(row, _told("event", 1.0, by_us=True), same=_same), "the late echo of the first"
    assert mirror.hear(row, _told("outbound", 3.0, by_us=True), same=_same)
    assert overtaking.overtaken(row) == {"channel": "outbound"}
    assert mirror.fact(row, "channel", _same).actor is Actor.PERSON


@pytest.mark.fault("F28")
def test_what_came_before_the_oldest_write_that_is_remembered_is_not_told_apart() -> None:
    row = _row()
    for number in range(WRITES_REMEMBERED + 2):
        _wrote(row, f"{number}", 1.0 + number)
    assert len(row.meta["channel"]["wrote"]) == WRITES_REMEMBERED
    assert not mirror.hear(row, _told("0", 1.0, by_us=True), same=_same)
    assert not overtaking.overtaken(row)
    _wrote(row, "last", LATE + 60.0)
    assert len(row.meta["channel"]["wrote"]) == WRITES_REMEMBERED, "nobody has looked since"
    row.modified_at = READ + timedelta(seconds=LATE + 61.0)
    _wrote(row, "very last", 2 * LATE + 120.0)
    assert "wrote" not in row.meta["channel"]


@pytest.mark.fault("F28")
def test_the_clearing_before_a_backward_move_is_ours() -> None:
    row = _row()
    _wrote(row, "event", 2.0, cleared=True)
    assert not mirror.hear(row, _told("", 1.0, by_us=True), same=_same)
    assert not overtaking.overtaken(row)


@pytest.mark.fault("F17")
def test_a_write_that_was_answered_when_repeated_and_is_applied_once_more_is_ours() -> None:
    row = _row()
    _wrote(row, "event", 1.0)
    _wrote(row, "web", 5.0)
    assert mirror.hear(row, _told("event", 31.0, by_us=True), same=_same)
    fact = _shown(row, "event", 31.0, _ours(), "web")
    assert (fact.raw, fact.actor) == ("event", Actor.TASUKI)


@pytest.mark.fault("F28")
@pytest.mark.parametrize("by_us", [True, False], ids=["last touched by us", "last touched by a person"])
def test_a_message_that_shows_a_record_tells_who_touched_it_last_and_not_who_wrote_each_value(by_us: bool) -> None:
    row = _row()
    sent = _ours("event", at=READ)
    assert mirror.hear(row, _told("event", 2.0, by_us=by_us, shows_state=True), same=_same, ours=sent)
    assert _shown(row, "event", 2.0, sent, "web").actor is Actor.TASUKI
    assert mirror.hear(row, _told("outbound", 9.0, by_us=by_us, shows_state=True), same=_same, ours=sent)
    assert _shown(row, "outbound", 9.0, sent, "web").actor is Actor.PERSON


def test_a_message_of_an_older_state_brings_nothing_back() -> None:
    row = _row()
    _wrote(row, "event", 5.0)
    assert not mirror.hear(row, _told("web", 3.0, by_us=True, shows_state=True), same=_same)
    assert not overtaking.overtaken(row)


@pytest.mark.fault("F28")
@pytest.mark.parametrize(("person", "actor"), [("005x", Actor.PERSON), (None, Actor.TASUKI)])
def test_who_puts_back_what_we_wrote_before_is_told_by_the_name_that_the_message_bears(
    person: str | None, actor: Actor
) -> None:
    row = _row()
    _wrote(row, "event", 1.0)
    _wrote(row, "web", 5.0)
    message = replace(_told("event", 8.0, shows_state=True), person=person)
    assert mirror.hear(row, message, same=_same)
    assert _shown(row, "event", 8.0, _ours(), "web").actor is actor


def test_a_message_under_somebodys_name_from_before_our_write_is_no_edit() -> None:
    row = _row()
    _wrote(row, "event", 1.0)
    _wrote(row, "web", 5.0)
    message = replace(_told("event", 3.0, shows_state=True), person="005x")
    assert not mirror.hear(row, message, same=_same)
    assert not overtaking.overtaken(row)


@pytest.mark.fault("F27")
@pytest.mark.parametrize(("later", "stands"), [(1.0, "event"), (ANSWERS_LAG.total_seconds() + 6.0, "web")])
def test_a_read_from_before_our_write_shows_nothing_unless_it_still_stands_long_after(
    later: float, stands: str
) -> None:
    row = _row()
    _wrote(row, "event", 5.0)
    fetched = Record(object_type="contact", id="7", properties={"channel": "web"}, modified_at=READ)
    mirror.absorb(row, fetched, now=READ + timedelta(seconds=5.0 + later), same=_same)
    assert mirror.fact(row, "channel", _same).raw == stands
