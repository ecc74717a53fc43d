"""Rows, Collections and Composite: what is written, and how it is refused."""

from __future__ import annotations

from email.utils import formatdate

from connector.sandbox.salesforce.handle import SalesforceHandle

from .conftest import Api, lead

COLLECTIONS = "/composite/sobjects"


def test_a_failed_row_has_no_id_and_takes_no_other_with_it(api: Api, sandbox: SalesforceHandle) -> None:
    rows = [lead(), lead(Email="no address"), lead(Company=None), lead(Title="x" * 200)]
    found = api("POST", COLLECTIONS, {"allOrNone": False, "records": rows})
    assert found.status == 200
    assert found.headers["Sforce-Limit-Info"] == "api-usage=1/15000"
    good, *bad = found.json
    assert (good["success"], good["errors"], good["id"][:3]) == (True, [], "00Q")
    assert all(set(one) == {"success", "errors"} for one in bad)
    assert [(one["errors"][0]["statusCode"], one["errors"][0]["fields"]) for one in bad] == [
        ("INVALID_EMAIL_ADDRESS", ["Email"]),
        ("REQUIRED_FIELD_MISSING", ["Company"]),
        ("STRING_TOO_LONG", ["Title"]),
    ]
    assert len(sandbox.records("Lead")) == len(sandbox.ledger(method="create", type="Lead")) == 1


def test_all_or_none_takes_everything_back(api: Api, sandbox: SalesforceHandle) -> None:
    [known] = sandbox.import_rows("Lead", [{"LastName": "前", "Company": "社", "Title": "課長"}])
    changes = [
        {"attributes": {"type": "Lead"}, "id": known, "Title": "部長"},
        {"attributes": {"type": "Lead"}, "id": known[:-4] + "ZAAA", "Title": "x"},
    ]
    found = api("PATCH", COLLECTIONS, {"allOrNone": True, "records": changes}).json
    assert found[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert sandbox.record(known)["fields"]["Title"] == "課長"
    assert sandbox.ledger(method="update") == []


def test_what_cannot_be_read_refuses_the_whole_request(api: Api, sandbox: SalesforceHandle) -> None:
    for row, code in ((lead(Nope__c="x"), "INVALID_FIELD"), (lead(NumberOfEmployees="many"), "JSON_PARSER_ERROR")):
        found = api("POST", COLLECTIONS, {"records": [row, lead()]})
        assert (found.status, found.json[0]["errorCode"]) == (400, code)
    found = api("POST", COLLECTIONS, {"records": [lead()] * 201})
    assert (found.status, found.json[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert sandbox.records("Lead") == []


def test_the_assignment_rule_takes_owners_over_unless_the_header_says_no(api: Api, sandbox: SalesforceHandle) -> None:
    sandbox.rules(assignment={"Lead": {"entries": [{"when": {"Rating": "Hot"}, "owner": sandbox.admin_id}]}})
    [known] = [one["id"] for one in api("POST", COLLECTIONS, {"records": [lead(Rating="Hot")]}).json]
    assert sandbox.record(known)["fields"]["OwnerId"] == sandbox.admin_id
    mine = {"OwnerId": sandbox.user_id}
    assert api("PATCH", f"/sobjects/Lead/{known}", mine, headers={"Sforce-Auto-Assign": "FALSE"}).status == 204
    assert sandbox.record(known)["fields"]["OwnerId"] == sandbox.user_id
    assert api("PATCH", f"/sobjects/Lead/{known}", {"Title": "a score, say"}).status == 204
    assert sandbox.record(known)["fields"]["OwnerId"] == sandbox.admin_id


def test_subrequests_inherit_no_headers_and_follow_references(api: Api, sandbox: SalesforceHandle) -> None:
    sandbox.rules(assignment={"Lead": {"entries": [{"owner": sandbox.admin_id}]}})
    safe = {"Sforce-Auto-Assign": "FALSE"}
    body = {
        "compositeRequest": [
            {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "referenceId": "bare", "body": lead()},
            {"method": "POST", "url": "/services/data/v66.0/sobjects/Lead", "referenceId": "safe", "body": lead()}
            | {"httpHeaders": safe},
            {"method": "PATCH", "url": "/services/data/v66.0/sobjects/Lead/@{safe.id}", "referenceId": "then"}
            | {"body": {"Title": "@{bare.id}"}, "httpHeaders": safe},
            {"method": "GET", "url": "/services/data/v66.0/sobjects/Lead/@{nobody.id}", "referenceId": "halted"},
        ]
    }
    found = api("POST", "/composite", body, headers=safe).json["compositeResponse"]
    assert [one["httpStatusCode"] for one in found] == [201, 201, 204, 400]
    bare, safely = (found[n]["body"]["id"] for n in (0, 1))
    assert sandbox.record(bare)["fields"]["OwnerId"] == sandbox.admin_id
    assert sandbox.record(safely)["fields"]["OwnerId"] == sandbox.user_id
    assert sandbox.record(safely)["fields"]["Title"] == bare
    assert sandbox.call_count("data.composite") == 1


def test_upsert_by_an_external_id(api: Api, sandbox: SalesforceHandle) -> None:
    sandbox.put_field("Lead", "Key__c", unique=True, external_id=True)
    body = {"LastName": "山田", "Company": "社"}
    made = api("PATCH", "/sobjects/Lead/Key__c/a%2Fb", body)
    again = api("PATCH", "/sobjects/Lead/Key__c/A%2Fb", {"Title": "部長"})
    assert (made.status, made.json["created"]) == (201, True)
    assert (again.status, again.json["created"], again.json["id"]) == (200, False, made.json["id"])
    assert sandbox.record(made.json["id"])["fields"]["Key__c"] == "a/b"
    assert api("PATCH", "/sobjects/Lead/Key__c/none?updateOnly=true", body).status == 404
    taken = api("POST", "/sobjects/Lead", {**body, "Key__c": "a/B"}).json
    assert taken[0]["errorCode"] == "DUPLICATE_VALUE"
    assert made.json["id"] in taken[0]["message"]
    sandbox.put_field("Lead", "Loose__c", external_id=True)
    sandbox.import_rows("Lead", [{**body, "Loose__c": "x"}, {**body, "Loose__c": "x"}])
    assert api("PATCH", "/sobjects/Lead/Loose__c/x", {"Title": "y"}).status == 300


def test_an_edit_meanwhile_is_noticed_when_asked_for(api: Api, sandbox: SalesforceHandle) -> None:
    [known] = sandbox.import_rows("Lead", [{"LastName": "山田", "Company": "社"}])
    read_at = formatdate(sandbox.clock()["now_ms"] / 1000, usegmt=True)
    sandbox.set_clock(advance_seconds=5)
    sandbox.edit(known, {"Title": "theirs"})
    found = api("PATCH", f"/sobjects/Lead/{known}", {"Title": "ours"}, headers={"If-Unmodified-Since": read_at})
    assert (found.status, sandbox.record(known)["fields"]["Title"]) == (412, "theirs")


def test_deleted_rows_are_seen_by_query_all_until_they_are_purged(api: Api, sandbox: SalesforceHandle) -> None:
    kept, gone = sandbox.import_rows("Lead", [{"LastName": "山田", "Company": "社"} for _ in "ab"])
    assert api("DELETE", f"/sobjects/Lead/{gone}").status == 204
    assert api("GET", f"/sobjects/Lead/{gone}").status == 404
    soql = "SELECT Id, IsDeleted FROM Lead ORDER BY Id"
    assert [one["Id"] for one in api.query(soql).json["records"]] == [kept]
    assert [one["IsDeleted"] for one in api.query(soql, every=True).json["records"]] == [False, True]
    assert sandbox.purge() == 1
    assert len(api.query(soql, every=True).json["records"]) == 1


def test_history_is_kept_of_tracked_fields_alone(api: Api, sandbox: SalesforceHandle) -> None:
    [known] = sandbox.import_rows("Lead", [{"LastName": "山田", "Company": "社", "Title": "課長"}])
    sandbox.edit(known, {"Title": "部長", "City": "津"})
    fields = "Field, OldValue, NewValue, CreatedById"
    [row] = api.query(f"SELECT {fields} FROM LeadHistory WHERE LeadId = '{known}'").json["records"]
    assert (row["Field"], row["OldValue"], row["NewValue"]) == ("Title", "課長", "部長")
    assert row["CreatedById"] == sandbox.admin_id
