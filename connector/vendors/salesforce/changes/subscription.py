"""One subscription to an org's changes over the Pub/Sub API: a `Stream`.

The subscriber asks for so many events, and for as many more once it has stored some: nothing piles up here that is not
stored, and nothing is confirmed that could be lost. What stands behind the last event is its replay id, which is opaque
and good for 72 hours.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import grpc

from connector.errors import RejectedError, RetryableError
from connector.texts import say
from connector.vendors.http import TokenProvider
from connector.vendors.salesforce.changes import inbound, wire
from connector.vendors.salesforce.changes.decoding import Decoder
from connector.vendors.salesforce.oauth import Grant
from connector.vendors.stream import PositionLostError, Told

AT_ONCE: Final = 100
"""Events that may be on their way to us: the most that the API lets us ask for."""

TICK_SECONDS: Final = 0.5
SILENCE_SECONDS: Final = 300.0
"""With nothing to tell, the API sends an empty answer within 270 seconds: longer silence is a dead connection."""

_CALL_SECONDS: Final = 30.0
_LARGEST_BYTES: Final = 32 * 1024 * 1024
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_FOR_A_PERSON: Final = ("PERMISSION_DENIED", "NOT_FOUND", "INVALID_ARGUMENT", "UNIMPLEMENTED")


class Sessions(TokenProvider, Protocol):
    """Sessions with the org, and where they are good."""

    def grant(self) -> Grant:
        """The grant behind the present session."""


class Subscription:
    """Implements `vendors.stream.Stream` for one org.

    `address` is the API's host and port; `clock` tells business time, for what is written into deliveries; `user_id` is
    the user that the app runs as.
    """

    def __init__(
        self,
        *,
        name: str,
        organization_id: str,
        channel: str,
        address: str,
        sessions: Sessions,
        clock: Callable[[], datetime],
        user_id: str | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.source = f"{inbound.SOURCE}:{name}"
        self.topic = f"/data/{channel}"
        self._organization_id = organization_id
        self._address = address
        self._sessions = sessions
        self._clock = clock
        self._user_id = user_id
        self._silence_seconds = silence_seconds

    def missed(self, since: str) -> bytes:
        """See `Stream.missed`."""
        return inbound.missed(since)

    def check(self) -> None:
        """Return when the channel is there and may be followed; raises as `follow` does."""
        with _channel(self._address) as channel, _translated(self._sessions):
            topic = self._ask(channel, "GetTopic", "TopicRequest", "TopicInfo", topic_name=self.topic)
        if not topic.can_subscribe:
            raise _refused("may not subscribe")

    def follow(self, after: bytes | None) -> Generator[Told | None]:
        """See `Stream.follow`."""
        with _channel(self._address) as channel, _translated(self._sessions):
            decoder = Decoder(lambda schema_id: self._schema(channel, schema_id), user_id=self._user_id)
            asking = _Asking(wire.message("FetchRequest"), self.topic, after)
            method = channel.stream_stream(
                f"{wire.SERVICE}/Subscribe",
                request_serializer=_bytes,
                response_deserializer=wire.message("FetchResponse").FromString,
            )
            call = method(iter(asking), metadata=self._metadata())
            try:
                yield from self._told(_Reading(call), decoder, asking)
            finally:
                asking.close()
                call.cancel()

    def _told(self, reading: _Reading, decoder: Decoder, asking: _Asking) -> Iterator[Told | None]:
        heard_at = time.monotonic()
        while True:
            response = reading.next(TICK_SECONDS)
            if response is None:
                if time.monotonic() - heard_at > self._silence_seconds:
                    raise RetryableError("The stream of changes fell silent.", reason="stream_silent")
                yield None
                continue
            heard_at = time.monotonic()
            told = self._taken(response, decoder)
            if told is not None:
                yield told
            asking.more(len(response.events))  # the caller has come back: what it was given is stored

    def _taken(self, response: Any, decoder: Decoder) -> Told | None:
        now = self._clock().isoformat()
        found = [
            decoder.change(one.event.schema_id, one.event.payload, replay_id=one.replay_id, now=now)
            for one in response.events
        ]
        changes = [one for one in found if one is not None]
        position = response.events[-1].replay_id if response.events else response.latest_replay_id
        if not position:
            return None
        body = inbound.written(changes) if changes else None
        return Told(position=position, body=body, is_bulk=bool(changes) and all(one.is_bulk for one in changes))

    def _schema(self, channel: grpc.Channel, schema_id: str) -> str:
        found = self._ask(channel, "GetSchema", "SchemaRequest", "SchemaInfo", schema_id=schema_id)
        return str(found.schema_json)

    def _ask(self, channel: grpc.Channel, method: str, request: str, response: str, **fields: str) -> Any:
        call = channel.unary_unary(
            f"{wire.SERVICE}/{method}",
            request_serializer=_bytes,
            response_deserializer=wire.message(response).FromString,
        )
        return call(wire.message(request)(**fields), metadata=self._metadata(), timeout=_CALL_SECONDS)

    def _metadata(self) -> Sequence[tuple[str, str]]:
        grant = self._sessions.grant()
        return (
            ("accesstoken", grant.access_token),
            ("instanceurl", grant.instance_url),
            ("tenantid", self._organization_id),
        )


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────


class _Asking:
    """The requests of one subscription: where it starts, then how many more. Iterated by gRPC's own thread."""

    def __init__(self, request: Any, topic: str, after: bytes | None) -> None:
        self._request = request
        self._waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
        preset = {"replay_preset": wire.LATEST} if after is None else {"replay_preset": wire.CUSTOM, "replay_id": after}
        self._waiting.put(request(topic_name=topic, num_requested=AT_ONCE, **preset))

    def more(self, count: int) -> None:
        """Ask for so many more events."""
        if count:
            self._waiting.put(self._request(num_requested=count))

    def close(self) -> None:
        """There is no more to ask."""
        self._waiting.put(None)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._waiting.get, None)


class _Reading:
    """Reads a call's answers in a thread, so that waiting for one can be left."""

    def __init__(self, call: Any) -> None:
        self._found: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(call,), name="changes", daemon=True).start()

    def next(self, seconds: float) -> Any:
        """The next answer, or None when there is none within this time. Raises what ended the call."""
        try:
            found = self._found.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            raise found
        return found

    def _read(self, call: Any) -> None:
        try:
            for answer in call:
                self._found.put(answer)
            self._found.put(RetryableError("The stream of changes ended.", reason="stream_ended"))
        except grpc.RpcError as error:
            self._found.put(error)


def _bytes(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _channel(address: str) -> Any:
    options = [("grpc.max_receive_message_length", _LARGEST_BYTES)]
    if urlsplit(f"//{address}").hostname in _LOOPBACK:
        return grpc.insecure_channel(address, options)
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(), options)


# ── what can go wrong ────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _translated(sessions: Sessions) -> Iterator[None]:
    """gRPC's errors as ours; a session that is refused is renewed before the next call."""
    token = sessions.token()
    try:
        yield
    except grpc.RpcError as error:
        told: Any = error
        code, reason = str(told.code().name), error_code(told)
        if "replayid" in reason:
            raise PositionLostError(
                "Salesforce no longer keeps the place where we stopped.", reason="replay_id"
            ) from error
        if code == "UNAUTHENTICATED" or ".authentication" in reason:
            sessions.renew(token)
            raise RetryableError("The session has ended; another one was asked for.", reason="session_ended") from error
        if code in _FOR_A_PERSON:
            raise _refused(reason or code.lower()) from error
        raise RetryableError(
            say("Salesforce's Pub/Sub API cannot be reached, or the stream of changes broke off; it is tried again."),
            reason=f"grpc_{code.lower()}",
        ) from error


def _refused(code: str) -> RejectedError:
    return RejectedError(
        say(
            "Salesforce refuses its stream of changes ({code}): check that TASUKI_SALESFORCE_CHANGES names a "
            "channel of the org, and that the integration user may view all records of the objects in it.",
            code=code,
        ),
        reason="changes_refused",
    )


def error_code(error: Any) -> str:
    """Salesforce's own word for what is wrong: in the trailers, or where a proxy dropped them in the text."""
    trailers = dict(error.trailing_metadata() or ())
    return str(trailers.get("error-code") or "") or _word_in(str(error.details() or ""))


def _word_in(details: str) -> str:
    return next((word.strip(".,:;") for word in details.split() if word.startswith("sfdc.")), "")
