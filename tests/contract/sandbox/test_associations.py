"""Associations: batch read with 207, primaries, single links, labels, the contact's company."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.handle import SandboxHandle

from .conftest import Api


def company(api: Api, name: str) -> str:
    made = api("POST", "/crm/v3/objects/companies", {"properties": {"name": name, "domain": f"{name}.example"}})
    return str(made.json["id"])


def read(api: Api, frm: str, to: str, *ids: str) -> Any:
    body = {"inputs": [{"id": one} for one in ids]}
    return api("POST", f"/crm/v4/associations/{frm}/{to}/batch/read", body)


def create(api: Api, frm: str, to: str, one: str, other: str, *types: int) -> Any:
    row: dict[str, Any] = {"from": {"id": one}, "to": {"id": other}}
    row["types"] = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number} for number in types]
    return api("POST", f"/crm/associations/2026-03/{frm}/{to}/batch/create", {"inputs": [row]})


def test_the_first_company_is_the_primary_one_and_kept_on_the_contact(api: Api) -> None:
    contact, first, second = api.contact(email="a@b.example"), company(api, "one"), company(api, "two")
    assert create(api, "contacts", "companies", contact, first, 279).status == 201
    assert create(api, "contacts", "companies", contact, second, 279).status == 201
    assert api.read("contacts", contact, "associatedcompanyid")["associatedcompanyid"] == first
    found = read(api, "contacts", "companies", contact).json["results"][0]
    types = {str(row["toObjectId"]): {one["typeId"] for one in row["associationTypes"]} for row in found["to"]}
    assert types == {first: {1, 279}, second: {279}}
    labels = {one["label"] for row in found["to"] for one in row["associationTypes"]}
    assert labels == {"Primary", None}

    assert create(api, "companies", "contacts", second, contact, 2).status == 201
    assert api.read("contacts", contact, "associatedcompanyid")["associatedcompanyid"] == second
    back = read(api, "companies", "contacts", first, second).json["results"]
    back_types = {row["from"]["id"]: {one["typeId"] for one in row["to"][0]["associationTypes"]} for row in back}
    assert back_types == {first: {280}, second: {2, 280}}


def test_rows_without_associations_are_errors_of_a_207(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    found = read(api, "contacts", "tasks", contact, "7")
    assert found.status == 207
    assert found.json["results"] == []
    assert [error["context"]["fromObjectId"] for error in found.json["errors"]] == [[contact], ["7"]]
    assert found.json["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"


def test_archived_records_are_not_shown_and_come_back(api: Api, sandbox: SandboxHandle) -> None:
    contact, one = api.contact(email="a@b.example"), company(api, "one")
    create(api, "contacts", "companies", contact, one, 1)
    sandbox.delete("companies", one)
    assert read(api, "contacts", "companies", contact).json["results"] == []
    assert api.read("contacts", contact, "associatedcompanyid")["associatedcompanyid"] is None
    sandbox.restore("companies", one)
    assert len(read(api, "contacts", "companies", contact).json["results"]) == 1
    assert api.read("contacts", contact, "associatedcompanyid")["associatedcompanyid"] == one


def test_wrong_types_and_missing_records(api: Api) -> None:
    contact, one = api.contact(email="a@b.example"), company(api, "one")
    assert create(api, "contacts", "companies", contact, one, 204).status == 400
    missing = create(api, "contacts", "companies", contact, "7", 279)
    assert (missing.status, missing.json["results"]) == (207, [])


def test_links_one_by_one(api: Api) -> None:
    contact, one = api.contact(email="a@b.example"), company(api, "one")
    path = f"/crm/v4/objects/contacts/{contact}/associations"
    assert api("PUT", f"{path}/default/companies/{one}").status == 201
    listed = api("GET", f"/crm/objects/2026-03/contacts/{contact}/associations/companies").json["results"]
    assert [row["toObjectId"] for row in listed] == [int(one)]
    shown = api("GET", f"/crm/v3/objects/contacts/{contact}?associations=companies").json["associations"]
    assert shown["companies"]["results"] == [
        {"id": one, "type": "contact_to_company"},
        {"id": one, "type": "contact_to_company_unlabeled"},
    ]
    assert api("DELETE", f"{path}/companies/{one}").status == 204
    assert api("GET", f"{path}/companies").json["results"] == []
    assert api.read("contacts", contact, "associatedcompanyid")["associatedcompanyid"] is None


def test_long_lists_page(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")
    for number in range(3):
        sandbox.create("notes", {"hs_timestamp": f"2026-04-0{number + 1}"}, associations=[("contacts", contact)])
    path = f"/crm/v4/objects/contacts/{contact}/associations/notes"
    first = api("GET", f"{path}?limit=2").json
    rest = api("GET", f"{path}?limit=2&after={first['paging']['next']['after']}").json
    assert len({row["toObjectId"] for row in [*first["results"], *rest["results"]]}) == 3
    assert "paging" not in rest


def test_archive_in_batches_and_labels(api: Api) -> None:
    contact, one = api.contact(email="a@b.example"), company(api, "one")
    create(api, "contacts", "companies", contact, one, 279)
    made = api("POST", "/crm/v4/associations/contacts/companies/labels", {"label": "決裁者", "name": "decider"})
    there, back = (row["typeId"] for row in made.json["results"])
    row = {"from": {"id": contact}, "to": {"id": one}}
    row_types = [{"associationCategory": "USER_DEFINED", "associationTypeId": there}]
    body = {"inputs": [{**row, "types": row_types}]}
    assert api("POST", "/crm/v4/associations/contacts/companies/batch/create", body).status == 201
    seen = read(api, "companies", "contacts", one).json["results"][0]["to"][0]["associationTypes"]
    assert {"category": "USER_DEFINED", "typeId": back, "label": "決裁者"} in seen
    gone = {"inputs": [{"from": {"id": contact}, "to": [{"id": one}]}]}
    assert api("POST", "/crm/v4/associations/contacts/companies/batch/archive", gone).status == 204
    assert read(api, "contacts", "companies", contact).json["results"] == []


@pytest.mark.parametrize(("mode", "linked", "companies"), [("off", 0, 1), ("existing", 1, 1), ("create", 2, 2)])
def test_contacts_find_their_company_by_domain(
    api: Api, sandbox: SandboxHandle, mode: str, linked: int, companies: int
) -> None:
    sandbox.settings(auto_associate=mode)
    company(api, "one")
    contacts = [api.contact(email=mail) for mail in ("a@one.example", "b@new.example", "c@gmail.com")]
    found = [api.read("contacts", one, "associatedcompanyid")["associatedcompanyid"] for one in contacts]
    assert sum(value is not None for value in found) == linked
    assert found[2] is None
    assert len(sandbox.records("companies")) == companies


def test_writing_the_company_id_associates(api: Api) -> None:
    contact, one = api.contact(email="a@b.example"), company(api, "one")
    api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"associatedcompanyid": one}})
    assert len(read(api, "contacts", "companies", contact).json["results"]) == 1
