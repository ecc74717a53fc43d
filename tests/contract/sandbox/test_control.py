"""Clock, switches, ledger, people, merges, and what the control API refuses."""

from __future__ import annotations

import pytest

from connector.errors import UsageError
from connector.sandbox.handle import SandboxHandle, connect_sandbox

from .conftest import Api


def test_the_clock_stands_jumps_and_runs(api: Api, sandbox: SandboxHandle) -> None:
    assert sandbox.set_clock(now="2026-11-20T10:00:00+09:00", rate=0) == 1795136400000
    first = api.contact(email="a@b.example")
    sandbox.set_clock(advance_seconds=86_400)
    second = api.contact(email="b@b.example")
    assert api.read("contacts", first)["createdate"] == "2026-11-20T01:00:00.000Z"
    assert api.read("contacts", second)["createdate"] == "2026-11-21T01:00:00.000Z"
    assert sandbox.clock()["rate"] == 0
    before = sandbox.set_clock(rate=1_000_000)
    assert sandbox.clock()["now_ms"] > before
    with pytest.raises(UsageError):
        sandbox.set_clock(now="someday")
    with pytest.raises(UsageError):
        sandbox.set_clock(rate=-1)


def test_the_ledger_tells_who_changed_what_from_what(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example", city="東京")
    owner = sandbox.owners()[0]
    sandbox.edit("contacts", contact, {"city": "大阪"}, owner_id=owner["id"])
    made, edited = sandbox.ledger(id=contact)
    assert made["changes"] == {"email": [None, "a@b.example"], "city": [None, "東京"]}
    assert (made["method"], made["source"], made["actor"]) == ("create", "INTEGRATION", "private")
    assert edited["changes"] == {"city": ["東京", "大阪"]}
    assert (edited["source"], edited["user_id"]) == ("CRM_UI", owner["userId"])
    assert edited["seq"] > made["seq"]
    assert sandbox.ledger(since=made["seq"]) == [edited]
    assert sandbox.ledger(source="CRM_UI", type="contacts") == [edited]


def test_people_work_on_tasks(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")
    task = sandbox.create("tasks", {"hs_timestamp": "2026-04-01"}, associations=[("contacts", contact)])["id"]
    done = sandbox.complete_task(task)
    assert done["properties"]["hs_task_status"] == "COMPLETED"
    assert done["properties"]["hs_task_completion_date"]
    assert done["associations"] == {"contacts": {contact: [204]}}
    sandbox.delete_task(task)
    assert api("GET", f"/crm/v3/objects/tasks/{task}").status == 404
    sandbox.restore("tasks", task)
    assert api("GET", f"/crm/v3/objects/tasks/{task}").status == 200


@pytest.mark.parametrize("new_record", [False, True])
def test_a_merge_redirects_ids_and_addresses(api: Api, sandbox: SandboxHandle, new_record: bool) -> None:
    sandbox.settings(merge_creates_new=new_record)
    one = api.contact(email="a@b.example", city="東京")
    two = api.contact(email="b@b.example", city="大阪", phone="1")
    task = sandbox.create("tasks", {"hs_timestamp": "2026-04-01"}, associations=[("contacts", two)])["id"]
    body = {"primaryObjectId": one, "objectIdToMerge": two}
    merged = api("POST", "/crm/v3/objects/contacts/merge", body).json
    assert (merged["id"] not in (one, two)) is new_record
    assert (merged["properties"]["city"], merged["properties"]["phone"]) == ("東京", "1")
    names = {"inputs": [{"id": one}, {"id": two}]}
    read = api("POST", "/crm/v3/objects/contacts/batch/read", names)
    assert [row["id"] for row in read.json["results"]] == [merged["id"]]
    for mail in "ab":
        found = api("GET", f"/crm/v3/objects/contacts/{mail}@b.example?idProperty=email")
        assert found.json["id"] == merged["id"]
    listed = api("GET", f"/crm/v4/objects/tasks/{task}/associations/contacts").json["results"]
    assert [str(row["toObjectId"]) for row in listed] == [merged["id"]]
    assert len(api("GET", "/crm/v3/objects/contacts").json["results"]) == 1
    assert api("POST", "/crm/v3/objects/contacts", {"properties": {"email": "b@b.example"}}).status == 409
    row = sandbox.ledger(method="merge")[0]
    assert row["detail"]["merged"] == ([one, two] if new_record else [two])
    assert api("POST", "/crm/v3/objects/contacts/merge", {**body, "objectIdToMerge": one}).status == 400


def test_counters_rise_and_mail_is_refused(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")
    sandbox.visit(contact, url="https://www.example.com/pricing")
    sandbox.visit(contact, times=2)
    sandbox.mail(contact, "open")
    sandbox.mail(contact, "click", times=3)
    sandbox.mail(contact, "optout")
    names = ("hs_analytics_num_visits", "hs_email_open", "hs_email_click", "hs_email_optout", "hs_analytics_last_url")
    props = api.read("contacts", contact, *names)
    assert [props[name] for name in names] == ["3", "1", "3", "true", "https://www.example.com/pricing"]


def test_an_import_makes_and_changes(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")
    ids = sandbox.import_rows([{"email": "a@b.example", "city": "津"}, {"email": "n@b.example"}])
    assert ids[0] == contact
    assert [row["source"] for row in sandbox.ledger()] == ["INTEGRATION", "IMPORT", "IMPORT"]


def test_switches_are_checked(sandbox: SandboxHandle) -> None:
    with pytest.raises(UsageError, match="latency_ms"):
        sandbox.settings(latency=5)
    with pytest.raises(UsageError, match="needs a bool"):
        sandbox.settings(limits_enabled="no")
    assert sandbox.settings(latency_ms=0)["latency_ms"] == 0
    with pytest.raises(UsageError, match="target_url"):
        sandbox.webhooks(url="x")


def test_refusals_of_the_control_api(sandbox: SandboxHandle) -> None:
    with pytest.raises(UsageError, match="No contacts 7"):
        sandbox.edit("contacts", "7", {})
    with pytest.raises(UsageError, match="PROPERTY_DOESNT_EXIST"):
        sandbox.create("contacts", {"nothing": "1"})
    with pytest.raises(UsageError, match="No control action"):
        sandbox.control("GET", "/nowhere")
    with pytest.raises(UsageError, match="KeyError"):
        sandbox.control("POST", "/edit", {})
    with pytest.raises(UsageError, match="No owner"):
        sandbox.create("contacts", {"email": "a@b.example"}, owner_id="1")


def test_calls_are_counted_by_kind(api: Api, sandbox: SandboxHandle) -> None:
    ids = [api.contact(email=f"{name}@b.example") for name in "ab"]
    api("POST", "/crm/objects/2026-03/contacts/batch/read", {"inputs": [{"id": one} for one in ids]})
    api("POST", "/crm/v3/objects/contacts/search", {})
    calls = sandbox.calls()
    assert calls["contacts.create"] == {"calls": 2, "records": 2, "statuses": {"201": 2}}
    assert calls["contacts.batch_read"]["records"] == 2
    assert (calls["search"]["calls"], calls["total"]["calls"]) == (1, 4)
    sandbox.reset_calls()
    assert sandbox.call_count("total") == 0


def test_a_second_handle_drives_the_same_sandbox(sandbox: SandboxHandle) -> None:
    with connect_sandbox(sandbox.base_url) as other:
        made = other.create("contacts", {"email": "a@b.example"})["id"]
        assert other.token == sandbox.token
    assert sandbox.record("contacts", made)["properties"]["email"] == "a@b.example"
