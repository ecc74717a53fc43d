"""Provisioning a sandbox portal from the shipped policies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import stamina

from connector.errors import UsageError
from connector.policy.loader import load_policy
from connector.policy.model import FieldDef, Home, Policy
from connector.sandbox.handle import SandboxHandle, start_sandbox
from connector.vendors.base import Lane
from connector.vendors.http import FixedToken, MemoryTokens
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.provision import apply, plan

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
MAPPINGS = Path(__file__).parents[4] / "mappings"


@pytest.fixture(autouse=True)
def retries_without_pauses() -> Iterator[None]:
    stamina.set_testing(True, attempts=2, cap=True)
    yield
    stamina.set_testing(False)


@pytest.fixture
def sandbox() -> Iterator[SandboxHandle]:
    with start_sandbox(limits_enabled=False) as handle:
        yield handle


@pytest.fixture
def vendor(sandbox: SandboxHandle) -> Iterator[HubSpotVendor]:
    made = HubSpotVendor(
        account_id=str(sandbox.portal_id),
        base_url=sandbox.base_url,
        credentials=FixedToken(sandbox.token),
        tokens=MemoryTokens(),
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def b2b() -> Policy:
    return load_policy(MAPPINGS / "b2b-ja")


def _with_home(policy: Policy, name: str, place: str) -> Policy:
    """The policy with one field living elsewhere in HubSpot."""
    object_type, _, prop = place.partition(".")
    old: FieldDef = policy.fields[name]
    home: Home = replace(old.homes[0], object_type=object_type, name=prop)
    return replace(policy, fields={**policy.fields, name: replace(old, homes=(home,))})


def test_the_whole_shipped_policy_fits_a_fresh_portal(vendor: HubSpotVendor, b2b: Policy) -> None:
    found = plan(b2b, vendor)
    assert found.errors == ()
    done = apply(found, vendor, probe_id="1", now=NOW)
    assert done.capabilities == {"unique_keys": ["task", "deal", "note"], "unavailable": []}
    contact = vendor.describe("contact")
    assert contact["tasuki_timeline"].options["within_3m"] == "3か月以内"
    assert contact["tasuki_interests"].type == "multi_enumeration"
    assert contact["tasuki_last_contact"].type == "datetime"
    assert contact["tasuki_score"].type == "number"
    assert vendor.describe("deal")["tasuki_meeting_at"].type == "datetime"
    assert vendor.describe("task")["tasuki_key"].unique


def test_doing_it_again_changes_nothing(vendor: HubSpotVendor, b2b: Policy) -> None:
    first = plan(b2b, vendor)
    apply(first, vendor, probe_id="1", now=NOW)
    again = plan(b2b, vendor)
    assert again.steps == ()
    assert again.stage_values == first.stage_values
    assert apply(again, vendor, probe_id="2", now=NOW).capabilities == {
        "unique_keys": ["task", "deal", "note"],
        "unavailable": [],
    }


def test_looking_changes_nothing(vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy) -> None:
    found = plan(b2b, vendor)
    assert found.steps
    assert all(step.says for step in found.steps)
    assert "tasuki_score" not in vendor.describe("contact")
    assert sandbox.ledger() == []


def test_the_small_policy_fits_too(vendor: HubSpotVendor) -> None:
    found = plan(load_policy(MAPPINGS / "small-team"), vendor)
    assert found.errors == ()
    apply(found, vendor, probe_id="1", now=NOW)
    assert vendor.describe("contact")["tasuki_grade"].options == {"A": "A", "B": "B", "C": "C"}


def test_custom_stages_stand_behind_their_predecessors(vendor: HubSpotVendor, b2b: Policy) -> None:
    done = apply(plan(b2b, vendor), vendor, probe_id="1", now=NOW)
    sal, recycled = done.stage_values["sal"], done.stage_values["recycled"]
    options = vendor.describe("contact")["lifecyclestage"].options
    order = list(options)
    assert options[sal] == "SAL"
    assert options[recycled] == "リサイクル"
    assert sal.isdigit()
    assert order.index("marketingqualifiedlead") + 1 == order.index(sal) < order.index("salesqualifiedlead")
    assert order.index("customer") < order.index(recycled)
    assert set(order) > {"subscriber", "evangelist", "other"}


def test_the_probe_leaves_nothing_behind(vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy) -> None:
    apply(plan(b2b, vendor), vendor, probe_id="1", now=NOW)
    assert [row for row in sandbox.records("tasks") if not row["archived"]] == []


@pytest.mark.parametrize("switch", ["tasks_refuse_unique", "tasks_enforce_unique"])
def test_a_portal_that_does_not_enforce_keys_is_found_out(
    vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy, switch: str
) -> None:
    sandbox.settings(**{switch: switch == "tasks_refuse_unique"})
    done = apply(plan(b2b, vendor), vendor, probe_id="1", now=NOW)
    assert done.capabilities == {"unique_keys": ["deal", "note"], "unavailable": []}
    assert "tasuki_key" in vendor.describe("task")
    assert [row for row in sandbox.records("tasks") if not row["archived"]] == []


def test_a_misspelt_standard_property_is_named_and_nothing_is_done(vendor: HubSpotVendor, b2b: Policy) -> None:
    found = plan(_with_home(b2b, "job_title", "contact.jobtitel"), vendor)
    [problem] = found.errors
    assert (problem.reason, problem.property_name) == ("property_missing", "jobtitel")
    with pytest.raises(UsageError) as caught:
        apply(found, vendor, probe_id="1", now=NOW)
    assert "contact.jobtitel" in str(caught.value)
    assert "tasuki_score" not in vendor.describe("contact")


def test_a_computed_field_on_a_read_only_property_is_an_error(vendor: HubSpotVendor, b2b: Policy) -> None:
    [problem] = plan(_with_home(b2b, "score_total", "contact.num_conversion_events"), vendor).errors
    assert problem.reason == "property_read_only"


def test_a_property_of_another_type_is_an_error(vendor: HubSpotVendor, b2b: Policy) -> None:
    [problem] = plan(_with_home(b2b, "last_contacted_at", "contact.lastname"), vendor).errors
    assert problem.reason == "property_type"


def test_missing_options_are_added_and_others_stay(vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy) -> None:
    apply(plan(b2b, vendor), vendor, probe_id="1", now=NOW)
    timeline = b2b.fields["timeline"]
    wider = replace(timeline, choices={**timeline.choices, "within_2y": {"ja": "2年以内"}})
    found = plan(replace(b2b, fields={**b2b.fields, "timeline": wider}), vendor)
    assert [step.action for step in found.steps] == ["add_options"]
    apply(found, vendor, probe_id="2", now=NOW)
    options = vendor.describe("contact")["tasuki_timeline"].options
    assert list(options) == ["within_3m", "within_6m", "within_1y", "undecided", "within_2y"]
    assert options["within_2y"] == "2年以内"


def test_two_at_once_do_not_trip_over_each_other(vendor: HubSpotVendor, b2b: Policy) -> None:
    one, other = plan(b2b, vendor), plan(b2b, vendor)
    apply(one, vendor, probe_id="1", now=NOW)
    apply(other, vendor, probe_id="2", now=NOW)
    assert plan(b2b, vendor).steps == ()


def test_the_pipeline_is_created_once_with_its_stages(vendor: HubSpotVendor, b2b: Policy) -> None:
    found = plan(b2b, vendor)
    (step,) = [one for one in found.steps if one.action == "create_pipeline"]
    assert "アポイント獲得 10%" in step.says
    apply(found, vendor, probe_id="1", now=NOW)
    (made,) = [one for one in vendor.pipelines() if one.label == "新規営業"]
    assert [stage.label for stage in made.stages][:2] == ["アポイント獲得", "初回商談"]
    assert [stage.label for stage in made.stages if stage.closed] == ["受注", "失注"]


def test_a_pipeline_that_is_there_gets_the_stages_it_lacks(
    vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy
) -> None:
    stages = [
        {"label": label, "displayOrder": order, "metadata": {"probability": "0.5"}}
        for order, label in enumerate(("アポイント獲得", "提案", "与信"))
    ]
    path = vendor.paths.pipelines.format(object="deals")
    body = {"label": "新規営業", "displayOrder": 1, "stages": stages}
    vendor.api.call("POST", path, body, lane=Lane.BACKGROUND)
    found = plan(b2b, vendor)
    added = [one.body["label"] for one in found.steps if one.action == "create_deal_stage"]
    assert added == ["初回商談", "見積提出", "クロージング", "受注", "失注"]
    apply(found, vendor, probe_id="1", now=NOW)
    (made,) = [one for one in vendor.pipelines() if one.label == "新規営業"]
    assert {"与信", *added} < {stage.label for stage in made.stages}
    assert len(made.stages) == 8
    assert plan(b2b, vendor).steps == ()


def test_an_outcome_that_the_portal_does_not_know_is_told(
    vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy
) -> None:
    def told() -> list[str]:
        return [one.message for one in plan(policy, vendor).problems if one.reason == "outcome_unknown"]

    signal = b2b.signals["contacted"]
    call = replace(signal.sources[0], where={"outcome": ("以心伝心",)})
    policy = replace(b2b, signals={**b2b.signals, "contacted": replace(signal, sources=(call, *signal.sources[1:]))})
    assert told() == [
        "No outcome of calls in HubSpot is called 以心伝心 (signal contacted): it has Busy, Connected, "
        "Left live message, Left voicemail, No answer, Wrong number."
    ]
    sandbox.put_disposition("11111111-2222-4333-8444-555555555555", "以心伝心")
    assert told() == []
    assert not [one for one in plan(b2b, vendor).problems if one.reason == "outcome_unknown"]


def test_the_lists_to_enrol_in_are_created_and_an_active_one_is_an_error(
    vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy
) -> None:
    found = plan(b2b, vendor)
    assert [one.name for one in found.steps if one.action == "create_list"] == ["ステップメール対象"]
    apply(found, vendor, probe_id="1", now=NOW)
    assert sandbox.lists() == {"ステップメール対象": []}
    assert not [one for one in plan(b2b, vendor).steps if one.action == "create_list"]


def test_an_active_list_cannot_be_enrolled_in(vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy) -> None:
    sandbox.put_list("ステップメール対象", kind="DYNAMIC")
    assert [one.reason for one in plan(b2b, vendor).errors] == ["list_not_static"]


def test_lists_that_signals_need_and_sequences_that_nobody_may_start_are_told(
    vendor: HubSpotVendor, sandbox: SandboxHandle, b2b: Policy
) -> None:
    def told() -> set[str]:
        return {one.reason for one in plan(b2b, vendor).problems} & {"list_missing", "no_sequences"}

    assert told() == {"list_missing"}
    sandbox.put_list("ウェビナー参加者", kind="DYNAMIC")
    sandbox.put_list("料金ページ閲覧", kind="DYNAMIC")
    assert told() == set()
    sandbox.settings(sequences_available=False)
    assert told() == {"no_sequences"}
    done = apply(plan(b2b, vendor), vendor, probe_id="1", now=NOW)
    assert done.capabilities["unavailable"] == ["hubspot_sequence"]
