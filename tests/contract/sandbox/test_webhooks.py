"""Webhooks: payloads, signatures, batches, retries, reordering, repeats."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import orjson
import pytest
from hubspot.utils.signature import Signature

from connector.errors import UsageError
from connector.sandbox.handle import SandboxHandle
from connector.sandbox.signatures import sign_v1, sign_v2, sign_v3, signed_uri

from .conftest import Api, Received, Receiver

VECTORS = Path(__file__).parents[4] / "shared" / "recordings" / "hubspot-signature-vectors.json"


def events_of(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    return [event for event in receiver.events if event["subscriptionType"] == kind]


def test_one_contact_made_on_the_screen_gives_one_post(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": ["email", "firstname", "lastname", "lifecyclestage"]})
    made = sandbox.create("contacts", {"email": "a@b.example", "firstname": "太郎", "lastname": "山田"})
    assert sandbox.wait_webhooks()
    (post,) = receiver.posts
    kinds = [event["subscriptionType"] for event in post.events]
    assert len(kinds) == 5
    assert kinds.index("contact.creation") > 0
    assert {event["occurredAt"] for event in post.events} == {post.events[0]["occurredAt"]}
    creation = events_of(receiver, "contact.creation")[0]
    assert set(creation) == {
        "eventId",
        "subscriptionId",
        "portalId",
        "appId",
        "occurredAt",
        "subscriptionType",
        "attemptNumber",
        "objectId",
        "changeSource",
        "changeFlag",
        "sourceId",
    }
    assert creation["objectId"] == int(made["id"])
    assert creation["changeFlag"] in ("CREATED", "NEW")
    assert creation["changeSource"] == "CRM_UI"
    change = next(event for event in post.events if event.get("propertyName") == "firstname")
    assert set(change) == (set(creation) - {"changeFlag"}) | {"propertyName", "propertyValue"}
    assert change["propertyValue"] == "太郎"


def test_our_own_writes_echo_with_their_source(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    contact = api.contact(email="a@b.example")
    sandbox.subscribe({"contacts": ["city", "lifecyclestage"]})
    path = f"/crm/v3/objects/contacts/{contact}"
    api("PATCH", path, {"properties": {"city": "津", "lifecyclestage": "customer", "zip": "514"}})
    api("PATCH", path, {"properties": {"city": "津", "lifecyclestage": "lead"}})  # nothing changes
    sandbox.edit("contacts", contact, {"city": ""})
    assert sandbox.wait_webhooks()
    seen = [(event["propertyName"], event["propertyValue"], event["changeSource"]) for event in receiver.events]
    assert sorted(seen) == [
        ("city", "", "CRM_UI"),
        ("city", "津", "INTEGRATION"),
        ("lifecyclestage", "customer", "INTEGRATION"),
    ]
    own = next(event for event in receiver.events if event["changeSource"] == "INTEGRATION")
    assert own["sourceId"] == str(sandbox.app_id)


def test_tasks_speak_through_generic_events(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    contact = api.contact(email="a@b.example")
    sandbox.subscribe({"tasks": ["hs_task_status"]})
    task = sandbox.create("tasks", {"hs_timestamp": "2026-04-01"}, associations=[("contacts", contact)])
    sandbox.complete_task(task["id"])
    sandbox.delete_task(task["id"])
    sandbox.restore("tasks", task["id"])
    assert sandbox.wait_webhooks()
    kinds = {event["subscriptionType"] for event in receiver.events}
    assert kinds == {
        "object.creation",
        "object.associationChange",
        "object.propertyChange",
        "object.deletion",
        "object.restore",
    }
    assert {event["objectTypeId"] for event in receiver.events} == {"0-27"}


def test_associations_fire_once_a_side_and_lack_keys(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    contact = api.contact(email="a@b.example")
    sandbox.subscribe({"contacts": ["associatedcompanyid"], "companies": []})
    sandbox.create("companies", {"name": "x"}, associations=[("contacts", contact)])
    for number in range(12):
        sandbox.create("companies", {"name": f"x{number}"}, associations=[("contacts", contact)])
    assert sandbox.wait_webhooks()
    there = events_of(receiver, "contact.associationChange")
    back = events_of(receiver, "company.associationChange")
    assert len(there) == len(back) >= 13
    assert {event["associationType"] for event in there} == {"CONTACT_TO_COMPANY"}
    assert {(event["toObjectId"], event["fromObjectId"]) for event in back} == {
        (event["fromObjectId"], event["toObjectId"]) for event in there
    }
    assert all("objectId" not in event for event in [*there, *back])
    lacking = ["subscriptionId" not in event for event in [*there, *back]]
    assert any(lacking)
    assert not all(lacking)


def test_a_primary_association_may_yield_two_messages(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    contact = api.contact(email="a@b.example")
    company = sandbox.create("companies", {"name": "x"})["id"]
    sandbox.subscribe({"contacts": ["associatedcompanyid"]})
    api("PUT", f"/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}")
    assert sandbox.wait_webhooks()
    told = {event["isPrimaryAssociation"] for event in events_of(receiver, "contact.associationChange")}
    assert told == {True, False}
    assert events_of(receiver, "contact.propertyChange")[0]["propertyValue"] == company


def test_merge_and_privacy_deletion(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    one, two, three = (api.contact(email=f"{name}@b.example") for name in "abc")
    sandbox.subscribe({"contacts": []})
    winner = sandbox.merge(one, two, new_record=True)["id"]
    sandbox.forget(three)
    assert sandbox.wait_webhooks()
    merged = events_of(receiver, "contact.merge")[0]
    assert (merged["primaryObjectId"], merged["newObjectId"]) == (int(one), int(winner))
    assert merged["mergedObjectIds"] == [int(one), int(two)]
    assert merged["numberOfPropertiesMoved"] >= 1
    gone = {event["subscriptionType"] for event in receiver.events if event.get("objectId") == int(three)}
    assert gone == {"contact.privacyDeletion", "contact.deletion"}


def test_a_form_fires_only_what_the_portal_lets_fire(sandbox: SandboxHandle, receiver: Receiver) -> None:
    names = ["recent_conversion_date", "recent_conversion_event_name", "num_conversion_events", "message"]
    sandbox.subscribe({"contacts": names})
    sandbox.submit("お問い合わせ", {"email": "a@b.example", "message": "一"})
    assert sandbox.wait_webhooks()
    seen = {event["propertyName"]: event for event in events_of(receiver, "contact.propertyChange")}
    assert set(seen) == set(names)
    assert seen["recent_conversion_date"]["propertyValue"].isdigit()
    assert seen["message"]["changeSource"] == "FORM"
    receiver.posts.clear()
    sandbox.settings(conversion_events=False)
    sandbox.submit("お問い合わせ", {"email": "a@b.example", "message": "二"})
    assert sandbox.wait_webhooks()
    assert {event["propertyName"] for event in receiver.events} == {"message"}


def test_signatures_are_what_the_official_client_accepts(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": []})
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks()
    (post,) = receiver.posts
    body, uri = post.body.decode(), signed_uri(receiver.url)
    assert uri.endswith("?source=a%20b/c")
    stamp = post.headers["x-hubspot-request-timestamp"]
    assert Signature.is_valid(
        post.headers["x-hubspot-signature-v3"], sandbox.app_secret, body, uri, "POST", "v3", stamp
    )
    assert post.headers["x-hubspot-signature-version"] == "v1"
    assert Signature.is_valid(post.headers["x-hubspot-signature"], sandbox.app_secret, body, signature_version="v1")


def test_only_v2_when_asked(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.webhooks(signature_versions=["v2"])
    sandbox.subscribe({"contacts": []})
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks()
    (post,) = receiver.posts
    assert "x-hubspot-signature-v3" not in post.headers
    found = post.headers["x-hubspot-signature"]
    assert Signature.is_valid(found, sandbox.app_secret, post.body.decode(), receiver.url, "POST", "v2")


@pytest.mark.skipif(not VECTORS.exists(), reason="the recordings are not beside the project")
def test_signatures_are_those_of_the_recorded_vectors() -> None:
    for row in orjson.loads(VECTORS.read_bytes())["vectors"]:
        body = row["body"].encode()
        made = {
            "v1": lambda row=row, body=body: sign_v1(row["secret"], body),
            "v2": lambda row=row, body=body: sign_v2(row["secret"], row["method"], row["url"], body),
            "v3": lambda row=row, body=body: sign_v3(row["secret"], row["method"], row["url"], body, row["timestamp"]),
        }[row["version"]]()
        assert made == row["expected"], row["id"]


def test_batches_of_at_most_a_hundred(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": []})
    sandbox.webhooks(paused=True)
    for start in range(0, 300, 100):
        rows = [{"properties": {"email": f"p{number}@b.example"}} for number in range(start, start + 100)]
        assert api("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": rows}).status == 201
    assert receiver.posts == []
    sandbox.webhooks(paused=False)
    assert sandbox.wait_webhooks()
    assert sorted(len(post.events) for post in receiver.posts) == [100, 100, 100]
    assert len({event["objectId"] for event in receiver.events}) == 300


def test_at_most_ten_at_a_time(api: Api, sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.webhooks(batch_size=1, paused=True)
    sandbox.subscribe({"contacts": []})
    for number in range(25):
        api.contact(email=f"p{number}@b.example")
    full, release = threading.Semaphore(0), threading.Event()
    guard, inside, most = threading.Lock(), [0], [0]

    def slow(_: Received) -> int:
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        full.release()
        release.wait(5)
        with guard:
            inside[0] -= 1
        return 200

    receiver.answer = slow
    sandbox.webhooks(paused=False)
    for _ in range(10):
        assert full.acquire(timeout=5)
    assert sandbox.webhooks()["state"]["in_flight"] == 10
    release.set()
    assert sandbox.wait_webhooks()
    assert most[0] == 10
    assert len(receiver.posts) == 25


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_any_failure_is_tried_again_with_the_same_moment(
    sandbox: SandboxHandle, receiver: Receiver, status: int
) -> None:
    sandbox.subscribe({"contacts": []})
    sandbox.set_clock(rate=0)
    sandbox.webhooks(retry_seconds=[60.0], retry_jitter=0.0)
    answers = iter([status, status, 200])
    receiver.answer = lambda _: next(answers)
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks()
    assert len(receiver.posts) == 1
    for sent in (2, 3):
        sandbox.set_clock(advance_seconds=59)
        assert sandbox.webhooks()["state"]["retrying"] == 1
        sandbox.set_clock(advance_seconds=2)
        receiver.wait_posts(sent)
        assert sandbox.wait_webhooks()
    assert [post.events[0]["attemptNumber"] for post in receiver.posts] == [0, 1, 2]
    assert len({post.events[0]["occurredAt"] for post in receiver.posts}) == 1
    assert len({post.events[0]["eventId"] for post in receiver.posts}) == 1
    assert sandbox.wait_webhooks(retries=True)


def test_ten_attempts_and_no_more(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": []})
    sandbox.webhooks(retry_seconds=[0.0])
    receiver.answer = lambda _: 500
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks(retries=True)
    assert [post.events[0]["attemptNumber"] for post in receiver.posts] == list(range(10))
    state = sandbox.webhooks()["state"]
    assert (state["given_up"], state["delivered"]) == (1, 0)


def test_nobody_listening_and_a_slow_listener_are_failures(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": []})
    sandbox.webhooks(target_url="http://127.0.0.1:9/", max_attempts=1)
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks()
    release = threading.Event()
    receiver.answer = lambda _: 200 if release.wait(5) else 500
    sandbox.webhooks(target_url=receiver.url, timeout_seconds=0.1)
    sandbox.create("contacts", {"email": "b@b.example"})
    assert sandbox.wait_webhooks()
    release.set()
    errors = [row["error"] for row in sandbox.webhook_log()]
    assert errors[0] in ("NewConnectionError", "MaxRetryError")
    assert errors[1] == "ReadTimeoutError"


def test_reordered_repeated_and_lost(sandbox: SandboxHandle, receiver: Receiver) -> None:
    contact = sandbox.create("contacts", {"email": "a@b.example"})["id"]
    sandbox.subscribe({"contacts": ["city"]})
    sandbox.webhooks(reorder=True, duplicate_rate=0.5, paused=True)
    for number in range(40):
        sandbox.edit("contacts", contact, {"city": str(number)})
        sandbox.set_clock(advance_seconds=1)
    sandbox.webhooks(paused=False)
    assert sandbox.wait_webhooks()
    moments = [event["occurredAt"] for event in receiver.events]
    assert moments != sorted(moments)
    assert len(set(moments)) == 40 < len(moments)
    repeated = [event["eventId"] for event in receiver.events]
    assert len(set(repeated)) == 40
    receiver.posts.clear()
    sandbox.webhooks(reorder=False, duplicate_rate=0.0, drop_rate=1.0)
    sandbox.edit("contacts", contact, {"city": "x"})
    assert sandbox.wait_webhooks()
    assert receiver.posts == []


def test_a_taken_batch_can_come_again(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": []})
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks()
    sandbox.redeliver_webhooks()
    assert sandbox.wait_webhooks()
    first, second = receiver.posts
    assert first.events == second.events


def test_event_ids_need_not_be_unique(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.subscribe({"contacts": ["email"]})
    sandbox.webhooks(same_event_id=True)
    sandbox.create("contacts", {"email": "a@b.example"})
    assert sandbox.wait_webhooks()
    assert {event["eventId"] for event in receiver.events} == {100}
    assert len(receiver.events) == 2


def test_a_workflow_posts_the_contact_with_its_submission(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.webhooks(target_url="", workflow_url=receiver.url)
    sent = sandbox.submit("資料請求", {"email": "a@b.example", "lastname": "山田"}, page_title="資料")
    assert sandbox.wait_webhooks()
    (post,) = receiver.posts
    body = orjson.loads(post.body)
    assert body["vid"] == int(sent["contact_id"])
    assert body["properties"]["email"]["value"] == "a@b.example"
    assert body["form-submissions"][0]["conversion-id"] == sent["conversion_id"]
    assert body["form-submissions"][0]["title"] == "資料請求"
    assert post.headers["x-hubspot-signature-version"] == "v2"
    found = post.headers["x-hubspot-signature"]
    assert Signature.is_valid(found, sandbox.app_secret, post.body.decode(), receiver.url, "POST", "v2")


def test_a_workflow_is_not_tried_again_after_a_4xx(sandbox: SandboxHandle, receiver: Receiver) -> None:
    sandbox.webhooks(workflow_url=receiver.url, retry_seconds=[0.0])
    answers = iter([503, 404])
    receiver.answer = lambda _: next(answers)
    sandbox.submit("資料請求", {"email": "a@b.example"})
    assert sandbox.wait_webhooks(retries=True)
    assert [row["status"] for row in sandbox.webhook_log()] == [503, 404]


def test_subscriptions_know_their_bounds(api: Api, sandbox: SandboxHandle) -> None:
    for name in ("num_unique_conversion_events", "hs_lastmodifieddate", "*"):
        with pytest.raises(UsageError, match="cannot be subscribed"):
            sandbox.subscribe({"contacts": [name]})
    with pytest.raises(UsageError, match="1,000"):
        sandbox.subscribe({"contacts": [f"p{number}" for number in range(1001)]})
    path = f"/webhooks/v3/{sandbox.app_id}/subscriptions"
    sandbox.subscribe({})
    made = api("POST", path, {"eventType": "contact.propertyChange", "propertyName": "city", "active": True})
    assert made.status == 201
    assert api("POST", path, {"eventType": "task.creation"}).status == 400
    assert api("POST", path, {"eventType": "object.creation", "objectTypeId": "0-27"}).status == 201
    assert len(api("GET", path).json["results"]) == 2
    assert api("DELETE", f"{path}/{made.json['id']}").status == 204
    settings = f"/webhooks/v3/{sandbox.app_id}/settings"
    assert api("PUT", settings, {"targetUrl": "x", "throttling": {"maxConcurrentRequests": 5}}).status == 400
