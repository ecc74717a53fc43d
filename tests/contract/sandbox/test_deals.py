"""Deals: pipelines and their stages, what HubSpot works out of a stage, how many deals a contact has."""

from __future__ import annotations

from typing import Any

from connector.sandbox.handle import SandboxHandle

from .conftest import Api

STAGES = [
    {"label": "初回商談", "displayOrder": 0, "metadata": {"probability": "0.2"}},
    {"label": "受注", "displayOrder": 1, "metadata": {"probability": "1.00"}},
    {"label": "失注", "displayOrder": 2, "metadata": {"probability": "0.00"}},
]


def pipeline(api: Api) -> dict[str, Any]:
    made = api("POST", "/crm/pipelines/2026-03/deals", {"label": "新規営業", "displayOrder": 1, "stages": STAGES})
    assert made.status == 201, made.data
    return {"id": made.json["id"], **{stage["label"]: stage["id"] for stage in made.json["stages"]}}


def deal(api: Api, properties: dict[str, str], contact: str) -> Any:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]
    body = {"properties": properties, "associations": [{"to": {"id": contact}, "types": types}]}
    return api("POST", "/crm/objects/2026-03/deals", body)


def test_a_deal_is_closed_by_its_stage(api: Api) -> None:
    mine, contact = pipeline(api), api.contact(email="a@b.example")
    made = deal(api, {"dealname": "一件", "pipeline": mine["id"], "dealstage": mine["初回商談"]}, contact)
    shown = ("hs_is_closed", "hs_is_closed_won", "hs_deal_stage_probability")
    assert api.read("deals", made.json["id"], *shown)["hs_is_closed"] == "false"
    api("PATCH", f"/crm/v3/objects/deals/{made.json['id']}", {"properties": {"dealstage": mine["受注"]}})
    won = api.read("deals", made.json["id"], *shown)
    assert (won["hs_is_closed"], won["hs_is_closed_won"], won["hs_deal_stage_probability"]) == ("true", "true", "1.00")
    api("PATCH", f"/crm/v3/objects/deals/{made.json['id']}", {"properties": {"dealstage": mine["失注"]}})
    lost = api.read("deals", made.json["id"], *shown)
    assert (lost["hs_is_closed"], lost["hs_is_closed_won"]) == ("true", "false")


def test_a_stage_of_another_pipeline_is_refused(api: Api) -> None:
    mine, contact = pipeline(api), api.contact(email="a@b.example")
    elsewhere = deal(api, {"dealname": "一件", "pipeline": mine["id"], "dealstage": "closedwon"}, contact)
    assert elsewhere.status == 400
    assert b"dealstage" in elsewhere.data
    without = deal(api, {"dealname": "一件", "dealstage": mine["受注"]}, contact)
    assert without.status == 400, "a deal without a pipeline goes into the default one"
    assert (
        deal(api, {"dealname": "一件", "dealstage": "closedwon"}, contact).json["properties"]["pipeline"] == "default"
    )


def test_labels_of_pipelines_and_stages_are_unique(api: Api) -> None:
    mine = pipeline(api)
    again = api("POST", "/crm/v3/pipelines/deals", {"label": "新規営業", "displayOrder": 2, "stages": STAGES})
    assert again.status == 409
    path = f"/crm/v3/pipelines/deals/{mine['id']}/stages"
    assert api("POST", path, STAGES[0]).status == 409
    more = api("POST", path, {"label": "提案", "displayOrder": 1, "metadata": {"probability": "0.4"}})
    assert more.status == 201
    assert len(api("GET", path).json["results"]) == 4


def test_a_contact_counts_its_deals(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")

    def count() -> str | None:
        return api.read("contacts", contact, "num_associated_deals")["num_associated_deals"]

    assert count() is None
    first = deal(api, {"dealname": "一件", "dealstage": "closedwon"}, contact).json["id"]
    deal(api, {"dealname": "二件", "dealstage": "closedwon"}, contact)
    assert count() == "2"
    sandbox.delete("deals", first)
    assert count() == "1"
    sandbox.restore("deals", first)
    assert count() == "2"
    api("DELETE", f"/crm/v4/objects/deals/{first}/associations/contacts/{contact}")
    assert count() == "1"
