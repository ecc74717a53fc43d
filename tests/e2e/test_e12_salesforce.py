"""E12 on Salesforce alone: an event that is booked in the org → the appointment mail to field sales, whose capacity is
respected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from connector.store import people
from tests.e2e.conftest import MakeSalesforceRelay
from tests.e2e.org_people import HEARD, books, field_sales_gets, new_sal, opportunities
from tests.e2e.policies import changed_policy
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.test_e12_meeting_booked import mails


def _appointments(relay: SalesforceRelay) -> list[tuple[str, str]]:
    """The appointment mails that go out now: (address, text)."""
    return [one for one in mails(relay) if "商談確定" in one[1]]


def test_field_sales_is_mailed_the_appointment_and_nobody_gets_more_than_they_can_take(
    make_salesforce_relay: MakeSalesforceRelay, tmp_path: Path
) -> None:
    team_of_field_sales = "salesforce_group: FS_East}, capacity: {meetings: "
    few = f"{team_of_field_sales}12 => {team_of_field_sales}1"
    relay = make_salesforce_relay(policy=changed_policy(tmp_path / "policy", "routing.yaml", few=few))
    relay.meet()
    relay.pass_time(seconds=1)  # who comes in now is later than the activation by Salesforce's seconds too
    only, *others = sorted(relay.pool("fs_east"))
    with relay.database.transaction(relay.installation_id) as conn:
        since = relay.tenant.now(conn) - timedelta(hours=1)
        for person in others:
            people.add_absence(conn, relay.installation_id, person, starts_at=since, ends_at=None)
    first = new_sal(relay, "yamada@example.co.jp")
    second = new_sal(relay, "suzuki@other.example", Company="別会社株式会社")
    now = datetime.fromtimestamp(relay.org.clock()["now_ms"] / 1000, UTC).replace(microsecond=0)
    start = now + timedelta(days=3)
    said = f"{start.astimezone(relay.tenant.plan.policy.zone):%Y-%m-%d %H:%M}"

    event = books(relay, first, start, "初回商談")
    assert datetime.fromisoformat(relay.fields(first)["TasukiNextMeeting__c"]) == start
    assert _appointments(relay) == [], "field sales has nobody yet"
    contact = field_sales_gets(relay, first)
    (deal,) = opportunities(relay)
    assert deal["OwnerId"] == only
    ((address, text),) = _appointments(relay)
    assert address.endswith(f"to={relay.fields(only)['Email']}")
    assert said in text
    assert HEARD["TasukiNeed__c"] in text
    assert datetime.fromisoformat(relay.fields(contact)["TasukiNextMeeting__c"]) == start, "the contact's as well"

    booked_later = field_sales_gets(relay, second)
    (full,) = [one for one in opportunities(relay) if one["Id"] != deal["Id"]]
    assert full["OwnerId"] in relay.pool("is_managers"), "the one who is there has had theirs"
    relay.pass_time(seconds=2)
    relay.org.delete(event)  # an org keeps no outcome of an event: what does not take place is deleted
    relay.hear_and_settle()
    assert not relay.fields(contact).get("TasukiNextMeeting__c")
    books(relay, booked_later, start, "初回商談")
    ((address, later),) = _appointments(relay)
    assert address.endswith(f"to={relay.fields(full['OwnerId'])['Email']}")
    assert said in later, "booked after the hand-over"
