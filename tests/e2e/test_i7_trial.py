"""I7, trial run: the policy acts on a part of the leads, the rest stays as it was, and the two are compared."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, INQUIRY, MAIL, MQL

LEADS = 30


def test_a_trial_acts_on_its_share_and_is_compared_with_the_rest(make_relay: MakeRelay, tmp_path: Path) -> None:
    policy = changed_policy(
        tmp_path / "trial",
        trial="applies_to: all  => trial: {share: 50%}\napplies_to: all  ",
    )
    work = policy / "work.yaml"
    text = work.read_text(encoding="utf-8")
    old = "{id: upsell_call,"
    assert old in text
    shadow = "  - {id: in_shadow, on: {enters: mql}, shadow: yes, do: [{notify: {to: [sales_alerts], text: x}}]}\n"
    place = text.index("  - " + old)
    work.write_text(text[:place] + shadow + text[place:], encoding="utf-8")
    relay = make_relay(policy=policy)
    relay.listen()
    ids = [
        str(relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": "山田"})["contact_id"])
        for n in range(LEADS)
    ]
    relay.poll()
    relay.hear_and_settle()
    shown = {one: relay.contact(one) for one in ids}
    acted = [one for one in ids if shown[one].get("lifecyclestage") == MQL]
    rest = [one for one in ids if one not in acted]
    assert 5 < len(acted) < LEADS - 5
    assert all(relay.made_by(one) == [CALL, MAIL] for one in acted)
    assert all(relay.tasks(one) == [] and not shown[one].get("tasuki_score") for one in rest)
    assert {row["stage"] for row in relay.rows("SELECT stage FROM lead WHERE gone IS NULL")} == {"mql"}, (
        "decided all the same"
    )

    found = CommandLine.of(relay).json("trial")
    assert (found["trial"]["leads"], found["rest"]["leads"]) == (len(acted), len(rest))
    assert (found["trial"]["entered"]["mql"], found["rest"]["entered"]["mql"]) == (len(acted), len(rest))
    shadow_of = {one["rule"]: one for one in found["shadow"]}
    assert shadow_of["in_shadow"]["leads"] == LEADS
    assert shadow_of["in_shadow"]["beside_live_rules"] == len(acted)
    assert shadow_of["mql_call"]["leads"] == len(rest)
    assert CommandLine.of(relay).run("trial").exit_code == 0
