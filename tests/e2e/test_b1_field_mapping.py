"""B1: types, choices and directions between two CRMs; what is mapped anew is filled from where it is known."""

from __future__ import annotations

import shutil
from pathlib import Path

from connector.bootstrap_bindings import bindings_in
from connector.engine.plan import prepare
from connector.policy.loader import load_policy
from connector.store import connections
from connector.sync.forecast import Forecast, forecast, shards
from tests.e2e.both_relay import TWO_CRMS, BothRelay
from tests.e2e.conftest import MakeBoth

EMAIL = "yamada@example.co.jp"

MORE = (TWO_CRMS.parent / "two_crms_more.yaml").read_text(encoding="utf-8")


def with_more(folder: Path) -> Path:
    """The test's policy with fields of every type."""
    shutil.copytree(TWO_CRMS, folder)
    path = folder / "fields.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("company:\n", f"{MORE}company:\n"), encoding="utf-8")
    return folder


def person(relay: BothRelay, **values: object) -> tuple[str, str]:
    """Somebody in both CRMs."""
    contact = str(relay.sandbox.create("contacts", {"email": EMAIL, "lastname": "山田"})["id"])
    lead = relay.org.create("Lead", {"LastName": "山田", "Company": "サンプル", "Email": EMAIL, **values})
    return contact, lead


def test_every_type_goes_both_ways_and_many_to_one_is_never_written_back(make_both: MakeBoth, tmp_path: Path) -> None:
    relay = make_both(policy=with_more(tmp_path / "more"))
    relay.meet()
    relay.listen()
    contact, lead = person(relay, Industry="Electronics", TasukiTopics__c="price;tech", TasukiIsPartner__c=True)
    relay.hear_and_settle()
    relay.sandbox.edit(
        "contacts",
        contact,
        {"tasuki_seats": "80", "tasuki_renewal_on": "2026-04-01", "tasuki_meeting_at": "2026-04-02T03:04:05.678Z"},
    )
    relay.hear_and_settle()
    shown, there = relay.contact(contact), relay.fields(lead)
    assert (shown["tasuki_topics"], shown["tasuki_is_partner"]) == ("price;tech", "true")
    assert (there["TasukiSeats__c"], there["TasukiRenewalOn__c"]) == (80.0, "2026-04-01")
    assert there["TasukiMeetingAt__c"].startswith("2026-04-02T03:04:05")
    assert (shown["tasuki_line"], there["Industry"]) == ("software", "Electronics"), "read as one, left as it is"
    relay.sandbox.edit("contacts", contact, {"tasuki_line": "makers", "tasuki_topics": "cases"})
    relay.hear_and_settle()
    there = relay.fields(lead)
    assert (there["Industry"], there["TasukiTopics__c"]) == ("Manufacturing", "cases")
    mark, org_mark = relay.mark(), relay.org_mark()
    relay.pass_time(minutes=20)
    relay.hear_and_settle()
    assert (relay.our_writes(since=mark), relay.org_writes(since=org_mark)) == ([], [])


def test_what_is_mapped_anew_is_filled_and_the_plan_says_how_much(both: BothRelay, tmp_path: Path) -> None:
    relay = both
    relay.meet()
    relay.listen()
    contact, lead = person(relay, Industry="Manufacturing")
    relay.hear_and_settle()
    folder = with_more(tmp_path / "more")
    found = planned(relay, folder)
    assert found.leads == 1
    mark, org_mark = relay.mark(), relay.org_mark()
    relay.activate(folder)
    relay.meet()
    relay.walk()
    relay.hear_and_settle()
    assert relay.contact(contact)["tasuki_line"] == "makers"
    assert len(relay.our_writes(since=mark)) == 1
    assert relay.org_writes(since=org_mark) == []
    assert relay.fields(lead)["Industry"] == "Manufacturing"


def planned(relay: BothRelay, folder: Path) -> Forecast:
    """What `tasuki plan` counts."""
    plan = prepare(load_policy(folder))
    with relay.database.transaction(relay.installation_id) as conn:
        bindings = bindings_in(conn, plan, connections.listed(conn))
        pieces, now = shards(conn, 1), relay.tenant.now(conn)
    (found,) = [forecast(relay.database, relay.installation_id, [bindings], plan, now, piece) for piece in pieces]
    return found
