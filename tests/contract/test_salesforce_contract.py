"""Salesforce against the contract, on its sandbox: once for contacts, once for leads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import stamina

from connector.errors import AuthError, UncertainError, UsageError
from connector.sandbox.salesforce.handle import SalesforceHandle, start_salesforce
from connector.texts import shown
from connector.vendors.base import Create, Lane, Outcome, Update, Vendor
from connector.vendors.http import FixedToken, MemoryTokens
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.names import Names as LeadNames
from connector.vendors.salesforce.oauth import ClientCredentials, Grant, JwtBearer, RefreshToken, SessionTokens
from connector.vendors.salesforce.people import SalesforcePeople
from connector.vendors.salesforce.polling import Cursor
from connector.vendors.salesforce.protocol import CAMPAIGN, KEY_PROPERTY
from connector.vendors.salesforce.reading import fitting
from connector.vendors.salesforce.soap import Conversion
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

    def stumble_over(self, record_id: str) -> None:
        self.sandbox.fault("status", kind=DATA, record=record_id, status=500, times=None)

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


class TestSalesforceAlone:
    """What Salesforce alone does to a connector."""

    @pytest.fixture
    def crm(self) -> Iterator[SalesforceCrm]:
        with start_salesforce() as sandbox:
            crm = SalesforceCrm(sandbox, "Lead")
            yield crm
            crm.salesforce.close()

    def _leads(self, crm: SalesforceCrm, count: int, **more: str) -> list[str]:
        shared = {"LastName": "山田", "Company": "株式会社サンプル", **more}
        return crm.sandbox.import_rows("Lead", [{**shared, "Email": f"p{n}@example.co.jp"} for n in range(count)])

    def _owner(self, crm: SalesforceCrm, record_id: str) -> str:
        return str(crm.sandbox.record(record_id)["fields"]["OwnerId"])

    # ── nobody's owner changes because of us ─────────────────────────────────────────────────────────────────

    def test_no_write_of_ours_runs_the_assignment_rule_even_after_a_new_session(self, crm: SalesforceCrm) -> None:
        crm.sandbox.rules(assignment={"Lead": {"entries": [{"owner": crm.sandbox.admin_id}]}})
        one, two = self._leads(crm, 2)
        before = self._owner(crm, one)
        crm.vendor.update("Lead", [Update(id=one, properties={"Title": "a"})], lane=Lane.HOT)
        crm.expire_token()
        crm.vendor.update("Lead", [Update(id=two, properties={"Title": "b"})], lane=Lane.HOT)
        guarded = Update(id=two, properties={"Title": "c"}, known_at=crm.now())
        crm.vendor.update("Lead", [guarded], lane=Lane.HOT)
        made = Create(key="k", properties={"LastName": "山田", "Company": "社", "OwnerId": before}, associate=())
        [result] = crm.vendor.create("Lead", [made], lane=Lane.HOT)
        assert {self._owner(crm, one) for one in (one, two, result.id)} == {before}
        many = [Update(id=each, properties={"Title": "c"}) for each in self._leads(crm, 2001)]
        crm.vendor.update("Lead", many, lane=Lane.BACKGROUND)
        assert {row["OwnerId"] for row in crm.held("Lead")} == {before}

    @pytest.mark.fault("T10")
    def test_one_session_is_asked_for_however_many_threads_need_it(self, crm: SalesforceCrm) -> None:
        ids = self._leads(crm, 400)
        crm.vendor.read("Lead", ids[:1], ["Email"], lane=Lane.HOT)
        crm.expire_token()
        found = crm.vendor.read("Lead", ids, ["Email"], lane=Lane.HOT)
        threads = [
            threading.Thread(target=lambda: crm.vendor.read("Lead", ids, ["Email"], lane=Lane.HOT)) for _ in "abcd"
        ]
        crm.expire_token()
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(found) == 400
        assert crm.kept.saved == crm.sandbox.call_count("oauth.token") == 3

    def test_a_session_that_is_refused_again_and_again_ends_in_an_auth_error(self, crm: SalesforceCrm) -> None:
        [one] = self._leads(crm, 1)
        crm.sandbox.fault("status", kind="data.query", status=401, times=None)
        with pytest.raises(AuthError):
            crm.vendor.read("Lead", [one], ["Email"], lane=Lane.HOT)
        assert crm.sandbox.call_count("data.query") == 2

    # ── rows that are refused ────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.fault("F37")
    def test_each_reason_to_refuse_a_row_is_told_apart_and_the_others_go_through(self, crm: SalesforceCrm) -> None:
        good, locked, long, invalid, converted, inactive, ruled = self._leads(crm, 7)
        left = crm.sandbox.put_user(Username="x@example.co.jp", Email="x@example.co.jp", LastName="去", IsActive=False)
        crm.sandbox.lock(locked)
        crm.sandbox.convert(converted)
        crm.sandbox.rules(
            validation=[
                {"object": "Lead", "name": "r", "message": "役職は必須です", "field": "Title", "when": {"Title": "x"}}
            ]
        )
        crm.sandbox.settings(readonly_fields={"Lead": ["Rating"]})
        updates = [
            Update(id=good, properties={"Title": "y"}),
            Update(id=locked, properties={"Title": "y"}),
            Update(id=long, properties={"City": "x" * 41}),
            Update(id=invalid, properties={"Rating": "Hot"}),
            Update(id=converted, properties={"Title": "y"}),
            Update(id=inactive, properties={"OwnerId": left}),
            Update(id=ruled, properties={"Title": "x"}),
        ]
        results = crm.vendor.update("Lead", updates, lane=Lane.HOT)
        assert [(one.outcome, one.reason, one.property_name) for one in results] == [
            (Outcome.APPLIED, None, None),
            (Outcome.RETRY, "unable_to_lock_row", None),
            (Outcome.REJECTED, "too_long", "City"),
            (Outcome.REJECTED, "read_only", "Rating"),
            (Outcome.REJECTED, "converted", None),
            (Outcome.REJECTED, "invalid_owner", "OwnerId"),
            (Outcome.REJECTED, "validation_rule", "Title"),
        ]
        assert "役職は必須です" in str(results[-1].message)
        crm.sandbox.lock()
        [again] = crm.vendor.update("Lead", updates[1:2], lane=Lane.HOT)
        assert again.outcome is Outcome.APPLIED

    @pytest.mark.fault("F51")
    @pytest.mark.parametrize(("allowed", "action", "reason"), [
        (False, "alert", "duplicate_rule"), (True, "alert", None), (True, "block", "duplicate_rule"),
    ])  # fmt: skip
    def test_duplicate_rules_are_passed_only_where_the_policy_says_so(
        self, crm: SalesforceCrm, allowed: bool, action: str, reason: str | None
    ) -> None:
        self._leads(crm, 1)
        crm.sandbox.rules(duplicates=[{"object": "Lead", "fields": ["Email"], "action": action}])
        vendor = SalesforceVendor(
            account_id=crm.sandbox.organization_id,
            base_url=crm.sandbox.base_url,
            credentials=FixedToken(crm.sandbox.issue_token()),
            tokens=MemoryTokens(),
            allow_duplicates=allowed,
        )
        made = Create(
            key="k", properties={"LastName": "山", "Company": "社", "Email": "P0@example.co.jp"}, associate=()
        )
        [result] = vendor.create("Lead", [made], lane=Lane.HOT)
        vendor.close()
        assert result.reason == reason
        assert len(crm.held("Lead")) == (1 if reason else 2)

    # ── what may be seen ─────────────────────────────────────────────────────────────────────────────────────

    def test_a_field_that_is_taken_from_us_is_unreadable_and_takes_no_other_with_it(self, crm: SalesforceCrm) -> None:
        [one] = self._leads(crm, 1, Title="部長", Phone="03-0000-0000")
        before = crm.vendor.read("Lead", [one], ["Title", "Phone"], lane=Lane.HOT)[one].properties
        crm.sandbox.settings(hidden_fields={"Lead": ["Phone"]})
        after = crm.vendor.read("Lead", [one], ["Title", "Phone"], lane=Lane.HOT)[one].properties
        assert (before["Title"], before["Phone"]) == ("部長", "03-0000-0000")
        assert after["Title"] == "部長"
        assert "Phone" not in after
        [result] = crm.vendor.update("Lead", [Update(id=one, properties={"Phone": "1"})], lane=Lane.HOT)
        assert (result.outcome, result.reason, result.property_name) == (Outcome.REJECTED, "unknown_property", "Phone")

    def test_an_address_of_several_people_names_nobody(self, crm: SalesforceCrm) -> None:
        lead, other = (crm.add("Lead", {"Email": "two@example.co.jp"}) for _ in "ab")
        contact = crm.add("Contact", {"Email": "One@example.co.jp"})
        gone = crm.add("Lead", {"Email": "one@example.co.jp"})
        crm.sandbox.convert(gone, contact_id=contact, account_id=crm.add("Account", {"Name": "社"}))
        addresses = ["one@example.co.jp", "two@example.co.jp", "none@example.co.jp"]
        found = crm.vendor.find_by_email(addresses, [], lane=Lane.HOT)
        assert {email: (one.object_type, one.id) for email, one in found.items()} == {
            "one@example.co.jp": ("Contact", contact)
        }
        assert crm.vendor.converted_into([contact, lead], lane=Lane.HOT) == {contact: gone}
        everybody = crm.salesforce.people_by_email(addresses, [], lane=Lane.HOT)
        assert {one.id for one in everybody["two@example.co.jp"]} == {lead, other}

    def test_deletions_merges_and_restorations_are_seen_in_the_changes(self, crm: SalesforceCrm) -> None:
        kept, deleted, loser = self._leads(crm, 3)
        crm.sandbox.set_clock(advance_seconds=10)
        since = crm.now()
        crm.delete("Lead", deleted)
        crm.merge(kept, loser)
        crm.sandbox.set_clock(advance_seconds=10)
        middle = crm.now()
        found = {
            one.id: one for one in crm.vendor.changed("Lead", [], since=since, until=middle, lane=Lane.HOT).records
        }
        assert {one.id: one.archived for one in found.values()} == {kept: False, deleted: True, loser: True}
        assert found[loser].properties["MasterRecordId"] == kept
        crm.sandbox.undelete(deleted)
        crm.sandbox.set_clock(advance_seconds=10)
        [back] = crm.vendor.changed("Lead", [], since=middle, until=crm.now(), lane=Lane.HOT).records
        assert (back.id, back.archived) == (deleted, False)

    # ── conversion ───────────────────────────────────────────────────────────────────────────────────────────

    def test_a_lead_is_converted_once_into_what_the_hand_off_names(self, crm: SalesforceCrm) -> None:
        account = crm.add("Account", {"Name": "株式会社サンプル"})
        one, two = self._leads(crm, 2, Title="部長")
        [task] = crm.vendor.create(
            "Task", [Create(key="t", properties=crm.task_properties("電話"), associate=(("Lead", one),))], lane=Lane.HOT
        )
        wanted = Conversion(
            lead_id=one, status="Closed - Converted", account_id=account, opportunity_name="新規 <A&B>",
            owner_id=crm.sandbox.admin_id,
        )  # fmt: skip
        bad = Conversion(lead_id=two, status="No Such Status")
        done, refused = crm.salesforce.convert([wanted, bad], lane=Lane.HOT)
        assert done.error is None
        assert done.account_id == account
        assert refused.error is not None
        assert refused.contact_id is None
        deal = crm.sandbox.record(str(done.opportunity_id))["fields"]
        assert (deal["Name"], deal["AccountId"]) == ("新規 <A&B>", account)
        assert crm.sandbox.record(task.id)["fields"]["WhoId"] == done.contact_id
        lead = crm.vendor.read("Lead", [one], ["IsConverted", "ConvertedContactId"], lane=Lane.HOT)[one].properties
        assert (lead["IsConverted"], lead["ConvertedContactId"]) == ("true", done.contact_id)
        assert crm.vendor.associated("Lead", [one], "Contact", lane=Lane.HOT) == {one: (done.contact_id,)}
        [again] = crm.salesforce.convert([wanted], lane=Lane.HOT)
        assert getattr(again.error, "reason", None) == "converted"
        assert len(crm.held("Opportunity")) == 1

    def test_an_uncertain_conversion_is_never_repeated(self, crm: SalesforceCrm) -> None:
        [one] = self._leads(crm, 1)
        crm.sandbox.fault("lost_response", kind="soap*")
        wanted = Conversion(lead_id=one, status="Closed - Converted", owner_id=crm.sandbox.admin_id)
        with pytest.raises(UncertainError):
            crm.salesforce.convert([wanted], lane=Lane.HOT)
        assert len(crm.held("Contact")) == 1
        lead = crm.vendor.read("Lead", [one], ["ConvertedContactId"], lane=Lane.HOT)[one].properties
        assert lead["ConvertedContactId"] == crm.held("Contact")[0]["Id"]

    # ── the least calls ──────────────────────────────────────────────────────────────────────────────────────

    def test_a_thousand_leads_cost_the_least_calls(self, crm: SalesforceCrm) -> None:
        leads = self._leads(crm, 1_000)
        crm.vendor.describe("Lead")
        crm.sandbox.reset_calls()
        crm.vendor.read("Lead", leads, ["Email"], lane=Lane.HOT)
        crm.vendor.update("Lead", [Update(id=one, properties={"Title": "x"}) for one in leads], lane=Lane.HOT)
        creates = [
            Create(key=f"k{one}", properties=crm.task_properties("電話"), associate=(("Lead", one),)) for one in leads
        ]
        crm.vendor.create("Task", creates, lane=Lane.HOT)
        crm.vendor.associated("Lead", leads, "Task", lane=Lane.HOT)
        calls = {kind: found["calls"] for kind, found in crm.sandbox.calls().items() if kind.startswith("data.")}
        assert calls == {"data.query": 10, "data.composite": 10}
        assert crm.salesforce.usage is not None
        assert crm.salesforce.usage.allowed == 15_000

    def test_above_two_thousand_one_bulk_job_does_it_and_tells_each_row(self, crm: SalesforceCrm) -> None:
        leads = self._leads(crm, 2_101)
        crm.sandbox.delete(leads[5])
        crm.sandbox.lock(leads[6])
        updates = [Update(id=one, properties={"Title": "課長", "Phone": ""}) for one in leads]
        updates[7] = Update(id=leads[7], properties={"Email": "no address"})
        crm.sandbox.edit(leads[8], {"Phone": "03-0000-0000"})
        results = crm.vendor.update("Lead", updates, lane=Lane.BACKGROUND)
        others = [(n, one.outcome, one.reason) for n, one in enumerate(results) if one.outcome is not Outcome.APPLIED]
        assert others == [
            (5, Outcome.MISSING, "not_found"),
            (6, Outcome.RETRY, "unable_to_lock_row"),
            (7, Outcome.REJECTED, "invalid_email"),
        ]
        assert sum(row.get("Title") == "課長" for row in crm.held("Lead")) == 2_098
        assert "Phone" not in crm.sandbox.record(leads[8])["fields"]
        calls = crm.sandbox.calls()
        assert calls["bulk.create"]["calls"] == 1
        assert not any(kind.startswith("data.") for kind in calls)

    # ── ways to a session ────────────────────────────────────────────────────────────────────────────────────

    def _tokens(self, crm: SalesforceCrm, source: Any, kept: Kept) -> SessionTokens:
        return SessionTokens(
            source, load=lambda: kept.grant, save=kept.save, lock=kept.locked, clock=lambda: datetime.now(UTC)
        )

    def test_a_signed_assertion_gets_a_session(self, crm: SalesforceCrm) -> None:
        sandbox = crm.sandbox
        source = JwtBearer(
            login_url=sandbox.base_url, client_id=sandbox.client_id, username=sandbox.username,
            private_key=sandbox.issue_key(),
        )  # fmt: skip
        grant = self._tokens(crm, source, Kept()).grant()
        assert (grant.account_id, grant.user_id) == (sandbox.organization_id, sandbox.user_id)
        stranger = replace(source, username="nobody@example.co.jp")
        with pytest.raises(AuthError):
            self._tokens(crm, stranger, Kept()).token()

    @pytest.mark.fault("F43")
    def test_a_refresh_token_is_rotated_and_kept_and_an_old_one_ends_everything(self, crm: SalesforceCrm) -> None:
        sandbox, kept = crm.sandbox, Kept()
        first = sandbox.issue_refresh_token()
        kept.grant = Grant(access_token="", instance_url=sandbox.base_url, refresh_token=first)
        source = RefreshToken(login_url=sandbox.base_url, client_id=sandbox.client_id)
        tokens = self._tokens(crm, source, kept)
        session = tokens.token()
        assert kept.grant is not None
        second = kept.grant.refresh_token
        assert second not in (None, first)
        assert tokens.renew(session) != session
        assert kept.grant.refresh_token not in (first, second)
        thief = Kept()
        thief.grant = Grant(access_token="", instance_url=sandbox.base_url, refresh_token=first)
        with pytest.raises(AuthError):
            self._tokens(crm, source, thief).token()
        with pytest.raises(AuthError) as caught:
            tokens.renew(tokens.token())
        assert caught.value.reason == "grant_dead"

    def test_a_wrong_secret_blames_the_app(self, crm: SalesforceCrm) -> None:
        source = ClientCredentials(
            base_url=crm.sandbox.base_url, client_id=crm.sandbox.client_id, client_secret="wrong"
        )
        with pytest.raises(AuthError) as caught:
            self._tokens(crm, source, Kept()).token()
        assert caught.value.reason == "app_refused"
        assert "wrong" not in str(caught.value)
        assert "コンシューマー鍵" in shown(caught.value.message, "ja")

    # ── polling, upserts, single writes ──────────────────────────────────────────────────────────────────────

    def test_a_poll_goes_on_from_its_cursor_and_tells_an_overlap_again(self, crm: SalesforceCrm) -> None:
        ids = self._leads(crm, 2_050)
        crm.sandbox.delete(ids[3])
        start = Cursor(at=crm.now())
        pages = list(crm.salesforce.poll("Lead", ["Email"], start, lane=Lane.BACKGROUND))
        assert [len(page) for page, _ in pages] == [2_000, 50]
        told = [one for page, _ in pages for one in page]
        assert {one.id for one in told} == set(ids)
        assert [one.id for one in told if one.archived] == [ids[3]]
        end = pages[-1][1]
        assert Cursor.of(end.text()) == end
        crm.sandbox.set_clock(advance_seconds=299)
        again = [one.id for page, _ in crm.salesforce.poll("Lead", [], end, lane=Lane.BACKGROUND) for one in page]
        assert set(again) == set(ids), "what lies within the overlap is told again"
        crm.sandbox.set_clock(advance_seconds=600)
        crm.edit("Lead", ids[9], {"Title": "部長"})
        [(page, last)] = crm.salesforce.poll("Lead", ["Title"], Cursor(at=crm.now()), lane=Lane.BACKGROUND)
        assert [(one.id, one.properties["Title"]) for one in page] == [(ids[9], "部長")]
        assert last.id == ids[9]

    def test_an_upsert_whose_answer_is_lost_makes_one_record_each(self, crm: SalesforceCrm) -> None:
        crm.sandbox.put_field("Lead", KEY_PROPERTY, length=120, unique=True, external_id=True)
        shared = {"LastName": "山田", "Company": "社"}
        rows = [Create(key=f"hubspot:{n}", properties={**shared, "Title": "課長"}, associate=()) for n in range(200)]
        crm.lose_answers()
        results = crm.salesforce.upsert("Lead", KEY_PROPERTY, rows, lane=Lane.HOT)
        assert {one.outcome for one in results} == {Outcome.APPLIED}
        assert len(crm.held("Lead")) == 200
        changed = [Create(key=one.key, properties={"Title": "部長"}, associate=()) for one in rows]
        again = crm.salesforce.upsert("Lead", KEY_PROPERTY, changed, lane=Lane.HOT)
        assert [one.id for one in again] == [one.id for one in results]
        assert all(one.record is not None and one.record.properties["Title"] == "部長" for one in again)
        crm.sandbox.put_field("Lead", "Loose__c", external_id=True)
        crm.vendor.describe("Lead")
        with pytest.raises(UsageError):
            crm.salesforce.upsert("Lead", "Loose__c", rows, lane=Lane.HOT)

    def test_a_write_tells_what_it_overtook_in_the_same_call(self, crm: SalesforceCrm) -> None:
        one, other = self._leads(crm, 2)
        crm.vendor.describe("Lead")
        crm.sandbox.reset_calls()
        crm.sandbox.fault("edit", kind="data.composite", edit={"id": one, "properties": {"Title": "theirs"}})
        updates = [Update(id=each, properties={"Title": "ours"}) for each in (one, other)]
        results = crm.vendor.update("Lead", updates, lane=Lane.HOT)
        before = [each.before.properties["Title"] for each in results if each.before is not None]
        assert before == ["theirs", None]
        assert [each.record.properties["Title"] for each in results if each.record is not None] == ["ours", "ours"]
        assert crm.sandbox.calls()["total"]["calls"] == 1

    def test_what_falls_between_look_and_write_is_told_by_the_fields_history(self, crm: SalesforceCrm) -> None:
        one, other = self._leads(crm, 2, Title="old", Phone="1", Website="1.example")
        crm.vendor.describe("Lead")
        crm.sandbox.set_clock(advance_seconds=5)
        crm.sandbox.reset_calls()
        theirs = {"id": one, "properties": {"Title": "theirs", "Website": "2.example"}}
        crm.sandbox.fault("edit", kind="data.composite", when="between", edit=theirs)
        values = {"Title": "ours", "Phone": "1", "Website": "3.example"}
        results = crm.vendor.update(
            "Lead", [Update(id=each, properties=values) for each in (one, other)], lane=Lane.HOT
        )
        before = [each.before.properties for each in results if each.before is not None]
        assert [(shown["Title"], shown["Phone"]) for shown in before] == [("theirs", "1"), ("old", "1")]
        assert before[0]["Website"] == "1.example", "the org keeps no history of it: nothing tells of that edit"
        assert crm.sandbox.calls()["total"]["calls"] == 1

    def _website(self, crm: SalesforceCrm, record_id: str) -> str:
        return str(crm.sandbox.record(record_id)["fields"]["Website"])

    def _known(self, crm: SalesforceCrm, ids: list[str], **values: str) -> list[Update]:
        """Updates of records that are known as they stand, some seconds after they were last saved."""
        known = crm.vendor.read("Lead", ids, ["Title"], lane=Lane.HOT)
        crm.sandbox.set_clock(advance_seconds=5)
        crm.sandbox.reset_calls()
        return [Update(id=one, properties=values, known_at=known[one].modified_at) for one in ids]

    def test_few_rows_are_never_written_over_an_edit_that_nobody_has_seen(self, crm: SalesforceCrm) -> None:
        """No history is kept of the field, and the edit falls within the write's own call: the write is refused, looks
        again, and tells what it then goes over."""
        one, other = self._leads(crm, 2, Website="1.example")
        updates = self._known(crm, [one, other], Website="3.example")
        theirs = {"id": one, "properties": {"Website": "2.example"}}
        crm.sandbox.fault("edit", kind="data.composite", when="between", edit=theirs)
        results = crm.vendor.update("Lead", updates, lane=Lane.HOT)
        before = [each.before.properties["Website"] for each in results if each.before is not None]
        assert before == ["2.example", "1.example"]
        assert {each.outcome for each in results} == {Outcome.APPLIED}
        assert [self._website(crm, each) for each in (one, other)] == ["3.example", "3.example"]
        assert crm.sandbox.calls()["total"]["calls"] == 2
        assert len([row for row in crm.sandbox.ledger() if row["id"] == other and row["method"] == "update"]) == 1

    def test_a_row_that_is_saved_again_and_again_is_written_all_the_same(self, crm: SalesforceCrm) -> None:
        [one] = self._leads(crm, 1, Website="1.example")
        [update] = self._known(crm, [one], Website="3.example")
        for number in range(3):
            theirs = {"id": one, "properties": {"Website": f"{number}.people.example"}}
            crm.sandbox.fault("edit", kind="data.composite", when="between", skip=number, edit=theirs)
        crm.sandbox.set_clock(rate=1000.0)  # every save a second of its own
        [result] = crm.vendor.update("Lead", [update], lane=Lane.HOT)
        assert result.before is not None
        assert result.before.properties["Website"] == "2.people.example"
        assert crm.sandbox.calls()["total"]["calls"] == 4, "three guarded attempts, and one as many rows go"
        assert self._website(crm, one) == "3.example"

    def test_a_refused_row_of_few_names_its_field_and_a_lock_asks_for_time(self, crm: SalesforceCrm) -> None:
        good, bad, gone, held = self._leads(crm, 4)
        crm.sandbox.settings(readonly_fields={"Lead": ["Phone"]})
        updates = self._known(crm, [good, bad, gone, held], Title="部長")
        updates[1] = replace(updates[1], properties={"Title": "部長", "Phone": "1"})
        crm.sandbox.delete(gone)
        crm.sandbox.lock(held)
        told = crm.vendor.update("Lead", updates, lane=Lane.HOT)
        said = [(one.outcome, one.reason, one.property_name) for one in told]
        assert said == [
            (Outcome.APPLIED, None, None),
            (Outcome.REJECTED, "read_only", "Phone"),
            (Outcome.MISSING, "not_found", None),
            (Outcome.RETRY, "unable_to_lock_row", None),
        ]
        assert crm.sandbox.calls()["total"]["calls"] == 1

    def test_what_a_call_has_told_is_not_swallowed_by_the_next_one_failing(self, crm: SalesforceCrm) -> None:
        """Leads and contacts go in calls of their own: what the first overtook is known, whatever the second does."""
        [lead] = self._leads(crm, 1, Title="old")
        contact = crm.sandbox.create("Contact", {"LastName": "山田"})
        people = SalesforcePeople(crm.salesforce, LeadNames())
        crm.sandbox.fault("edit", kind="data.composite", edit={"id": lead, "properties": {"Title": "theirs"}})
        crm.sandbox.fault("status", kind="data.composite", status=503, skip=1, times=None)
        updates = [Update(id=one, properties={"Title": "ours"}) for one in (lead, contact)]
        first, second = people.update("Lead", updates, lane=Lane.HOT)
        assert first.before is not None
        assert first.before.properties["Title"] == "theirs"
        assert (second.id, second.outcome, second.reason) == (contact, Outcome.RETRY, "http_503")

    def test_what_somebody_saves_right_after_our_write_is_not_taken_for_ours(self, crm: SalesforceCrm) -> None:
        [one] = self._leads(crm, 1, Website="1.example")
        updates = self._known(crm, [one], Website="3.example", Title="部長")
        theirs = {"id": one, "properties": {"Website": "4.example"}}
        crm.sandbox.fault("edit", kind="data.composite", when="written", edit=theirs)
        [result] = crm.salesforce.update("Lead", updates, lane=Lane.HOT)
        assert result.record is not None
        assert result.record.properties.get("Website") is None
        assert result.record.properties["Title"] == "部長"
        assert self._website(crm, one) == "4.example"

    def test_long_keys_are_asked_for_in_addresses_that_salesforce_takes(self, crm: SalesforceCrm) -> None:
        keys = [f"{n:04d}-" + "鍵" * 100 for n in range(60)]
        creates = [Create(key=key, properties=crm.task_properties("電話"), associate=()) for key in keys]
        made = crm.vendor.create("Task", creates, lane=Lane.HOT)
        before = crm.sandbox.call_count("data.query")
        found = crm.vendor.find_by_key("Task", keys, [], lane=Lane.HOT)
        assert {key: one.id for key, one in found.items()} == {key: one.id for key, one in zip(keys, made, strict=True)}
        assert crm.sandbox.call_count("data.query") - before == 5
        assert all(sum(len(quote(f"'{one}'")) for one in part) < 13_000 for part in fitting(keys))
