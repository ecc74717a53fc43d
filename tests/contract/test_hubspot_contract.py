"""HubSpot against the contract, on the sandbox, over both path families."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import stamina

from connector.errors import AuthError
from connector.sandbox.handle import SandboxHandle, start_sandbox
from connector.vendors.base import Became, Lane, Outcome, Update, Vendor
from connector.vendors.batches import MERGED_AWAY
from connector.vendors.http import MemoryTokens
from connector.vendors.hubspot import protocol
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.protocol import FAMILIES, OBJECTS
from tests.contract.vendor_contract import CompaniesContract, Crm, FormsContract, Names, VendorContract

NAMES = Names(
    person="contact",
    company="company",
    task="task",
    deal="deal",
    list_place="hubspot_list",
    email="email",
    text="lastname",
    choice="hs_lead_status",
    good_option="NEW",
    bad_option="NO_SUCH_STATUS",
    read_only="num_conversion_events",
    task_title="hs_task_subject",
    key="tasuki_key",
)
#: Everything but the reading that the stand-in's driver does for itself.
DATA = "*.batch_*"


class Credentials:
    """A token that can be expired and replaced, like an OAuth grant's."""

    def __init__(self, sandbox: SandboxHandle) -> None:
        self._sandbox = sandbox
        self.current = sandbox.token
        self.dead = False

    def token(self) -> str:
        return self.current

    def renew(self, rejected: str) -> str:
        if self.dead:
            raise AuthError("The grant is gone; connect the account again.", reason="token_refused")
        self.current = self._sandbox.issue_token()["token"]
        return self.current


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


class HubSpotCrm(Crm):
    """The HubSpot sandbox."""

    names = NAMES

    def __init__(self, sandbox: SandboxHandle, api_version: str) -> None:
        self.sandbox = sandbox
        self.clock = Clock()
        self.credentials = Credentials(sandbox)
        self.hubspot = HubSpotVendor(
            account_id=str(sandbox.portal_id),
            base_url=sandbox.base_url,
            credentials=self.credentials,
            tokens=MemoryTokens(clock=self.clock.read, sleep=self.clock.sleep),
            api_version=api_version,
            our_source_ids={str(sandbox.app_id)},
        )
        self.vendor: Vendor = self.hubspot
        _make_key_property(self.hubspot)

    def add(self, object_type: str, properties: Mapping[str, str]) -> str:
        return str(self.sandbox.create(OBJECTS[object_type], dict(properties))["id"])

    def edit(self, object_type: str, record_id: str, properties: Mapping[str, str]) -> None:
        self.sandbox.edit(OBJECTS[object_type], record_id, dict(properties))

    def delete(self, object_type: str, record_id: str) -> None:
        self.sandbox.delete(OBJECTS[object_type], record_id)

    def merge(self, winner: str, loser: str) -> None:
        self.sandbox.merge(winner, loser)

    def held(self, object_type: str) -> list[Mapping[str, str]]:
        rows = self.sandbox.records(OBJECTS[object_type])
        return [row["properties"] for row in rows if not row["archived"]]

    def link(self, person: str, company: str) -> None:
        self.sandbox.edit("contacts", person, {"associatedcompanyid": company})

    def company_properties(self, name: str, domain: str) -> dict[str, str]:
        return {"name": name, "domain": domain}

    def task_properties(self, title: str) -> dict[str, str]:
        return {"hs_task_subject": title, "hs_timestamp": "2026-04-01T00:00:00Z", "hs_task_status": "NOT_STARTED"}

    def deal_properties(self, title: str) -> dict[str, str]:
        return {"dealname": title, "dealstage": "qualifiedtobuy"}

    def make_list(self, name: str, *, static: bool) -> None:
        self.sandbox.put_list(name, kind="MANUAL" if static else "DYNAMIC")

    def on_list(self, name: str) -> list[str]:
        return self.sandbox.lists()[name]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.sandbox.clock()["now_ms"] / 1000, UTC)

    def wait_for_search(self) -> None:
        self.sandbox.set_clock(advance_seconds=30)

    def calls(self) -> int:
        return sum(kind["calls"] for name, kind in self.sandbox.calls().items() if "batch" in name)

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
        policy = "DAILY" if which == "day" else "TEN_SECONDLY_ROLLING"
        self.sandbox.fault("status", kind=DATA, status=429, policy=policy, times=times)

    def fail_rows(self, rows: int) -> None:
        self.sandbox.fault("partial", kind=DATA, rows=rows)

    def disconnect(self) -> None:
        self.sandbox.revoke_token()
        self.credentials.dead = True

    def expire_token(self) -> None:
        self.sandbox.revoke_token()

    def submit(self, form: str, email: str, at: datetime) -> str:
        stamp = round(at.timestamp() * 1000)
        found = self.sandbox.submit(form, {"email": email}, submitted_at=stamp)
        return str(found["conversion_id"])

    def waits(self) -> Sequence[float]:
        return self.clock.waits


def _make_key_property(vendor: HubSpotVendor) -> None:
    path = vendor.paths.properties.format(object="tasks")
    groups = vendor.paths.property_groups.format(object="tasks")
    vendor.api.call("POST", groups, {"name": "tasuki", "label": "Tasuki"}, lane=Lane.HOT)
    body = {
        "name": "tasuki_key",
        "label": "Tasuki key",
        "type": "string",
        "fieldType": "text",
        "groupName": "tasuki",
        "hasUniqueValue": True,
    }
    vendor.api.call("POST", path, body, lane=Lane.HOT)


@pytest.fixture(autouse=True)
def retries_without_pauses() -> Iterator[None]:
    """Retries happen, their pauses do not."""
    stamina.set_testing(True, attempts=3, cap=True)
    yield
    stamina.set_testing(False)


class HubSpotContract(VendorContract, CompaniesContract, FormsContract):
    """The contract on one family of paths."""

    api_version: str

    @pytest.fixture
    def crm(self) -> Iterator[Crm]:
        with start_sandbox(limits_enabled=False, auto_associate="off") as sandbox:
            sandbox.put_owner(email="left@example.co.jp", first_name="去", last_name="者", archived=True)
            crm = HubSpotCrm(sandbox, self.api_version)
            yield crm
            crm.hubspot.close()


class TestDatedPaths(HubSpotContract):
    api_version = "2026-03"

    @pytest.mark.parametrize(("effect", "outcome"), [("drop", Outcome.UNCERTAIN), ("status", Outcome.RETRY)])
    def test_one_lost_batch_of_two_takes_nothing_from_the_other(
        self, crm: HubSpotCrm, effect: str, outcome: Outcome
    ) -> None:
        people = self._people(crm, 150)
        fault: dict[str, Any] = {"status": 423, "times": None} if effect == "status" else {"times": 1}
        crm.sandbox.fault(effect, kind="tasks.batch_create", skip=1, **fault)
        results = crm.vendor.create("task", self._creates(crm, people), lane=Lane.BACKGROUND)
        applied = [result for result in results if result.outcome is Outcome.APPLIED]
        others = [result for result in results if result.outcome is not Outcome.APPLIED]
        assert sorted([len(applied), len(others)]) == [50, 100]
        assert {result.outcome for result in others} == {outcome}
        assert len(crm.held("task")) == len(applied)

    def test_a_page_of_a_round_that_fails_is_called_for_once_more_and_takes_nothing_from_the_others(
        self, crm: HubSpotCrm
    ) -> None:
        ids = sorted(self._people(crm, 350), key=int)
        afters = [None, *(str(int(ids[at]) + 1) for at in (99, 199, 299))]
        effects: list[dict[str, Any]] = [
            {"effect": "drop"},
            {"effect": "truncate", "short": True},
            {"effect": "html"},
            {"effect": "status", "status": 503},
            {"effect": "status", "status": 429, "policy": "TEN_SECONDLY_ROLLING"},
        ]
        for effect in effects:
            crm.sandbox.reset_calls()
            crm.sandbox.fault(kind="contacts.list", skip=1, times=1, **effect)
            assert self._listed(crm, afters) == ids, effect
            assert crm.sandbox.calls()["contacts.list"]["calls"] == 5, effect
        crm.expire_token()
        assert self._listed(crm, afters) == ids, "the access token was renewed"
        crm.vendor.sheets("contact", ["email"], afters=afters, lane=Lane.BACKGROUND).drop()
        assert self._listed(crm, afters) == ids, "what was dropped is nobody else's answer"

    @staticmethod
    def _listed(crm: HubSpotCrm, afters: Sequence[str | None]) -> list[str]:
        sheets = crm.vendor.sheets("contact", ["email"], afters=afters, lane=Lane.BACKGROUND).read()
        return [one for sheet in sheets for one in sheet.ids]

    def test_what_was_merged_away_is_told_with_what_it_became_and_what_is_gone_costs_no_call_more(
        self, crm: HubSpotCrm
    ) -> None:
        """Also where the winner was asked for too, and where records were merged one into the other."""
        kept, lost, last, other, gone = self._people(crm, 5)
        read = partial(crm.vendor.read, "contact", properties=["email"], lane=Lane.HOT)
        crm.delete("contact", gone)
        before = crm.calls()
        assert read(ids=[kept, gone, "999999999999"]).keys() == {kept}
        assert crm.calls() == before + 1
        crm.merge(kept, lost)
        crm.merge(last, kept)
        found = read(ids=[kept, lost, last, other, gone])
        assert {one: record.became and record.became.id for one, record in found.items()} == {
            kept: last, lost: last, last: None, other: None,
        }  # fmt: skip
        assert {one: record.became for one, record in read(ids=[lost]).items()} == {
            lost: Became(id=last, goes_on=False)
        }

    def test_a_winner_that_does_not_name_its_losers_is_asked_for_each_alone(self, crm: HubSpotCrm) -> None:
        first, second, third, fourth = self._people(crm, 4)
        crm.merge(first, second)
        crm.merge(third, fourth)
        crm.sandbox.calculated("contacts", first, {protocol.MERGED_PROPERTY: ""})
        found = crm.vendor.read("contact", [second, fourth], ["email"], lane=Lane.HOT)
        assert {one: record.became and record.became.id for one, record in found.items()} == {
            second: first, fourth: third,
        }  # fmt: skip

    def test_a_write_to_what_was_merged_away_says_so(self, crm: HubSpotCrm) -> None:
        kept, lost = self._people(crm, 2)
        crm.merge(kept, lost)
        (result,) = crm.vendor.update("contact", [Update(id=lost, properties={"city": "東京"})], lane=Lane.HOT)
        assert (result.outcome, result.reason) == (Outcome.RETRY, MERGED_AWAY)

    def test_a_thousand_leads_cost_the_least_calls(self, crm: HubSpotCrm) -> None:
        people = self._people(crm, 1_000)
        crm.sandbox.reset_calls()
        crm.vendor.read("contact", people, ["email"], lane=Lane.HOT)
        crm.vendor.update("contact", [Update(id=one, properties={"lastname": "x"}) for one in people], lane=Lane.HOT)
        crm.vendor.create("task", self._creates(crm, people), lane=Lane.HOT)
        crm.vendor.associated("contact", people, "task", lane=Lane.HOT)
        calls = {kind: found["calls"] for kind, found in crm.sandbox.calls().items() if "batch" in kind}
        assert calls == {
            "contacts.batch_read": 10,
            "contacts.batch_update": 10,
            "tasks.batch_create": 10,
            "associations.batch_read": 1,
        }


class TestVersionThreePaths(HubSpotContract):
    api_version = "v3"

    def test_both_families_are_told_apart(self) -> None:
        assert set(FAMILIES) == {"2026-03", "v3"}


def test_the_recorded_shape_of_a_missing_record_is_read_as_such() -> None:
    """A 404 of HubSpot is HTML with `X-HubSpot-NotFound`."""
    from connector.vendors.http import Answer
    from connector.vendors.hubspot.failures import failure
    from connector.vendors.refusal import RefusedError

    page = b"<html><head><title>Error 404 Not Found</title></head></html>"
    headers = {"content-type": "text/html", "x-hubspot-notfound": "true"}
    error = failure(Answer(status=404, headers=headers, body=page, seconds=0.1), repeatable=True)
    assert isinstance(error, RefusedError)
    assert error.reason == "not_found"
