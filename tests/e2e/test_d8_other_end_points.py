"""D8: inside sales closes small deals itself or goes along; after the win come customer success and the partner."""

from __future__ import annotations

from tests.e2e.handover import HEARD, ahead, edit, its_deals, new_sal, new_sql, people_of, say, win
from tests.e2e.relay import Relay


def test_inside_sales_closes_or_goes_along_and_hands_over_what_is_won(relay: Relay) -> None:
    relay.listen()
    # a small deal stays with the inside-sales person
    small = new_sal(relay, "kogata@small.example")
    owner = relay.contact(small)["hubspot_owner_id"]
    edit(relay, small, **HEARD, tasuki_closing_by="inside_sales", tasuki_timeline="within_3m")
    (deal,) = its_deals(relay, small)
    assert deal["properties"]["hubspot_owner_id"] == deal["properties"]["tasuki_is_owner"] == owner
    assert owner in people_of(relay, "インサイドセールスSDR")
    # otherwise field sales takes over; who goes along is reminded the day before
    contact = new_sql(relay, tasuki_closing_by="accompany", tasuki_partner="東日本販売")
    owner = relay.contact(contact)["hubspot_owner_id"]
    (deal,) = its_deals(relay, contact)
    assert deal["properties"]["hubspot_owner_id"] in people_of(relay, "FS_East")
    assert deal["properties"]["tasuki_is_owner"] == owner
    say(relay, deal["id"], tasuki_meeting_at=f"{ahead(relay, days=14):%Y-%m-%dT%H:%M:%SZ}")
    assert not [one for one in relay.open_tasks(contact) if "帯同" in one["hs_task_subject"]]
    relay.pass_time(days=13, hours=1)
    relay.settle()
    (task,) = [one for one in relay.open_tasks(contact) if "帯同" in one["hs_task_subject"]]
    assert task["hubspot_owner_id"] == relay.contact(contact)["hubspot_owner_id"]
    # won: customer success and the partner, each with what they have to know
    win(relay, contact)
    tasks = {one["hs_task_subject"].partition(":")[0]: one for one in relay.open_tasks(contact)}
    assert tasks["受注引き継ぎ"]["hubspot_owner_id"] in people_of(relay, "カスタマーサクセス")
    assert "課題: 見積書の作成に毎月40時間かかる" in tasks["受注引き継ぎ"]["hs_task_body"]
    assert "東日本販売" in tasks["パートナー引き継ぎ"]["hs_task_subject"]
