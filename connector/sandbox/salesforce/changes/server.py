"""The Pub/Sub API over gRPC: GetTopic, GetSchema, Subscribe with flow control, presets and Salesforce's error codes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from connector.sandbox.salesforce.changes import wire
from connector.sandbox.salesforce.changes.bus import ENTITIES, Bus, Event, ReplayError
from connector.sandbox.salesforce.oauth import Sessions
from connector.sandbox.salesforce.org import Org
from connector.sandbox.salesforce.wire import RefusalError

STANDARD_CHANNEL = "/data/ChangeEvents"
_CODES = "sfdc.platform.eventbus.grpc."
_MOST_ASKED = 100
_LOOK_SECONDS = 0.5
_THREADS = 16


class PubSub:
    """The service of one org; `start` it once. Every call proves its session anew, a subscription once."""

    def __init__(self, org: Org, sessions: Sessions) -> None:
        self.bus = Bus(org)
        self._org = org
        self._sessions = sessions
        self._closed = False
        self._server = grpc.server(ThreadPoolExecutor(_THREADS, thread_name_prefix="sandbox-pubsub"))
        handlers = {
            "GetTopic": grpc.unary_unary_rpc_method_handler(self._topic),
            "GetSchema": grpc.unary_unary_rpc_method_handler(self._schema),
            "Subscribe": grpc.stream_stream_rpc_method_handler(self._subscribe),
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("eventbus.v1.PubSub", handlers),))

    def start(self, host: str, port: int = 0) -> str:
        """Listen; gives `host:port`."""
        bound = self._server.add_insecure_port(f"{host}:{port}")
        self._server.start()
        return f"{host}:{bound}"

    def close(self) -> None:
        """End every subscription and stop listening."""
        self._closed = True
        self.bus.disconnect()
        self._server.stop(0.2).wait(2.0)

    # ------------------------------------------------------------------ calls

    def _topic(self, body: bytes, context: Any) -> bytes:
        self._admit(context)
        topic = wire.text_of(body)
        self._check_topic(topic, context)
        return wire.topic_info(topic=topic, tenant=self._org.id, schema_id="")

    def _schema(self, body: bytes, context: Any) -> bytes:
        self._admit(context)
        found = self.bus.schema(wire.text_of(body))
        if found is None:
            _refuse(context, grpc.StatusCode.NOT_FOUND, "schema.not.found", "there is no such schema")
        assert found is not None
        return wire.schema_info(schema_json=found.json, schema_id=found.id)

    def _subscribe(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        self._admit(context)
        first = wire.FetchRequest.read(next(requests))
        self._check_topic(first.topic, context)
        if first.count <= 0:
            _refuse(
                context,
                grpc.StatusCode.INVALID_ARGUMENT,
                "subscription.fetch.requested.events.invalid",
                "the number of requested events must be positive",
            )
        at = self._start(first, context)
        follower = _Follower(self.bus, first.topic, at, first.count)
        threading.Thread(target=follower.hear, args=(requests,), daemon=True).start()
        context.add_callback(follower.leave)
        self.bus.subscribers += 1
        self.bus.subscriptions += 1
        try:
            yield from follower.answers()
        finally:
            self.bus.subscribers -= 1
        if not follower.left:
            code = grpc.StatusCode.UNAVAILABLE
            _refuse(context, code, "service.unavailable", "the service is being maintained")

    # ------------------------------------------------------------------ refusals

    def _admit(self, context: Any) -> None:
        given = {str(key): str(value) for key, value in context.invocation_metadata()}
        with self._org.lock:
            try:
                self._sessions.actor(given.get("accesstoken", ""))
            except RefusalError:
                _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error", "the session is not valid")
        if given.get("tenantid", "")[:15] != self._org.id[:15] or not given.get("instanceurl"):
            _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "service.auth.error", "the tenant is not this org")

    def _check_topic(self, topic: str, context: Any) -> None:
        if topic == STANDARD_CHANNEL or topic.endswith("__chn") or _entity(topic) in ENTITIES:
            return
        _refuse(context, grpc.StatusCode.NOT_FOUND, "subscription.topic.not.found", f"there is no topic {topic}")

    def _start(self, first: wire.FetchRequest, context: Any) -> int:
        if first.preset == 0:
            return self.bus.last
        if first.preset == 1:
            return self.bus.oldest
        try:
            with self.bus.moved:
                return self.bus.place(first.replay_id)
        except ReplayError:
            _refuse(
                context,
                grpc.StatusCode.INVALID_ARGUMENT,
                "subscription.fetch.replayid.corrupted",
                "the replay id is not valid, or lies outside the retention window",
            )
            raise


class _Follower:
    """One subscription: where it stands and how many events it may still be sent."""

    def __init__(self, bus: Bus, topic: str, at: int, pending: int) -> None:
        self._bus = bus
        self._entity = _entity(topic)
        self._at = at
        self._pending = min(pending, _MOST_ASKED)
        self._generation = bus.generation
        self.left = False

    def hear(self, requests: Iterator[bytes]) -> None:
        """Take in what more is asked for, until the subscriber leaves."""
        try:
            for body in requests:
                with self._bus.moved:
                    self._pending += min(wire.FetchRequest.read(body).count, _MOST_ASKED)
                    self._bus.moved.notify_all()
        except grpc.RpcError:
            return

    def leave(self) -> None:
        """The subscriber has gone."""
        with self._bus.moved:
            self.left = True
            self._bus.moved.notify_all()

    def answers(self) -> Iterator[bytes]:
        """What is told, until the subscriber leaves or the service ends it."""
        quiet_since = time.monotonic()
        while True:
            with self._bus.moved:
                if self.left or self._generation != self._bus.generation:
                    return
                found = self._bus.behind(self._at, self._pending) if self._pending else []
                quiet = time.monotonic() - quiet_since > self._bus.settings.keepalive_seconds
                if not found and not quiet:
                    self._bus.moved.wait(_LOOK_SECONDS)
                    continue
                if found:
                    self._at = found[-1].number
                told = [one for one in found if self._entity is None or one.entity == self._entity]
                self._pending -= len(told)
                pending = self._pending
            quiet_since = time.monotonic()
            if told or quiet:
                yield wire.fetch_response(map(_event, told), latest=self._at.to_bytes(10, "big"), pending=pending)


def _event(one: Event) -> tuple[str, str, bytes, bytes]:
    return one.id, one.schema_id, one.payload, one.replay_id


def _entity(topic: str) -> str | None:
    """`/data/LeadChangeEvent` → Lead; None for a channel."""
    name = topic.removeprefix("/data/")
    return name.removesuffix("ChangeEvent") if name.endswith("ChangeEvent") else None


def _refuse(context: Any, code: Any, word: str, text: str) -> None:
    """End the call as Salesforce does: its own code stands in the trailers."""
    context.set_trailing_metadata((("error-code", _CODES + word),))
    context.abort(code, f"{text} rpcId: sandbox")
