"""Forms: the public submission, what it leaves on the contact, and the list of submissions."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.behaviour import submissions
from connector.sandbox.handle import SandboxHandle

from .conftest import Answer, Api


def submit(api: Api, sandbox: SandboxHandle, guid: str, page: str = "料金", **values: str) -> Answer:
    body: dict[str, Any] = {
        "fields": [{"objectTypeId": "0-1", "name": name, "value": value} for name, value in values.items()],
        "context": {"pageName": page, "pageUri": "https://www.example.com/price"},
    }
    path = f"/submissions/v3/integration/submit/{sandbox.portal_id}/{guid}"
    return api("POST", path, body, headers={"Authorization": ""})


def test_a_submission_makes_the_contact_and_counts(api: Api, sandbox: SandboxHandle) -> None:
    guid = sandbox.forms()["資料請求"]
    assert submit(api, sandbox, guid, email="A@B.example", lastname="山田").status == 200
    contact = sandbox.find("contacts", "email", "a@b.example")
    props = contact["properties"]
    assert props["recent_conversion_event_name"] == "料金: 資料請求"
    assert props["num_conversion_events"] == "1"
    assert props["first_conversion_date"] == props["recent_conversion_date"]
    assert props["recent_conversion_date"].endswith("Z")
    sandbox.set_clock(advance_seconds=60)
    submit(api, sandbox, guid, email="a@b.example", phone="03-1")
    again = sandbox.find("contacts", "email", "a@b.example")["properties"]
    assert (again["num_conversion_events"], again["num_unique_conversion_events"]) == ("2", "1")
    assert again["recent_conversion_date"] > again["first_conversion_date"]
    assert again["phone"] == "03-1"
    assert [row["source"] for row in sandbox.ledger(type="contacts")] == ["FORM", "FORM"]


def test_bad_submissions(api: Api, sandbox: SandboxHandle) -> None:
    guid = sandbox.forms()["資料請求"]
    wrong = submit(api, sandbox, guid, email="nobody")
    assert (wrong.status, wrong.json["errors"][0]["errorType"]) == (400, "INVALID_EMAIL")
    assert submit(api, sandbox, guid, lastname="x").json["errors"][0]["errorType"] == "REQUIRED_FIELD"
    assert submit(api, sandbox, "no-such-form", email="a@b.example").status == 404
    assert sandbox.records("contacts") == []


def test_submissions_are_listed_newest_first_fifty_a_page(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.set_clock(rate=0)
    guid = sandbox.forms()["お問い合わせ"]
    for number in range(60):
        sandbox.submit(guid, {"email": f"p{number}@b.example"}, page_title="問合せ")
        sandbox.set_clock(advance_seconds=1)
    path = f"/form-integrations/v1/submissions/forms/{guid}"
    first = api("GET", f"{path}?limit=50").json
    rest = api("GET", f"{path}?limit=50&after={first['paging']['next']['after']}").json
    rows = [*first["results"], *rest["results"]]
    assert (len(first["results"]), len(rest["results"])) == (50, 10)
    moments = [row["submittedAt"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    assert len({row["conversionId"] for row in rows}) == 60
    assert rows[0]["values"] == [{"name": "email", "value": "p59@b.example", "objectTypeId": "0-1"}]
    assert "paging" not in rest
    assert api("GET", f"{path}?limit=51").status == 400


def test_forms_are_listed_in_both_versions(api: Api, sandbox: SandboxHandle) -> None:
    names = ["資料請求", "お問い合わせ", "デモ依頼", "ホワイトペーパーDL", "追加相談"]
    assert [row["name"] for row in api("GET", "/marketing/v3/forms/").json["results"]] == names
    assert [row["name"] for row in api("GET", "/forms/v2/forms").json] == names
    guid = sandbox.forms()["デモ依頼"]
    assert api("GET", f"/marketing/forms/2026-03/{guid}").json["id"] == guid
    page = api("GET", "/marketing/v3/forms?limit=3").json
    assert page["paging"]["next"]["after"] == "3"


def test_behaviour_is_seeded_and_goes_in(sandbox: SandboxHandle) -> None:
    first = list(submissions(40, seed=7))
    assert first == list(submissions(40, seed=7))
    assert first != list(submissions(40, seed=8))
    for one in first:
        sandbox.submit(one)
    people = {one.values["email"].lower() for one in first}
    assert 1 < len(people) < 40
    assert {row["properties"]["email"] for row in sandbox.records("contacts")} == people


def test_an_unknown_form_is_named_with_the_known_ones(sandbox: SandboxHandle) -> None:
    with pytest.raises(Exception, match="資料請求"):
        sandbox.submit("アンケート", {"email": "a@b.example"})
