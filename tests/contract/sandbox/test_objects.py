"""Single records: create, read, update, archive, list, in both path families."""

from __future__ import annotations

import re

import pytest

from connector.sandbox.handle import SandboxHandle

from .conftest import Api

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_created_contact_comes_back_as_hubspot_prints_it(api: Api) -> None:
    made = api("POST", "/crm/v3/objects/contacts", {"properties": {"email": "Taro@Example.CO.JP", "lastname": "山田"}})
    assert made.status == 201
    assert made.headers["Location"].endswith(f"/crm/v3/objects/contacts/{made.json['id']}")
    props = made.json["properties"]
    assert props["email"] == "taro@example.co.jp"
    assert props["lifecyclestage"] == "lead"
    assert props["hs_object_source"] == "INTEGRATION"
    assert ISO.fullmatch(props["createdate"])
    assert made.json["createdAt"] == props["createdate"]
    assert all(isinstance(value, str) for value in props.values())


@pytest.mark.parametrize("stem", ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", "/crm/v3/objects/0-1"])
def test_both_path_families_and_all_names_of_a_type_reach_the_same_record(api: Api, stem: str) -> None:
    contact = api.contact(email="a@b.example")
    assert api("GET", f"{stem}/{contact}").json["id"] == contact
    assert api("PATCH", f"{stem}/{contact}", {"properties": {"city": "大阪"}}).status == 200
    read = api("POST", f"{stem}/batch/read", {"inputs": [{"id": contact}], "properties": ["city"]})
    assert read.json["results"][0]["properties"]["city"] == "大阪"
    assert api("POST", f"{stem}/search", {"filterGroups": []}).status == 200


def test_blank_properties_are_null_and_values_are_strings(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    props = api.read("contacts", contact, "phone", "email")
    assert props["phone"] is None
    assert set(props) == {"phone", "email", "createdate", "lastmodifieddate", "hs_object_id"}


def test_a_missing_record_is_an_html_page(api: Api) -> None:
    for stem in ("/crm/v3/objects/contacts/99", "/crm/objects/2026-03/tasks/99"):
        missing = api("GET", stem)
        assert missing.status == 404
        assert missing.headers["Content-Type"].startswith("text/html")
        assert missing.headers["X-HubSpot-NotFound"] == "true"
    assert api("PATCH", "/crm/v3/objects/contacts/99", {"properties": {}}).json["category"] == "OBJECT_NOT_FOUND"


def test_a_cleared_value_is_empty_in_the_reply_and_null_afterwards(api: Api) -> None:
    contact = api.contact(email="a@b.example", city="東京")
    written = api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"city": ""}})
    assert written.json["properties"]["city"] == ""
    assert api.read("contacts", contact, "city")["city"] is None


def test_lists_page_by_id_with_a_link(api: Api) -> None:
    ids = [api.contact(email=f"p{n}@b.example") for n in range(5)]
    seen: list[str] = []
    path = "/crm/v3/objects/contacts?limit=2&properties=email"
    while path:
        page = api("GET", path).json
        seen += [row["id"] for row in page["results"]]
        following = page.get("paging", {}).get("next")
        path = following["link"].removeprefix(api.sandbox.base_url) if following else ""
    assert seen == ids


def test_archived_records_leave_the_list_and_are_found_with_archived(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    assert api("DELETE", f"/crm/v3/objects/contacts/{contact}").status == 204
    assert api("GET", "/crm/v3/objects/contacts").json["results"] == []
    assert [row["id"] for row in api("GET", "/crm/v3/objects/contacts?archived=true").json["results"]] == [contact]
    assert api("GET", f"/crm/v3/objects/contacts/{contact}").status == 404
    assert api("GET", f"/crm/v3/objects/contacts/{contact}?archived=true").json["archived"] is True
    # its address is free again
    assert api.contact(email="a@b.example") != contact


def test_a_taken_address_is_409_and_names_the_id_in_prose_only(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    taken = api("POST", "/crm/v3/objects/contacts", {"properties": {"email": "A@B.example"}})
    assert taken.status == 409
    assert taken.json["message"] == f"Contact already exists. Existing ID: {contact}"
    assert taken.json["category"] == "CONFLICT"
    assert set(taken.json) == {"status", "message", "correlationId", "category"}


def test_a_contact_is_found_by_address(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    assert api("GET", "/crm/v3/objects/contacts/A@b.example?idProperty=email").json["id"] == contact
    assert api("GET", "/crm/v3/objects/contacts/x?idProperty=city").status == 400


def test_history_is_newest_first_with_its_source(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example", city="東京")
    owner = sandbox.owners()[0]
    sandbox.edit("contacts", contact, {"city": "大阪"}, owner_id=owner["id"])
    row = api("GET", f"/crm/v3/objects/contacts/{contact}?propertiesWithHistory=city").json
    newest, oldest = row["propertiesWithHistory"]["city"]
    assert (newest["value"], newest["sourceType"]) == ("大阪", "CRM_UI")
    assert newest["sourceId"] == f"userId:{owner['userId']}"
    assert (oldest["value"], oldest["sourceType"]) == ("東京", "INTEGRATION")
    assert api("GET", "/crm/v3/objects/contacts?limit=51&propertiesWithHistory=city").status == 400


def test_an_unchanged_value_leaves_no_trace_but_a_ledger_row(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example", city="東京")
    before = api("GET", f"/crm/v3/objects/contacts/{contact}").json["updatedAt"]
    sandbox.set_clock(advance_seconds=60)
    api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"city": "東京"}})
    assert api("GET", f"/crm/v3/objects/contacts/{contact}").json["updatedAt"] == before
    row = sandbox.ledger(method="update")[-1]
    assert (row["changes"], row["unchanged"]) == ({}, ["city"])


def test_gdpr_delete_leaves_nothing(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    body = {"objectId": "a@b.example", "idProperty": "email"}
    assert api("POST", "/crm/v3/objects/contacts/gdpr-delete", body).status == 204
    assert api("GET", f"/crm/v3/objects/contacts/{contact}?archived=true").status == 404


def test_unknown_paths_types_and_bad_json(api: Api) -> None:
    assert api("GET", "/crm/v3/nothing").status == 404
    assert api("PUT", "/crm/v3/objects/contacts").status == 405
    assert api("GET", "/crm/v3/objects/unicorns").status == 400
    assert api("POST", "/crm/v3/objects/contacts", b'{"properties": ').status == 400
    assert api("POST", "/crm/v3/objects/contacts", []).status == 400
    assert api("POST", "/crm/v3/objects/contacts/batch/read", {"inputs": [1]}).status == 400
    assert api("GET", "/crm/v3/objects/contacts?limit=x").status == 400
    assert api("GET", "/crm/v3/objects/contacts?limit=101").status == 400
