"""Salesforce against the contract, on its sandbox: once for contacts, once for leads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import stamina

from connector.errors import UsageError
from connector.sandbox.salesforce.handle import SalesforceHandle, start_salesforce
from connector.vendors.base import Vendor
from connector.vendors.http import MemoryTokens
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.oauth import ClientCredentials, Grant, SessionTokens
from connector.vendors.salesforce.protocol import CAMPAIGN, KEY_PROPERTY
from tests.contract.vendor_contract import CompaniesContract, Crm, Names, VendorContract

NAMES = Names(
    person="Contact",
    company="Account",
    task="Task",
    deal="Opportunity",
    list_place=CAMPAIGN,
    email="Email",
    text="Title",
    choice="Track__c",
    good_option="high",
    bad_option="NO_SUCH_TRACK",
    read_only="Name",
    task_title="Subject",
    key=KEY_PROPERTY,
)
#: Everything but what our driver and describes do.
DATA = "data.*"


class Clock:
    """Seconds that pass only by being waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self._lock = threading.Lock()

    def read(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.waits.append(seconds)
            self.now += seconds


class Kept:
    """Where a grant is kept, with its lock."""

    def __init__(self) -> None:
        self.grant: Grant | None = None
        self.saved = 0
        self.lock = threading.Lock()

    def save(self, grant: Grant) -> None:
        self.grant = grant
        self.saved += 1

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with self.lock:
            yield


class SalesforceCrm(Crm):
    """The Salesforce sandbox."""

    def __init__(self, sandbox: SalesforceHandle, person: str) -> None:
        self.names = replace(NAMES, person=person)
        self.sandbox = sandbox
        self.clock = Clock()
        self.kept = Kept()
        app = ClientCredentials(
            base_url=sandbox.base_url, client_id=sandbox.client_id, client_secret=sandbox.client_secret
        )
        self.salesforce = SalesforceVendor(
            account_id=sandbox.organization_id,
            base_url=sandbox.base_url,
            credentials=SessionTokens(
                app,
                load=lambda: self.kept.grant,
                save=self.kept.save,
                lock=self.kept.locked,
                clock=lambda: datetime.now(UTC),
            ),
            tokens=MemoryTokens(clock=self.clock.read, sleep=self.clock.sleep),
            user_id=sandbox.user_id,
        )
        self.vendor: Vendor = self.salesforce
        for name in ("Task", "Event", "Opportunity"):
            sandbox.put_field(name, KEY_PROPERTY, length=120, unique=True, external_id=True)
        options = {"high": "ハイ", "middle": "ミドル"}
        for name in ("Lead", "Contact"):
            sandbox.put_field(name, "Track__c", type="picklist", options=options, restricted=True)

    def add(self, object_type: str, properties: Mapping[str, str]) -> str:
        needed = {
            "Lead": {"LastName": "山田", "Company": "株式会社サンプル"},
            "Contact": {"LastName": "山田"},
        }
        return self.sandbox.create(object_type, {**needed.get(object_type, {}), **properties})

    def edit(self, object_type: str, record_id: str, properties: Mapping[str, str]) -> None:
        self.sandbox.edit(record_id, dict(properties))

    def delete(self, object_type: str, record_id: str) -> None:
        self.sandbox.delete(record_id)

    def merge(self, winner: str, loser: str) -> None:
        self.sandbox.merge(winner, loser)

    def held(self, object_type: str) -> list[Mapping[str, str]]:
        return [row["fields"] for row in self.sandbox.records(object_type)]

    def link(self, person: str, company: str) -> None:
        self.sandbox.edit(person, {"AccountId": company})

    def company_properties(self, name: str, domain: str) -> dict[str, str]:
        return {"Name": name, "Website": domain}

    def task_properties(self, title: str) -> dict[str, str]:
        return {"Subject": title, "ActivityDate": "2026-04-01", "Status": "Not Started"}

    def deal_properties(self, title: str) -> dict[str, str]:
        return {"Name": title, "StageName": "Qualification", "CloseDate": "2026-12-31"}

    def make_list(self, name: str, *, static: bool) -> None:
        self.sandbox.create("Campaign", {"Name": name, "IsActive": static})

    def on_list(self, name: str) -> list[str]:
        campaigns = {row["id"]: row["fields"]["Name"] for row in self.sandbox.records("Campaign")}
        members = [row["fields"] for row in self.sandbox.records("CampaignMember")]
        return [one["LeadOrContactId"] for one in members if campaigns[one["CampaignId"]] == name]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.clock()["now_ms"] / 1000, UTC)

    def wait_for_search(self) -> None:
        self.sandbox.set_clock(advance_seconds=30)

    def calls(self) -> int:
        return sum(kind["calls"] for name, kind in self.sandbox.calls().items() if name.startswith("data."))

    def lose_answers(self, times: int = 1) -> None:
        self.sandbox.fault("lost_response", kind=DATA, times=times)

    def cut(self, times: int = 1) -> None:
        self.sandbox.fault("drop", kind=DATA, times=times)

    def spoil_answers(self, how: str, times: int = 1) -> None:
        effect: dict[str, Any] = {"html": {"effect": "html"}, "truncated": {"effect": "truncate", "short": True}}[how]
        self.sandbox.fault(kind=DATA, times=times, **effect)

    def fail(self, status: int, times: int | None = 1) -> None:
        self.sandbox.fault("status", kind=DATA, status=status, times=times)

    def limit(self, which: str, times: int = 1) -> None:
        code = "" if which == "day" else "CONCURRENT"
        self.sandbox.fault("status", kind=DATA, status=403, code=code, times=times)

    def fail_rows(self, rows: int) -> None:
        self.sandbox.fault("partial", kind=DATA, rows=rows)

    def disconnect(self) -> None:
        self.sandbox.block_app()

    def expire_token(self) -> None:
        self.sandbox.set_clock(advance_seconds=7201)

    def submit(self, form: str, email: str, at: datetime) -> str:
        raise UsageError("Salesforce keeps no forms.", reason="no_forms")

    def waits(self) -> Sequence[float]:
        return self.clock.waits


@pytest.fixture(autouse=True)
def retries_without_pauses() -> Iterator[None]:
    """Retries happen, their pauses do not."""
    stamina.set_testing(True, attempts=3, cap=True)
    yield
    stamina.set_testing(False)


class SalesforceContract(VendorContract):
    """The contract for one kind of people."""

    person: str

    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        with start_salesforce() as sandbox:
            sandbox.put_user(Username="left@example.co.jp", Email="left@example.co.jp", LastName="去", IsActive=False)
            crm = SalesforceCrm(sandbox, self.person)
            yield crm
            crm.salesforce.close()


class TestContacts(SalesforceContract, CompaniesContract):
    person = "Contact"


class TestLeads(SalesforceContract):
    person = "Lead"
