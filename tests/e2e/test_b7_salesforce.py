"""B7 (重複対応) on Salesforce alone: a colleague of the owner works on a lead. Both are told once; the owner stays."""

from __future__ import annotations

from connector.store import secrets
from connector.sync.noticing import MAIL_SERVER, send_slice
from tests.e2e.salesforce_relay import SalesforceRelay

MAIL = "mailtos://us:secret@smtp.example.com"


def told(relay: SalesforceRelay) -> list[str]:
    rows = relay.rows("SELECT receiver FROM notice WHERE key LIKE '%%:two_people:%%' ORDER BY receiver")
    return [row["receiver"] for row in rows]


def call(relay: SalesforceRelay, lead: str, user: str) -> None:
    """Somebody logs a call that they had with the lead, a moment later."""
    relay.pass_time(minutes=2)
    logged = {"WhoId": lead, "Subject": "架電", "TaskSubtype": "Call", "Status": "Completed", "OwnerId": user}
    relay.org.create("Task", logged, user_id=user)
    relay.hear_and_settle()


def test_both_are_told_once_and_the_owner_stays(salesforce_relay: SalesforceRelay) -> None:
    relay = salesforce_relay
    relay.meet()
    relay.listen()
    lead = relay.new_mql()
    mine = relay.fields(lead)["OwnerId"]
    other = min(set(relay.pool("sdr")) - {mine})
    call(relay, lead, mine)
    assert told(relay) == []
    for _ in range(2):
        call(relay, lead, other)
    assert told(relay) == sorted([f"person:{mine}", f"person:{other}"])
    sent: list[tuple[str, str]] = []
    with relay.database.transaction(relay.installation_id) as conn:
        secrets.put(conn, relay.installation_id, relay.tenant.vault, MAIL_SERVER, MAIL)
    send_slice(relay.tenant, lambda address, text: sent.append((address, text)) is None)
    mails = sorted(address for address, text in sent if "重複対応: 株式会社サンプル 山田" in text)
    assert mails == sorted(f"{MAIL}?to={relay.fields(user)['Email']}" for user in (mine, other))
    shown = relay.fields(lead)
    assert (shown["OwnerId"], shown["TasukiAttempts__c"]) == (mine, 3), "each call counts, whoever had it"
    granted = [row for row in relay.our_writes() if "OwnerId" in row["changes"]]
    assert len(granted) == 1, "by routing alone"
