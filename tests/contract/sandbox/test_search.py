"""Search: the lagging index, caps, filters, sorts, and replies without window headers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from connector.sandbox import limits
from connector.sandbox.handle import SandboxHandle, start_sandbox

from .conftest import Answer, Api

PATH = "/crm/v3/objects/contacts/search"


def find(api: Api, *filters: dict[str, Any], **body: Any) -> Answer:
    return api("POST", PATH, {"filterGroups": [{"filters": list(filters)}] if filters else [], **body})


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}


def test_a_write_is_seen_only_after_the_lag(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.set_clock(rate=0)
    contact = api.contact(email="a@b.example", city="東京")
    wanted = where("email", "EQ", "a@b.example")
    assert find(api, wanted).json == {"total": 0, "results": []}
    sandbox.set_clock(advance_seconds=5.1)
    assert [row["id"] for row in find(api, wanted).json["results"]] == [contact]
    api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"city": "大阪"}})
    assert (
        find(api, where("city", "EQ", "東京"), properties=["city"]).json["results"][0]["properties"]["city"] == "東京"
    )
    assert find(api, where("city", "EQ", "大阪")).json["total"] == 0
    assert api.read("contacts", contact, "city")["city"] == "大阪"
    sandbox.set_clock(advance_seconds=5.1)
    sandbox.reset_limits()
    assert find(api, where("city", "EQ", "大阪")).json["total"] == 1


def test_total_lies_right_after_an_archive(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.set_clock(rate=0)
    contact = api.contact(email="a@b.example")
    sandbox.set_clock(advance_seconds=6)
    api("DELETE", f"/crm/v3/objects/contacts/{contact}")
    assert find(api, where("email", "EQ", "a@b.example")).json == {"total": 1, "results": []}
    sandbox.set_clock(advance_seconds=6)
    assert find(api, where("email", "EQ", "a@b.example")).json == {"total": 0, "results": []}


@pytest.mark.parametrize(
    ("given", "mails"),
    [
        (where("annualrevenue", "HAS_PROPERTY"), "ab"),
        (where("annualrevenue", "NOT_HAS_PROPERTY"), "c"),
        (where("hs_analytics_num_visits", "GTE", "10"), "b"),
        (where("hs_analytics_num_visits", "BETWEEN", "1", highValue="9"), "a"),
        (where("city", "IN", values=["東京", "大阪"]), "ab"),
        (where("city", "NOT_IN", values=["東京"]), "b"),
        (where("city", "NEQ", "東京"), "bc"),
        (where("email", "CONTAINS_TOKEN", "*B.example"), "abc"),
        (where("createdate", "GT", "2001-01-01"), "abc"),
        (where("createdate", "LT", "978307200000"), ""),
    ],
)
def test_operators(api: Api, sandbox: SandboxHandle, given: dict[str, Any], mails: str) -> None:
    sandbox.settings(search_lag_seconds=0)
    rows = {"a": {"city": "東京", "annualrevenue": "5"}, "b": {"city": "大阪", "annualrevenue": "9"}, "c": {}}
    ids = {name: api.contact(email=f"{name}@b.example", **values) for name, values in rows.items()}
    sandbox.visit(ids["a"], times=9)
    sandbox.visit(ids["b"], times=10)
    found = find(api, given).json
    assert "".join(sorted(row["properties"]["email"][0] for row in found["results"])) == mails
    assert found["total"] == len(mails)


def test_groups_are_or_filters_are_and_one_sort(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(search_lag_seconds=0)
    for mail, city in (("a", "津"), ("b", "津"), ("c", "堺")):
        api.contact(email=f"{mail}@b.example", city=city)
    groups = [
        {"filters": [where("city", "EQ", "津"), where("email", "EQ", "b@b.example")]},
        {"filters": [where("city", "EQ", "堺")]},
    ]
    sorts = [{"propertyName": "email", "direction": "DESCENDING"}]
    found = api("POST", PATH, {"filterGroups": groups, "sorts": sorts}).json["results"]
    assert [row["properties"]["email"] for row in found] == ["c@b.example", "b@b.example"]
    assert api("POST", PATH, {"sorts": [*sorts, *sorts]}).status == 400


def test_associations_can_be_searched(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(search_lag_seconds=0)
    contact = api.contact(email="a@b.example")
    task = sandbox.create("tasks", {"hs_timestamp": "2026-04-01"}, associations=[("contacts", contact)])
    body = {"filterGroups": [{"filters": [where("associations.contact", "EQ", contact)]}]}
    found = api("POST", "/crm/v3/objects/tasks/search", body).json
    assert [row["id"] for row in found["results"]] == [task["id"]]


def test_limits_of_a_search(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(limits_enabled=False)
    one = where("email", "EQ", "x")
    refused = [
        {"limit": 201},
        {"limit": 200, "after": "9900"},
        {"after": "10000"},
        {"filterGroups": [{"filters": [one]}] * 6},
        {"filterGroups": [{"filters": [one] * 7}]},
        {"filterGroups": [{"filters": [one] * 5}] * 4},
        {"filterGroups": [{"filters": [where("no_such", "EQ", "1")]}]},
        {"filterGroups": [{"filters": [where("email", "LIKE", "1")]}]},
        {"query": "x" * 3001},
    ]
    for body in refused:
        assert api("POST", PATH, body).status == 400, body
    assert api("POST", PATH, {"limit": 200, "after": "9800"}).status == 200


def test_pages_of_a_search() -> None:
    with start_sandbox(contacts=450, limits_enabled=False) as sandbox:
        api = Api(sandbox)
        seen: list[str] = []
        after: str | None = "0"
        while after is not None:
            page = api("POST", PATH, {"limit": 200, "after": after}).json
            assert page["total"] == 450
            seen += [row["id"] for row in page["results"]]
            after = page.get("paging", {}).get("next", {}).get("after")
        assert len(set(seen)) == 450
        first = api("POST", PATH, {}).json
        assert len(first["results"]) == 10
        assert first["paging"] == {"next": {"after": "10"}}


def test_no_window_headers_and_a_secondly_429_without_retry_after(
    api: Api, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: 100.0))  # all six within a second
    answers = [find(api) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    for answer in answers:
        names = {name for name in answer.headers if "RateLimit" in name}
        assert names == {"X-HubSpot-RateLimit-Daily", "X-HubSpot-RateLimit-Daily-Remaining"}
    body = answers[-1].json
    assert body["message"] == "You have reached your secondly limit."
    assert body["category"] == "RATE_LIMITS"
    assert "policyName" not in body
    assert "Retry-After" not in answers[-1].headers
    assert sandbox.refused()["search"] == 1
