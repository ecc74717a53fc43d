"""Change events in Avro: an object's event schema as the org has it now, and an event written by it."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import fastavro
import orjson

from connector.sandbox.salesforce.schema import FieldInfo, ObjectInfo

CHANGE_TYPES = ("CREATE", "UPDATE", "DELETE", "UNDELETE")
GAPS = ("GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW")

_TEXT = {"type": "string", "avro.java.string": "String"}
_TEXTS = {"type": "array", "items": _TEXT}
_HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": _TEXT},
        {"name": "recordIds", "type": _TEXTS},
        {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": [*CHANGE_TYPES, *GAPS]}},
        {"name": "changeOrigin", "type": _TEXT},
        {"name": "transactionKey", "type": _TEXT},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": _TEXT},
        {"name": "nulledFields", "type": _TEXTS},
        {"name": "diffFields", "type": _TEXTS},
        {"name": "changedFields", "type": _TEXTS},
    ],
}
#: object → compound field → the fields of the API that are its parts, by the names that they have in it
_COMPOUND: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "Lead": {
        "Name": {"Salutation": "Salutation", "FirstName": "FirstName", "LastName": "LastName"},
        "Address": {"Street": "Street", "City": "City", "State": "State", "PostalCode": "PostalCode"},
    },
    "Contact": {
        "Name": {"Salutation": "Salutation", "FirstName": "FirstName", "LastName": "LastName"},
        "MailingAddress": {"Street": "MailingStreet", "City": "MailingCity", "State": "MailingState"},
    },
}
_LEFT_OUT = ("Id", "Name", "IsDeleted", "SystemModstamp", "MasterRecordId")
_TYPES: Mapping[str, tuple[Any, str]] = {
    "boolean": ("boolean", "Boolean"),
    "int": ("int", "Integer"),
    "double": ("double", "Double"),
    "currency": ("double", "Currency"),
    "percent": ("double", "Percent"),
    "date": ("long", "DateOnly"),
    "datetime": ("long", "DateTime"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """An event's schema: `places` says where a field of the API stands: (position, position within a compound)."""

    id: str
    json: str
    parsed: Any
    places: Mapping[str, tuple[int, int | None]]

    def bitmaps(self, names: Collection[str]) -> list[str]:
        """These fields, as a header lists them: one bitmap, and one for each compound field."""
        own, inner = 0, dict[int, int]()
        for name in names:
            at, within = self.places.get(name, (None, None))
            if at is not None and within is None:
                own |= 1 << at
            elif at is not None and within is not None:
                inner[at] = inner.get(at, 0) | 1 << within
        return ([_hex(own)] if own else []) + [f"{at}-{_hex(bits)}" for at, bits in sorted(inner.items())]

    def event(self, header: Mapping[str, Any], values: Mapping[str, Any], info: ObjectInfo) -> bytes:
        """An event in bytes. `values` by the API's names; what is not among them is null."""
        body: dict[str, Any] = {field["name"]: None for field in self.parsed["fields"]}
        for name, value in values.items():
            if name not in self.places or value is None:
                continue
            at, within = self.places[name]
            field = self.parsed["fields"][at]
            if within is None:
                body[field["name"]] = _value(info.fields[name], value)
                continue
            parts = field["type"][-1]["fields"]
            inner = body[field["name"]] or {part["name"]: None for part in parts}
            body[field["name"]] = inner | {parts[within]["name"]: value}
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.parsed, body | {"ChangeEventHeader": header})
        return out.getvalue()


def schema_of(info: ObjectInfo) -> Schema:
    """The object's event schema, with the fields that it has now."""
    fields: list[dict[str, Any]] = [{"name": "ChangeEventHeader", "type": _HEADER}]
    places: dict[str, tuple[int, int | None]] = {}
    for name, parts in _COMPOUND.get(info.name, {}).items():
        there = [(inner, own) for inner, own in parts.items() if own in info.fields]
        places |= {own: (len(fields), at) for at, (_, own) in enumerate(there)}
        inner_fields = [{"name": inner, "type": ["null", _TEXT], "default": None} for inner, _ in there]
        compound = {"type": "record", "name": f"{info.name}{name}", "fields": inner_fields}
        fields.append({"name": name, "type": ["null", compound], "default": None})
    for name, one in info.fields.items():
        if name in places or name in _LEFT_OUT:
            continue
        places[name] = (len(fields), None)
        kind, doc = _TYPES.get(one.type, (_TEXT, "Text"))
        fields.append({"name": name, "type": ["null", kind], "doc": f"Data:{doc}", "default": None})
    raw = {
        "type": "record",
        "name": f"{info.name}ChangeEvent",
        "namespace": "com.sforce.eventbus",
        "fields": fields,
    }
    text = orjson.dumps(raw)
    schema_id = blake2b(text, digest_size=12).hexdigest()
    return Schema(id=schema_id, json=text.decode(), parsed=fastavro.parse_schema(raw), places=places)


def _hex(bits: int) -> str:
    """Whole bytes, as Salesforce prints them."""
    digits = f"{bits:X}"
    return "0x" + digits.zfill(len(digits) + len(digits) % 2)


def _value(info: FieldInfo, value: Any) -> Any:
    if info.type in ("double", "currency", "percent"):
        return float(value)
    if info.type in ("date", "datetime"):
        moment = datetime.fromisoformat(str(value).replace("+0000", "+00:00"))
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    return value if info.type in ("boolean", "int") else str(value)
