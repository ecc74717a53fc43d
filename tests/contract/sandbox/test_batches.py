"""Batches: other order, one bad row refuses all, 207, uniqueness, task creates with associations."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.handle import SandboxHandle

from .conftest import Answer, Api

CONTACTS = "/crm/objects/2026-03/contacts"


def make(api: Api, n: int) -> list[str]:
    rows = [{"properties": {"email": f"p{number}@b.example"}} for number in range(n)]
    made = api("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert made.status == 201
    by_mail = {row["properties"]["email"]: row["id"] for row in made.json["results"]}
    return [by_mail[f"p{number}@b.example"] for number in range(n)]


def update(api: Api, rows: dict[str, dict[str, Any]]) -> Answer:
    inputs = [{"id": key, "properties": properties} for key, properties in rows.items()]
    return api("POST", f"{CONTACTS}/batch/update", {"inputs": inputs})


def test_results_come_in_another_order(api: Api) -> None:
    ids = make(api, 50)
    read = api("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": one} for one in ids]})
    assert read.json["status"] == "COMPLETE"
    got = [row["id"] for row in read.json["results"]]
    assert got != ids
    assert sorted(got) == sorted(ids)


def test_missing_records_are_named_in_a_207(api: Api) -> None:
    (contact,) = make(api, 1)
    read = api("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": contact}, {"id": "7"}, {"id": "8"}]})
    assert read.status == 207
    assert [row["id"] for row in read.json["results"]] == [contact]
    assert read.json["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert read.json["errors"][0]["context"]["ids"] == ["7", "8"]
    written = update(api, {contact: {"city": "津"}, "7": {"city": "津"}})
    assert (written.status, written.json["numErrors"]) == (207, 1)
    assert api.read("contacts", contact, "city")["city"] == "津"


@pytest.mark.parametrize(
    ("properties", "name", "code"),
    [
        ({"no_such": "1"}, "no_such", "PROPERTY_DOESNT_EXIST"),
        ({"hs_lead_status": "WARM"}, "hs_lead_status", "INVALID_OPTION"),
        ({"createdate": "2026-01-01"}, "createdate", "READ_ONLY_VALUE"),
        ({"email": "not an address"}, "email", "INVALID_EMAIL"),
        ({"hubspot_owner_id": "999"}, "hubspot_owner_id", "INVALID_OWNER_ID"),
        ({"city": ["x"]}, "city", "INVALID_VALUE"),
    ],
)
def test_one_bad_row_refuses_the_whole_batch_and_names_the_property(
    api: Api, sandbox: SandboxHandle, properties: dict[str, Any], name: str, code: str
) -> None:
    first, second = make(api, 2)
    refused = update(api, {first: {"city": "津"}, second: properties})
    assert refused.status == 400
    assert refused.json["category"] == "VALIDATION_ERROR"
    assert refused.json["message"].startswith("Property values were not valid: [{")
    error = refused.json["errors"][0]
    assert (error["code"], error["context"]["propertyName"]) == (code, [name])
    assert api.read("contacts", first, "city")["city"] is None
    assert sandbox.ledger(method="update") == []


def test_a_batch_with_two_conflicts_names_the_first_only(api: Api) -> None:
    ids = make(api, 2)
    rows = [{"properties": {"email": f"p{number}@b.example"}} for number in range(2)]
    refused = api("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert refused.status == 409
    assert ids[0] in refused.json["message"]
    assert ids[1] not in refused.json["message"]


def test_limits_of_a_batch(api: Api) -> None:
    many = [{"id": str(n)} for n in range(101)]
    assert api("POST", f"{CONTACTS}/batch/read", {"inputs": many}).status == 400
    fewer = {"inputs": many[:51], "propertiesWithHistory": ["email"]}
    assert api("POST", f"{CONTACTS}/batch/read", fewer).status == 400
    assert api("POST", f"{CONTACTS}/batch/read", {**fewer, "inputs": many[:50]}).status == 207
    (contact,) = make(api, 1)
    twice = {"inputs": [{"id": contact, "properties": {}}] * 2}
    assert api("POST", f"{CONTACTS}/batch/update", twice).status == 400


def test_update_by_address_is_refused_and_read_by_address_works(api: Api) -> None:
    (contact,) = make(api, 1)
    row = {"id": "p0@b.example", "idProperty": "email", "properties": {"city": "津"}}
    refused = api("POST", f"{CONTACTS}/batch/update", {"inputs": [row]})
    assert refused.status == 400
    assert "non-unique 0-1 property" in refused.json["message"]
    read = api("POST", f"{CONTACTS}/batch/read", {"inputs": [{"id": "p0@b.example"}], "idProperty": "email"})
    assert read.json["results"][0]["id"] == contact


def test_upsert_by_address_says_what_is_new(api: Api) -> None:
    make(api, 1)
    rows = [{"id": f"p{number}@b.example", "idProperty": "email", "properties": {"city": "津"}} for number in range(2)]
    done = api("POST", f"{CONTACTS}/batch/upsert", {"inputs": rows})
    assert done.status == 200
    assert {row["properties"]["email"]: row["new"] for row in done.json["results"]} == {
        "p0@b.example": False,
        "p1@b.example": True,
    }


def test_rows_with_trace_ids_fail_alone(api: Api) -> None:
    make(api, 1)
    rows = [
        {"objectWriteTraceId": "one", "properties": {"email": "p0@b.example"}},
        {"objectWriteTraceId": "two", "properties": {"email": "q@b.example"}},
        {"objectWriteTraceId": "three", "properties": {"no_such": "x"}},
    ]
    done = api("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert done.status == 207
    assert [row["properties"]["email"] for row in done.json["results"]] == ["q@b.example"]
    assert [error["context"]["objectWriteTraceId"] for error in done.json["errors"]] == [["one"], ["three"]]


def test_archive_is_silent(api: Api) -> None:
    ids = make(api, 2)
    gone = api("POST", f"{CONTACTS}/batch/archive", {"inputs": [{"id": ids[0]}, {"id": "7"}]})
    assert (gone.status, gone.data) == (204, b"")
    assert api("GET", f"{CONTACTS}/{ids[0]}").status == 404


def task(contact: str, type_id: int = 204, **properties: str) -> dict[str, Any]:
    return {
        "properties": {"hs_timestamp": "2026-04-01T00:00:00Z", "hs_task_subject": "電話", **properties},
        "associations": [
            {
                "to": {"id": contact},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}],
            }
        ],
    }


def test_tasks_are_created_with_their_contact_in_one_call(api: Api, sandbox: SandboxHandle) -> None:
    ids = make(api, 3)
    made = api("POST", "/crm/objects/2026-03/tasks/batch/create", {"inputs": [task(one) for one in ids]})
    assert made.status == 201
    read = api(
        "POST",
        "/crm/associations/2026-03/contacts/tasks/batch/read",
        {"inputs": [{"id": one} for one in ids]},
    )
    linked = {row["from"]["id"]: row["to"][0] for row in read.json["results"]}
    assert set(linked) == set(ids)
    assert linked[ids[0]]["associationTypes"][0]["typeId"] == 203
    assert {str(row["toObjectId"]) for row in linked.values()} == {row["id"] for row in made.json["results"]}
    assert sandbox.calls()["tasks.batch_create"] == {"calls": 1, "records": 3, "statuses": {"201": 1}}


def test_a_task_needs_its_time_stamp_and_the_right_association_type(api: Api) -> None:
    (contact,) = make(api, 1)
    without = task(contact)
    del without["properties"]["hs_timestamp"]
    refused = api("POST", "/crm/v3/objects/tasks/batch/create", {"inputs": [task(contact), without]})
    assert refused.status == 400
    assert refused.json["message"] == "Error creating TASK. Some required properties were not set."
    assert refused.json["context"] == {"properties": ["hs_timestamp"]}
    for type_id in (202, 192, 4, 999):
        assert api("POST", "/crm/v3/objects/tasks/batch/create", {"inputs": [task(contact, type_id)]}).status == 400
    gone = task("123")
    assert api("POST", "/crm/v3/objects/tasks/batch/create", {"inputs": [task(contact), gone]}).status == 400
    assert api("GET", "/crm/v3/objects/tasks").json["results"] == []
