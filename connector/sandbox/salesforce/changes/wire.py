"""Protocol buffers by hand: the few fields of `eventbus.v1` that the stand-in reads and writes, by their numbers.

Written apart from the product's description of the same messages, so that a mistake in either shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Value = bytes | str | int | bool


def written(*fields: tuple[int, Value]) -> bytes:
    """A message of these fields, by number; those that hold nothing are left out, as proto3 does."""
    return b"".join(_field(number, value) for number, value in fields if value)


def _field(number: int, value: Value) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(int(value))
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def read(body: bytes) -> dict[int, bytes | int]:
    """Number → value of a message without repeated fields. `ValueError` for what is none."""
    return dict(_fields(iter(body)))


def _fields(body: Iterator[int]) -> Iterator[tuple[int, bytes | int]]:
    for first in body:
        tag = _number(first, body)
        if tag & 7 == 0:
            yield tag >> 3, _number(next(body), body)
        elif tag & 7 == 2:
            length = _number(next(body), body)
            yield tag >> 3, bytes(next(body) for _ in range(length))
        else:
            raise ValueError(f"wire type {tag & 7} is none of these messages'")


def _number(first: int, body: Iterator[int]) -> int:
    found, shift = first & 0x7F, 7
    while first & 0x80:
        first = next(body)
        found |= (first & 0x7F) << shift
        shift += 7
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What a subscriber asks."""

    topic: str
    preset: int  #: 0 LATEST, 1 EARLIEST, 2 CUSTOM
    replay_id: bytes
    count: int

    @classmethod
    def read(cls, body: bytes) -> FetchRequest:
        """From bytes."""
        found = read(body)
        return cls(topic=_text(found, 1), preset=_int(found, 2), replay_id=_bytes(found, 3), count=_int(found, 4))


def text_of(body: bytes) -> str:
    """The one text of a TopicRequest or a SchemaRequest."""
    return _text(read(body), 1)


def topic_info(*, topic: str, tenant: str, schema_id: str) -> bytes:
    """A TopicInfo that may be followed and not published to."""
    return written((1, topic), (2, tenant), (4, True), (5, schema_id), (6, "sandbox"))


def schema_info(*, schema_json: str, schema_id: str) -> bytes:
    """A SchemaInfo."""
    return written((1, schema_json), (2, schema_id), (3, "sandbox"))


def fetch_response(events: Iterable[tuple[str, str, bytes, bytes]], *, latest: bytes, pending: int) -> bytes:
    """A FetchResponse; `events` are (event id, schema id, payload, replay id)."""
    told = (
        written((1, written((1, one), (2, schema), (3, body))), (2, replay)) for one, schema, body, replay in events
    )
    return b"".join(_field(1, one) for one in told) + written((2, latest), (3, "sandbox"), (4, pending))


def _text(found: dict[int, bytes | int], number: int) -> str:
    return _bytes(found, number).decode()


def _bytes(found: dict[int, bytes | int], number: int) -> bytes:
    value = found.get(number, b"")
    return value if isinstance(value, bytes) else b""


def _int(found: dict[int, bytes | int], number: int) -> int:
    value = found.get(number, 0)
    return value if isinstance(value, int) else 0
