"""The main job: a form submission comes in; score, stage and task are written back, once."""

from __future__ import annotations

from tests.e2e.relay import CALL, MAIL, Relay


def test_a_form_submission_becomes_score_stage_and_task(relay: Relay) -> None:
    submitted = relay.sandbox.submit("お問い合わせ", {"email": "yamada@example.co.jp", "lastname": "山田"})
    relay.poll()
    relay.settle()
    contact = relay.contact(submitted["contact_id"])
    assert contact["lifecyclestage"] == "marketingqualifiedlead"
    assert contact["tasuki_score"] == "40"
    assert contact["tasuki_track"] == "sdr"
    assert relay.made_by(submitted["contact_id"]) == [CALL, MAIL]
    tasks = relay.tasks_of(submitted["contact_id"], CALL)
    assert [task["hs_task_type"] for task in tasks] == ["CALL"]
    assert "山田" in tasks[0]["hs_task_subject"]
    assert tasks[0]["hs_task_status"] == "NOT_STARTED"
