"""Deals in the sandbox, and hand-overs as a decision would want them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connector.domain import codec
from connector.domain.effects import Deal, EffectKey, Note
from connector.domain.lead import Lead
from connector.store import leads, links, managed, mirrors
from connector.sync.deal_view import UNREAD_DEAL, deals_shown
from connector.sync.facts import DEAL_STAGE, lead_of
from connector.sync.wanting import record_rows
from tests.e2e.relay import Relay

AT = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


class Deals:
    """The policy's pipeline as the account has it."""

    def __init__(self, relay: Relay) -> None:
        self.relay = relay
        found = relay.api("GET", "/crm/pipelines/2026-03/deals")["results"]
        (mine,) = [one for one in found if one["label"] == "新規営業"]
        self.pipeline = mine["id"]
        self.stages = {stage["label"]: stage["id"] for stage in mine["stages"]}

    def make(self, contact: str, stage: str = "アポイント獲得", **values: str) -> str:
        """A person makes a deal for a contact."""
        given = {"dealname": "一件", "pipeline": self.pipeline, "dealstage": self.stages[stage]} | values
        return str(self.relay.sandbox.create("deals", given, associations=[("contacts", contact)])["id"])

    def move(self, deal: str, stage: str, **values: str) -> None:
        """A person drags it."""
        self.relay.sandbox.edit("deals", deal, {"dealstage": self.stages[stage]} | values)

    def live(self) -> list[dict[str, Any]]:
        """Every deal that is not in the recycle bin."""
        return [deal for deal in self.relay.sandbox.records("deals") if not deal["archived"]]


def new_contact(relay: Relay, number: int = 0, domain: str = "example.co.jp") -> str:
    """A contact that nobody has done anything with."""
    return str(relay.sandbox.create("contacts", {"email": f"p{number}@{domain}", "lastname": "山田"})["id"])


def seen(relay: Relay, contact: str) -> Lead:
    """The lead as the engine sees it."""
    binding = relay.line.binding
    lead_id = int(relay.lead(contact)["id"])
    with relay.database.transaction(relay.installation_id) as conn:
        row = leads.load(conn, [lead_id])[lead_id]
        person = mirrors.load(conn, relay.connection_id, "contact", [contact])[contact]
        deal = deals_shown(conn, relay.connection_id, binding, [person]).get(contact, UNREAD_DEAL)
    return lead_of(binding, row, codec.decode_state(row.state), person, None, moving=False, deal=deal)


def facts(relay: Relay, contact: str) -> dict[str, Any]:
    """What the engine is shown of the lead's deal."""
    lead = seen(relay, contact)
    return {name: lead.fact(name).value for name in (DEAL_STAGE, "deal.amount", "deal.fs_decision", "deal.meeting_at")}


def a_deal(number: int = 1, **changes: Any) -> Deal:
    """The deal of a lead's n-th hand-over."""
    made = Deal(
        key=EffectKey(cause="stage_entry", cause_id=str(number), rule="create_deal", slot="deal"),
        title="株式会社例 本体",
        stage="appointment",
        amount=3_000_000.0,
        owner=None,
        associate=("contact", "company"),
        opened_at=AT,
    )
    return replace(made, **changes)


def its_note(deal: Deal, text: str = "課題: 手作業") -> Note:
    """The packet that goes with it."""
    return Note(key=replace(deal.key, slot="packet"), text=text, at=AT, deal=deal.key)


def hand_over(relay: Relay, contact: str, deals: Sequence[Deal] = (), notes: Sequence[Note] = ()) -> None:
    """Want these records for a lead, as the evaluation does."""
    lead_id = int(relay.lead(contact)["id"])
    with relay.database.transaction(relay.installation_id) as conn:
        rows = list(record_rows(relay.line.dialect, lead_id, (), deals, notes))
        managed.want(conn, relay.installation_id, relay.connection_id, rows)
        links.desire(conn, {lead_id: "hot"})
