"""A lead's way through inside sales to field sales, as people take it in the CRM."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connector.store import clock
from tests.e2e.deals import Deals
from tests.e2e.relay import Relay

HEARD = {
    "tasuki_need": "見積書の作成に毎月40時間かかる",
    "tasuki_background": "来期の全社プロジェクト",
    "tasuki_expectations": "他社事例と概算",
    "tasuki_competitors": "A社",
    "tasuki_decision_maker": "鈴木本部長",
}
"""What the gate of b2b-ja asks for, but for the timeline, which the move to SQL waits for."""


def edit(relay: Relay, contact: str, **values: str) -> None:
    """A person fills fields of the contact, a moment later."""
    relay.pass_time(seconds=2)
    relay.sandbox.edit("contacts", contact, values)
    relay.hear_and_settle()


def new_sal(relay: Relay, email: str = "yamada@example.co.jp", **values: str) -> str:
    """A contact that inside sales has accepted."""
    contact = relay.new_mql(email, **values)
    edit(relay, contact, tasuki_rep_decision="accepted", tasuki_authority="influences")
    assert relay.lead(contact)["stage"] == "sal"
    return contact


def new_sql(relay: Relay, email: str = "yamada@example.co.jp", **values: str) -> str:
    """A contact that has just been handed over."""
    contact = new_sal(relay, email, **values)
    edit(relay, contact, **HEARD, tasuki_timeline="within_3m")
    assert relay.lead(contact)["stage"] == "sql"
    return contact


def its_deals(relay: Relay, contact: str) -> list[dict[str, Any]]:
    """The live deals of a contact, the newest last."""
    found = [one for one in Deals(relay).live() if contact in one["associations"].get("contacts", [])]
    return sorted(found, key=lambda one: int(one["id"]))


def its_notes(relay: Relay, deal: str) -> list[str]:
    """What the notes on a deal say, as plain text."""
    notes = [one for one in relay.sandbox.records("notes") if not one["archived"]]
    return [
        str(one["properties"]["hs_note_body"]).replace("<br>", "\n")
        for one in notes
        if deal in one["associations"].get("deals", [])
    ]


def say(relay: Relay, deal: str, **values: str) -> None:
    """A person fills fields of the deal, a moment later."""
    relay.pass_time(seconds=2)
    relay.sandbox.edit("deals", deal, values)
    relay.hear_and_settle()


def open_tasks_of_deal(relay: Relay, deal: str) -> list[dict[str, Any]]:
    """The tasks on a deal that are still to be done."""
    found = [one for one in relay.live_tasks() if deal in one["associations"].get("deals", [])]
    return [one["properties"] for one in found if one["properties"]["hs_task_status"] != "COMPLETED"]


def ahead(relay: Relay, **span: float) -> datetime:
    """A moment that lies so far ahead of the relay's business time (keywords of timedelta)."""
    with relay.database.autocommit() as conn:
        return clock.BusinessClock.now(conn) + timedelta(**span)


def subjects(relay: Relay, contact: str) -> list[str]:
    """What the contact's open tasks are about."""
    return sorted(one["hs_task_subject"] for one in relay.open_tasks(contact))


def people_of(relay: Relay, team: str) -> set[str]:
    """The portal's owners in a team."""
    return {one["id"] for one in relay.sandbox.owners() if team in [each["name"] for each in one.get("teams", [])]}


def win(relay: Relay, contact: str) -> str:
    """Field sales wins the contact's newest deal."""
    deal = str(its_deals(relay, contact)[-1]["id"])
    relay.pass_time(seconds=2)
    Deals(relay).move(deal, "受注")
    relay.hear_and_settle()
    assert relay.lead(contact)["stage"] == "customer"
    return deal
