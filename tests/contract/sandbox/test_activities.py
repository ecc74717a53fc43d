"""Calls, messages and meetings: what a create needs, outcomes of calls, events of the generic kind."""

from __future__ import annotations

from typing import Any

from connector.sandbox.handle import SandboxHandle

from .conftest import Api, Receiver

AT = "2026-04-01T09:00:00Z"
CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"


def log(api: Api, kind: str, properties: dict[str, str], contact: str, type_id: int) -> Any:
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
    body = {"properties": properties, "associations": [{"to": {"id": contact}, "types": types}]}
    return api("POST", f"/crm/objects/2026-03/{kind}", body)


def test_a_message_needs_its_channel_and_where_it_was_logged(api: Api) -> None:
    contact = api.contact(email="a@b.example")
    assert log(api, "communications", {"hs_timestamp": AT}, contact, 81).status == 400
    given = {"hs_timestamp": AT, "hs_communication_channel_type": "LINKEDIN_MESSAGE"}
    assert log(api, "communications", given, contact, 81).status == 400
    made = log(api, "communications", given | {"hs_communication_logged_from": "CRM"}, contact, 81)
    assert made.status == 201
    odd = {"hs_timestamp": AT, "hs_communication_channel_type": "FAX", "hs_communication_logged_from": "CRM"}
    assert log(api, "communications", odd, contact, 81).status == 400
    path = f"/crm/v4/objects/contacts/{contact}/associations/communications"
    assert [row["toObjectId"] for row in api("GET", path).json["results"]] == [int(made.json["id"])]


def test_outcomes_of_calls_are_the_portals_to_name(api: Api, sandbox: SandboxHandle) -> None:
    def labels() -> dict[str, str]:
        return {row["id"]: row["label"] for row in api("GET", "/calling/v1/dispositions").json}

    assert labels()[CONNECTED] == "Connected"
    sandbox.put_disposition(CONNECTED, "接続")
    assert labels()[CONNECTED] == "接続"
    sandbox.put_disposition(CONNECTED, "")
    assert CONNECTED not in labels()


def test_events_of_activities_are_generic_and_name_their_type(
    api: Api, sandbox: SandboxHandle, receiver: Receiver
) -> None:
    contact = api.contact(email="a@b.example")
    sandbox.subscribe({"calls": ["hs_call_disposition"]})
    made = log(api, "calls", {"hs_timestamp": AT}, contact, 194).json
    api("PATCH", f"/crm/v3/objects/calls/{made['id']}", {"properties": {"hs_call_disposition": CONNECTED}})
    assert sandbox.wait_webhooks()
    events = receiver.events
    assert {event["objectTypeId"] for event in events} == {"0-48"}
    kinds = {event["subscriptionType"] for event in events}
    assert kinds == {"object.creation", "object.associationChange", "object.propertyChange"}
    (change,) = [event for event in events if event["subscriptionType"] == "object.propertyChange"]
    assert change["propertyValue"] == CONNECTED
