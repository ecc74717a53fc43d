"""What an org refuses as a whole: duplicate rules that block, a day whose calls are used up. Nobody is lost by it."""

from __future__ import annotations

from contextlib import suppress

import orjson
import pytest

from connector.cli.reasons import remedy
from connector.errors import QuotaError
from connector.jobs.tasks import Jobs
from connector.store.connections import listed
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.org_people import HEARD, edit, opportunities
from tests.e2e.salesforce_relay import SalesforceRelay


def _inquires(relay: SalesforceRelay, email: str) -> None:
    fields = {"last_name": "佐藤", "first_name": "武"}
    body = orjson.dumps({"id": f"form-{email}", "form": "inquiry", "email": email, "fields": fields})
    relay.deliver(body, "form:site")
    relay.hear_and_settle()


def _signals(relay: SalesforceRelay, person_id: str) -> list[str]:
    rows = relay.rows("SELECT kind FROM signal WHERE lead_id = %s", [relay.lead(person_id)["id"]])
    return [row["kind"] for row in rows]


@pytest.mark.fault("F51")
def test_whom_a_duplicate_rule_blocks_is_linked_or_waits_for_a_person(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    known = {"LastName": "佐藤", "FirstName": "武", "Company": "株式会社サンプル", "Email": "sato@example.co.jp"}
    sato = relay.org.create("Lead", known)
    by_name = {"fields": ["LastName", "FirstName"], "action": "block"}
    relay.org.rules(duplicates=[by_name | {"object": "Lead"}, by_name | {"object": "Contact"}])
    relay.hear_and_settle()

    # The address that the org knows: linked, and no other record is tried.
    mark = relay.mark()
    _inquires(relay, "sato@example.co.jp")
    assert relay.org.ledger(since=mark, type="Lead", method="create") == []
    assert _signals(relay, sato) == ["inquiry"]
    assert relay.fields(sato)["TasukiStage__c"] == "MQL"
    assert relay.parked() == []

    # Another address of the same name: the rule blocks the new record, and the person waits with what they sent.
    _inquires(relay, "takeshi@example.co.jp")
    (waits,) = relay.parked()
    assert (waits.kind, waits.reason) == ("link", "duplicate_rule")
    assert "Put the address on that record" in str(remedy(waits.reason))
    assert [row["kind"] for row in relay.rows("SELECT kind FROM signal WHERE lead_id = %s", [waits.lead_id])] == [
        "inquiry"
    ]
    relay.expire_waits()
    mark = relay.mark()
    relay.hear_and_settle()
    assert relay.our_writes(since=mark) == [], "it is not tried again for ever"

    # An admin says that it is the same person: both are one lead, with both inquiries.
    relay.pass_time(seconds=2)
    relay.org.edit(sato, {"Email": "takeshi@example.co.jp"})
    relay.hear_and_settle()
    assert relay.retry_parked() == 1
    relay.hear_and_settle()
    assert relay.parked() == []
    assert _signals(relay, sato) == ["inquiry", "inquiry"]
    assert len([one for one in relay.org.records("Lead") if one["fields"]["LastName"] == "佐藤"]) == 1

    # A conversion that the rule for contacts blocks waits too, whole: nothing is converted in part.
    relay.org.create("Contact", {"LastName": "佐藤", "FirstName": "武"})
    edit(relay, sato, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    edit(relay, sato, **HEARD, TasukiTimeline__c="within_3m")
    assert {one.reason for one in relay.parked()} == {"duplicate_rule"}
    assert not relay.fields(sato)["IsConverted"]
    assert (opportunities(relay), relay.org.records("Account")) == ([], [])
    relay.org.rules(duplicates=[])
    relay.retry_parked()
    relay.hear_and_settle()
    assert relay.fields(sato)["IsConverted"] is True
    assert len(opportunities(relay)) == 1
    assert relay.parked() == []


@pytest.mark.fault("F42")
def test_a_day_whose_calls_are_used_up_is_a_pause_and_no_dead_access(
    make_salesforce_relay: MakeSalesforceRelay,
) -> None:
    relay = make_salesforce_relay(limits_enabled=True)
    relay.meet()
    jobs = Jobs(relay.runtime)
    relay.org.settings(daily_max=1)  # other apps have used the rest
    form = orjson.dumps({"id": "1", "form": "inquiry", "email": "a@example.co.jp", "fields": {"last_name": "佐藤"}})
    relay.deliver(form, "form:site")
    relay.runtime.ingest()
    with pytest.raises(QuotaError):
        jobs.read(relay.installation_id, relay.connection_id, "hot")
    with relay.database.transaction(relay.installation_id) as conn:
        (row,) = listed(conn)
    assert (row.status, row.paused_reason) == ("active", None), "nobody took it for dead access"
    assert relay.rows("SELECT * FROM notice") == []
    relay.mark()
    for lane in ("hot", "background"):
        with suppress(QuotaError):
            jobs.read(relay.installation_id, relay.connection_id, lane)
    assert relay.calls().get("total", 0) == 0, "nothing is called until some of the day has come back"
    relay.org.settings(daily_max=15_000)
    relay.expire_waits()
    relay.hear_and_settle()
    (lead,) = relay.org.records("Lead")
    assert lead["fields"]["TasukiStage__c"] == "MQL"
