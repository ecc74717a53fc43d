"""C2: points fade with age; free mail, students and competitors cost points, and no score falls below its floor."""

from __future__ import annotations

from tests.e2e.relay import Relay
from tests.e2e.test_a3_tracks import person
from tests.e2e.website import submits


def test_points_fade_and_are_written_when_they_have_moved(relay: Relay) -> None:
    relay.listen()
    contact = person(relay, "yamada@example.co.jp", jobtitle="営業部長")
    submits(relay, "yamada@example.co.jp", "document_request", "whitepaper")
    assert relay.contact(contact)["tasuki_score"] == "40", "10 for the title, 20 + 10 for what was asked for"
    assert relay.contact(contact)["tasuki_band"] == "middle"
    mark = relay.mark()
    relay.pass_time(days=30, hours=1)
    relay.hear_and_settle()
    record = relay.contact(contact)
    assert record["tasuki_score"] == "25", "half of the behaviour is left after its half-life; the title stays"
    assert record["tasuki_band"] == "low"
    assert len(relay.our_writes(since=mark)) <= 31, "at most one write a day"


def test_who_is_no_customer_loses_points_down_to_the_floor(relay: Relay) -> None:
    relay.listen()
    executive = {"jobtitle": "代表取締役"}
    alone = person(relay, "shacho@gmail.com", **executive)
    assert relay.contact(alone)["tasuki_score"] == "5", "15 for the title, -10 for free mail"
    assert "フリーメール -10" in relay.contact(alone)["tasuki_score_reasons"]
    student = person(relay, "taro@u.example.ac.jp", **executive)
    submits(relay, "taro@u.example.ac.jp", "whitepaper")
    assert relay.contact(student)["tasuki_score"] == "10", "fit is 0 and not -15: only the white paper is left"
    rival = person(relay, "spy@rival.example", **executive)
    submits(relay, "spy@rival.example", "inquiry")
    assert relay.contact(rival)["tasuki_score"] == "40", "-35 of fit take nothing from behaviour"
    assert relay.lead(rival)["stage"] == "discarded"
    assert relay.tasks(rival) == []
