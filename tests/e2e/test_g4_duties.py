"""G4: what each department owes and aims at, and who follows up after the hand-over, stand in the printed agreement.

YAML in → document out.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.policy.documents.speech import Speech
from tests.e2e.policies import changed_policy
from tests.e2e.relay import POLICY, loaded
from tests.e2e.test_g3_agreement import LANGUAGES, printed


def chapters(text: str) -> dict[str, str]:
    """Title → what stands below it, of every heading of the Markdown."""
    found: dict[str, str] = {}
    title = ""
    for line in text.splitlines():
        if line.startswith("#"):
            title = line.lstrip("# ").split(" ", 1)[1] if " " in line.lstrip("# ") else line
            found[title] = ""
        else:
            found[title] = f"{found.get(title, '')}{line}\n"
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_department_finds_what_it_owes_and_aims_at_and_signs(language: str) -> None:
    policy = loaded(POLICY)
    assert policy.agreement is not None
    speech, found = Speech(policy, language), chapters(printed("sla", language, POLICY, "markdown"))
    for party, duties in policy.agreement.duties.items():
        own = found[speech.department(party)]
        for duty in duties:
            assert f"- {duty[language]}" in own
        for clock in policy.clocks.values():
            owed = f"- {speech.of(clock.label, clock.id)}: {speech.within(clock.limit)}" in own
            assert owed == (clock.owed_by == party)
        assert speech.metric(policy.agreement.goals[party]) in own
        assert f"**{speech.department(party)}**" in found[speech.both("署名", "Signatures")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_the_hand_over_every_stage_of_the_deal_and_every_way_back_has_its_department(language: str) -> None:
    policy = loaded(POLICY)
    assert policy.pipeline is not None
    speech, found = Speech(policy, language), chapters(printed("sla", language, POLICY, "markdown"))
    after = found[speech.both("引き渡した後", "After the hand-over")]
    for stage in policy.pipeline.stages.values():
        (row,) = [line for line in after.splitlines() if line.startswith(f"| {speech.of(stage.label, stage.id)} |")]
        assert speech.department(stage.owner) in row
    ways = found[speech.both("差し戻し・失注・対象外", "Returns, losses and discards")]
    taken = {"fs_reject": "inside_sales", "back_to_marketing": "marketing", "upsell": "inside_sales"}
    labels = {one.id: speech.of(one.label, one.id) for one in policy.transitions}
    for way, department in taken.items():
        (row,) = [line for line in ways.splitlines() if line.startswith(f"| {labels[way]} |")]
        assert row.endswith(f"| {speech.department(department)} |")


def test_a_duty_that_is_added_is_printed(tmp_path: Path) -> None:
    old, new = "{ja: 商談の結果とリジェクトの", "{ja: 引き渡しから一年は顧客を追う, en: Follows up for a year}"
    duty = f"{old} => {new}\n      - {old}"
    folder = changed_policy(tmp_path / "more", "sla.yaml", duty=duty)
    assert (
        "- 引き渡しから一年は顧客を追う" in chapters(printed("sla", "ja", folder, "markdown"))["フィールドセールス部"]
    )
    assert "- Follows up for a year" in chapters(printed("sla", "en", folder, "markdown"))["Field sales"]
