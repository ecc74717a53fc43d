"""Poison is a field, then a record, never a batch: it is parked alone, told, and everything else goes on."""

from __future__ import annotations

import pytest
import stamina

from connector.sync import deciding
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL, POLICY, Relay, quick

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


@pytest.mark.fault("F22", "T8")
@pytest.mark.parametrize("kind", ["contacts.batch_read", "contacts.batch_update", "tasks.batch_create"])
def test_a_record_over_which_the_portal_always_stumbles_keeps_no_other_back(relay: Relay, kind: str) -> None:
    """HubSpot answers 500 for a batch as long as one record is in it: that says nothing of the record."""
    relay.listen()
    contacts = _inquire(relay)
    bad = contacts[42]
    relay.sandbox.fault("status", kind=kind, record=bad, status=500, times=None)
    stamina.set_testing(True, attempts=3, cap=True)  # the client's own second and third try need not wait
    try:
        for _ in range(8):
            relay.round()
            relay.expire_waits()
            relay.expire_leases()
        _assert_worked(relay, [one for one in contacts if one != bad])
        shown = relay.contact(bad)
        assert (shown.get("tasuki_score"), relay.made_by(bad)) in ((None, []), (None, [CALL, MAIL]), ("40", []))
        assert relay.parked() == [], "the portal may be well again tomorrow"
        relay.sandbox.clear_faults()
        relay.expire_waits()
        relay.hear_and_settle()
    finally:
        stamina.set_testing(False)
    _assert_worked(relay, contacts)
    assert len(relay.live_tasks()) == 2 * len(contacts), "each once"


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
