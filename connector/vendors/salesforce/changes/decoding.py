"""A change event's Avro bytes, by the schema that wrote them, to a `Change`.

An event's body holds every field of the object, and null for those that did not change. Which did, the header says in
bitmaps: `0x…` for the fields of the event, `7-0x…` for the parts of the compound field at position 7.
The last hexadecimal digit's lowest bit is the first field.
Source: the Pub/Sub API's guide, "Event Deserialization Considerations".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import fastavro
import orjson
from fastavro.schema import SchemaParseException, UnknownType

from connector.errors import RejectedError
from connector.vendors.salesforce.changes.inbound import ENTITIES, UNREADABLE, Change, is_our_name

HEADER: Final = "ChangeEventHeader"
_SUFFIX: Final = "ChangeEvent"
_UNREADABLE: Final = (SchemaParseException, EOFError, ValueError, TypeError, LookupError, AttributeError)
"""What fastavro, and a look into what it gives, raise for bytes that are not what their schema says."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Schema:
    """A schema that was parsed: as it is, and as fastavro wants it."""

    raw: Mapping[str, Any]
    parsed: Any

    @property
    def entity(self) -> str:
        """`LeadChangeEvent` → Lead."""
        return str(self.raw["name"]).rpartition(".")[2].removesuffix(_SUFFIX)


class Decoder:
    """Decodes events. `schema_of` gives a schema's JSON by its id, and is asked for each once; `user_id` is ours."""

    def __init__(self, schema_of: Callable[[str], str], *, user_id: str | None = None) -> None:
        self._schema_of = schema_of
        self._user_id = user_id
        self._schemas: dict[str, _Schema] = {}

    def change(self, schema_id: str, payload: bytes, *, replay_id: bytes, now: str) -> Change | None:
        """The change that an event tells of; None: of an object that says nothing here.

        An event that cannot be decoded is told as UNREADABLE at `now`: something of its object changed.
        """
        schema = self._schema(schema_id)
        if schema.entity not in ENTITIES:
            return None
        try:
            record: Any = fastavro.schemaless_reader(io.BytesIO(payload), schema.parsed, None)
            return _change(schema.raw, record, replay_id, self._user_id)
        except _UNREADABLE:
            return Change(replay_id=replay_id.hex(), entity=schema.entity, ids=(), type=UNREADABLE, at=now)

    def _schema(self, schema_id: str) -> _Schema:
        found = self._schemas.get(schema_id)
        if found is None:
            found = self._schemas[schema_id] = _parsed(self._schema_of(schema_id))
        return found


def _parsed(text: str) -> _Schema:
    try:
        raw = orjson.loads(text)
        return _Schema(raw, fastavro.parse_schema(raw))
    except (*_UNREADABLE, UnknownType) as error:
        raise RejectedError(
            "Salesforce's schema of its change events cannot be read; the poll goes on, and finds what they told.",
            reason="schema_unreadable",
        ) from error


def _change(schema: Mapping[str, Any], record: Mapping[str, Any], replay_id: bytes, user_id: str | None) -> Change:
    header = record[HEADER]
    origin, user = str(header["changeOrigin"] or ""), str(header["commitUser"] or "")
    # collections do not promise to carry the app's name; the user under whom it writes is there in any case
    ours = is_our_name(origin) or (user_id is not None and user[:15] == user_id[:15])
    at = _EPOCH + timedelta(milliseconds=header["commitTimestamp"])
    changed = [*changed_fields(schema, header["changedFields"])]
    fields = {path.name: path.value(record) if ours else None for path in changed}
    readable = ours and all(path.is_plain for path in changed)
    return Change(
        replay_id=replay_id.hex(),
        entity=str(header["entityName"]),
        ids=tuple(map(str, header["recordIds"])),
        type=str(header["changeType"]),
        at=at.isoformat(),
        origin=origin,
        user=user,
        fields=fields if readable else dict.fromkeys(fields),
        told=readable,
    )


# ── which fields ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Path:
    """A field of an event, or a part of a compound one (`within`), with what its schema says of its type."""

    field: Mapping[str, Any]
    within: str | None = None

    @property
    def name(self) -> str:
        """As the API calls it: `Name.LastName` is LastName, `BillingAddress.Street` is BillingStreet."""
        own = str(self.field["name"])
        if self.within is None or self.within == "Name":
            return own
        return self.within.removesuffix("Address") + own

    @property
    def is_plain(self) -> bool:
        """True when its value can be written as the API writes it."""
        return _plain_type(self.field) is not None

    def value(self, record: Mapping[str, Any]) -> str | None:
        """Its value as the API writes it; None for blank, and for what cannot be written so."""
        holder = record if self.within is None else record.get(self.within)
        found = holder.get(str(self.field["name"])) if isinstance(holder, Mapping) else None
        return _text(found, str(self.field.get("doc", ""))) if self.is_plain else None


def changed_fields(schema: Mapping[str, Any], bitmaps: Sequence[str]) -> Iterator[Path]:
    """The fields that these bitmaps name. Positions that the schema does not have raise `IndexError`."""
    fields: Sequence[Mapping[str, Any]] = schema["fields"]
    for bitmap in bitmaps:
        position, dash, bits = bitmap.rpartition("-")
        if not dash:
            yield from (Path(fields[at]) for at in _set_bits(bits))
            continue
        compound = fields[int(position)]
        inner = _record_in(compound["type"])
        if inner is None:
            yield Path(compound)
            continue
        parts = inner["fields"]
        yield from (Path(parts[at], str(compound["name"])) for at in _set_bits(bits))


def _set_bits(bits: str) -> Iterator[int]:
    number = int(bits, 16)
    return (at for at in range(number.bit_length()) if number >> at & 1)


def _record_in(kind: Any) -> Mapping[str, Any] | None:
    """The compound type among those that a field may have."""
    kinds = kind if isinstance(kind, list) else [kind]
    return next((one for one in kinds if isinstance(one, Mapping) and one.get("type") == "record"), None)


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────


def _plain_type(field: Mapping[str, Any]) -> str | None:
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    names = [one.get("type") if isinstance(one, Mapping) else one for one in kinds if one != "null"]
    return str(names[0]) if len(names) == 1 and names[0] in ("string", "boolean", "int", "long", "double") else None


def _text(value: Any, doc: str) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and "DateTime" in doc:
        return (_EPOCH + timedelta(milliseconds=value)).isoformat()
    if isinstance(value, int) and "DateOnly" in doc:
        return (_EPOCH + timedelta(milliseconds=value)).date().isoformat()
    return str(value)
