"""A form submission counts once however often, and in whatever order, it is learnt; two count twice."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from connector.cli.demo_proof import rule_of
from connector.store.inbox import body_of
from tests.e2e.activities import now
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, QUICK, Relay

WAYS = ("event", "workflow", "poll")


def _signals(relay: Relay, contact_id: str) -> list[dict[str, Any]]:
    return relay.rows(
        "SELECT kind, detail FROM signal JOIN identity USING (installation_id, lead_id) WHERE vendor_id = %s",
        [contact_id],
    )


def _workflow_bodies(relay: Relay) -> list[bytes]:
    rows = relay.rows("SELECT id FROM inbox WHERE source = 'hubspot_workflow' ORDER BY id")
    return [body_of(relay.database, row["id"]) or b"" for row in rows]


def _learn(relay: Relay, way: str, workflow: bytes) -> None:
    if way == "poll":
        relay.poll()
    elif way == "workflow":
        relay.deliver(workflow, "hubspot_workflow")
    else:
        relay.sandbox.webhooks(paused=False)
        relay.hear()
        relay.sandbox.webhooks(paused=True)
    relay.settle()


@pytest.mark.parametrize("order", list(itertools.permutations(WAYS)), ids=" ".join)
def test_one_submission_learnt_three_ways_counts_once_in_every_order(relay: Relay, order: tuple[str, ...]) -> None:
    relay.listen(workflow=True)
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    assert relay.sandbox.wait_webhooks(20.0)
    (workflow,) = _workflow_bodies(relay)
    rows = relay.rows("SELECT id FROM inbox WHERE source = 'hubspot' ORDER BY id")
    held = [body_of(relay.database, row["id"]) or b"" for row in rows]
    with relay.database.transaction(None) as conn:
        conn.execute("DELETE FROM inbox")
    relay.sandbox.webhooks(paused=True, workflow_url="")
    for way in order:
        if way == "event":
            for body in held:
                relay.deliver(body)
        _learn(relay, way, workflow)
        assert [row["kind"] for row in _signals(relay, contact_id)] == ["inquiry"], f"after {way}"
    relay.sandbox.webhooks(paused=False)
    relay.hear_and_settle()
    assert [row["kind"] for row in _signals(relay, contact_id)] == ["inquiry"]
    assert relay.contact(contact_id)["tasuki_score"] == "40"
    assert relay.made_by(contact_id) == [CALL, MAIL]


def test_the_calculated_properties_may_be_silent_and_the_poll_still_learns(make_relay: MakeRelay) -> None:
    relay = make_relay(conversion_events=False)
    relay.listen()
    contact_id = relay.new_mql()
    assert [row["kind"] for row in _signals(relay, contact_id)] == ["inquiry"]


def test_two_submissions_count_twice_and_each_once(relay: Relay) -> None:
    relay.listen(workflow=True)
    values = {"email": "a@example.co.jp", "lastname": "山田"}
    first = relay.sandbox.submit("資料請求", values)
    relay.hear_and_settle()
    relay.pass_time(minutes=5)
    relay.sandbox.submit("資料請求", values)
    relay.hear_and_settle()
    relay.poll()
    relay.sandbox.redeliver_webhooks(last=50)
    relay.hear_and_settle()
    assert [row["kind"] for row in _signals(relay, str(first["contact_id"]))] == ["document_request"] * 2


def test_submissions_that_no_event_told_of_are_all_learnt_by_one_poll(relay: Relay) -> None:
    relay.listen(drop_rate=1.0)
    relay.pass_time(hours=3)
    now = int(relay.sandbox.clock()["now_ms"])
    for n in range(130):
        relay.sandbox.submit(INQUIRY, {"email": f"a{n % 65}@example.co.jp"}, submitted_at=now - n * 60_000)
    relay.poll()
    relay.settle()
    relay.poll()
    relay.settle()
    assert relay.rows("SELECT count(*) AS n FROM signal")[0]["n"] == 130
    assert relay.rows("SELECT count(*) AS n FROM lead")[0]["n"] == 65
    asked = Counter(rule_of(task["properties"]["tasuki_key"]) for task in relay.live_tasks())
    assert asked == {CALL: 65, MAIL: 65}


def test_between_two_whole_looks_only_what_was_left_is_looked_for(make_relay: MakeRelay) -> None:
    relay = make_relay(limits=replace(QUICK, forms_settle_seconds=10.0, forms_poll_seconds=60.0))
    relay.listen(drop_rate=1.0)
    for n in range(120):
        relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp"})
    relay.pass_time(seconds=30, rate=0.0)
    relay.poll()
    last = relay.sandbox.submit(INQUIRY, {"email": "last@example.co.jp"})
    relay.pass_time(seconds=1, rate=0.0)
    relay.poll()
    leads = "SELECT count(*) AS n FROM lead"
    assert relay.rows(leads)[0]["n"] == 120, "the last one is left to the events that tell of its contact"
    relay.pass_time(seconds=10, rate=0.0)
    relay.mark()
    relay.poll()
    assert relay.rows(leads)[0]["n"] == 121
    assert relay.calls()["forms.submissions"] == 5, "a page of each of five forms is enough for what was left"
    relay.settle()
    assert [row["kind"] for row in _signals(relay, str(last["contact_id"]))] == ["inquiry"]
    relay.pass_time(seconds=60, rate=0.0)
    relay.mark()
    relay.poll()
    assert relay.calls()["forms.submissions"] == 7, "the next look is a whole one: this form has three pages"


# ── the own website's forms ──────────────────────────────────────────────────────────────────────────────────
def _website(relay: Relay, email: str, *, id: str, form: str = "inquiry") -> bytes:
    fields = {"last_name": "田中", "phone": "0312345678"}
    at = now(relay).isoformat()  # else it counts from when it was received, on a clock that tests do not move
    return orjson.dumps({"id": id, "form": form, "email": email, "occurred_at": at, "fields": fields})


def _contacts(relay: Relay, email: str) -> list[str]:
    rows = relay.sandbox.records("contacts", properties=["email"])
    return [row["id"] for row in rows if row["properties"].get("email") == email and not row["archived"]]


def test_somebody_new_becomes_a_contact_once_with_what_the_form_gave(relay: Relay) -> None:
    relay.listen()
    relay.deliver(_website(relay, "New@Example.co.jp", id="1"), "form:site")
    relay.deliver(_website(relay, "new@example.co.jp", id="1"), "form:site")  # the site sends it again
    relay.hear_and_settle()
    (contact_id,) = _contacts(relay, "new@example.co.jp")
    contact = relay.contact(contact_id)
    assert (contact["lastname"], contact["tasuki_score"]) == ("田中", "40")
    assert relay.made_by(contact_id) == [CALL, MAIL]
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL")[0]["n"] == 1


def test_a_site_whose_clock_is_hours_ahead_is_counted_at_once(relay: Relay) -> None:
    relay.listen()
    ahead = (now(relay) + timedelta(hours=9)).isoformat()
    told = {"id": "1", "form": "inquiry", "email": "a@example.co.jp", "occurred_at": ahead}
    relay.deliver(orjson.dumps(told), "form:site")
    relay.hear_and_settle()
    (contact_id,) = _contacts(relay, "a@example.co.jp")
    assert relay.contact(contact_id)["tasuki_score"] == "40"
    assert relay.made_by(contact_id) == [CALL, MAIL]


def test_somebody_known_is_found_and_not_changed(relay: Relay) -> None:
    relay.listen()
    known = relay.sandbox.create("contacts", {"email": "known@example.co.jp", "lastname": "佐藤"})["id"]
    relay.deliver(_website(relay, "known@example.co.jp", id="1"), "form:site")
    relay.settle()
    assert _contacts(relay, "known@example.co.jp") == [known]
    assert relay.contact(known)["lastname"] == "佐藤"
    assert [row["kind"] for row in _signals(relay, known)] == ["inquiry"]


@pytest.mark.parametrize("effect", ["lost_response", "drop", "status"])
def test_a_contact_whose_create_got_no_answer_is_found(relay: Relay, effect: str) -> None:
    relay.listen()
    relay.sandbox.fault(effect, kind="contacts.batch_create", times=1, status=502)
    relay.deliver(_website(relay, "new@example.co.jp", id="1"), "form:site")
    relay.hear_and_settle()
    (contact_id,) = _contacts(relay, "new@example.co.jp")
    assert relay.made_by(contact_id) == [CALL, MAIL]


@pytest.mark.fault("T6")
def test_two_workers_that_meet_the_same_new_address_make_one_lead_and_one_contact(relay: Relay) -> None:
    relay.listen()
    relay.deliver(_website(relay, "new@example.co.jp", id="1"), "form:site")
    relay.deliver(_website(relay, "new@example.co.jp", id="2", form="document_request"), "form:site")
    relay.deliver(_website(relay, "new@example.co.jp", id="3", form="whitepaper"), "form:site")
    relay.one_delivery_each()
    workers = [threading.Thread(target=relay.runtime.ingest) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    relay.hear_and_settle()
    (contact_id,) = _contacts(relay, "new@example.co.jp")
    assert sorted(row["kind"] for row in _signals(relay, contact_id)) == ["document_request", "inquiry", "whitepaper"]
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL")[0]["n"] == 1


def test_an_address_that_the_crm_refuses_is_parked_and_can_be_tried_again(relay: Relay) -> None:
    relay.listen()
    relay.sandbox.fault("status", kind="contacts.batch_create", times=None, status=400)
    relay.deliver(_website(relay, "new@example.co.jp", id="1"), "form:site")
    relay.settle()
    assert [one.kind for one in relay.parked()] == ["link"]
    relay.sandbox.clear_faults()
    relay.retry_parked()
    relay.hear_and_settle()
    assert len(_contacts(relay, "new@example.co.jp")) == 1
    assert relay.parked() == []


def test_a_list_of_submissions_brings_no_deleted_person_back(relay: Relay) -> None:
    relay.listen()
    contact_id = str(relay.sandbox.submit(INQUIRY, {"email": "a@example.co.jp", "lastname": "山田"})["contact_id"])
    relay.sandbox.forget(contact_id)
    relay.hear_and_settle()
    for _ in range(2):
        relay.poll()
        relay.settle()
    assert _contacts(relay, "a@example.co.jp") == []
    assert relay.rows("SELECT 1 FROM lead WHERE gone IS NULL") == []
