"""C3: bands, grades, and the simple score of a small team that needs no points at all."""

from __future__ import annotations

from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import POLICY, Relay
from tests.e2e.test_a3_tracks import person
from tests.e2e.website import submits

SMALL = POLICY.parent / "small-team"


def rated(relay: Relay, contact: str) -> tuple[str, str]:
    record = relay.contact(contact)
    return record["tasuki_band"], record["tasuki_grade"]


def test_low_middle_hot_and_a_to_d(relay: Relay) -> None:
    relay.listen()
    fitting = {"name": "例", "numberofemployees": "300", "industry": "MACHINERY"}
    company = str(relay.sandbox.create("companies", fitting)["id"])
    stranger = person(relay, "d@example.co.jp")
    assert rated(relay, stranger) == ("low", "D")
    manager = person(relay, "c@example.co.jp", jobtitle="課長")
    assert rated(relay, manager) == ("low", "C")
    good = person(relay, "b@example.co.jp", company)
    assert rated(relay, good) == ("low", "B"), "it fits, and shows no interest yet"
    submits(relay, "b@example.co.jp", "document_request")
    assert rated(relay, good) == ("middle", "B")
    submits(relay, "b@example.co.jp", "document_request", "whitepaper")
    assert rated(relay, good) == ("hot", "A")


def test_a_small_team_grades_by_the_form_alone(make_relay: MakeRelay) -> None:
    relay = make_relay(policy=SMALL)
    relay.listen()
    grades = {}
    for email, form in (("a@example.co.jp", "資料請求"), ("b@example.co.jp", "お問い合わせ")):
        found = relay.sandbox.submit(form, {"email": email, "lastname": "山田"})
        grades[form] = str(found["contact_id"])
    other = person(relay, "c@example.co.jp")
    relay.poll()
    relay.hear_and_settle()
    assert relay.contact(grades["資料請求"])["tasuki_grade"] == "A"
    assert relay.contact(grades["お問い合わせ"])["tasuki_grade"] == "B"
    assert relay.contact(other)["tasuki_grade"] == "C"
    assert relay.live_tasks() == []
