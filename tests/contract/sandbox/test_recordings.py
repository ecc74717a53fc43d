"""The sandbox beside real exchanges: same keys, same kinds of values, same headers.

The recordings lie beside the project and are read only; without them these tests are skipped.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.sandbox.handle import SandboxHandle

from .conftest import Answer, Api

RECORDINGS = Path(__file__).parents[4] / "shared" / "recordings"
FILE = RECORDINGS / "hubspot.dev.jsonl"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the recordings are not beside the project")

#: what a proxy or the date adds, not HubSpot's API
AMBIENT = {"date", "content-length", "connection"}


def recorded(method: str, pattern: str, status: int) -> list[dict[str, Any]]:
    rows = (orjson.loads(line) for line in FILE.read_bytes().splitlines())
    found = [
        row for row in rows if row["method"] == method and row["status"] == status and re.search(pattern, row["url"])
    ]
    assert found, f"no recording of {method} {pattern} {status}"
    return found


def body_of(row: dict[str, Any]) -> Any:
    body = row["response"]
    if isinstance(body, dict) and "$body_ref" in body:
        return orjson.loads((RECORDINGS / body["$body_ref"]).read_bytes())
    return body


def header_names(headers: dict[str, str]) -> set[str]:
    return {name.lower() for name in headers} - AMBIENT


def shape(value: Any) -> Any:
    """Keys and kinds: moments, ids in digits and plain text are told apart."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str):
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value):
            return "moment"
        return "digits" if value.isdigit() else "text"
    return type(value).__name__


def same_shape(ours: Answer, theirs: dict[str, Any], ignore: tuple[str, ...] = ("properties",)) -> None:
    """Top-level keys of both records equal; `ignore`d subtrees are compared elsewhere."""
    mine, real = shape(ours.json), shape(body_of(theirs))
    for one in (mine, real):
        for row in one.get("results", [one]) if isinstance(one, dict) else []:
            for key in ignore:
                row.pop(key, None)
    assert mine == real


def company(api: Api, domain: str = "aoba.example") -> Answer:
    return api("POST", "/crm/v3/objects/companies", {"properties": {"name": "青葉", "domain": domain}})


def test_a_single_create(api: Api) -> None:
    row = recorded("POST", "/crm/v3/objects/companies$", 201)[0]
    made = company(api)
    same_shape(made, row)
    real = set(body_of(row)["properties"])
    assert real <= set(made.json["properties"])
    assert header_names(row["headers"]) <= header_names(made.headers)


def test_a_single_read_and_update(api: Api) -> None:
    made = company(api).json["id"]
    read = api("GET", f"/crm/v3/objects/companies/{made}")
    row = recorded("GET", r"/crm/v3/objects/companies/\d+$", 200)[0]
    same_shape(read, row)
    assert set(read.json["properties"]) == set(body_of(row)["properties"])
    assert header_names(row["headers"]) == header_names(read.headers)
    written = api("PATCH", f"/crm/v3/objects/companies/{made}", {"properties": {"name": "若葉"}})
    row = recorded("PATCH", r"/crm/v3/objects/companies/\d+$", 200)[0]
    same_shape(written, row)
    assert set(written.json["properties"]) == set(body_of(row)["properties"])


def test_a_contact_by_address_and_its_update(api: Api) -> None:
    contact = api.contact(email="test@b.example", firstname="Test", lastname="User")
    read = api("GET", "/crm/v3/objects/contacts/test@b.example?idProperty=email")
    row = recorded("GET", r"/contacts/test@example\.com\?idProperty=email", 200)[0]
    same_shape(read, row)
    assert set(read.json["properties"]) == set(body_of(row)["properties"])
    written = api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"lastname": "x"}})
    row = recorded("PATCH", r"/crm/v3/objects/contacts/\d+$", 200)[0]
    real = set(body_of(row)["properties"])
    assert real - set(written.json["properties"]) <= {"hs_is_contact", "hs_is_unworked"}


def test_lists_and_their_paging(api: Api) -> None:
    for number in range(2):
        api.contact(email=f"p{number}@b.example", firstname="x", lastname="y")
    for query in ("limit=1", "limit=1&properties=email,firstname"):
        row = recorded("GET", rf"/contacts\?{re.escape(query)}$", 200)[0]
        page = api("GET", f"/crm/v3/objects/contacts?{query}")
        same_shape(page, row)
        real = body_of(row)
        assert set(page.json["results"][0]["properties"]) == set(real["results"][0]["properties"])
        following, last = page.json["paging"]["next"], page.json["results"][-1]["id"]
        assert int(following["after"]) - int(last) == 1
        assert int(real["paging"]["next"]["after"]) - int(real["results"][-1]["id"]) == 1
        form = re.sub(r"https?://[^/]+|after=\d+", "", following["link"])
        assert form == re.sub(r"https?://[^/]+|after=\d+", "", real["paging"]["next"]["link"])


def test_batches(api: Api) -> None:
    inputs = [{"properties": {"domain": f"d{number}.example", "name": "x"}} for number in range(50)]
    made = api("POST", "/crm/v3/objects/COMPANY/batch/create", {"inputs": inputs})
    row = recorded("POST", "/COMPANY/batch/create$", 201)[0]
    same_shape(made, row)
    many = [one for one in recorded("POST", "/COMPANY/batch/create$", 201) if len(one["request"]["inputs"]) > 1]
    for real_inputs, results in [
        *((one["request"]["inputs"], one["response"]["results"]) for one in many),
        (inputs, made.json["results"]),
    ]:
        sent = [one["properties"]["domain"] for one in real_inputs]
        got = [one["properties"]["domain"] for one in results]
        assert sorted(sent) == sorted(got)
        assert sent != got
    first = made.json["results"][0]["id"]
    cleared = {"inputs": [{"id": first, "properties": {"domain": "d.example", "website": "", "facebookfans": ""}}]}
    written = api("POST", "/crm/v3/objects/COMPANY/batch/update", cleared)
    blanks = [
        one
        for one in recorded("POST", "/COMPANY/batch/update$", 200)
        if one["request"]["inputs"][0]["properties"].get("website") == ""
    ]
    same_shape(written, blanks[0])
    for props in (written.json["results"][0]["properties"], blanks[0]["response"]["results"][0]["properties"]):
        assert (props["website"], props["facebookfans"]) == ("", "")


def test_archiving_is_204_without_a_body(api: Api) -> None:
    made = company(api).json["id"]
    gone = api("POST", "/crm/v3/objects/COMPANY/batch/archive", {"inputs": [{"id": made}]})
    row = recorded("POST", "/COMPANY/batch/archive$", 204)[0]
    assert (gone.data, row["response"]) == (b"", "")
    assert header_names(row["headers"]) == header_names(gone.headers)


def search(api: Api, value: str, limit: int = 100) -> Answer:
    filters = [{"propertyName": "domain", "operator": "EQ", "value": value}]
    body = {"filterGroups": [{"filters": filters}], "properties": ["name", "facebookfans", "domain"], "limit": limit}
    return api("POST", "/crm/v3/objects/COMPANY/search", body)


def test_search_and_its_headers(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(search_lag_seconds=0)
    company(api)
    found = search(api, "aoba.example")
    rows = recorded("POST", "/COMPANY/search$", 200)
    hits = [row for row in rows if row["response"]["results"]]
    same_shape(found, hits[0])
    assert found.json["results"][0]["properties"]["facebookfans"] is None
    for row in rows:
        names = header_names(row["headers"])
        assert "x-hubspot-ratelimit-max" not in names
        assert names <= header_names(found.headers)
    assert shape(search(api, "nobody.example").json) == shape(
        next(row["response"] for row in rows if not row["response"]["results"])
    )


def test_search_pages_by_offset_without_a_link(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(search_lag_seconds=0)
    for number in range(10):
        api.contact(email=f"p{number}@b.example", firstname="x", lastname="y")
    filters = [{"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "b.example"}]
    found = api("POST", "/crm/v3/objects/contacts/search", {"filterGroups": [{"filters": filters}], "limit": 5})
    paged = [row for row in recorded("POST", "/contacts/search$", 200) if "paging" in body_of(row)]
    same_shape(found, paged[0])
    assert found.json["paging"] == body_of(paged[0])["paging"] == {"next": {"after": "5"}}


def test_search_429(api: Api) -> None:
    answers = [search(api, "x") for _ in range(6)]
    assert answers[-1].status == 429
    for row in recorded("POST", "/COMPANY/search$", 429):
        assert set(answers[-1].json) == set(row["response"])
        for key in ("status", "message", "category"):
            assert answers[-1].json[key] == row["response"][key]
        assert header_names(row["headers"]) <= header_names(answers[-1].headers)
        assert "retry-after" not in header_names(row["headers"]) | header_names(answers[-1].headers)


def test_property_definitions(api: Api) -> None:
    real = {row["name"]: row for row in body_of(recorded("GET", "/crm/v3/properties/contacts$", 200)[0])["results"]}
    ours = {row["name"]: row for row in api("GET", "/crm/v3/properties/contacts").json["results"]}
    shared = set(real) & set(ours)
    assert {"email", "lifecyclestage", "hs_lead_status", "hubspot_owner_id", "recent_conversion_date"} <= shared
    for name in sorted(shared):
        theirs, mine = real[name], ours[name]
        assert set(theirs) - {"updatedUserId", "createdUserId", "showCurrencySymbol", "calculationFormula"} <= set(
            mine
        ), name
        assert mine["type"] == theirs["type"], name
        read_only = theirs["modificationMetadata"]["readOnlyValue"]
        assert mine["modificationMetadata"]["readOnlyValue"] == read_only, name
        for key in ("hasUniqueValue", "fieldType", "groupName", "externalOptions", "calculated", "formField"):
            assert mine[key] == theirs[key], (name, key)
    for name in ("lifecyclestage", "hs_lead_status"):
        assert [one["value"] for one in ours[name]["options"]] == [one["value"] for one in real[name]["options"]]


def test_account_and_users(api: Api) -> None:
    about = api("GET", "/integrations/v1/me")
    assert shape(about.json) == shape(body_of(recorded("GET", "/integrations/v1/me", 200)[0]))
    query = "limit=1&properties=hs_email,hs_given_name,hs_family_name"
    users = api("GET", f"/crm/v3/objects/users?{query}")
    row = recorded("GET", "/crm/v3/objects/users", 200)[0]
    assert set(users.json["results"][0]["properties"]) == set(row["response"]["results"][0]["properties"])
