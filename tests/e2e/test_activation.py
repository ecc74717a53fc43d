"""Activating a policy is not an event: old leads catch up quietly, work starts for what happens from then on."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.sync import activate
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL, MQL, Relay

LEADS = 200
SLICE = 100
"""The walker goes through them in more than one."""


def _old_base(relay: Relay) -> list[str]:
    """Leads that a first policy has read and left where they were: documents requested, not hot enough."""
    rows = [{"email": f"a{n}@example.co.jp", "lastname": f"山田{n}", "jobtitle": "部長"} for n in range(LEADS)]
    ids = relay.sandbox.import_rows(rows)
    now = relay.sandbox.clock()["now"]
    for one in ids:
        shown = {"recent_conversion_event_name": "資料請求", "recent_conversion_date": now}
        relay.sandbox.calculated("contacts", one, shown)
    relay.hear_and_settle()
    return ids


def _walk_wanted(relay: Relay) -> bool:
    """Whether the clerk would ask for a slice of the walk."""
    with relay.database.transaction(relay.installation_id) as conn:
        return activate.walk_wanted(relay.tenant, conn)


def test_old_leads_catch_up_without_a_single_task_and_a_new_inquiry_is_worked(
    relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activate, "WALK_SLICE", SLICE)
    begins = "do: [{start: document_request}]"
    nothing = f"when: {{stage: lead}}, {begins} => when: {{stage: customer}}, {begins}"
    relay.activate(changed_policy(tmp_path / "quiet", "work.yaml", nothing_for_documents=nothing))
    relay.listen()
    ids = _old_base(relay)
    assert {relay.contact(one)["lifecyclestage"] for one in ids[:5]} == {"lead"}
    assert relay.live_tasks() == []
    hotter = changed_policy(
        tmp_path / "hotter",
        "scoring.yaml",
        points="signal: document_request, points: 20, => signal: document_request, points: 50,",
        band="score.total: {at_least: 80} => score.total: {at_least: 50}",
    )
    relay.activate(hotter)
    relay.mark()
    assert _walk_wanted(relay)
    relay.walk()
    assert not _walk_wanted(relay)
    relay.hear_and_settle()
    shown = relay.sandbox.records("contacts", properties=["lifecyclestage", "tasuki_band", "tasuki_score"])
    assert {row["properties"]["tasuki_band"] for row in shown} == {"hot"}
    assert {row["properties"]["lifecyclestage"] for row in shown} == {MQL}
    assert relay.live_tasks() == []
    assert relay.calls()["contacts.batch_update"] <= LEADS / 100
    assert relay.calls().get("contacts.batch_read", 0) <= LEADS / 100, "contested fields are read again, once"
    generations = {row["generation"] for row in relay.rows("SELECT generation FROM lead")}
    assert generations == {relay.tenant.policy.generation}
    contact_id = relay.new_mql("new@example.co.jp")
    assert relay.still_asked_by(contact_id) == [CALL, MAIL]
    assert len(relay.live_tasks()) == 2, "nobody else is called or written to"


def test_activating_the_running_policy_again_changes_nothing(relay: Relay) -> None:
    relay.listen()
    contact_id = relay.new_mql()
    relay.hear_and_settle()
    mark = relay.mark()
    generation = relay.tenant.policy.generation
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE lead_due SET due_at = now()")
    relay.walk()
    assert relay.tenant.policy.generation == generation
    assert relay.our_writes(since=mark) == []
    assert relay.made_by(contact_id) == [CALL, MAIL]
