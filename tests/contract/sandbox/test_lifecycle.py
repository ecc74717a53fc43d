"""Lifecycle stages move forward only, unless they are cleared first."""

from __future__ import annotations

from connector.sandbox.handle import SandboxHandle

from .conftest import Api


def stage(api: Api, contact: str) -> str | None:
    value = api.read("contacts", contact, "lifecyclestage")["lifecyclestage"]
    return None if value is None else str(value)


def write(api: Api, contact: str, value: str) -> str:
    body = {"inputs": [{"id": contact, "properties": {"lifecyclestage": value}}]}
    done = api("POST", "/crm/objects/2026-03/contacts/batch/update", body)
    assert done.status == 200
    return str(done.json["results"][0]["properties"]["lifecyclestage"])


def test_a_backward_write_is_200_keeps_the_stage_and_moves_its_time(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")
    assert write(api, contact, "salesqualifiedlead") == "salesqualifiedlead"
    sandbox.set_clock(advance_seconds=100)
    assert write(api, contact, "marketingqualifiedlead") == "salesqualifiedlead"
    assert stage(api, contact) == "salesqualifiedlead"
    path = f"/crm/v3/objects/contacts/{contact}?propertiesWithHistory=lifecyclestage"
    newest, older, *_ = api("GET", path).json["propertiesWithHistory"]["lifecyclestage"]
    assert newest["value"] == older["value"] == "salesqualifiedlead"
    assert newest["timestamp"] > older["timestamp"]
    assert sandbox.ledger(method="update")[-1]["unchanged"] == ["lifecyclestage"]


def test_clearing_first_works(api: Api) -> None:
    contact = api.contact(email="a@b.example", lifecyclestage="opportunity")
    write(api, contact, "")
    assert stage(api, contact) is None
    assert write(api, contact, "lead") == "lead"
    assert stage(api, contact) == "lead"


def test_custom_stages_have_numeric_names_and_their_own_place(api: Api) -> None:
    found = api("GET", "/crm/v3/properties/contacts/lifecyclestage").json
    options = found["options"]
    for option in options:
        option["displayOrder"] += option["displayOrder"] > 2
    options.append({"label": "SAL", "value": "1034567890", "displayOrder": 3})
    changed = api("PATCH", "/crm/v3/properties/contacts/lifecyclestage", {"options": options})
    assert changed.status == 200
    contact = api.contact(email="a@b.example", lifecyclestage="1034567890")
    assert write(api, contact, "marketingqualifiedlead") == "1034567890"
    assert write(api, contact, "salesqualifiedlead") == "salesqualifiedlead"
    entered = api.read("contacts", contact, "hs_v2_date_entered_1034567890", "hs_lifecyclestage_1034567890_date")
    assert entered["hs_v2_date_entered_1034567890"] is not None


def test_people_may_move_a_stage_back_on_the_screen(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example", lifecyclestage="customer")
    sandbox.edit("contacts", contact, {"lifecyclestage": "lead"})
    assert stage(api, contact) == "lead"
    assert sandbox.ledger(source="CRM_UI")[-1]["changes"] == {"lifecyclestage": ["customer", "lead"]}


def test_companies_follow_the_same_rule(api: Api) -> None:
    made = api("POST", "/crm/v3/objects/companies", {"properties": {"name": "x", "lifecyclestage": "customer"}})
    path = f"/crm/v3/objects/companies/{made.json['id']}"
    written = api("PATCH", path, {"properties": {"lifecyclestage": "lead"}})
    assert written.json["properties"]["lifecyclestage"] == "customer"
