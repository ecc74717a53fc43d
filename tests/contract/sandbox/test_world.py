"""The seeded world: believable, repeatable, quick, and only on reserved domains."""

from __future__ import annotations

from connector.sandbox.behaviour import visits
from connector.sandbox.handle import SandboxHandle, start_sandbox
from connector.sandbox.names import FREE_MAIL
from connector.sandbox.portal import Portal
from connector.sandbox.world import WorldSettings, build_world

RESERVED = (".example", "example.co.jp", "example.ac.jp")


def test_the_world_is_reserved_and_mixed(peopled: SandboxHandle) -> None:
    contacts = peopled.records("contacts")
    domains = [row["properties"]["email"].partition("@")[2] for row in contacts]
    assert all(domain in FREE_MAIL or domain.endswith(RESERVED) for domain in domains)
    assert all(row["properties"]["domain"].endswith(RESERVED) for row in peopled.records("companies"))
    assert set(FREE_MAIL) & set(domains)
    assert {"rival.example", "big-maker.example"} <= {
        row["properties"]["domain"] for row in peopled.records("companies")
    }
    owned = [row for row in contacts if "hubspot_owner_id" in row["properties"]]
    assert 10 < len(owned) < 60
    assert {row["properties"]["hubspot_owner_id"] for row in owned} <= {one["id"] for one in peopled.owners()}
    linked = [row for row in contacts if row["associations"]]
    assert len(linked) > 90
    assert all(row["associations"]["companies"] == [row["properties"]["associatedcompanyid"]] for row in linked)


def test_the_world_is_silent(peopled: SandboxHandle) -> None:
    assert peopled.ledger() == []
    assert peopled.calls()["total"]["calls"] == 0
    assert peopled.webhooks()["emitted"] == {}


def world(seed: int, contacts: int = 60) -> Portal:
    portal = Portal()
    portal.clock.set(now_ms=1_795_136_400_000, rate=0)
    build_world(portal, WorldSettings(contacts=contacts, seed=seed))
    return portal


def test_the_same_seed_gives_the_same_world() -> None:
    one, two, other = ([row.props for row in world(seed).tables["contacts"].records.values()] for seed in (5, 5, 6))
    assert one == two
    assert one != other


def test_addresses_differ_and_worlds_grow() -> None:
    portal = world(1, 3000)
    build_world(portal, WorldSettings(contacts=500, seed=1))
    records = portal.tables["contacts"].records.values()
    assert len({row.props["email"] for row in records}) == 3500


def test_every_value_of_the_world_is_one_that_the_api_takes(peopled: SandboxHandle) -> None:
    """A person saving a record as it is gets no refusal."""
    for kind in ("contacts", "companies"):
        for row in peopled.records(kind)[:40]:
            given = {
                name: value
                for name, value in row["properties"].items()
                if not name.startswith("hs_") and name not in ("createdate", "lastmodifieddate", "email")
            }
            peopled.edit(kind, row["id"], given)
    assert all(row["changes"] == {} for row in peopled.ledger(method="update"))


def test_visits_find_people() -> None:
    with start_sandbox(contacts=5) as sandbox:
        mails = [row["properties"]["email"] for row in sandbox.records("contacts")]
        planned = list(visits(10, 3, mails))
        assert planned == list(visits(10, 3, mails))
        before = sum(int(row["properties"]["hs_analytics_num_visits"]) for row in sandbox.records("contacts"))
        for one in planned:
            sandbox.visit(sandbox.find("contacts", "email", one.email)["id"], url=one.url)
        after = sum(int(row["properties"]["hs_analytics_num_visits"]) for row in sandbox.records("contacts"))
        assert after - before == 10
