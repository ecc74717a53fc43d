"""Avro and bitmaps of change events, written here by the schema that the Pub/Sub API's guide describes."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

REASON = "the extra `cdc` is not installed: pip install 'tasuki[cdc]'"
fastavro = pytest.importorskip("fastavro", reason=REASON)
pytest.importorskip("google.protobuf", reason=REASON)

from connector.vendors.salesforce.changes import wire  # noqa: E402
from connector.vendors.salesforce.changes.decoding import Decoder, changed_fields  # noqa: E402
from connector.vendors.salesforce.changes.inbound import UNREADABLE, Change  # noqa: E402

US = "0055g000001AAAAAAA"
LEAD = "00Q5g00000AAAAAAAA"
TEXT = {"type": "string", "avro.java.string": "String"}


def field(name: str, kind: Any, doc: str = "Data:Text") -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "doc": doc, "default": None}


def compound(name: str, *parts: str) -> dict[str, Any]:
    inner = [field(part, TEXT) for part in parts]
    return field(name, {"type": "record", "name": f"Compound{name}", "fields": inner})


LISTS = ("recordIds", "nulledFields", "diffFields", "changedFields")
HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": name, "type": {"type": "array", "items": "string"} if name in LISTS else kind}
        for name, kind in {
            "entityName": "string",
            "recordIds": "",
            "changeType": {"type": "enum", "name": "ChangeType", "symbols": ["CREATE", "UPDATE", "GAP_UPDATE"]},
            "changeOrigin": "string",
            "transactionKey": "string",
            "sequenceNumber": "int",
            "commitTimestamp": "long",
            "commitNumber": "long",
            "commitUser": "string",
            "nulledFields": "",
            "diffFields": "",
            "changedFields": "",
        }.items()
    ],
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "LeadChangeEvent",
    "namespace": "com.sforce.eventbus",
    "fields": [
        {"name": "ChangeEventHeader", "type": HEADER},
        compound("Name", "Salutation", "FirstName", "LastName"),
        field("Title", TEXT),
        compound("Address", "Street", "City"),
        compound("MailingAddress", "Street", "City"),
        field("NumberOfEmployees", "int"),
        field("TasukiScore__c", "double"),
        field("HasOptedOutOfEmail", "boolean"),
        field("TasukiNextActionAt__c", "long", "Data:DateTime"),
        field("TasukiDueOn__c", "long", "Data:DateOnly"),
        field("Location__c", {"type": "record", "name": "Location", "fields": [field("Latitude", "double")]}),
    ],
}


def event(
    *, origin: str = "", user: str = "005OTHER", changed: list[str], type: str = "UPDATE", **values: Any
) -> bytes:
    header = {
        "entityName": "Lead",
        "recordIds": [LEAD],
        "changeType": type,
        "changeOrigin": origin,
        "transactionKey": "0000",
        "sequenceNumber": 1,
        "commitTimestamp": 1_775_034_000_123,
        "commitNumber": 5,
        "commitUser": user,
        "nulledFields": [],
        "diffFields": [],
        "changedFields": changed,
    }
    out = io.BytesIO()
    body = {one["name"]: None for one in SCHEMA["fields"]} | {"ChangeEventHeader": header} | values
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), body)
    return out.getvalue()


def decoded(payload: bytes, schema: dict[str, Any] = SCHEMA) -> Change | None:
    decoder = Decoder(lambda schema_id: orjson.dumps(schema).decode(), user_id=US)
    return decoder.change("s1", payload, replay_id=b"\x00\x0a", now="2026-04-01T09:00:00+00:00")


def test_bitmaps_name_the_changed_fields_the_last_bit_first() -> None:
    # Title is field 2, NumberOfEmployees 5; of Name (field 1) the first and the last part
    found = decoded(event(changed=["0x24", "1-0x05"], Title="部長", NumberOfEmployees=5))
    assert found is not None
    assert found.fields == {"Title": None, "NumberOfEmployees": None, "Salutation": None, "LastName": None}
    assert (found.told, found.ids, found.type, found.user, found.replay_id) == (
        False,
        (LEAD,),
        "UPDATE",
        "005OTHER",
        "000a",
    )
    assert found.at == "2026-04-01T09:00:00.123000+00:00"


def test_parts_of_compound_fields_have_the_names_of_the_api() -> None:
    found = decoded(event(changed=["3-0x03", "4-0x02"]))
    assert found is not None
    assert list(found.fields) == ["Street", "City", "MailingCity"]


def test_our_own_values_are_kept_as_the_api_writes_them_and_others_are_not() -> None:
    values: dict[str, Any] = {
        "Title": "部長",
        "NumberOfEmployees": 500,
        "TasukiScore__c": 45.0,
        "HasOptedOutOfEmail": True,
        "TasukiNextActionAt__c": 1_775_034_000_000,
        "TasukiDueOn__c": 1_775_001_600_000,
        "Name": {"Salutation": None, "FirstName": None, "LastName": "山田"},
    }
    changed = ["0x3E4", "1-0x06"]
    ours = decoded(event(changed=changed, user=US, **values))
    named = decoded(event(changed=changed, origin="com/salesforce/api/rest/66.0;client=tasuki", **values))
    theirs = decoded(event(changed=changed, **values))
    assert ours is not None
    assert named is not None
    assert theirs is not None
    assert ours.told
    assert (
        ours.fields
        == named.fields
        == {
            "Title": "部長",
            "NumberOfEmployees": "500",
            "TasukiScore__c": "45.0",
            "HasOptedOutOfEmail": "true",
            "TasukiNextActionAt__c": "2026-04-01T09:00:00+00:00",
            "TasukiDueOn__c": "2026-04-01",
            "FirstName": None,
            "LastName": "山田",
        }
    )
    assert theirs.fields == dict.fromkeys(ours.fields)
    assert not theirs.told


def test_a_value_that_cannot_be_written_as_text_leaves_names_alone() -> None:
    found = decoded(event(changed=["0x404"], user=US, Title="部長", Location__c={"Latitude": 35.0}))
    assert found is not None
    assert (found.told, found.fields) == (False, {"Title": None, "Location__c": None})


def test_a_gap_has_a_header_and_no_more() -> None:
    found = decoded(event(changed=[], type="GAP_UPDATE"))
    assert found is not None
    assert (found.type, found.ids, found.fields) == ("GAP_UPDATE", (LEAD,), {})


@pytest.mark.parametrize("payload", [b"", b"\xff\x00\xff", event(changed=["0xFFFFFF"]), event(changed=["99-0x01"])])
def test_what_cannot_be_decoded_is_told_and_holds_up_nothing(payload: bytes) -> None:
    found = decoded(payload)
    assert found is not None
    assert (found.type, found.entity, found.ids, found.at) == (UNREADABLE, "Lead", (), "2026-04-01T09:00:00+00:00")


def test_other_objects_of_a_channel_say_nothing() -> None:
    assert decoded(b"\xff", SCHEMA | {"name": "CaseChangeEvent"}) is None


@given(st.sets(st.integers(0, len(SCHEMA["fields"]) - 1)), st.sets(st.integers(0, 2)))
@settings(max_examples=50, deadline=None)
def test_a_bitmap_names_exactly_the_fields_whose_bits_are_set(own: set[int], parts: set[int]) -> None:
    bits = sum(1 << at for at in own)
    digits = f"{bits:X}".zfill(2 * len(SCHEMA["fields"]))  # leading zeros say nothing
    inner = sum(1 << at for at in parts)
    named = [path.name for path in changed_fields(SCHEMA, [f"0x{digits}", f"1-0x{inner:02X}"])]
    expected = [SCHEMA["fields"][at]["name"] for at in sorted(own)]
    assert named == expected + [("Salutation", "FirstName", "LastName")[at] for at in sorted(parts)]


def test_the_messages_are_the_apis_bytes() -> None:
    """Written out by hand from the field numbers of the reference: topic_name 1, replay_preset 2, replay_id 3,
    num_requested 4; events 1, latest_replay_id 2, pending_num_requested 4."""
    asked = wire.message("FetchRequest")(
        topic_name="/data/X", replay_preset=wire.CUSTOM, replay_id=b"\x01\x02", num_requested=100
    )
    assert asked.SerializeToString() == b"\x0a\x07/data/X" + b"\x10\x02" + b"\x1a\x02\x01\x02" + b"\x20\x64"
    told = (
        b"\x0a\x0e"
        + (b"\x0a\x08" + (b"\x0a\x01e\x12\x01s\x1a\x00") + b"\x12\x02\x01\x03")
        + b"\x12\x02\x01\x03\x20\x05"
    )
    response = wire.message("FetchResponse").FromString(told)
    assert [(one.event.id, one.event.schema_id, one.replay_id) for one in response.events] == [("e", "s", b"\x01\x03")]
    assert (response.latest_replay_id, response.pending_num_requested) == (b"\x01\x03", 5)
