"""Outbound messages: what a notification says, what it does not, and who is believed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import InboundError
from connector.vendors.base import EventKind
from connector.vendors.salesforce import inbound

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
ORG, ACTION, LEAD, US = "00D5j0000000001EAA", "04k5j0000000001EAA", "00Q5j0000000001EAA", "0055j0000000001AAA"
SECRET = "a-secret-of-the-address-itself"
RECORDED = Path(__file__).parents[5] / "shared" / "recordings" / "salesforce-outbound" / "two-contacts.xml"


def message(*notifications: str, org: str = ORG, action: str = ACTION, prolog: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{prolog}'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{org}</OrganizationId><ActionId>{action}</ActionId>"
        f'<SessionId xsi:nil="true"/>{"".join(notifications)}</notifications></soapenv:Body></soapenv:Envelope>'
    ).encode()


def notification(fields: str, number: int = 1, record: str = LEAD, kind: str = "Lead") -> str:
    return (
        f'<Notification><Id>04l5j000000{number:04d}EAA</Id><sObject xsi:type="sf:{kind}" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com"><sf:Id>{record}</sf:Id>{fields}</sObject></Notification>'
    )


def test_each_field_that_is_told_is_an_event() -> None:
    fields = (
        "<sf:Email>a@b.example</sf:Email><sf:Title>部長</sf:Title>"
        "<sf:SystemModstamp>2026-04-01T08:59:58.000Z</sf:SystemModstamp>"
        f"<sf:LastModifiedById>{US}</sf:LastModifiedById>"
    )
    events = inbound.parse(message(notification(fields)), received_at=NOW, our_user_id=US)
    assert [(one.property_name, one.value) for one in events] == [("Email", "a@b.example"), ("Title", "部長")]
    for one in events:
        assert (one.kind, one.account_id, one.object_type, one.object_id) == (EventKind.CHANGED, ORG, "Lead", LEAD)
        assert one.occurred_at == datetime(2026, 4, 1, 8, 59, 58, tzinfo=UTC)
        assert one.actor_is_us
    assert len({one.key for one in events}) == 2


@pytest.mark.fault("F8", "F32")
@pytest.mark.parametrize("blank", ["", "<sf:Email/>", "<sf:Email></sf:Email>", '<sf:Email xsi:nil="true"/>'])
def test_absent_empty_and_nil_fields_say_nothing(blank: str) -> None:
    [event] = inbound.parse(message(notification(blank)), received_at=NOW)
    assert (event.kind, event.object_id, event.property_name, event.value) == (EventKind.CHANGED, LEAD, None, None)
    assert event.occurred_at == NOW
    told = inbound.parse(message(notification(blank + "<sf:Title>課長</sf:Title>")), received_at=NOW)
    assert [one.property_name for one in told] == ["Title"]


@pytest.mark.fault("F7")
def test_the_same_notification_has_the_same_keys_and_another_has_others() -> None:
    one = notification("<sf:Title>課長</sf:Title>")
    again = notification("<sf:Title>部長</sf:Title>")  # sent again, with the record as it is by now
    other = notification("<sf:Title>課長</sf:Title>", number=2)
    keys = [inbound.parse(message(told), received_at=NOW)[0].key for told in (one, again, other)]
    assert keys[0] == keys[1] != keys[2]


def test_a_notification_that_cannot_be_read_is_unknown_and_holds_nothing_up() -> None:
    odd = notification("", record="nonsense")
    events = inbound.parse(
        message(odd, notification("", number=2), "<Notification><Id/></Notification>"), received_at=NOW
    )
    assert [one.kind for one in events] == [EventKind.UNKNOWN, EventKind.CHANGED, EventKind.UNKNOWN]


@pytest.mark.fault("F10")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a/>",
        b"{}",
        message(),
        message(*(notification("", number=number) for number in range(101))),
        message(notification(""), prolog='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
        message(notification("<sf:Title>&e;</sf:Title>"), prolog='<!DOCTYPE x [<!ENTITY e "' + "x" * 100 + '">]>'),
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(InboundError) as caught:
        inbound.parse(body, received_at=NOW)
    assert caught.value.status == 400


@pytest.mark.fault("F9")
def test_secret_organisation_and_action_must_all_hold() -> None:
    def prove(body: bytes, secret: str = SECRET, actions: tuple[str, ...] = (ACTION[:15],)) -> str:
        secrets = ["an-older-secret-of-the-address", SECRET]
        try:
            inbound.prove(secret, body, secrets=secrets, organization_id=ORG, actions=actions)
        except InboundError as error:
            return f"{error.status} {error.reason}"
        return "proven"

    good = message(notification(""))
    assert prove(good) == prove(good, actions=()) == "proven"
    assert prove(message(notification(""), org=ORG[:15])) == "proven"
    assert (
        prove(good, secret="") == prove(good, secret=SECRET[:-1]) == prove(good, secret="あ") == "401 secret_mismatch"
    )
    assert prove(message(notification(""), org="00D5j0000000002EAA")) == "401 other_organization"
    assert prove(message(notification(""), action="04k5j0000000002EAA")) == "401 other_action"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: message(notification(text))))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    try:
        events = inbound.parse(body, received_at=NOW)
    except InboundError:
        return
    assert all(len(one.key) == 16 for one in events)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recordings are not beside the project")
def test_a_recorded_message_and_its_acknowledgement() -> None:
    body = RECORDED.read_bytes()
    events = inbound.parse(body, received_at=NOW)
    people = {one.object_id for one in events}
    assert len(people) == 2
    assert {one.object_type for one in events} == {"Contact"}
    assert {"LastName", "Title"} <= {one.property_name for one in events}
    expected = (RECORDED.parent / "expected-response.xml").read_bytes()
    from lxml import etree

    def shape(xml: bytes) -> list[tuple[str, str]]:
        return [(str(node.tag), (node.text or "").strip()) for node in etree.fromstring(xml).iter()]

    assert shape(inbound.answer()) == shape(expected)
