"""What a thousand changed leads cost: whole batches, counted by the sandbox."""

from __future__ import annotations

from connector.sync.context import Limits
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import INQUIRY, Relay

LEADS = 1_000


def _import_inquiries(relay: Relay) -> None:
    """Contacts whose record shows a fresh inquiry, so that each of them needs fields, a stage and a task."""
    now = relay.sandbox.clock()["now"]
    for n in range(10):  # contacts join the company of their mail domain
        relay.sandbox.create(
            "companies", {"name": f"会社{n}", "domain": f"example{n}.co.jp", "numberofemployees": "300"}
        )
    rows = [{"email": f"lead{n}@example{n % 10}.co.jp", "lastname": f"山田{n}"} for n in range(LEADS)]
    ids = relay.sandbox.import_rows(rows)
    for one in ids:
        shown = {"recent_conversion_event_name": "お問い合わせ", "recent_conversion_date": now}
        relay.sandbox.calculated("contacts", one, shown)


def test_a_thousand_dirty_leads_cost_ten_reads_ten_updates_and_ten_task_creates(make_relay: MakeRelay) -> None:
    # A slow machine must not make reads stale here: what is contested is read again after two seconds.
    relay = make_relay(limits=Limits(fresh_seconds=600.0))
    relay.listen()
    _import_inquiries(relay)
    relay.hear()
    while relay.runtime.ingest():
        pass
    relay.mark()
    relay.settle()
    calls = relay.calls()
    assert calls.pop("contacts.batch_read") <= 10
    assert calls.pop("contacts.batch_update") <= 10
    assert calls.pop("tasks.batch_create") <= 10
    assert calls.pop("companies.batch_read") <= 10
    assert calls.pop("search") == 0
    assert calls.pop("total") <= 40
    assert not calls, "nothing else is called"
    stages = {row["properties"]["lifecyclestage"] for row in relay.sandbox.records("contacts")}
    assert stages == {"marketingqualifiedlead"}
    assert len(relay.live_tasks()) == LEADS


def test_what_the_mirror_confirms_costs_no_call_at_all(make_relay: MakeRelay) -> None:
    """Our writes' echoes, the same deliveries once more, and an evaluation that changes nothing."""
    relay = make_relay()
    relay.listen()
    for n in range(20):
        relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": "佐藤"})
    relay.hear()
    relay.sandbox.webhooks(paused=True)
    relay.settle()
    relay.mark()
    relay.sandbox.webhooks(paused=False)
    relay.hear()
    assert relay.rows("SELECT count(*) AS n FROM inbox WHERE state = 'new'")[0]["n"] > 0, "echoes have come"
    relay.sandbox.redeliver_webhooks(last=100)
    relay.hear()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE lead_due SET due_at = now()")
    relay.settle()
    assert relay.calls()["total"] == 0
