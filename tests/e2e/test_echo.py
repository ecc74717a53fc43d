"""Our own writes come back as events and as values: they never set anything off again."""

from __future__ import annotations

import pytest

from connector.store import mirrors
from connector.sync import mirror
from connector.sync.explaining import story
from connector.sync.facts import same_on
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, Relay


@pytest.mark.fault("F27", "T11")
@pytest.mark.parametrize("known_app", [True, False], ids=["named as ours", "not recognisable as ours"])
def test_echoes_of_our_writes_cause_no_reads_and_no_writes(make_relay: MakeRelay, known_app: bool) -> None:
    relay = make_relay()
    relay.listen()
    if not known_app:
        relay.sandbox.settings(app_id=77)  # the events name another app than the one in our settings
    relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})
    relay.hear()
    relay.sandbox.webhooks(paused=True)
    relay.settle()
    mark = relay.mark()
    relay.sandbox.webhooks(paused=False, duplicate_rate=1.0, reorder=True)
    relay.hear_and_settle()
    relay.sandbox.redeliver_webhooks(last=50)
    relay.hear_and_settle()
    assert relay.calls()["total"] == 0
    assert relay.our_writes(since=mark) == []


@pytest.mark.fault("F29")
@pytest.mark.parametrize("rule", ["lower", "truncate:4", "prefix:★", "nfkc"])
def test_a_vendor_that_turns_our_value_into_another_converges_in_one_write(make_relay: MakeRelay, rule: str) -> None:
    relay = make_relay(normalisers={"contacts": {"tasuki_score_reasons": [rule]}})
    relay.listen()
    contact_id = relay.new_mql()
    writes = [row for row in relay.our_writes() if "tasuki_score_reasons" in row["changes"]]
    assert len(writes) == 1
    mark = relay.mark()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE lead_due SET due_at = now()")
    relay.sandbox.edit("contacts", contact_id, {"phone": "03-1234-5678"})
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []
    if rule in ("truncate:4", "prefix:★"):
        assert [row["class"] for row in relay.drift() if row["field"] == "tasuki_score_reasons"] == ["normalised"]


def test_a_value_that_is_accepted_and_not_stored_is_told_and_not_tried_for_ever(make_relay: MakeRelay) -> None:
    relay = make_relay(normalisers={"contacts": {"tasuki_score_reasons": ["truncate:0"]}})
    relay.listen()
    contact_id = relay.new_mql()
    assert not relay.contact(contact_id).get("tasuki_score_reasons")
    assert {"field": "tasuki_score_reasons", "class": "not_stored", "data": {}} in (relay.drift())
    mark = relay.mark()
    relay.sandbox.edit("contacts", contact_id, {"phone": "03-1234-5678"})
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == []
    relay.sandbox.settings(normalisers={})
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "hot"})  # other reasons: another value
    relay.hear_and_settle()
    assert "問い合わせ" in relay.contact(contact_id)["tasuki_score_reasons"]
    assert [row for row in relay.drift() if row["field"] == "tasuki_score_reasons"] == []


def test_a_write_whose_answer_was_lost_is_not_taken_for_a_persons_edit(relay: Relay) -> None:
    relay.listen()
    relay.sandbox.fault("lost_response", kind="contacts.batch_update", times=3)
    contact_id = relay.new_mql()
    assert relay.holds(contact_id) == set()
    assert relay.kept_values() == []


@pytest.mark.fault("F16")
def test_a_write_whose_answer_was_lost_with_the_worker_is_recognised_when_read(relay: Relay) -> None:
    """Nobody is left who knows of the write, no event tells of it: the value is what we want, so nobody's edit."""
    relay.listen(drop_rate=1.0)
    line = relay.line
    written = line.vendor.update
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.poll()

    def die_after_writing(*args: object, **kwargs: object) -> None:
        written(*args, **kwargs)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line.vendor, "update", die_after_writing)
        with pytest.raises(KeyboardInterrupt):
            relay.settle()
    assert relay.contact(contact_id)["tasuki_track"] == "sdr"
    relay.expire_leases()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET read_wanted_at = clock_timestamp(), read_lane = 'hot'")
    mark = relay.mark()
    relay.settle()
    assert relay.holds(contact_id) == set()
    assert relay.our_writes(since=mark) == []
    assert relay.still_asked_by(contact_id) == [CALL, MAIL]


# ── the breaker ──────────────────────────────────────────────────────────────────────────────────────────────
def test_a_field_that_another_app_keeps_changing_back_is_frozen_and_both_writers_are_named(relay: Relay) -> None:
    relay.listen()
    contact_id, other_id = relay.new_mql(), relay.new_mql("b@example.co.jp")
    for _ in range(12):
        relay.sandbox.edit("contacts", contact_id, {"tasuki_track": "bdr"}, source="INTEGRATION")
        relay.hear_and_settle()
    ours = [
        row
        for row in relay.our_writes()
        if row["id"] == contact_id and row["actor"] != "integration" and "tasuki_track" in row["changes"]
    ]
    assert len(ours) <= 6, "the breaker holds"
    told = [row for row in relay.drift() if row["class"] == "flip_flop"]
    assert [row["field"] for row in told] == ["tasuki_track"]
    assert told[0]["data"]["writers"] == ["tasuki", "INTEGRATION"]
    for one in (contact_id, other_id):  # other fields and other leads go on
        relay.sandbox.edit("contacts", one, {"tasuki_temperature": "hot"})
    relay.sandbox.edit("contacts", other_id, {"tasuki_track": "bdr"}, source="INTEGRATION")
    relay.hear_and_settle()
    assert "現場の温度感が高い" in relay.contact(contact_id)["tasuki_score_reasons"]
    assert relay.contact(other_id)["tasuki_track"] == "sdr"
    relay.pass_time(hours=25)
    relay.sandbox.edit("contacts", contact_id, {"tasuki_temperature": "warm"})
    relay.hear_and_settle()
    assert relay.contact(contact_id)["tasuki_track"] == "sdr", "after a day it is tried again"


def test_a_companys_field_is_frozen_and_told_as_well(relay: Relay) -> None:
    relay.listen()
    company = str(relay.sandbox.create("companies", {"name": "株式会社例", "domain": "example.co.jp"})["id"])
    contact_id = relay.new_mql()
    for number in range(1, 6):
        with relay.database.transaction(relay.installation_id) as conn:  # what the other CRM shows is written here
            row = mirrors.load(conn, relay.connection_id, "company", [company], lock=True)[company]
            same = same_on(relay.line.binding, "company")
            mirror.wrote(row, {"numberofemployees": "50"}, None, now=relay.tenant.now(conn), same=same)
            mirrors.put(conn, relay.installation_id, relay.connection_id, [row])
        relay.pass_time(
            seconds=1
        )  # HubSpot's times are cut down to milliseconds: an edit at once looks earlier than it
        relay.sandbox.edit("companies", company, {"numberofemployees": str(number)}, source="INTEGRATION")
        relay.hear_and_settle()
    (told,) = (row for row in relay.drift() if row["class"] == "flip_flop")
    assert (told["field"], told["data"]["writers"]) == ("numberofemployees", ["tasuki", "INTEGRATION"])
    (frozen,) = story(relay.tenant, int(relay.lead(contact_id)["id"])).frozen
    assert (frozen.property_name, frozen.writers) == ("company.numberofemployees", ("tasuki", "INTEGRATION"))
