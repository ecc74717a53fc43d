"""I4: what differs between the CRM and what should be is found, told apart, and repaired, reported or held."""

from __future__ import annotations

import shutil
from pathlib import Path

from connector.store.reconcile_passes import Scope
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.relay import POLICY, Relay

SMALL = POLICY.parent / "small-team"
CONTACT, GRADE = "contact", "tasuki_grade"


def policy(folder: Path, **drift: str) -> Path:
    """The small team's policy with `drift:` of its own; a person's edit holds for a minute."""
    shutil.copytree(SMALL, folder)
    says = ", ".join(f"{name}: {handling}" for name, handling in drift.items())
    text = f"policy: small-team\nsync: {{hold_edits: 1m}}\ndrift: {{{says}}}\n"
    (folder / "policy.yaml").write_text(text, encoding="utf-8")
    return folder


def met(relay: Relay, count: int) -> list[str]:
    """So many contacts, met and decided, their grades in the CRM."""
    ids = relay.sandbox.import_rows([{"email": f"p{one}@example.co.jp", "lastname": "山田"} for one in range(count)])
    relay.meet()
    relay.settle()
    assert {relay.contact(one)[GRADE] for one in ids} == {"C"}
    relay.pass_time(minutes=10)
    return ids


def told(relay: Relay) -> set[tuple[str, str, str]]:
    rows = relay.rows("SELECT vendor_id, field, class FROM drift WHERE field IN ('grade', 'job_title')")
    return {(row["vendor_id"], row["field"], row["class"]) for row in rows}


def look(relay: Relay) -> None:
    """The night's look, and what comes of it."""
    relay.pass_time(minutes=10)
    relay.reconcile(Scope.EVERYTHING, CONTACT)
    relay.settle()


def ask_for_papers(relay: Relay, number: int) -> None:
    """Contact `number` requests a document: its grade should be A from now on."""
    relay.sandbox.submit("資料請求", {"email": f"p{number}@example.co.jp", "lastname": "山田"})
    relay.poll()
    relay.settle()


def grades(relay: Relay, ids: list[str]) -> list[str | None]:
    return [relay.contact(one).get(GRADE) for one in ids]


def test_every_difference_is_found_told_apart_and_repaired_or_left_as_the_policy_says(
    make_relay: MakeRelay, tmp_path: Path
) -> None:
    folder = policy(tmp_path / "policy", human_edit="report", other_app="hold", not_stored="repair")
    relay = make_relay(policy=folder)
    ids = met(relay, 7)
    missed, edited, by_app, by_app_too, lost, refused, _ = ids
    relay.sandbox.edit("contacts", missed, {"jobtitle": "部長"})
    relay.sandbox.edit("contacts", edited, {GRADE: "A"})
    relay.sandbox.edit("contacts", by_app, {GRADE: "A"}, source="DATA_ENRICHMENT")
    relay.sandbox.edit("contacts", by_app_too, {GRADE: "A"}, source="DATA_ENRICHMENT")
    relay.sandbox.fault("ignore", kind="contacts.batch_update", properties=[GRADE], boast=True)
    ask_for_papers(relay, ids.index(lost))
    relay.sandbox.fault("ignore", kind="contacts.batch_update", properties=[GRADE])
    ask_for_papers(relay, ids.index(refused))
    assert grades(relay, [lost, refused]) == ["C", "C"], "both were accepted, and none was stored"
    assert told(relay) == {(refused, "grade", "not_stored")}, "the answer showed it"

    look(relay)
    assert told(relay) == {
        (refused, "grade", "not_stored"),
        (missed, "job_title", "missed_event"),
        (edited, "grade", "human_edit"),
        (by_app, "grade", "other_app"),
        (by_app_too, "grade", "other_app"),
        (lost, "grade", "lost_write"),
    }
    assert grades(relay, ids) == ["C", "A", "A", "A", "A", "A", "C"], "repaired, but for what is reported and held"
    look(relay)
    assert len(told(relay)) == 6, "nothing is told twice"
    still = relay.rows("SELECT vendor_id FROM drift WHERE ended_at IS NULL")
    assert {row["vendor_id"] for row in still} == {edited, by_app, by_app_too}

    cli = CommandLine.of(relay)
    waiting = {one["vendor_id"]: one for one in cli.json("parked", "list")}
    assert {one["reason"] for one in waiting.values()} == {"drift_other_app"}
    assert waiting.keys() == {by_app, by_app_too}
    assert cli.run("parked", "retry", waiting[by_app]["item"]).exit_code == 0
    kept = cli.run("parked", "drop", waiting[by_app_too]["item"], "--reason", "the app is right")
    assert kept.exit_code == 0, kept.output
    relay.settle()
    assert grades(relay, [edited, by_app, by_app_too]) == ["A", "C", "A"]
    for one in (edited, by_app_too):
        relay.sandbox.submit("お問い合わせ", {"email": f"p{ids.index(one)}@example.co.jp", "lastname": "山田"})
    relay.poll()
    relay.settle()
    assert grades(relay, [edited, by_app_too]) == ["B", "B"], "something else should stand there now"
    assert relay.drift() == []

    show_the_history(cli, refused)


def show_the_history(cli: CommandLine, refused: str) -> None:
    """`tasuki drift` lists, filters and counts, in both languages, and shows no value of anybody."""
    found = cli.json("drift")
    assert len([one for one in found if one["field"] in ("grade", "job_title")]) == 6
    (one,) = cli.json("drift", "--class", "not_stored")
    assert (one["vendor_id"], one["cause"], one["handling"]) == (refused, "validation_rule", "repair")
    assert {row["class"] for row in cli.json("drift", "--field", "grade")} == {
        "not_stored", "human_edit", "other_app", "lost_write",
    }  # fmt: skip
    assert cli.json("drift", "--open") == []
    assert cli.json("drift", "--since", "2199-01-01") == []
    weeks = cli.json("drift", "--weeks")
    assert {(row["field"], row["class"]): row["found"] for row in weeks}["grade", "other_app"] == 2
    shown = cli.run("drift", TASUKI_LANG="ja")
    assert shown.exit_code == 0, shown.output
    assert "評価" in shown.stdout
    assert "人の書き換え" in shown.stdout
    assert "部長" not in shown.stdout
    assert "lost write" in cli.run("drift", TASUKI_LANG="en").stdout
    assert "見落とした通知" in cli.run("drift", "--weeks", TASUKI_LANG="ja").stdout
