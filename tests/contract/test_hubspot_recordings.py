"""Recorded exchanges with the real HubSpot are read as our code reads the sandbox's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.errors import QuotaError
from connector.vendors.http import Answer
from connector.vendors.hubspot import records
from connector.vendors.hubspot.failures import failure

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
SOURCE = RECORDINGS / "hubspot.dev.jsonl"

pytestmark = pytest.mark.skipif(not SOURCE.exists(), reason="the recordings are not beside this checkout")


def _exchanges() -> Iterator[Mapping[str, Any]]:
    with SOURCE.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _response(exchange: Mapping[str, Any]) -> Any:
    response = exchange["response"]
    if isinstance(response, dict) and "$body_ref" in response:
        return json.loads((RECORDINGS / response["$body_ref"]).read_text(encoding="utf-8"))
    return response


def _crm_records() -> Iterator[Mapping[str, Any]]:
    for exchange in _exchanges():
        if exchange["status"] not in (200, 201) or "/objects/" not in exchange["url"]:
            continue
        body = _response(exchange)
        yield from body.get("results", [body]) if isinstance(body, dict) else []


def test_every_recorded_record_is_read() -> None:
    count = blanks = 0
    for raw in _crm_records():
        found = records.record(raw, "company", ())
        assert found.id == str(raw["id"])
        assert found.modified_at is not None
        assert set(found.properties) == set(raw["properties"])
        for name, value in raw["properties"].items():
            assert found.properties[name] == (value or None)
            blanks += value is None
        count += 1
    assert count > 200
    assert blanks > 0


def test_every_recorded_limit_is_a_short_one() -> None:
    seen = 0
    for exchange in _exchanges():
        if exchange["status"] != 429:
            continue
        headers = {name.lower(): value for name, value in exchange["headers"].items()}
        answer = Answer(status=429, headers=headers, body=orjson.dumps(exchange["response"]), seconds=0.1)
        error = failure(answer, repeatable=True)
        assert isinstance(error, QuotaError)
        assert (error.reason, error.retry_after_seconds) == ("limit_second", 1.0)
        seen += 1
    assert seen > 10


def test_recorded_property_definitions_are_read() -> None:
    [exchange] = [one for one in _exchanges() if one["url"].endswith("/crm/v3/properties/contacts")]
    found = {raw["name"]: records.property_info(raw) for raw in _response(exchange)["results"]}
    assert found["email"].type == "string"
    assert found["createdate"].read_only
    assert found["lifecyclestage"].type == "enumeration"
    assert "lead" in found["lifecyclestage"].options
    assert found["hubspot_owner_id"].type in ("owner", "enumeration")


def test_recorded_creates_are_matched_back_whatever_their_order() -> None:
    """Batch creates of the recordings come back in another order: only a key tells which is which."""
    shuffled = 0
    for exchange in _exchanges():
        if not exchange["url"].endswith("/batch/create") or exchange["status"] != 201:
            continue
        sent = [row["properties"] for row in exchange["request"]["inputs"]]
        came = [row["properties"] for row in _response(exchange)["results"]]
        assert len(sent) == len(came)
        shuffled += [row.get("domain") for row in sent] != [row.get("domain") for row in came]
    assert shuffled > 0
