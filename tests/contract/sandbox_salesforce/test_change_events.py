"""The stand-in's Pub/Sub API, called as any client calls it; and what the product's subscription makes of its ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson
import pytest

REASON = "the extra `cdc` is not installed: pip install 'tasuki[cdc]'"
grpc: Any = pytest.importorskip("grpc", reason=REASON)
pytest.importorskip("fastavro", reason=REASON)

from connector.errors import RejectedError, RetryableError  # noqa: E402
from connector.sandbox.salesforce.handle import SalesforceHandle  # noqa: E402
from connector.vendors.salesforce.changes import wire  # noqa: E402
from connector.vendors.salesforce.changes.subscription import Subscription, error_code  # noqa: E402
from connector.vendors.salesforce.oauth import Grant  # noqa: E402
from connector.vendors.stream import PositionLostError  # noqa: E402

from .conftest import Api, lead  # noqa: E402

Call = Callable[..., Any]
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def address(sandbox: SalesforceHandle) -> str:
    found = sandbox.start_changes()
    sandbox.changes(keepalive_seconds=0.05)
    return found


@pytest.fixture
def call(sandbox: SalesforceHandle, api: Api, address: str) -> Iterator[Call]:
    """`call(method, request, response, fields…)`; several `fields` are the requests of a stream."""

    def make(method: str, request: str, response: str, *fields: dict[str, Any], **metadata: str) -> Any:
        given = {"accesstoken": api.token, "instanceurl": sandbox.base_url, "tenantid": sandbox.organization_id}
        told = tuple((given | metadata).items())
        forms = {
            "request_serializer": lambda message: message.SerializeToString(),
            "response_deserializer": wire.message(response).FromString,
        }
        made = [wire.message(request)(**one) for one in fields]
        if method == "Subscribe":
            return channel.stream_stream(f"{wire.SERVICE}/{method}", **forms)(iter(made), metadata=told, timeout=10)
        return channel.unary_unary(f"{wire.SERVICE}/{method}", **forms)(made[0], metadata=told, timeout=10)

    with grpc.insecure_channel(address) as channel:
        yield make


def fetched(call: Call, count: int = 100, *more: int, preset: int = wire.EARLIEST, replay_id: bytes = b"") -> Any:
    first = {"topic_name": "/data/ChangeEvents", "replay_preset": preset, "replay_id": replay_id}
    asked = [{**first, "num_requested": count}, *({"num_requested": one} for one in more)]
    return call("Subscribe", "FetchRequest", "FetchResponse", *asked)


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code().name, error_code(caught.value).removeprefix("sfdc.platform.eventbus.grpc.")


def make_leads(api: Api, count: int) -> list[str]:
    made = api("POST", "/composite/sobjects", {"records": [lead(Email=f"a{n}@example.jp") for n in range(count)]})
    return [one["id"] for one in made.json]


def test_a_subscriber_gets_what_it_asked_for_and_more_when_it_asks(api: Api, call: Call) -> None:
    make_leads(api, 5)
    first = next(fetched(call, 3))
    assert (len(first.events), first.pending_num_requested) == (3, 0)
    numbers = [int.from_bytes(one.replay_id, "big") for one in first.events]
    assert numbers == sorted(numbers)
    answers = [one for one in islice(fetched(call, 3, 2), 3) if one.events]
    assert sum(len(one.events) for one in answers) == 5


def test_with_nothing_to_tell_it_says_where_the_stream_stands(api: Api, call: Call) -> None:
    make_leads(api, 1)
    told = next(fetched(call, preset=wire.LATEST))
    assert not told.events
    (event,) = next(fetched(call)).events
    assert told.latest_replay_id == event.replay_id
    after = next(fetched(call, preset=wire.CUSTOM, replay_id=event.replay_id))
    assert not after.events


def test_a_place_is_kept_for_72_hours(api: Api, call: Call, sandbox: SalesforceHandle) -> None:
    sandbox.settings(session_seconds=1_000_000)
    make_leads(api, 2)
    before = next(fetched(call)).events[0].replay_id
    sandbox.set_clock(advance_seconds=71 * 3600)
    assert len(next(fetched(call, preset=wire.CUSTOM, replay_id=before)).events) == 1
    sandbox.set_clock(advance_seconds=2 * 3600)
    corrupted = ("INVALID_ARGUMENT", "subscription.fetch.replayid.corrupted")
    assert refused(lambda: next(fetched(call, preset=wire.CUSTOM, replay_id=before))) == corrupted
    assert refused(lambda: next(fetched(call, preset=wire.CUSTOM, replay_id=b"\x07"))) == corrupted


def test_calls_prove_session_and_tenant_and_name_a_topic_of_the_org(call: Call) -> None:
    def topic(name: str, **metadata: str) -> Any:
        return call("GetTopic", "TopicRequest", "TopicInfo", {"topic_name": name}, **metadata)

    assert topic("/data/LeadChangeEvent").can_subscribe
    assert refused(lambda: topic("/data/LeadChangeEvent", accesstoken="x")) == ("UNAUTHENTICATED", "service.auth.error")
    assert refused(lambda: topic("/data/LeadChangeEvent", tenantid="00D"))[0] == "UNAUTHENTICATED"
    assert refused(lambda: topic("/data/NobodyChangeEvent"))[0] == "NOT_FOUND"
    assert refused(lambda: next(fetched(call, 0)))[1] == "subscription.fetch.requested.events.invalid"
    schema = {"schema_id": "nobody"}
    assert refused(lambda: call("GetSchema", "SchemaRequest", "SchemaInfo", schema))[0] == "NOT_FOUND"


# ── the product's subscription ───────────────────────────────────────────────────────────────────────────────


class Sessions:
    """A session that is renewed when asked."""

    def __init__(self, sandbox: SalesforceHandle, token: str = "") -> None:
        self._sandbox = sandbox
        self._token = token or sandbox.issue_token()
        self.renewed = 0

    def token(self) -> str:
        return self._token

    def renew(self, rejected: str) -> str:
        self.renewed += 1
        self._token = self._sandbox.issue_token()
        return self._token

    def grant(self) -> Grant:
        return Grant(access_token=self._token, instance_url=self._sandbox.base_url)


def subscription(sandbox: SalesforceHandle, address: str, **more: Any) -> Subscription:
    return Subscription(
        **{
            "name": "org",
            "organization_id": sandbox.organization_id,
            "channel": "ChangeEvents",
            "address": address,
            "sessions": Sessions(sandbox),
            "clock": lambda: datetime.now(UTC),
            "user_id": sandbox.user_id,
        }
        | more
    )


def deliveries(stream: Subscription, after: bytes | None) -> Iterator[bytes]:
    return (one.body for one in stream.follow(after) if one is not None and one.body is not None)


def start(stream: Subscription) -> bytes:
    """Where the stream stands."""
    following = stream.follow(None)
    found = next(one for one in following if one is not None)
    following.close()
    return found.position


def test_what_we_write_is_told_under_our_user_alone_and_by_its_values(
    api: Api, sandbox: SalesforceHandle, address: str
) -> None:
    stream = subscription(sandbox, address)
    place = start(stream)
    (made,) = make_leads(api, 1)
    options = {"Sforce-Call-Options": "client=tasuki"}
    rows = {"records": [{"attributes": {"type": "Lead"}, "id": made, "Title": "部長", "LastName": "鈴木"}]}
    api("PATCH", "/composite/sobjects", rows, headers=options)
    api("PATCH", f"/sobjects/Lead/{made}", {"NumberOfEmployees": 5}, headers=options)
    sandbox.edit(made, {"Title": "課長", "City": "港区"})
    changes = orjson.loads(next(deliveries(stream, place)))
    assert [(one["type"], one["origin"].partition(";")[2], one["told"]) for one in changes] == [
        ("CREATE", "", True),
        ("UPDATE", "", True),  # collections carry no app's name
        ("UPDATE", "client=tasuki", True),
        ("UPDATE", "client=SfdcInternalAPI/", False),
    ]
    names = [{name: value for name, value in one["fields"].items() if "Modified" not in name} for one in changes]
    assert names == [
        {},
        {"Title": "部長", "LastName": "鈴木"},
        {"NumberOfEmployees": "5"},
        {"Title": None, "City": None},
    ]
    assert {one["ids"][0] for one in changes} == {made}


def test_more_is_asked_for_only_when_the_caller_comes_back(api: Api, sandbox: SalesforceHandle, address: str) -> None:
    sandbox.changes(batch=60)
    stream = subscription(sandbox, address)
    place = start(stream)
    make_leads(api, 160)
    following = deliveries(stream, place)
    counts = [len(orjson.loads(next(following))) for _ in range(3)]
    assert sum(counts[:2]) == 100  # all that may be on its way before anything was stored
    assert sum(counts) <= 160


def test_what_ends_a_subscription_is_told_by_who_must_act(api: Api, sandbox: SalesforceHandle, address: str) -> None:
    sessions = Sessions(sandbox, "not a session")
    with pytest.raises(RetryableError) as ended:
        next(subscription(sandbox, address, sessions=sessions).follow(None))
    assert (ended.value.reason, sessions.renewed) == ("session_ended", 1)
    stream = subscription(sandbox, address)
    place = start(stream)
    make_leads(api, 1)
    sandbox.expire_changes()
    with pytest.raises(PositionLostError):
        list(stream.follow(place))
    with pytest.raises(RejectedError) as refusal:
        list(subscription(sandbox, address, channel="Nobody").follow(None))
    assert refusal.value.reason == "changes_refused"
    assert "subscription.topic.not.found" in refusal.value.message
    sandbox.changes(keepalive_seconds=270.0)
    with pytest.raises(RetryableError) as silent:
        list(subscription(sandbox, address, silence_seconds=0.01).follow(None))
    assert silent.value.reason == "stream_silent"
    with pytest.raises(RetryableError) as away:
        list(subscription(sandbox, "127.0.0.1:1").follow(None))
    assert away.value.reason == "grpc_unavailable"
