"""Several policies in one portal: each lead is under the first that takes it, and may pass over to another."""

from __future__ import annotations

from pathlib import Path

from connector.domain.codec import decode_state
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL, POLICY, Relay

SEGMENT = {"one": "applies_to: all  => applies_to: {product: core}  "}
"""b2b-ja for those who are interested in the core product alone."""

REQUEST = "資料請求"

SMALL = {
    "policy.yaml": "policy: small\nlanguage: ja\ntime_zone: Asia/Tokyo\nsync: {fresh_for: 24h}\n",
    "fields.yaml": """\
lead:
  last_name: {label: 姓, type: text, hubspot: contact.lastname}
  email: {label: メール, type: email, hubspot: contact.email}
""",
    "scoring.yaml": f"""\
signals:
  inquiry: {{label: 問い合わせ, from: [{{hubspot_form: [{INQUIRY}, {REQUEST}]}}]}}
ratings:
  interest:
    label: 関心
    choices: {{some: あり, none_yet: まだ}}
    rules:
      - {{id: interest_some, when: {{signal.inquiry: {{at_least: 1}}}}, value: some}}
      - {{id: interest_none, value: none_yet}}
    hubspot: contact.tasuki_interest
""",
    "lifecycle.yaml": """\
stages: {lead: {label: リード}, mql: {label: MQL}}
transitions:
  - {id: to_mql, from: [lead], to: mql, when: {signal.inquiry: {at_least: 1, since: stage_entered}}}
stored_as:
  - {hubspot: contact.lifecyclestage, values: {lead: lead, mql: marketingqualifiedlead}}
""",
    "work.yaml": """\
rules:
  - id: small_mail
    on: {signal: inquiry}
    do: [{task: {kind: mail, to: owner, due: 1d, title: "{last_name}様に返信"}}]
""",
}
"""A small policy for all others: it takes a document request for an inquiry too, and answers by mail."""


def _small(folder: Path) -> Path:
    folder.mkdir()
    for name, text in SMALL.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _submitted(relay: Relay, form: str, email: str, **values: str) -> str:
    found = relay.sandbox.submit(form, {"email": email, "lastname": "山田"} | values)
    relay.poll()
    relay.hear_and_settle()
    return str(found["contact_id"])


def _shown(relay: Relay, contact_id: str) -> tuple[str, str | None, str | None]:
    """The stage, b2b-ja's score and the small policy's interest, as the CRM shows them."""
    found = relay.contact(contact_id)
    return found["lifecyclestage"], found.get("tasuki_score"), found.get("tasuki_interest")


def _interest(relay: Relay, contact_id: str, product: str) -> None:
    """A colleague notes what somebody is interested in."""
    relay.api("PATCH", f"/crm/v3/objects/contacts/{contact_id}", {"properties": {"tasuki_product": product}})
    relay.hear_and_settle()


def test_each_lead_is_under_the_first_policy_that_takes_it(make_relay: MakeRelay, tmp_path: Path) -> None:
    relay = make_relay(policy=changed_policy(tmp_path / "core", **SEGMENT))
    relay.beside(_small(tmp_path / "small"))
    relay.listen()
    cli = CommandLine.of(relay)
    core = _submitted(relay, INQUIRY, "core@example.co.jp", tasuki_product="core")
    other = _submitted(relay, INQUIRY, "other@example.jp")
    third = _submitted(relay, REQUEST, "third@example.com")

    # Each is decided, written and worked by its own policy; what both learn counts for each by its own meaning.
    assert _shown(relay, core) == (MQL, "40", None)
    assert relay.still_asked_by(core) == [CALL, MAIL]
    for one in (other, third):
        assert _shown(relay, one) == (MQL, None, "some")
        assert relay.still_asked_by(one) == ["small_mail"]
    assert [relay.lead(one)["policy"] for one in (core, other, third)] == ["b2b-ja", "small", "small"]
    kinds = relay.rows("SELECT DISTINCT policy, kind FROM signal WHERE kind = 'inquiry' ORDER BY policy")
    assert [row["policy"] for row in kinds] == ["b2b-ja", "small"]

    # One passes over: what the small policy had open is closed, the other begins without a task, and knows the past.
    _interest(relay, other, "core")
    assert relay.lead(other)["policy"] == "b2b-ja"
    assert relay.open_tasks(other) == [], "nothing stays open that nobody would close, and no old inquiry is worked"
    assert _shown(relay, other) == (MQL, "40", "some")
    (passed,) = relay.rows("SELECT data FROM ledger WHERE data ? 'passed_from'")
    assert passed["data"]["passed_from"] == "small"
    # And one the other way, with a cadence and a promise under way.
    _interest(relay, core, "")
    assert (relay.lead(core)["policy"], relay.open_tasks(core)) == ("small", [])
    assert _shown(relay, core)[2] == "some"
    cadences = decode_state(relay.lead(core)["state"]).cadences
    assert {run.stopped_by for run in cadences.values()} == {"policy"}
    running = "SELECT 1 FROM clock_run WHERE stopped_at IS NULL AND ended_at IS NULL AND lead_id = %s"
    assert relay.rows(running, [relay.lead(core)["id"]]) == []

    # Commands speak of one policy, and say so where several run.
    assert [(one["name"], one["place"]) for one in cli.json("versions")] == [("b2b-ja", 1), ("small", 2)]
    assert cli.json("explain", f"contact:{third}")["policy"]["name"] == "small"
    refused = cli.run("queue", TASUKI_LANG="ja")
    assert (refused.exit_code, "b2b-ja, small" in refused.stderr) == (3, True)
    assert cli.run("queue", "--policy", "b2b-ja").exit_code == 0

    # What is decided no more is brought to an end; whom nobody takes is left in peace.
    assert cli.json("deactivate", "small") == {"policy": "small", "running": ["b2b-ja"]}
    relay.walk()
    assert {relay.lead(one)["policy"] for one in (core, other, third)} == {"b2b-ja"}
    assert relay.open_tasks(third) == []
    assert _shown(relay, third) == (MQL, None, "some"), "b2b-ja does not take it either"
    assert cli.run("deactivate", "b2b-ja").exit_code == 3, "somebody has to have the leads"
    _interest(relay, third, "core")
    assert _shown(relay, third)[1] == "20", "a document request counts as what it is to this policy"


def test_what_does_not_go_together_is_refused(make_relay: MakeRelay, tmp_path: Path) -> None:
    """Behind a policy that takes every lead none is left; before it, what it would bring about is told first."""
    relay = make_relay()
    relay.listen()
    cli = CommandLine.of(relay)
    contact_id = relay.new_mql()
    folder = _small(tmp_path / "small")
    text = (folder / "policy.yaml").read_text(encoding="utf-8")
    (folder / "policy.yaml").write_text(f"{text}applies_to: {{email: {{ends_with: .co.jp}}}}\n", encoding="utf-8")
    assert cli.run("check", POLICY, folder).exit_code == 1
    assert cli.run("check", folder, POLICY).exit_code == 0
    assert cli.run("connect", folder).exit_code == 0
    refused = cli.run("activate", folder)
    assert (refused.exit_code, "so that none is left for small" in refused.stderr) == (4, True)
    told = cli.json("plan", folder, "--before", "b2b-ja", "--processes", "1")
    assert told["passing"] == {"b2b-ja → small": 1}
    assert told["tasks"] == {f"closed {CALL}": 1, f"closed {MAIL}": 1}
    assert cli.json("activate", folder, "--before", "b2b-ja")["running"] == ["small", "b2b-ja"]
    relay.meet()
    relay.walk()
    assert (relay.lead(contact_id)["policy"], relay.open_tasks(contact_id)) == ("small", [])
    assert _shown(relay, contact_id) == (MQL, "40", "none_yet"), "the inquiry was one to b2b-ja, which stood alone"
    assert cli.run("rollback").exit_code == 3, "of which of the two?"
    assert cli.run("rollback", "--policy", "small").exit_code == 3, "nothing ran before it"
