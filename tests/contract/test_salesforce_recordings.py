"""Recorded exchanges with the real Salesforce are read like the sandbox's, and the sandbox looks like them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.sandbox.salesforce.handle import start_salesforce
from connector.sandbox.salesforce.ids import eighteen
from connector.vendors.salesforce import records
from connector.vendors.salesforce.failures import failure

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
SOURCE = RECORDINGS / "salesforce.dev.jsonl"

pytestmark = pytest.mark.skipif(not SOURCE.exists(), reason="the recordings are not beside this checkout")


@cache
def _exchanges() -> tuple[Mapping[str, Any], ...]:
    with SOURCE.open(encoding="utf-8") as lines:
        return tuple(map(json.loads, lines))


def _response(exchange: Mapping[str, Any]) -> Any:
    response = exchange["response"]
    if isinstance(response, dict) and "$body_ref" in response:
        return json.loads((RECORDINGS / response["$body_ref"]).read_text(encoding="utf-8"))
    return response


def _bodies(words: str, method: str = "GET") -> Iterator[Any]:
    for exchange in _exchanges():
        if words in exchange["url"] and exchange["method"] == method and exchange["status"] < 300:
            body = _response(exchange)
            if isinstance(body, dict | list):
                yield body


def _described(name: str) -> Mapping[str, Any]:
    return max(_bodies(f"/sobjects/{name}/describe"), key=lambda body: len(body["fields"]))


def test_recorded_records_are_read() -> None:
    seen = 0
    for body in _bodies("/query?"):
        for raw in body["records"]:
            if "Id" not in raw or "/tooling/" in raw["attributes"].get("url", ""):
                continue
            found = records.record(raw, raw["attributes"]["type"])
            assert found.properties["Id"] == found.id
            assert "attributes" not in found.properties
            assert all(value is None or (isinstance(value, str) and value) for value in found.properties.values())
            seen += 1
    assert seen > 50


def test_recorded_rows_have_a_moment_and_an_id_of_our_making() -> None:
    rows = [body for body in _bodies("/sobjects/Lead/00Q") if "SystemModstamp" in body]
    assert rows
    for raw in rows:
        found = records.record(raw, "Lead")
        assert found.modified_at is not None
        assert found.modified_at.microsecond == 0
        assert eighteen(found.id[:15]) == found.id
        assert not found.archived


@pytest.mark.parametrize("name", ["Lead", "Contact", "Account", "Opportunity", "Event", "Campaign"])
def test_the_sandbox_describes_fields_as_recorded(name: str) -> None:
    recorded = {one["name"]: one for one in _described(name)["fields"]}
    with start_salesforce() as sandbox:
        url = f"{sandbox.base_url}/services/data/v66.0/sobjects/{name}/describe"
        headers = {"Authorization": f"Bearer {sandbox.issue_token()}"}
        described = requests.get(url, headers=headers, timeout=10).json()
    both = [(one, recorded[one["name"]]) for one in described["fields"] if one["name"] in recorded]
    assert len(both) > len(described["fields"]) * 0.8
    shape = set(next(iter(recorded.values())))
    for ours, theirs in both:
        assert set(ours) <= shape, ours["name"]
        assert (ours["name"], ours["type"]) == (theirs["name"], theirs["type"])
        info, real = records.property_info(ours), records.property_info(theirs)
        assert (info.type, info.read_only) == (real.type, real.read_only), ours["name"]
        if theirs["type"] in ("string", "textarea", "email", "phone", "url", "picklist"):
            assert (ours["name"], ours["length"]) == (theirs["name"], theirs["length"])


def test_every_recorded_data_reply_tells_the_days_calls() -> None:
    replies = [one for one in _exchanges() if "/services/data/v42.0/" in one["url"]]
    assert len(replies) > 300
    assert all("api-usage=" in one["headers"].get("Sforce-Limit-Info", "") for one in replies)


def test_recorded_results_of_collections_have_the_sandboxs_shape() -> None:
    good = [one for method in ("POST", "PATCH") for body in _bodies("/composite/sobjects", method) for one in body]
    assert len(good) > 50
    for one in good:
        assert set(one) - {"created"} <= {"id", "success", "errors"}
        if not one["success"]:
            assert "id" not in one
            assert set(one["errors"][0]) == {"statusCode", "message", "fields"}


def test_a_recorded_refusal_is_understood() -> None:
    refused = [one for one in _exchanges() if one["status"] == 404]
    assert refused
    for exchange in refused:
        error = failure(404, _response(exchange), repeatable=True)
        assert error.reason == "not_found"
