"""The SOQL that is served: what it finds, and what it refuses in Salesforce's words."""

from __future__ import annotations

import pytest

from connector.sandbox.salesforce.handle import SalesforceHandle

from .conftest import Api


@pytest.fixture
def people(sandbox: SalesforceHandle) -> dict[str, str]:
    rows = [
        {"LastName": "青木", "Company": "A", "Email": "Aoki@a.example", "NumberOfEmployees": 10, "Rating": "Hot"},
        {"LastName": "井上", "Company": "B", "Email": "inoue@b.example", "NumberOfEmployees": 200},
        {"LastName": "O'Brien", "Company": "C", "Rating": "Cold", "HasOptedOutOfEmail": True},
    ]
    return dict(zip("abc", sandbox.import_rows("Lead", rows), strict=True))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Email = 'AOKI@A.EXAMPLE'", "a"),
        ("Email != 'aoki@a.example'", "bc"),
        ("Email = null", "c"),
        ("Email LIKE '%@_.example'", "ab"),
        ("LastName = 'O\\'Brien'", "c"),
        ("NumberOfEmployees >= 10 AND NumberOfEmployees < 200", "a"),
        ("Rating IN ('hot', 'Cold')", "ac"),
        ("Rating NOT IN ('Hot')", "bc"),
        ("NOT Rating = 'Hot'", "bc"),
        ("HasOptedOutOfEmail = true OR (Rating = 'Hot' AND Company = 'a')", "ac"),
        ("CreatedDate = TODAY", ""),
        ("CreatedDate > LAST_N_DAYS:2", "abc"),
        ("SystemModstamp > 2000-01-01T00:00:00Z AND SystemModstamp < 2100-01-01T00:00:00.123+09:00", "abc"),
        ("Owner.Name LIKE '%管理%'", "abc"),
        ("OwnerId IN (SELECT Id FROM User WHERE Alias = 'admin')", "abc"),
    ],
)
def test_conditions(api: Api, people: dict[str, str], where: str, found: str) -> None:
    assert api.ids(f"SELECT Id FROM Lead WHERE {where} ORDER BY Id") == [people[one] for one in found]


def test_order_limit_offset_and_counts(api: Api, people: dict[str, str]) -> None:
    order = "SELECT Id FROM Lead ORDER BY NumberOfEmployees DESC"
    assert api.ids(order) == [people[one] for one in "cba"]
    assert api.ids(order + " NULLS LAST") == [people[one] for one in "bac"]
    assert api.ids(order + " NULLS LAST LIMIT 1 OFFSET 1") == [people["a"]]
    assert api.query("SELECT COUNT() FROM Lead").json == {"totalSize": 3, "done": True, "records": []}
    grouped = api.query("SELECT Rating, COUNT(Id) n FROM Lead GROUP BY Rating").json["records"]
    assert {one["Rating"]: one["n"] for one in grouped} == {"Hot": 1, "Cold": 1, None: 1}


def test_records_show_parents_and_nulls(api: Api, people: dict[str, str]) -> None:
    [found] = api.query(f"SELECT id, Email, Owner.Name FROM lead WHERE Id = '{people['c'][:15]}'").json["records"]
    assert found["attributes"]["url"] == f"/services/data/v66.0/sobjects/Lead/{people['c']}"
    assert (found["Id"], found["Email"]) == (people["c"], None)
    assert (found["Owner"]["attributes"]["type"], found["Owner"]["Name"]) == ("User", "太郎 管理")


@pytest.mark.parametrize(
    ("soql", "code", "words"),
    [
        ("SELECT Nope__c FROM Lead", "INVALID_FIELD", "No such column 'Nope__c' on entity 'Lead'"),
        ("SELECT Id FROM Nope__c", "INVALID_TYPE", "sObject type 'Nope__c' is not supported"),
        ("SELECT Id FROM Lead WHERE Id = '123'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: 123"),
        (
            "SELECT Id FROM Lead WHERE SystemModstamp > '2026-01-01'",
            "INVALID_FIELD",
            "should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Lead WHERE Email = 1", "INVALID_FIELD", "must be of type email"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        (
            "SELECT Id FROM Lead WHERE City = 'a' AND State = 'b' OR State = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: OR",
        ),
        ("SELECT Id, Id FROM Lead", "MALFORMED_QUERY", "duplicate field"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY", "LIMIT"),
        ("SELECT Id FROM Lead WHERE", "MALFORMED_QUERY", "<EOF>"),
        ("SELECT Id FROM Lead WHERE LastName = 'x", "MALFORMED_QUERY", "unexpected token"),
        ("nonsense", "MALFORMED_QUERY", "unexpected token"),
    ],
)
def test_refusals(api: Api, soql: str, code: str, words: str) -> None:
    found = api.query(soql)
    assert (found.status, found.json[0]["errorCode"]) == (400, code)
    assert words in found.json[0]["message"]


def test_pages_are_kept_for_two_days(api: Api, sandbox: SalesforceHandle) -> None:
    sandbox.import_rows("Lead", [{"LastName": f"人{n}", "Company": "社"} for n in range(450)])
    first = api.query("SELECT Id FROM Lead ORDER BY Id", headers={"Sforce-Query-Options": "batchSize=10"}).json
    assert (first["totalSize"], first["done"], len(first["records"])) == (450, False, 200)  # never fewer than 200
    second = api("GET", first["nextRecordsUrl"], root="").json
    last = api("GET", second["nextRecordsUrl"], root="").json
    assert (last["done"], len(last["records"]), "nextRecordsUrl" in last) == (True, 50, False)
    sandbox.settings(session_seconds=1_000_000)
    sandbox.set_clock(advance_seconds=172_800)
    gone = api("GET", second["nextRecordsUrl"], root="")
    assert (gone.status, gone.json[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")
