"""Deals and notes of hand-overs: created once with their associations, or taken where one stands already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from connector.sync.deliver import deliver_slice
from connector.sync.facts import DEAL_STAGE
from connector.vendors.base import Lane
from tests.e2e.conftest import MakeRelay
from tests.e2e.deals import Deals, a_deal, facts, hand_over, its_note, new_contact
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay, quick


def _company(relay: Relay, domain: str = "example.co.jp") -> str:
    return str(relay.sandbox.create("companies", {"name": "株式会社例", "domain": domain})["id"])


def _lead(relay: Relay, number: int = 0) -> str:
    contact = new_contact(relay, number)
    relay.hear_and_settle()
    return contact


@pytest.fixture
def relay(make_relay: MakeRelay) -> Relay:
    made = make_relay()
    made.listen()
    return made


def test_a_deal_and_its_note_stand_with_their_associations(relay: Relay) -> None:
    company = _company(relay)
    contact = _lead(relay)
    owners = [one["id"] for one in relay.sandbox.owners()]
    deals, deal = Deals(relay), a_deal(owner=owners[0], sender=owners[1])
    relay.mark()
    hand_over(relay, contact, [deal], [its_note(deal, "課題: <手作業>\n予算: 未定")])
    relay.settle()
    calls = relay.calls()
    assert (calls["deals.batch_create"], calls["notes.batch_create"]) == (1, 1)
    assert "deals.batch_read" not in calls, "what we made is known"
    (made,) = deals.live()
    shown = made["properties"]
    assert shown["dealname"] == "株式会社例 本体"
    assert (shown["pipeline"], shown["dealstage"]) == (deals.pipeline, deals.stages["アポイント獲得"])
    assert (shown["amount"], shown["hubspot_owner_id"], shown["tasuki_is_owner"]) == ("3000000", owners[0], owners[1])
    assert made["associations"]["contacts"] == [contact]
    assert made["associations"]["companies"] == [company]
    (note,) = relay.sandbox.records("notes")[-1:]
    assert note["properties"]["hs_note_body"] == "課題: &lt;手作業&gt;<br>予算: 未定"
    assert note["associations"]["deals"] == [made["id"]]
    assert note["associations"]["contacts"] == [contact]
    assert facts(relay, contact)[DEAL_STAGE] == "appointment"
    relay.mark()
    relay.hear_and_settle()
    assert relay.calls()["total"] == 0, "our own events are no news"


def test_a_deal_whose_answer_was_lost_is_looked_up_and_its_note_waits(relay: Relay) -> None:
    contact = _lead(relay)
    deal = a_deal()
    relay.sandbox.fault("lost_response", kind="deals.batch_create", times=1)
    hand_over(relay, contact, [deal], [its_note(deal)])
    relay.round()
    assert not [one for one in relay.sandbox.records("notes") if not one["archived"]]
    relay.expire_leases()
    relay.hear_and_settle()
    (made,) = Deals(relay).live()
    (note,) = [one for one in relay.sandbox.records("notes") if not one["archived"]]
    assert note["associations"]["deals"] == [made["id"]]
    assert facts(relay, contact)[DEAL_STAGE] == "appointment"
    hand_over(relay, contact, [deal], [its_note(deal)])
    relay.settle()
    assert len(Deals(relay).live()) == 1


def test_an_open_deal_of_the_company_is_taken_instead(relay: Relay) -> None:
    _company(relay)
    first, second = _lead(relay, 1), _lead(relay, 2)
    deals = Deals(relay)
    colleague = relay.sandbox.owners()[0]["id"]
    standing = deals.make(first, "提案", hubspot_owner_id=colleague)
    relay.api("PUT", f"/crm/v4/objects/deals/{standing}/associations/default/companies/{_company_of(relay, first)}")
    relay.hear_and_settle()
    deal = a_deal(owner=relay.sandbox.owners()[1]["id"])
    hand_over(relay, second, [deal], [its_note(deal)])
    relay.settle()
    assert [one["id"] for one in deals.live()] == [standing]
    shown = relay.sandbox.record("deals", standing)
    assert set(shown["associations"]["contacts"]) == {first, second}
    assert shown["properties"]["hubspot_owner_id"] == colleague, "whose it is stays"
    (note,) = [one for one in relay.sandbox.records("notes") if not one["archived"]]
    assert note["associations"]["deals"] == [standing]
    assert facts(relay, second)[DEAL_STAGE] == "proposal"
    relay.mark()
    relay.hear_and_settle()
    assert "deals.batch_update" not in relay.calls()


def _company_of(relay: Relay, contact: str) -> str:
    return str(relay.contact(contact)["associatedcompanyid"])


def test_a_closed_deal_keeps_nobody_from_a_new_one(relay: Relay) -> None:
    contact, deals = _lead(relay), Deals(relay)
    deals.make(contact, "失注")
    relay.hear_and_settle()
    hand_over(relay, contact, [a_deal()])
    relay.settle()
    assert len(deals.live()) == 2
    assert facts(relay, contact)[DEAL_STAGE] == "appointment"


def test_two_people_of_one_company_get_one_deal(relay: Relay) -> None:
    _company(relay)
    people = [_lead(relay, 1), _lead(relay, 2)]
    for contact in people:
        hand_over(relay, contact, [a_deal()], [its_note(a_deal())])
    relay.settle()
    (made,) = Deals(relay).live()
    assert sorted(made["associations"]["contacts"]) == sorted(people)
    notes = [one for one in relay.sandbox.records("notes") if not one["archived"]]
    assert [one["associations"]["deals"] for one in notes] == [[made["id"]]] * 2


@pytest.mark.parametrize("moment", ["associated", "create"])
def test_two_workers_who_hand_over_two_people_of_one_company_make_one_deal(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The other worker does its whole job once ours was told that no deal stands, or when ours is about to make it."""
    _company(relay)
    people = [_lead(relay, 1), _lead(relay, 2)]
    for contact in people:
        hand_over(relay, contact, [a_deal()], [its_note(a_deal())])
    relay.rows("UPDATE link SET lane = 'background' WHERE vendor_id = %s RETURNING 1", [people[1]])
    ours, other = relay.line, relay.second_worker()
    call = getattr(ours.vendor, moment)

    def overtaken(*given: Any, **named: Any) -> Any:
        monkeypatch.undo()
        told = call(*given, **named) if moment == "associated" else None
        assert deliver_slice(other, Lane.BACKGROUND) == 1
        return told if moment == "associated" else call(*given, **named)

    monkeypatch.setattr(ours.vendor, moment, overtaken)
    assert deliver_slice(ours, Lane.HOT) == 1
    relay.hear_and_settle()
    (made,) = Deals(relay).live()
    assert sorted(made["associations"]["contacts"]) == sorted(people)
    notes = [one for one in relay.sandbox.records("notes") if not one["archived"]]
    assert [one["associations"]["deals"] for one in notes] == [[made["id"]]] * 2


@pytest.mark.parametrize(("says", "deals_after"), [("refuse", 1), ("create", 2)])
def test_what_the_policy_says_of_an_open_deal(
    make_relay: MakeRelay, tmp_path: Path, says: str, deals_after: int
) -> None:
    policy = changed_policy(tmp_path / "p", "handoff.yaml", open_deal=f"if_open_deal: reuse => if_open_deal: {says}")
    relay = make_relay(policy=policy)
    relay.listen()
    contact, deals = _lead(relay), Deals(relay)
    deals.make(contact, "提案")
    relay.hear_and_settle()
    hand_over(relay, contact, [a_deal()])
    relay.settle()
    assert len(deals.live()) == deals_after
    assert [item.reason for item in relay.parked()] == (["open_deal_exists"] if says == "refuse" else [])


def test_a_deal_that_a_person_deleted_is_never_made_again(relay: Relay) -> None:
    contact, deals, deal = _lead(relay), Deals(relay), a_deal()
    hand_over(relay, contact, [deal])
    relay.hear_and_settle()
    relay.sandbox.delete("deals", deals.live()[0]["id"])
    relay.hear_and_settle()
    hand_over(relay, contact, [replace(deal, owner=relay.sandbox.owners()[0]["id"])], [its_note(deal)])
    relay.hear_and_settle()
    assert deals.live() == []
    (note,) = [one for one in relay.sandbox.records("notes") if not one["archived"]]
    assert note["associations"] == {"contacts": [contact]}


def test_an_owner_who_comes_later_is_all_that_is_changed(relay: Relay) -> None:
    contact, deals, deal = _lead(relay), Deals(relay), a_deal()
    hand_over(relay, contact, [deal])
    relay.hear_and_settle()
    (made,) = deals.live()
    relay.sandbox.edit("deals", made["id"], {"dealname": "改名", "amount": "1"})
    relay.hear_and_settle()
    since = relay.mark()
    owner = relay.sandbox.owners()[0]["id"]
    hand_over(relay, contact, [replace(deal, owner=owner)])
    relay.hear_and_settle()
    (row,) = [one for one in relay.our_writes(since=since, type="deals") if one["method"] == "update"]
    assert row["changes"] == {"hubspot_owner_id": [None, owner]}


def test_a_stage_that_the_account_lacks_waits_for_a_person(relay: Relay) -> None:
    contact = _lead(relay)
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE connection SET capabilities = capabilities || %s", [Jsonb({"pipelines": []})])
    hand_over(relay, contact, [a_deal()])
    relay.settle()
    assert [item.reason for item in relay.parked()] == ["deal_stage_missing"]
    assert Deals(relay).live() == []


def test_answers_on_the_deal_are_blanked_at_the_next_move(relay: Relay) -> None:
    values = {"email": "sql@example.co.jp", "lifecyclestage": "salesqualifiedlead"}
    contact = str(relay.sandbox.create("contacts", values)["id"])
    deals = Deals(relay)
    deal = deals.make(contact, "初回商談")
    relay.hear_and_settle()
    relay.pass_time(seconds=1)
    relay.sandbox.edit("deals", deal, {"tasuki_fs_decision": "rejected", "tasuki_reject_reason": "timing"})
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "sal"
    assert relay.sandbox.record("deals", deal)["properties"]["tasuki_fs_decision"] == "rejected", "it stays through it"
    relay.pass_time(seconds=1)
    relay.sandbox.edit("contacts", contact, {"tasuki_recycle_reason": "timing"})
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "recycled"
    shown = relay.sandbox.record("deals", deal)["properties"]
    assert "tasuki_fs_decision" not in shown
    assert "tasuki_reject_reason" not in shown
    relay.mark()
    relay.hear_and_settle()
    assert relay.calls()["total"] == 0


def test_an_edit_of_the_deal_just_before_our_write_decides_again(make_relay: MakeRelay) -> None:
    relay = make_relay(limits=quick(fresh_seconds=0.0))
    relay.listen()
    values = {"email": "sql@example.co.jp", "lifecyclestage": "salesqualifiedlead"}
    contact = str(relay.sandbox.create("contacts", values)["id"])
    deal = Deals(relay).make(contact, "初回商談")
    relay.hear_and_settle()
    relay.pass_time(seconds=1)
    relay.sandbox.edit("deals", deal, {"tasuki_fs_decision": "rejected", "tasuki_reject_reason": "timing"})
    relay.hear_and_settle()
    relay.pass_time(seconds=1)
    relay.sandbox.webhooks(paused=True)
    relay.sandbox.edit("deals", deal, {"tasuki_reject_reason": "price"})
    relay.sandbox.edit("contacts", contact, {"tasuki_recycle_reason": "timing"})
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE link SET read_wanted_at = now()")
    relay.settle()
    assert relay.lead(contact)["stage"] == "recycled"
    assert relay.sandbox.record("deals", deal)["properties"].get("tasuki_reject_reason") == "price"
