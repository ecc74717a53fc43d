"""E12: a meeting that is booked in the CRM → the appointment mail to field sales, whose capacity is respected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.store import people, secrets
from connector.sync.noticing import send_slice
from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import HEARD, edit, its_deals, new_sal
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay
from tests.e2e.test_e13_calls import log

FIELD_SALES, MANAGERS = "FS_East", "ISマネージャー"


@pytest.fixture
def relay(make_relay: MakeRelay, tmp_path: Path) -> Relay:
    """Everybody of field sales takes one meeting a week."""
    team_of_field_sales = "salesforce_group: FS_East}, capacity: {meetings: "
    few = f"{team_of_field_sales}12 => {team_of_field_sales}1"
    policy = changed_policy(tmp_path / "policy", "routing.yaml", few=few)
    made = make_relay(policy=policy)
    made.listen()
    return made


def team(relay: Relay, name: str) -> list[str]:
    rows = relay.rows("SELECT vendor_id FROM owner WHERE active AND %s = ANY(teams) ORDER BY vendor_id", [name])
    return [str(row["vendor_id"]) for row in rows]


def mails(relay: Relay) -> list[tuple[str, str]]:
    """What is mailed now: (address, text)."""
    with relay.database.transaction(relay.installation_id) as conn:
        secrets.put(conn, relay.installation_id, relay.tenant.vault, "mail", "mailtos://smtp.example")
    found: list[tuple[str, str]] = []

    def send(address: str, text: str) -> bool:
        found.append((address, text))
        return True

    while send_slice(relay.tenant, send):
        pass
    return found


def test_field_sales_is_mailed_the_appointment_and_nobody_gets_more_than_they_can_take(relay: Relay) -> None:
    only, *others = team(relay, FIELD_SALES)
    with relay.database.transaction(relay.installation_id) as conn:
        now = relay.tenant.now(conn)
        for person in others:
            people.add_absence(conn, relay.installation_id, person, starts_at=now - timedelta(hours=1), ends_at=None)
    contact, second = new_sal(relay), new_sal(relay, "suzuki@other.example")
    start = datetime.fromtimestamp(relay.sandbox.clock()["now_ms"] / 1000, UTC).replace(microsecond=0) + timedelta(
        days=3
    )
    times = {"hs_meeting_start_time": start.isoformat(), "hs_meeting_outcome": "SCHEDULED"}
    meeting = log(relay, "meetings", contact, at=start, **times)
    relay.hear_and_settle()
    assert datetime.fromisoformat(relay.contact(contact)["tasuki_next_meeting"]) == start
    assert not any("商談確定" in text for _, text in mails(relay)), "field sales has nobody yet"

    edit(relay, contact, **HEARD, tasuki_timeline="within_3m")
    (deal,) = its_deals(relay, contact)
    assert deal["properties"]["hubspot_owner_id"] == only
    (email,) = [one["email"] for one in relay.sandbox.owners() if one["id"] == only]
    ((address, text),) = [one for one in mails(relay) if "商談確定" in one[1]]
    assert address.endswith(f"to={email}")
    assert f"{start.astimezone(relay.tenant.plan.policy.zone):%Y-%m-%d %H:%M}" in text
    assert HEARD["tasuki_need"] in text

    edit(relay, second, **HEARD, tasuki_timeline="within_3m")
    (full,) = its_deals(relay, second)
    assert full["properties"]["hubspot_owner_id"] in team(relay, MANAGERS), "the one who is there has had theirs"
    relay.sandbox.edit("meetings", meeting, {"hs_meeting_outcome": "CANCELED"})
    relay.hear_and_settle()
    assert not relay.contact(contact).get("tasuki_next_meeting")
    log(relay, "meetings", second, at=start, **times)
    relay.hear_and_settle()
    ((_, later),) = [one for one in mails(relay) if "商談確定" in one[1]]
    assert f"{start.astimezone(relay.tenant.plan.policy.zone):%Y-%m-%d %H:%M}" in later, "booked after the hand-over"
