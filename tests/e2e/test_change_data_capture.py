"""Change Data Capture: change events lead to a look, a stopped listener misses none, gaps lead to a re-read."""

from __future__ import annotations

from typing import Any

import pytest

from connector.store.reconcile_passes import Scope
from tests.e2e.relay import CALL
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.patience import until

REASON = "the extra `cdc` is not installed: pip install 'tasuki[cdc]'"
pytest.importorskip("grpc", reason=REASON)
pytest.importorskip("fastavro", reason=REASON)


def test_change_events_lead_to_a_look_and_what_we_write_ourselves_is_no_news(
    salesforce_relay: SalesforceRelay,
) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.follow()
    lead = relay.new_mql(Title="課長")
    score = relay.fields(lead)["TasukiScore__c"]
    assert score > 0
    relay.hear_and_settle()

    # A person's edit is read, scored and written; what that write of ours tells leads to no read and no write.
    relay.pass_time(seconds=2)
    mark = relay.mark()
    relay.org.edit(lead, {"Title": "代表取締役"})
    relay.hear_and_settle()
    relay.hear_and_settle()
    assert relay.fields(lead)["TasukiScore__c"] > score
    assert len(relay.our_writes(since=mark)) == 1
    assert (relay.calls()["data.query"], relay.calls()["data.composite"]) == (1, 1)
    stored = relay.rows("SELECT body, packed FROM inbox WHERE source = 'salesforce_changes:org'")
    assert stored
    assert not any("代表取締役".encode() in row["body"] for row in stored if not row["packed"])

    # Its event may come before its answer is stored: it says what we are writing, and leads to no read either.
    relay.pass_time(seconds=2)
    update = relay.line.vendor.update

    def update_and_be_told(*args: Any, **kwargs: Any) -> Any:
        answer = update(*args, **kwargs)
        relay.hear()
        assert relay.runtime.ingest()
        return answer

    mark = relay.mark()
    relay.org.edit(lead, {"Title": "課長"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relay.line.vendor, "update", update_and_be_told)
        relay.hear_and_settle()
    relay.hear_and_settle()
    assert len(relay.our_writes(since=mark)) == 1
    assert (relay.calls()["data.query"], relay.calls()["data.composite"]) == (1, 1)

    # A clearing by somebody else is a person's, as it would be if only a look had shown it.
    relay.pass_time(seconds=2)
    relay.org.edit(lead, {"Title": None})
    relay.hear_and_settle()
    (row,) = relay.rows("SELECT properties, meta FROM mirror WHERE vendor_id = %s", [lead])
    assert (row["properties"]["Title"], row["meta"]["Title"]["seen"]["by"]) == (None, "person")

    # The rep's work on our task is heard of, and who is deleted is a lead no more.
    relay.pass_time(seconds=2)
    (call,) = relay.tasks_of(lead, CALL)
    relay.org.edit(call["Id"], {"Status": "Completed", "CallDisposition": "接続"}, user_id=call["OwnerId"])
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM signal WHERE kind = 'attempted'")[0]["n"] == 1
    relay.pass_time(seconds=2)
    relay.org.delete(lead)
    relay.hear_and_settle()
    (identity,) = relay.rows("SELECT gone FROM identity WHERE vendor_id = %s", [lead])
    assert identity["gone"] == "archived"

    # People merge and convert: the leads follow.
    winner, loser = (relay.org.create("Lead", _person(f"{name}@example.co.jp")) for name in ("winner", "loser"))
    relay.hear_and_settle()
    kept = relay.lead(winner)["id"]
    relay.pass_time(seconds=2)
    relay.org.merge(winner, loser)
    relay.hear_and_settle()
    contact = relay.org.convert(winner, no_opportunity=True)["contact_id"]
    relay.hear_and_settle()
    names = relay.rows("SELECT vendor_id, lead_id FROM identity WHERE vendor_id = ANY(%s)", [[winner, loser, contact]])
    assert {row["vendor_id"]: row["lead_id"] for row in names} == dict.fromkeys((winner, loser, contact), kept)
    assert relay.fields(contact)["TasukiScore__c"] == relay.fields(winner)["TasukiScore__c"]


def _person(email: str) -> dict[str, str]:
    return {"LastName": "山田", "Company": "株式会社サンプル", "Email": email}


def test_what_the_stream_lost_is_looked_for(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.follow()
    lead = relay.new_mql(Title="課長")
    relay.reconcile()
    relay.reconcile(Scope.EVERYTHING)
    relay.settle()

    def takes(title: str) -> None:
        """The lead is read as it now is."""
        rows = relay.rows("SELECT properties FROM mirror WHERE vendor_id = %s", [lead])
        assert rows[0]["properties"]["Title"] == title

    def edit(title: str) -> None:
        relay.pass_time(seconds=2)
        relay.org.edit(lead, {"Title": title})

    # Stopped, edited, started again: it goes on behind what was stored.
    relay.stop_listener()
    edit("部長")
    relay.start_listener()
    relay.hear_and_settle()
    takes("部長")

    # Its session was ended, the service too: it comes back by itself.
    before = relay.org.changes()["subscriptions"]
    relay.org.revoke_token()
    relay.org.disconnect_changes()
    until(lambda: relay.org.changes()["subscriptions"] > before)
    edit("次長")
    relay.hear_and_settle()
    takes("次長")

    # A gap tells that the record changed, an overflow that anything may have, an unreadable event that something has.
    relay.org.changes(gaps=True)
    edit("主任")
    relay.hear_and_settle()
    takes("主任")
    relay.org.changes(gaps=False, silent=True)
    edit("係長")
    relay.hear_and_settle()
    takes("主任")
    relay.org.tell_change("Lead", "GAP_OVERFLOW")
    relay.hear_and_settle()
    began = relay.rows("SELECT scope FROM reconcile_pass WHERE object_type = 'Lead' AND due_at <= now()")
    assert {row["scope"] for row in began} == {"changes", "everything"}
    relay.reconcile_due()
    relay.settle()
    takes("係長")
    edit("専務")
    relay.org.garble_change("Lead")
    relay.hear_and_settle()
    relay.reconcile_due()
    relay.settle()
    takes("専務")

    # The place where it stopped is forgotten: what came since is looked for, and it hears what comes.
    relay.stop_listener()
    relay.org.changes(silent=False)
    edit("常務")
    relay.org.expire_changes()
    relay.start_listener()
    until(lambda: bool(relay.rows("SELECT 1 FROM inbox WHERE state = 'new'")))
    relay.settle()
    relay.reconcile_due()
    relay.settle()
    takes("常務")
    until(lambda: relay.org.changes()["subscribers"] == 1)
    edit("代表取締役")
    relay.hear_and_settle()
    takes("代表取締役")
