"""What act two of the demo expects is what the policy says, and its proof finds what is there to be found."""

from __future__ import annotations

from functools import cache

import pytest

from connector.bootstrap_bindings import bindings_of
from connector.cli.demo_both import SCENES, cast_of
from connector.cli.demo_both_proof import HUBSPOT, SALESFORCE, Edit, Half, apart, verdict
from connector.cli.shipped import shipped_policy
from connector.domain.value import BLANK, Value
from connector.engine.plan import Plan, prepare
from connector.policy.loader import load_policy
from connector.policy.model import FieldDef
from connector.store.connections import ConnectionRow
from connector.sync.binding import Binding


@cache
def plan() -> Plan:
    return prepare(load_policy(shipped_policy("b2b-ja")))


def field(name: str = "job_title") -> FieldDef:
    return plan().policy.fields[name]


def edit(side: str, value: Value, at_ms: int) -> Edit:
    return Edit(side=side, value=value, at_ms=at_ms)


@pytest.mark.parametrize(
    ("here", "there", "stands", "lost"),
    [
        (("部長", 5_000), None, "部長", False),
        (None, ("課長", 5_000), "課長", False),
        (("部長", 6_000), ("課長", 5_000), "部長", True),
        (("部長", 5_500), ("課長", 5_000), "部長", True),  # in one second: the CRM of the tasks
        (("部長", 4_999), ("課長", 5_000), "課長", True),
        (("部長", 5_000), ("部長", 9_000), "部長", False),
        (None, (BLANK, 5_000), "係長", True),
        ((BLANK, 9_000), ("課長", 5_000), "課長", False),
        (("係長", 5_000), None, "係長", False),
    ],
)
def test_what_stands(
    here: tuple[Value, int] | None, there: tuple[Value, int] | None, stands: Value, lost: bool
) -> None:
    told = {HUBSPOT: here, SALESFORCE: there}
    edits = {side: edit(side, *one) for side, one in told.items() if one is not None}
    found = verdict(field(), "係長", edits, HUBSPOT)
    assert (found.value, found.lost) == (stands, lost)
    assert found.why


def row(number: int, vendor: str) -> ConnectionRow:
    return ConnectionRow(
        id=number,
        installation_id=1,
        vendor=vendor,
        account_id="1",
        base_url="https://example.com",
        status="active",
        settings={},
        capabilities={},
        stage_values={},
        paused_reason=None,
        paused_until=None,
        paused_at=None,
    )


@cache
def bindings() -> dict[int, Binding]:
    return bindings_of(plan(), [row(1, HUBSPOT), row(2, SALESFORCE)])


def halves(**there: str | None) -> tuple[Half, Half]:
    """One person; `there` is what Salesforce shows otherwise."""
    portal, org = bindings()[1], bindings()[2]
    mine = {"jobtitle": "部長", "phone": "03-1234-5678", "hubspot_owner_id": None, "hs_email_optout": None}
    theirs = {"Title": "部長", "Phone": "０３（１２３４）５６７８", "OwnerId": "00G5j0000000001EAA", **there}
    return (
        Half(portal, "1", {portal.dialect.person_type: mine}, frozenset({"hs_email_optout"})),
        Half(org, "00Q", {org.dialect.person_type: theirs}),
    )


def test_spellings_queues_and_what_nobody_can_write_are_no_differences() -> None:
    assert list(apart(*halves(HasOptedOutOfEmail="false"))) == []


def test_what_differs_is_told() -> None:
    told = {one.what for one in apart(*halves(Title="課長", OwnerId="0055j0000000008AAA"))}
    assert told == {"job_title"}, "an owner whom HubSpot does not have is not written there"


def test_a_small_demo_plays_the_scenes_for_which_there_are_people() -> None:
    cast = cast_of(["a@example.co.jp", "b@example.co.jp"])
    assert [scene for scene, _ in cast] == list(SCENES[:2])
    assert [one.address for _, one in cast] == ["a@example.co.jp", "b@example.co.jp"]
    assert len(cast_of([f"{number}@example.co.jp" for number in range(99)])) == len(SCENES)
