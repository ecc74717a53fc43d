"""Properties and groups: provisioning order, unique properties, the task switch."""

from __future__ import annotations

from typing import Any

from connector.sandbox.handle import SandboxHandle

from .conftest import Answer, Api


def prop(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "label": name, "type": "string", "fieldType": "text", "groupName": "tasuki", **more}


def group(api: Api, kind: str) -> None:
    made = api("POST", f"/crm/properties/2026-03/{kind}/groups", {"name": "tasuki", "label": "Tasuki"})
    assert made.status == 201


def make(api: Api, kind: str, name: str, **more: Any) -> Answer:
    return api("POST", f"/crm/v3/properties/{kind}", prop(name, **more))


def task(**properties: str) -> dict[str, Any]:
    return {"properties": {"hs_timestamp": "2026-04-01", **properties}}


def test_a_group_comes_before_its_properties(api: Api) -> None:
    assert make(api, "contacts", "tasuki_a").status == 400
    group(api, "contacts")
    assert make(api, "contacts", "tasuki_a").status == 201
    assert make(api, "contacts", "tasuki_a").status == 409
    again = api("POST", "/crm/v3/properties/contacts/groups", {"name": "tasuki", "label": "x"})
    assert again.status == 409
    found = api("GET", "/crm/v3/properties/contacts/tasuki_a").json
    assert (found["hubspotDefined"], found["groupName"]) == (False, "tasuki")
    assert api("GET", "/crm/v3/properties/contacts/groups/tasuki").status == 200
    assert api("GET", "/crm/v3/properties/contacts/no_such").status == 404


def test_bad_definitions(api: Api) -> None:
    group(api, "contacts")
    assert make(api, "contacts", "Upper").status == 400
    assert make(api, "contacts", "it", type="number").status == 400
    assert make(api, "contacts", "it", type="score", fieldType="score").status == 400
    double = [{"label": "a", "value": "a"}, {"label": "b", "value": "a"}]
    assert make(api, "contacts", "it", type="enumeration", fieldType="select", options=double).status == 400


def test_batch_create_is_207_when_some_exist(api: Api) -> None:
    group(api, "contacts")
    make(api, "contacts", "tasuki_a")
    inputs = {"inputs": [prop("tasuki_a"), prop("tasuki_b")]}
    made = api("POST", "/crm/v3/properties/contacts/batch/create", inputs)
    assert made.status == 207
    assert [row["name"] for row in made.json["results"]] == ["tasuki_b"]
    assert made.json["errors"][0]["context"] == {"name": ["tasuki_a"]}
    names = {"inputs": [{"name": "tasuki_b"}, {"name": "tasuki_c"}]}
    read = api("POST", "/crm/v3/properties/contacts/batch/read", names)
    assert (read.status, len(read.json["results"])) == (207, 1)


def test_options_can_be_changed_and_definitions_of_hubspot_not_removed(api: Api) -> None:
    group(api, "contacts")
    make(api, "contacts", "tasuki_band", type="enumeration", fieldType="select", options=[{"label": "A", "value": "a"}])
    options = [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]
    assert api("PATCH", "/crm/v3/properties/contacts/tasuki_band", {"options": options}).status == 200
    api.contact(email="a@b.example", tasuki_band="b")
    assert api("DELETE", "/crm/v3/properties/contacts/email").status == 400
    assert api("DELETE", "/crm/v3/properties/contacts/tasuki_band").status == 204
    assert api("GET", "/crm/v3/properties/contacts/tasuki_band").status == 404
    body = {"properties": {"email": "c@b.example", "tasuki_band": "b"}}
    assert api("POST", "/crm/v3/objects/contacts", body).status == 400


def test_a_unique_property_finds_upserts_and_refuses(api: Api, sandbox: SandboxHandle) -> None:
    group(api, "tasks")
    assert make(api, "tasks", "tasuki_key", hasUniqueValue=True).json["hasUniqueValue"] is True
    made = api("POST", "/crm/v3/objects/tasks", task(tasuki_key="k1")).json["id"]
    refused = api("POST", "/crm/v3/objects/tasks/batch/create", {"inputs": [task(tasuki_key="k1")]})
    assert refused.status == 409
    assert refused.json["message"] == f"Task already exists. Existing ID: {made}"
    assert api("GET", "/crm/v3/objects/tasks/k1?idProperty=tasuki_key").json["id"] == made
    body = {"inputs": [{"id": "k1"}, {"id": "k2"}], "idProperty": "tasuki_key"}
    read = api("POST", "/crm/v3/objects/tasks/batch/read", body)
    assert (read.status, [row["id"] for row in read.json["results"]]) == (207, [made])
    rows = [
        {"id": key, "idProperty": "tasuki_key", "properties": {"hs_timestamp": "2026-04-02"}} for key in ("k1", "k2")
    ]
    done = api("POST", "/crm/v3/objects/tasks/batch/upsert", {"inputs": rows})
    assert {row["properties"]["tasuki_key"]: row["new"] for row in done.json["results"]} == {"k1": False, "k2": True}
    twice = {"inputs": [task(tasuki_key="k3"), task(tasuki_key="k3")]}
    assert api("POST", "/crm/v3/objects/tasks/batch/create", twice).status == 409
    sandbox.settings(unique_conflict_as_400=True)
    other = api("POST", "/crm/v3/objects/tasks", task(tasuki_key="k1"))
    assert (other.status, other.json["errors"][0]["code"]) == (400, "CONFLICTING_UNIQUE_VALUE")


def test_a_portal_that_does_not_enforce_uniqueness_on_tasks(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(tasks_enforce_unique=False)
    group(api, "tasks")
    assert make(api, "tasks", "tasuki_key", hasUniqueValue=True).json["hasUniqueValue"] is True
    assert api("POST", "/crm/v3/objects/tasks", task(tasuki_key="k1")).status == 201
    assert api("POST", "/crm/v3/objects/tasks", task(tasuki_key="k1")).status == 201
    body = {"inputs": [{"id": "k1"}], "idProperty": "tasuki_key"}
    assert api("POST", "/crm/v3/objects/tasks/batch/read", body).status == 400


def test_a_portal_that_refuses_unique_properties_on_tasks(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(tasks_refuse_unique=True)
    group(api, "tasks")
    assert make(api, "tasks", "tasuki_key", hasUniqueValue=True).status == 400


def test_at_most_ten_unique_properties_and_never_afterwards(api: Api) -> None:
    group(api, "deals")
    for number in range(10):
        assert make(api, "deals", f"key_{number}", hasUniqueValue=True).status == 201
    assert make(api, "deals", "key_10", hasUniqueValue=True).status == 400
    assert make(api, "deals", "plain").status == 201
    assert api("PATCH", "/crm/v3/properties/deals/plain", {"hasUniqueValue": True}).status == 400


def test_owners_teams_and_account(api: Api, sandbox: SandboxHandle) -> None:
    first = api("GET", "/crm/owners/2026-03?limit=4").json
    assert len(first["results"]) == 4
    rest = api("GET", f"/crm/v3/owners?after={first['paging']['next']['after']}").json
    assert len(first["results"]) + len(rest["results"]) == len(sandbox.owners())
    owner = first["results"][0]
    assert owner["teams"][0]["name"] == "インサイドセールスSDR"
    assert api("GET", f"/crm/v3/owners/{owner['id']}").json == owner
    assert api("GET", f"/crm/v3/owners?email={owner['email']}").json["results"] == [owner]
    sandbox.put_owner(id=owner["id"], archived=True)
    assert api("GET", f"/crm/v3/owners?email={owner['email']}").json["results"] == []
    assert api("GET", f"/crm/v3/owners?email={owner['email']}&archived=true").json["results"][0]["archived"] is True
    assert {team["name"] for team in api("GET", "/settings/v3/users/teams").json["results"]} >= {"ISマネージャー"}
    assert api("GET", "/account-info/v3/details").json["portalId"] == sandbox.portal_id
