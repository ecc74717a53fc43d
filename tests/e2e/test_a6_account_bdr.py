"""A6: a list of target accounts, several people of one company, key people first, one plan a company, its owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from connector.sync.evaluate import evaluate_slice
from connector.sync.reading import read_slice
from connector.vendors.base import Lane
from tests.e2e.activities import log
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import edit
from tests.e2e.relay import Relay
from tests.e2e.test_a3_tracks import BDR, TARGET, person, target
from tests.e2e.test_e2_routing import owner, team


def company_of(relay: Relay, company: str) -> dict[str, Any]:
    found: dict[str, Any] = relay.sandbox.record("companies", company)["properties"]
    return found


def worked(relay: Relay, *people: str) -> list[str]:
    """Whose cadence has an open step."""
    return [one for one in people if "bdr_outbound" in relay.still_asked_by(one)]


def import_list(relay: Relay, company: str, **roles: str) -> list[str]:
    """A list of people of one target account comes in at once; name → their role."""
    made = [
        relay.sandbox.create(
            "contacts",
            {"email": f"{name}@{TARGET}", "lastname": name, "tasuki_source": "bdr_list", "tasuki_authority": role},
            associations=[("companies", company)],
        )
        for name, role in roles.items()
    ]
    relay.hear_and_settle()
    return [str(one["id"]) for one in made]


def test_one_plan_a_company_key_people_first_and_one_owner(relay: Relay) -> None:
    relay.listen()
    company = target(relay, numberofemployees="300", industry="MACHINERY")
    clerk, boss, user = import_list(relay, company, clerk="collects", boss="decides", user="promotes")
    assert {relay.lead(one)["stage"] for one in (clerk, boss, user)} == {"mql"}
    assert worked(relay, clerk, boss, user) == [boss], "of a bulk the key person comes first"
    assert relay.contact(boss)["tasuki_account"] == "new_account"
    owners = {owner(relay, one) for one in (clerk, boss, user)}
    assert len(owners) == 1
    assert owners <= team(relay, BDR)
    assert company_of(relay, company)["hubspot_owner_id"] == owners.pop(), "the account has the same owner"

    relay.pass_time(days=2)
    relay.hear_and_settle()
    clocks = {one: relay.lead(one)["state"]["clocks"]["bdr_first"] for one in (clerk, boss)}
    assert clocks[boss][5] is not None, "the promise of 24 hours was broken where it was owed"
    assert clocks[clerk][5] is None, "who waits is owed nothing yet"
    assert relay.made_by(clerk) == [], "and nobody is told that the lead was left alone"
    told = CommandLine.of(relay).json("explain", f"clerk@{TARGET}")
    assert {one["cadence"]: one["standing"] for one in told["cadences"]} == {"bdr_outbound": "waiting"}

    log(relay, "emails", boss, hs_email_direction="INCOMING_EMAIL")
    relay.hear_and_settle()
    assert worked(relay, clerk, boss, user) == [], "the company is being talked to: nobody else is written to"
    edit(relay, boss, tasuki_recycle_reason="timing")
    assert relay.lead(boss)["stage"] == "recycled"
    relay.pass_time(days=4)  # over whatever weekend: a first step comes on a working day
    relay.hear_and_settle()
    assert worked(relay, clerk, boss, user) == [user], "the next key person"


def test_a_customer_makes_the_account_known_and_a_named_owner_stays(make_relay: MakeRelay) -> None:
    relay = make_relay()
    relay.listen()
    bdr = min(team(relay, BDR))
    company = target(relay, hubspot_owner_id=bdr)
    buyer = person(relay, f"buyer@{TARGET}", company, lifecyclestage="customer")
    assert relay.lead(buyer)["stage"] == "customer"
    (other,) = import_list(relay, company, other="influences")
    assert relay.contact(other)["tasuki_account"] == "customer", "a meeting with this one is no new account"
    assert owner(relay, other) == bdr, "whoever has the account has its people"
    assert company_of(relay, company)["hubspot_owner_id"] == bdr
    assert relay.rows("SELECT person FROM assignment_grant WHERE owner_of = 'company'") == [], "nobody was asked"


def test_two_workers_at_once_give_one_turn(relay: Relay) -> None:
    company = target(relay)
    people = [
        str(
            relay.sandbox.create(
                "contacts",
                {"email": f"p{number}@{TARGET}", "lastname": f"山田{number}", "tasuki_source": "bdr_list"},
                associations=[("companies", company)],
            )["id"]
        )
        for number in range(8)
    ]
    relay.listen()
    for one in people:
        relay.sandbox.edit("contacts", one, {"firstname": "花子"})
    relay.hear()
    for _ in range(6):
        relay.runtime.ingest()
        for lane in Lane:
            read_slice(relay.line, lane)
    tenant = relay.tenant
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: evaluate_slice(tenant, limit=1), range(24)))
    relay.hear_and_settle()
    runs = [relay.lead(one)["state"]["cadences"]["bdr_outbound"] for one in people]
    assert [run[-1] for run in runs].count(False) == 1, "one has the turn, seven wait"
