"""Poison is a field, then a record, never a batch: it is parked alone, told, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest

from connector.store.parked import ParkedItem
from connector.sync import deciding
from tests.e2e.activities import NO_ANSWER, log
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals, facts
from tests.e2e.handover import its_deals, its_notes, new_sql, say
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL, POLICY, Relay, quick
from tests.e2e.test_enrolments import enrol

LEADS = 100


def _inquire(relay: Relay, count: int = LEADS) -> list[str]:
    found = [
        relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": f"山田{n}"}) for n in range(count)
    ]
    relay.hear()
    return [str(one["contact_id"]) for one in found]


def _assert_worked(relay: Relay, contacts: list[str]) -> None:
    shown = [relay.contact(one) for one in contacts]
    assert {one["lifecyclestage"] for one in shown} == {MQL}
    assert {one.get("tasuki_score") for one in shown} == {"40"}
    assert [relay.made_by(one) for one in contacts] == [[CALL, MAIL]] * len(contacts)


def _drop_option(relay: Relay, name: str, value: str) -> None:
    """A portal admin takes an option away."""
    path = f"/crm/v3/properties/contacts/{name}"
    definition = relay.api("GET", path)
    options = [one for one in definition["options"] if one["value"] != value]
    relay.api("PATCH", path, {"options": options})


@pytest.mark.fault("F22", "T8")
def test_a_bad_value_of_one_lead_among_a_hundred_parks_that_property_alone(relay: Relay) -> None:
    relay.listen()
    contacts = _inquire(relay)
    bad = contacts[7]
    relay.sandbox.edit("contacts", bad, {"jobtitle": "部長"})  # graded C, which the portal no longer has
    _drop_option(relay, "tasuki_grade", "C")
    relay.hear_and_settle()
    _assert_worked(relay, [one for one in contacts if one != bad])
    assert relay.contact(bad)["lifecyclestage"] == MQL
    assert relay.still_asked_by(bad) == [CALL, MAIL]
    assert [(one.kind, one.vendor_id, one.what) for one in relay.parked()] == [("property", bad, "tasuki_grade")]
    relay.sandbox.edit("contacts", bad, {"jobtitle": ""})  # another value is wanted: it is tried, and passes
    relay.hear_and_settle()
    assert relay.parked() == []
    _assert_worked(relay, contacts)


@pytest.mark.fault("F36", "T8")
@pytest.mark.parametrize("gone", ["option", "property"])
def test_what_the_portal_no_longer_has_parks_that_property_and_the_rest_goes_on(relay: Relay, gone: str) -> None:
    relay.listen()
    if gone == "option":
        _drop_option(relay, "tasuki_grade", "D")
    else:
        relay.api("DELETE", "/crm/v3/properties/contacts/tasuki_grade")
    contacts = _inquire(relay)
    relay.mark()
    relay.settle()
    _assert_worked(relay, contacts)
    parked = relay.parked()
    assert {(one.kind, one.what) for one in parked} == {("property", "tasuki_grade")}
    assert len(parked) == LEADS
    assert {one.reason for one in parked} == {"invalid_option" if gone == "option" else "unknown_property"}
    mark = relay.mark()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE lead_due SET due_at = now()")
    relay.settle()
    assert relay.calls()["total"] == 0, "what was refused is not tried again for ever"
    relay.activate(POLICY)  # provisioning mends the portal
    relay.retry_parked()
    relay.settle()
    assert relay.parked() == []
    assert {relay.contact(one)["tasuki_grade"] for one in contacts} == {"D"}
    assert {name for row in relay.our_writes(since=mark) for name in row["changes"]} == {"tasuki_grade"}


@pytest.mark.fault("F22", "T8")
def test_a_record_that_is_refused_whole_is_parked_alone(relay: Relay) -> None:
    relay.listen()
    contacts = _inquire(relay)
    bad = contacts[42]
    relay.sandbox.fault("status", kind="contacts.batch_update", record=bad, status=400, times=None)
    relay.settle()
    _assert_worked(relay, [one for one in contacts if one != bad])
    assert [(one.kind, one.vendor_id) for one in relay.parked()] == [("link", bad)]
    relay.sandbox.clear_faults()
    relay.retry_parked()
    relay.settle()
    _assert_worked(relay, [bad])


def _rounds(relay: Relay, count: int) -> None:
    for _ in range(count):
        relay.round()
        relay.expire_waits()
        relay.expire_leases()


def _until_parked(relay: Relay, count: int) -> list[ParkedItem]:
    """Others come in meanwhile, and pass."""
    for number in range(3 * relay.limits.most_failures):
        relay.sandbox.submit(INQUIRY, {"email": f"b{number}@example.co.jp", "lastname": "鈴木"})
        relay.hear()
        _rounds(relay, 2)
        if len(found := relay.parked()) == count:
            return found
    raise AssertionError("it is tried for ever")


@pytest.mark.fault("F22", "T8")
@pytest.mark.parametrize("kind", ["contacts.batch_read", "contacts.batch_update", "tasks.batch_create"])
def test_a_record_over_which_the_portal_always_stumbles_keeps_no_other_back(relay: Relay, kind: str) -> None:
    """HubSpot answers 500 for a batch as long as one record is in it: that says something of the record once it has
    failed alone beside others, and failed again."""
    relay.listen()
    contacts = _inquire(relay)
    bad = contacts[42]
    relay.sandbox.fault("status", kind=kind, record=bad, status=500, times=None)
    _rounds(relay, 8)
    _assert_worked(relay, [one for one in contacts if one != bad])
    shown = relay.contact(bad)
    assert (shown.get("tasuki_score"), relay.made_by(bad)) in ((None, []), (None, [CALL, MAIL]), ("40", []))
    assert relay.parked() == [], "the portal may be well again tomorrow"
    parked = _until_parked(relay, 2 if kind == "tasks.batch_create" else 1)
    assert {(one.lead_id, one.reason) for one in parked} == {(relay.lead(bad)["id"], "always_fails")}
    shown_item, *_ = CommandLine.of(relay).json("parked", "list")
    assert "error of its own" in shown_item["cause"]
    assert "Its next change tries it again" in shown_item["remedy"]
    relay.mark()
    _rounds(relay, 3)
    assert kind not in relay.calls(), "it rests"
    relay.sandbox.clear_faults()
    if kind == "tasks.batch_create":
        assert relay.retry_parked() == 2
    else:
        relay.sandbox.edit("contacts", bad, {"jobtitle": "課長"})  # its next change tries it again
    relay.hear_and_settle()
    assert relay.parked() == []
    assert relay.made_by(bad) == [CALL, MAIL]
    assert relay.contact(bad)["lifecyclestage"] == MQL
    assert len(relay.live_tasks()) == 2 * len(relay.rows("SELECT id FROM lead WHERE gone IS NULL")), "each once"


@pytest.mark.fault("F22", "T8")
@pytest.mark.parametrize("kind", ["contacts.batch_read", "contacts.batch_update"])
def test_one_beside_which_nothing_passes_is_parked_after_a_day_in_which_the_portal_answered(
    relay: Relay, kind: str
) -> None:
    """An outage parks nothing, however long: only what fails alone while looks through the portal come to their end."""
    relay.listen()
    (bad,) = _inquire(relay, 1)
    relay.sandbox.fault("status", kind=kind, record=bad, status=500, times=None)
    _rounds(relay, 2 * relay.limits.most_failures)
    relay.rows(
        "UPDATE link SET failing_since = failing_since - interval '25 hours',"
        " read_failing_since = read_failing_since - interval '25 hours' RETURNING 1"
    )
    _rounds(relay, 3)
    assert relay.parked() == []
    relay.reconcile()
    _rounds(relay, 3)
    assert [(one.vendor_id, one.reason) for one in relay.parked()] == [(bad, "always_fails")]
    relay.sandbox.clear_faults()
    assert relay.retry_parked() == 1
    relay.hear_and_settle()
    _assert_worked(relay, [bad])


@pytest.mark.fault("F22", "T8")
@pytest.mark.parametrize("kind", ["deals", "tasks", "calls"])
def test_a_deal_task_or_activity_that_cannot_be_read_keeps_no_other_back(relay: Relay, kind: str) -> None:
    relay.listen()
    contacts = _inquire(relay, 6)
    relay.hear_and_settle()
    records = {contact: _hanging_on(relay, kind, contact) for contact in contacts}
    relay.hear_and_settle()
    bad = records[contacts[2]]
    relay.sandbox.fault("status", kind=f"{kind}.batch_read", record=bad, status=500, times=None)
    for record in records.values():
        _touch(relay, kind, record, 0)
    relay.hear()
    _rounds(relay, 8)
    seen = [_is_seen(relay, kind, contact, records[contact], 0) for contact in contacts]
    assert seen == [True, True, False, True, True, True]
    for number in range(1, 3 * relay.limits.most_failures):
        if relay.parked():
            break
        _touch(relay, kind, records[contacts[0]], number)
        relay.hear()
        _rounds(relay, 2)
    (parked,) = relay.parked()
    assert (parked.kind, parked.vendor_id, parked.reason) == ("read", bad, "always_fails")
    relay.sandbox.clear_faults()
    _touch(relay, kind, bad, 99)  # its next change tries it again
    relay.hear_and_settle()
    assert relay.parked() == []
    assert _is_seen(relay, kind, contacts[2], bad, 99)


def _hanging_on(relay: Relay, kind: str, contact: str) -> str:
    if kind == "deals":
        return Deals(relay).make(contact)
    if kind == "calls":
        return log(relay, "calls", contact, hs_call_disposition=NO_ANSWER)
    return str(relay.tasks_of(contact, CALL)[0]["id"])


def _touch(relay: Relay, kind: str, record: str, number: int) -> None:
    """A person changes something of it that we read."""
    if kind == "deals":
        relay.sandbox.edit("deals", record, {"amount": str(1_000 + number)})
    elif kind == "calls":
        relay.sandbox.edit("calls", record, {"hs_call_duration": str(1_000 + number)})
    else:
        relay.sandbox.edit("tasks", record, {"hs_timestamp": f"2027-01-{number % 28 + 1:02}T00:00:00Z"})


def _is_seen(relay: Relay, kind: str, contact: str, record: str, number: int) -> bool:
    if kind == "deals":
        return facts(relay, contact)["deal.amount"] == 1_000 + number
    if kind == "tasks":
        query = "SELECT left(mirror ->> 'hs_timestamp', 10) AS v FROM managed_record WHERE vendor_id = %s"
        return [row["v"] for row in relay.rows(query, [record])] == [f"2027-01-{number % 28 + 1:02}"]
    query = "SELECT detail ->> 'length_seconds' AS v FROM signal WHERE record LIKE %s"
    return str((1_000 + number) / 1000) in {row["v"] for row in relay.rows(query, [f"%:call:{record}"])}


def _rejected(relay: Relay, count: int) -> dict[str, str]:
    """Contacts whose hand-over field sales has sent back, each with its deal."""
    found: dict[str, str] = {}
    for number in range(count):
        contact = new_sql(relay, f"c{number}@example{number}.co.jp")
        (deal,) = its_deals(relay, contact)
        say(relay, deal["id"], tasuki_fs_decision="rejected", tasuki_reject_reason="not_ready")
        found[contact] = str(deal["id"])
    return found


def _hand_over_again(relay: Relay, contacts: Iterable[str]) -> None:
    """They come to field sales a second time: it is asked anew on the deal that stands."""
    for contact in contacts:
        relay.sandbox.edit("contacts", contact, {"tasuki_need": "課題を現場の3人に確認した"})
    relay.hear()


def _is_asked(relay: Relay, deal: str) -> bool:
    return "tasuki_fs_decision" not in relay.sandbox.record("deals", deal)["properties"]


@pytest.mark.fault("F22", "T8")
def test_a_deal_over_which_the_portal_always_stumbles_holds_up_neither_its_person_nor_another_deal(
    relay: Relay,
) -> None:
    relay.listen()
    deals = _rejected(relay, 3)
    bad, *others = deals
    relay.sandbox.fault("status", kind="deals.batch_update", record=deals[bad], status=500, times=None)
    relay.pass_time(seconds=2)
    _hand_over_again(relay, deals)
    _rounds(relay, 2)
    assert [_is_asked(relay, deals[one]) for one in deals] == [False, True, True], "those beside it, in the same round"
    for contact in deals:
        assert relay.lead(contact)["stage"] == "sql"
        assert relay.contact(contact)["lifecyclestage"] == "salesqualifiedlead"
        assert len(its_notes(relay, deals[contact])) == 2, "the packet goes with the deal all the same"
    (link,) = relay.rows("SELECT failing_since, parked_reason, attempts, failing FROM link WHERE vendor_id = %s", [bad])
    assert (link["failing_since"], link["parked_reason"], link["attempts"]) == (None, None, 0)
    assert link["failing"]["deal"]["stumbles"] >= 1
    assert relay.parked() == [], "the portal may be well again tomorrow"

    relay.sandbox.edit("contacts", bad, {"jobtitle": "部長"})  # graded otherwise, while the deal waits for its time
    relay.rows(
        "UPDATE link SET failing = jsonb_set(failing, '{deal,not_before}', '\"2099-01-01T00:00:00Z\"') "
        "WHERE failing <> '{}' RETURNING 1"
    )
    relay.hear()
    relay.mark()
    for _ in range(3):
        relay.round()
    assert relay.contact(bad)["tasuki_grade"] == "C"
    assert "deals.batch_update" not in relay.calls(), "not before its time"

    relay.rows("UPDATE link SET failing = jsonb_set(failing, '{deal,stumbles}', '7') WHERE failing <> '{}' RETURNING 1")
    _hand_over_again_beside(relay, deals, others[0])
    (parked,) = relay.parked()
    assert (parked.item, parked.kind, parked.vendor_id, parked.what, parked.reason) == (
        f"write:{relay.lead(bad)['id']}:{relay.connection_id}:deal", "write", deals[bad], "deal", "always_fails"
    )  # fmt: skip
    (shown,) = CommandLine.of(relay).json("parked", "list")
    assert "error of its own" in shown["cause"]
    assert CommandLine.of(relay).json("outbox", "list")["outstanding"] == []
    told = CommandLine.of(relay).json("explain", bad)["troubles"]
    assert (told["parked"], told["dropped"]) == (
        None, [{"property": "deal", "reason": "always_fails", "given_up": None}]
    )  # fmt: skip
    relay.mark()
    _rounds(relay, 3)
    assert "deals.batch_update" not in relay.calls(), "it rests"

    relay.sandbox.clear_faults()
    assert relay.retry_parked() == 1
    relay.hear_and_settle()
    assert relay.parked() == []
    assert all(_is_asked(relay, deal) for deal in deals.values())
    assert relay.rows("SELECT 1 FROM link WHERE failing <> '{}'") == []


def _hand_over_again_beside(relay: Relay, deals: Mapping[str, str], other: str) -> None:
    """Another deal is written beside the bad one, and passes."""
    say(relay, deals[other], tasuki_fs_decision="rejected", tasuki_reject_reason="not_ready")
    relay.sandbox.edit("contacts", other, {"tasuki_need": "課題を現場の5人に確認した"})
    relay.hear()
    relay.expire_waits()
    _rounds(relay, 4)
    assert _is_asked(relay, deals[other])


@pytest.mark.fault("F22", "T8")
@pytest.mark.parametrize("status", [400, 500])
def test_one_person_whom_a_list_does_not_take_keeps_no_other_off_it(relay: Relay, status: int) -> None:
    name = "手動リスト"
    relay.sandbox.put_list(name)
    relay.listen()
    contacts = _inquire(relay, 5)
    relay.settle()
    bad = contacts[1]
    relay.sandbox.fault("status", kind="lists.add", body=f'"{bad}"', status=status, times=None)
    enrol(relay, contacts, "hubspot_list", name)
    relay.round()
    assert sorted(relay.sandbox.lists()[name]) == sorted(one for one in contacts if one != bad), "in the same round"
    query = "SELECT step, stumbles, parked_reason FROM managed_record WHERE kind = 'enrolment' AND lead_id = %s"
    (record,) = [one for one in relay.rows(query, [relay.lead(bad)["id"]]) if one["step"] != "exists"]
    if status == 400:  # its owner is asked to do it: see `not_enrolled`
        assert (record["step"], record["parked_reason"]) == ("settled", "http_400")
        return
    assert record == {"step": "wanted", "stumbles": 1, "parked_reason": None}
    relay.sandbox.clear_faults()
    relay.expire_waits()
    relay.settle()
    assert sorted(relay.sandbox.lists()[name]) == sorted(contacts)


@pytest.mark.fault("F22", "T8")
def test_an_evaluation_that_fails_is_parked_alone_and_visible(make_relay: MakeRelay) -> None:
    relay = make_relay(limits=quick(most_failures=2))
    relay.listen()
    contacts = _inquire(relay, 10)
    relay.decide()
    bad = relay.lead(contacts[3])["id"]
    decide = deciding.decide

    def poisoned(plan: object, lead: object, *args: object, **kwargs: object) -> object:
        if lead.id == bad:  # type: ignore[attr-defined]
            raise ValueError("what nobody thought of")
        return decide(plan, lead, *args, **kwargs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "decide", poisoned)
        with relay.database.transaction(relay.installation_id) as conn:
            conn.execute("UPDATE lead_due SET due_at = now()")
        for _ in range(relay.limits.most_failures):
            relay.expire_leases()
            relay.settle()
        assert [(one.kind, one.lead_id) for one in relay.parked()] == [("lead", bad)]
        _assert_worked(relay, [one for one in contacts if one != contacts[3]])
        relay.walk()  # a walker does not run into it for ever
    assert relay.retry_parked() == 1
    relay.settle()
    _assert_worked(relay, contacts)


@pytest.mark.fault("F22")
def test_a_delivery_that_kills_its_reader_takes_nobody_along(relay: Relay) -> None:
    relay.listen()
    contacts = _inquire(relay, 3)
    relay.deliver(b'{"not": "a batch of ours", "portalId": 1}')
    relay.deliver(b"not json at all")
    relay.deliver(
        b'[{"eventId": 1, "subscriptionType": "contact.invented", "portalId": %d, "objectId": 5,'
        b' "occurredAt": 1767225600000}]' % relay.sandbox.portal_id
    )
    relay.settle()
    _assert_worked(relay, contacts)
    states = {row["state"]: row["n"] for row in relay.rows("SELECT state, count(*) AS n FROM inbox GROUP BY state")}
    assert states["parked"] == 1
    assert states["unknown"] >= 1
    counted = {row["label"]: row["count"] for row in relay.rows("SELECT * FROM tally WHERE name = 'unknown_event'")}
    assert counted == {"contact.invented": 1}
