"""Records whose creates were never answered, in both CRMs, by two workers that take each other's work: each once.

Every answer to a create is lost. The first call that creates of each kind takes longer than a worker's lease, so that
the other worker looks for the record, and makes it, while the first is still at it. HubSpot's search sees a record
90 s later.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.sandbox.handle_common import CommonHandle
from connector.vendors.http import TOTAL_SECONDS
from connector.vendors.salesforce.client import PATIENT
from tests.e2e import two_workers
from tests.e2e.both_relay import TWO_CRMS, BothRelay
from tests.e2e.conftest import MakeBoth, MakeSalesforceRelay
from tests.e2e.relay import CALL, INQUIRY, MAIL, BaseRelay, quick
from tests.e2e.salesforce_relay import KEY, SalesforceRelay

LEADS, OTHERS = '"type": ?"Lead"', '"type": ?"(Task|Opportunity)"'
CREATE = '"method": ?"POST".*'
"""In the body of a Composite call whose write is a create."""

WORK = """
rules:
  - {id: ask_back, on: {signal: inquiry}, do: [{task: {kind: call, due: 1 business day, title: 折り返し電話}}]}
"""

Counted = Callable[[str, object], None]


def lose_every_answer(crm: CommonHandle, *creates: dict[str, str], slow_seconds: float) -> None:
    """From now on every call that creates is applied and never answered; the first of each kind takes so long."""
    for which in creates:
        crm.fault("latency", seconds=slow_seconds, times=1, **which)
        crm.fault("lost_response", times=None, **which)


def lose_in_org(relay: BothRelay | SalesforceRelay, slow_seconds: float) -> None:
    calls = [{"kind": "data.composite", "body": CREATE + of} for of in (LEADS, OTHERS)]
    lose_every_answer(relay.org, *calls, slow_seconds=slow_seconds)


def lost(crm: CommonHandle) -> list[bool]:
    """Whether answers were lost, by kind of record."""
    return [rule["hits"] > 0 for rule in crm.faults() if rule["effect"] == "lost_response"]


def rest(relay: BaseRelay) -> None:
    """Until there are no news and both workers have nothing to do."""
    relay.hear()
    two_workers.work(relay, most_seconds=300.0)
    relay.hear_and_settle()
    assert relay.parked() == []


def address(side: str, number: int) -> str:
    return f"{side}{number}@example.co.jp"


def each_once(found: list[Any], count: int) -> None:
    """So many, and none of them twice."""
    assert {one: times for one, times in Counter(found).items() if times > 1} == {}
    assert len(found) == count


# ── both CRMs ────────────────────────────────────────────────────────────────────────────────────────────────
def people_of_the_other_crm(
    make_both: MakeBoth, folder: Path, counted: Counted, *, count: int, lease_seconds: float
) -> None:
    """So many people have inquired in HubSpot, and so many others in Salesforce, each in one of them alone."""
    shutil.copytree(TWO_CRMS, folder)
    (folder / "work.yaml").write_text(WORK, encoding="utf-8")
    learnt = (folder / "scoring.yaml").read_text(encoding="utf-8")
    both_ways = learnt.replace("from: [{hubspot_form", "from: [{web_to_lead: {LeadSource: Web}}, {hubspot_form")
    (folder / "scoring.yaml").write_text(both_ways, encoding="utf-8")
    relay = make_both(
        policy=folder,
        hubspot={"search_lag_seconds": 90.0},
        limits=quick(lease_seconds=lease_seconds, retry_seconds=0.05, retry_seconds_most=0.2),
    )
    relay.meet()
    relay.listen()
    slow_seconds = lease_seconds * 3
    created = [{"kind": "contacts.batch_create"}, {"kind": "tasks.batch_create"}]
    lose_every_answer(relay.sandbox, *created, slow_seconds=slow_seconds)
    lose_in_org(relay, slow_seconds)
    relay.pass_time(seconds=1)  # by Salesforce's whole seconds too they come in after the activation
    form = {"LastName": "佐藤", "Company": "サンプル", "LeadSource": "Web"}
    for number in range(count):
        relay.org.create("Lead", form | {"Email": address("org", number)}, web=True)
        relay.sandbox.submit(INQUIRY, {"email": address("portal", number), "lastname": "鈴木"})
    rest(relay)

    everybody = sorted(address(side, number) for side in ("org", "portal") for number in range(count))
    contacts = [one["properties"]["email"] for one in relay.sandbox.records("contacts")]
    leads = [one["Email"] for one in relay.people_of_org()]
    assert (sorted(contacts), sorted(leads)) == (everybody, everybody)
    each_once([one["id"] for one in relay.our_writes() if one["method"] == "create"], count)
    each_once([one["id"] for one in relay.org_writes() if one["method"] == "create"], count)
    each_once([one["properties"]["tasuki_key"] for one in relay.live_tasks()], count)
    each_once([key for one in relay.org.records("Task") if (key := one["fields"].get(KEY))], count)
    assert lost(relay.sandbox) == lost(relay.org) == [True, True]
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL") == [{"n": 2 * count}]
    counted("counted", {"creates without an answer": 4 * count})


@pytest.mark.fault("F16", "F18", "T2")
def test_who_is_made_in_the_other_crm_is_made_once(
    make_both: MakeBoth, tmp_path: Path, record_property: Counted
) -> None:
    people_of_the_other_crm(make_both, tmp_path / "policy", record_property, count=5, lease_seconds=0.6)


@pytest.mark.soak
@pytest.mark.fault("F16", "F18", "T2")
def test_two_hundred_of_each_kind_are_made_once(make_both: MakeBoth, tmp_path: Path, record_property: Counted) -> None:
    """200 contacts, 200 leads, 200 tasks in each CRM."""
    people_of_the_other_crm(make_both, tmp_path / "policy", record_property, count=200, lease_seconds=5.0)


# ── Salesforce alone ─────────────────────────────────────────────────────────────────────────────────────────
def forms_of_the_own_website(relay: SalesforceRelay, counted: Counted, *, count: int, lease_seconds: float) -> None:
    """So many people whom nobody knows fill in a form of the website: each becomes a lead with a call and a mail."""
    relay.meet()
    lose_in_org(relay, lease_seconds * 3)
    told_at = relay.now() - timedelta(seconds=1)
    told = [
        {
            "id": f"form-{number}",
            "form": "inquiry",
            "email": address("web", number),
            "occurred_at": told_at.isoformat(),
            "fields": {"last_name": "神田"},
        }
        for number in range(count)
    ]
    relay.deliver(orjson.dumps(told), "form:site")
    rest(relay)

    leads = [one["fields"] for one in relay.org.records("Lead")]
    assert sorted(one["Email"] for one in leads) == sorted(address("web", number) for number in range(count))
    assert {one["TasukiStage__c"] for one in leads} == {"MQL"}
    tasks = [one["fields"] for one in relay.org.records("Task") if one["fields"].get(KEY)]
    each_once([one[KEY] for one in tasks], 2 * count)
    each_once([one["Id"] for one in tasks], 2 * count)
    assert relay.tasks_of(leads[0]["Id"], CALL)
    assert relay.tasks_of(leads[0]["Id"], MAIL)
    assert lost(relay.org) == [True, True]
    counted("counted", {"creates without an answer": 3 * count})


@pytest.mark.fault("F16", "F18", "T2")
def test_who_comes_by_the_website_is_made_once_in_salesforce(
    make_salesforce_relay: MakeSalesforceRelay, record_property: Counted
) -> None:
    relay = make_salesforce_relay(limits=quick(lease_seconds=0.6, retry_seconds=0.05, retry_seconds_most=0.2))
    assert relay.line.patience * TOTAL_SECONDS == PATIENT.total_seconds, "a slow call is waited for"
    forms_of_the_own_website(relay, record_property, count=5, lease_seconds=0.6)


@pytest.mark.soak
@pytest.mark.fault("F16", "F18", "T2")
def test_two_hundred_of_the_website_are_made_once_in_salesforce(
    make_salesforce_relay: MakeSalesforceRelay, record_property: Counted
) -> None:
    """200 leads, 400 tasks."""
    relay = make_salesforce_relay(limits=quick(lease_seconds=5.0, retry_seconds=0.05, retry_seconds_most=0.2))
    forms_of_the_own_website(relay, record_property, count=200, lease_seconds=5.0)
