"""What the relay stands on in Salesforce: names of people's fields, owners, tasks, activities, the package."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from connector.policy.loader import load_policy
from connector.vendors.base import ActivityKind, EventKind, InboundEvent, Record
from connector.vendors.outcomes import outcome_values
from connector.vendors.salesforce.activities import ACTIVITIES
from connector.vendors.salesforce.dialect import SalesforceDialect
from connector.vendors.salesforce.names import Names, as_person
from connector.vendors.salesforce.package import files_of
from connector.vendors.salesforce.wanted import wanted_fields, wanted_pipeline
from tests.unit.policy.folders import MAPPINGS

POLICY = load_policy(MAPPINGS / "b2b-ja")
US, QUEUE, REP = "0055j0000000001AAA", "00G5j0000000001EAA", "0055j0000000003AAA"
DIALECT = SalesforceDialect(zone=ZoneInfo("Asia/Tokyo"), language="ja", base_url="https://acme.example", user_id=US)
NOW = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
FIELDS = "{http://soap.sforce.com/2006/04/metadata}"


@pytest.mark.parametrize(
    ("lead", "contact"),
    [
        ("State", "MailingState"),
        ("TasukiDepartment__c", "Department"),
        ("TasukiScore__c", "TasukiScore__c"),
        ("OwnerId", "OwnerId"),
        ("AccountId", "AccountId"),
        ("Status", None),
        ("Company", None),
    ],
)
def test_the_policys_homes_say_what_a_leads_field_is_called_on_contacts(lead: str, contact: str | None) -> None:
    assert Names.of(POLICY).contact(lead) == contact


def test_what_is_told_of_a_contact_is_told_of_a_person() -> None:
    event = InboundEvent(
        key=b"0" * 16,
        kind=EventKind.CHANGED,
        account_id="00D",
        object_type="Contact",
        object_id="0035j0000000001AAA",
        occurred_at=NOW,
        property_name="MailingState",
        value="東京都",
    )
    told = as_person(event, Names.of(POLICY))
    assert (told.object_type, told.property_name, told.value) == ("Lead", "State", "東京都")


@pytest.mark.parametrize(("stored", "person"), [(REP, REP), (QUEUE, None), (US, None), (None, None), ("", None)])
def test_who_lies_in_a_queue_or_with_us_is_nobodys(stored: str | None, person: str | None) -> None:
    assert DIALECT.owner(stored) == person


def test_a_task_is_due_on_the_day_of_the_policys_zone_and_closed_with_a_word() -> None:
    desired = {
        "title": "架電" * 200,
        "text": "話すこと",
        "kind": "call",
        "priority": "high",
        "due_at": "2026-04-01T16:00:00+00:00",
        "owner": REP,
        "queue": None,
    }
    made = DIALECT.task_content(desired, "open")
    assert (made["ActivityDate"], made["TaskSubtype"], made["Status"]) == ("2026-04-02", "Call", "Not Started")
    assert (made["Priority"], made["OwnerId"], len(made["Subject"])) == ("High", REP, 255)
    closed = DIALECT.task_content(desired, "closed")
    assert (closed["Status"], closed["Description"].splitlines()[0]) == ("Completed", "話すこと")


def record(kind: str, **properties: str) -> Record:
    return Record(object_type=kind, id="00T5j0000000001AAA", properties=properties, modified_at=NOW)


def test_a_closed_call_counts_with_its_outcome_and_ours_or_an_open_one_does_not() -> None:
    call = {"TaskSubtype": "Call", "IsClosed": "true", "CompletedDateTime": "2026-04-01T00:00:00.000+0000"}
    found = DIALECT.activity(record("Task", **call, CallDisposition="接続", CallDurationInSeconds="200"), now=NOW)
    assert found is not None
    assert (found.kind.value, found.length_seconds, found.occurrences[0].outcome) == ("call", 200.0, "接続")
    assert DIALECT.activity(record("Task", **call, TasukiKey__c="7:x"), now=NOW) is None
    assert DIALECT.activity(record("Task", **call | {"IsClosed": "false"}), now=NOW) is None
    assert DIALECT.activity(record("Task", **call | {"TaskSubtype": "Task"}), now=NOW) is None


def test_a_meeting_is_booked_when_it_is_made_and_held_when_it_begins() -> None:
    start = NOW + timedelta(days=1)
    event = record("Event", CreatedDate=NOW.isoformat(), StartDateTime=start.isoformat())
    before, after = DIALECT.activity(event, now=NOW), DIALECT.activity(event, now=start)
    assert before is not None
    assert after is not None
    assert [(one.outcome, one.plain) for one in before.occurrences] == [("SCHEDULED", False)]
    assert before.again_at == start
    assert [(one.outcome, one.plain) for one in after.occurrences] == [("SCHEDULED", False), (None, True)]


def test_only_fields_of_ours_are_made_and_every_one_that_b2b_ja_needs_is_in_the_package() -> None:
    ours = [one for one in wanted_fields(POLICY) if one.ours]
    foreign = [one.name for one in wanted_fields(POLICY) if not one.ours and one.name.endswith("__c")]
    assert foreign == []
    files = files_of(POLICY)
    documents = {path: etree.fromstring(text.encode()) for path, text in files.items() if path.endswith(".xml")}
    made = {path.split("/")[4] + "." + path.split("/")[6].partition(".")[0] for path in documents if "/fields/" in path}
    assert made == {one.full_name for one in ours}
    (key,) = [one for path, one in documents.items() if path.endswith("Activity/fields/TasukiKey__c.field-meta.xml")]
    assert [key.findtext(FIELDS + name) for name in ("type", "externalId", "length")] == ["Text", "true", "120"]
    granted = next(one for path, one in documents.items() if "permissionsets" in path)
    shown = {one.text for one in granted.iter(FIELDS + "field")}
    assert {"Task.TasukiKey__c", "Lead.TasukiScore__c", "Contact.TasukiScore__c"} <= shown


@pytest.mark.parametrize(
    ("kind", "word", "stored"),
    [
        (ActivityKind.CALL, "接続", {"Connected", "接続", "通話"}),
        (ActivityKind.CALL, "担当不在のため折り返し", {"担当不在のため折り返し"}),
        (ActivityKind.MEETING, "欠席", set()),
    ],
)
def test_a_call_may_come_to_what_only_this_company_says(kind: ActivityKind, word: str, stored: set[str]) -> None:
    assert outcome_values(ACTIVITIES, {}, kind, word) == stored


def test_each_queue_has_a_list_view_of_leads_and_of_contacts_by_the_field_that_shows_it() -> None:
    files = files_of(POLICY)
    views = {
        path.split("/objects/")[1]: etree.fromstring(text.encode()) for path, text in files.items() if "/listV" in path
    }
    names = ("Tasuki_today", "Tasuki_tele_call")
    assert sorted(views) == sorted(
        f"{one}/listViews/{name}.listView-meta.xml" for one in ("Lead", "Contact") for name in names
    )
    today = views["Lead/listViews/Tasuki_today.listView-meta.xml"]
    told = [today.findtext(f"{FIELDS}filters/{FIELDS}{word}") for word in ("field", "operation", "value")]
    assert told == ["TasukiQueues__c", "contains", "今日の架電"]
    columns = [one.text for one in today.iter(FIELDS + "columns")]
    assert columns == ["FULL_NAME", "TasukiPriority__c", "TasukiNextAction__c", "TasukiQueues__c", "CORE.USERS.ALIAS"]
    assert views["Contact/listViews/Tasuki_tele_call.listView-meta.xml"].findtext(FIELDS + "label") == "テレコール"


def test_the_pipeline_is_a_record_type_with_its_stages() -> None:
    wanted = wanted_pipeline(POLICY)
    assert wanted is not None
    assert (wanted.name, wanted.stages[0], wanted.stages[-1]) == ("新規営業", "Prospecting", "Closed Lost")
