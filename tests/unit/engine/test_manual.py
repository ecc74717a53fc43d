"""People's moves: followed, refused, told; and that they win until something new happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from connector.domain.decision import Ground
from connector.domain.lead import Actor, StageReport
from connector.domain.state import Mover
from connector.domain.value import BLANK
from connector.engine.lifecycle import PERSON
from tests.unit.engine.stories import DAY, FIELDS, LIFECYCLE, NOW, POLICY, SECOND, Story, plan_of, started


def in_mql(plan_files: dict[str, str] | None = None) -> Story:
    """A lead that an inquiry has made an MQL, a second ago."""
    story = started(plan_of(**(plan_files or {}))).happens("inquiry")
    story.decide()
    assert story.stage == "mql"
    return story.wait(SECOND)


class TestJudgement:
    def test_forward_is_followed_and_is_an_event(self) -> None:
        story = started().moved("mql")
        story.decide()
        (entry,) = story.last.entries
        assert (entry.stage, entry.mover, entry.transition, entry.entered_at) == ("mql", Mover.PERSON, None, NOW)
        assert story.rules() == ["call"]

    def test_backward_needs_what_the_policy_says(self) -> None:
        story = in_mql().moved("lead")
        story.decide()
        assert (story.stage, story.last.stage_desired) == ("mql", "mql")
        (told,) = story.last.overruled
        assert (told.field, told.kept, told.lost, told.rule) == ("stage", "mql", "lead", "manual_moves.backward")
        story.wait(SECOND).decide()
        assert story.last.overruled == (), "told once"

    def test_backward_with_its_reason(self) -> None:
        text = LIFECYCLE.replace("  - {id: return, from: [mql, sal]", "  - {id: return, from: [sal]")
        story = in_mql({"lifecycle": text}).change(recycle_reason="timing").moved("lead", at=NOW + SECOND)
        story.decide()
        assert (story.stage, story.by) == ("lead", None)

    def test_to_a_side_stage_with_the_reason_that_fits_it(self) -> None:
        story = in_mql().moved("discarded")
        story.decide()
        assert (story.stage, [one.rule for one in story.last.overruled]) == ("mql", ["manual_moves.to_side"])
        story = in_mql()
        text = LIFECYCLE.replace("  - {id: discard, from: [lead, mql, sal, recycled]", "  - {id: discard, from: [lead]")
        text = text.replace("  - {id: return, from: [mql, sal]", "  - {id: return, from: [sal]")
        story = in_mql({"lifecycle": text}).change(recycle_reason="timing")
        story.moved("discarded").decide()
        assert story.stage == "mql", "a reason for coming back is none for being discarded"
        story.change(discard_reason="student").decide()
        assert (story.stage, story.state.entry and story.state.entry.reason) == ("discarded", "student")

    def test_refused_altogether(self) -> None:
        text = LIFECYCLE.replace("forward: allowed", "forward: refused").replace("{needs: reason}", "refused")
        text = text.replace("{needs: recycle_reason}", "refused")
        for stage, kind in (("sal", "forward"), ("lead", "backward"), ("recycled", "to_side")):
            story = in_mql({"lifecycle": text}).moved(stage)
            story.decide()
            assert (story.stage, [one.rule for one in story.last.overruled]) == ("mql", [f"manual_moves.{kind}"])

    def test_refused_and_kept_leaves_the_crms_stage_alone(self) -> None:
        story = in_mql({"lifecycle": LIFECYCLE.replace("restore_and_tell_owner", "keep")}).moved("lead")
        story.decide()
        assert (story.stage, story.last.stage_desired) == ("mql", None)

    def test_a_second_attempt_is_told_again(self) -> None:
        story = in_mql().moved("lead")
        story.decide()
        story.wait(SECOND).moved("lead").decide()
        assert len(story.last.overruled) == 1

    def test_a_vendor_value_that_fits_the_stage_or_means_none_of_ours_is_no_move(self) -> None:
        story = in_mql()
        for stages in (("lead", "mql"), ()):
            story.report = StageReport(stages=stages, moved_at=story.now, actor=Actor.PERSON)
            story.decide()
            assert story.last.entries == ()

    def test_our_own_write_is_no_move(self) -> None:
        story = in_mql().moved("sal")
        assert story.report is not None
        story.report = replace(story.report, actor=Actor.TASUKI)
        story.decide()
        assert story.last.entries == ()

    def test_a_move_is_followed_once_however_often_it_is_reported(self) -> None:
        story = started().moved("sal").happens("inquiry", at=NOW + SECOND)
        story.decide()
        assert story.stage == "sal"
        story.wait(DAY).change(recycle_reason="timing").decide()
        assert story.stage == "recycled"
        story.wait(DAY).decide()
        assert story.stages == ["lead", "sal", "recycled"], "the old report does not move it back"

    def test_a_move_dated_before_the_present_entry_keeps_the_entries_in_order(self) -> None:
        story = in_mql().moved("sal", at=NOW - DAY / 2)
        story.decide()
        assert (story.stage, story.state.entry and story.state.entry.entered_at) == ("sal", NOW)

    def test_a_move_at_the_very_moment_of_our_own(self) -> None:
        story = in_mql().moved("sal", at=NOW)
        story.decide()
        assert story.stages == ["lead", "mql", "sal"]

    def test_a_move_dated_after_now_is_followed_when_its_moment_comes(self) -> None:
        story = in_mql()
        story.moved("sal", at=story.now + timedelta(minutes=2)).decide()
        assert story.stage == "mql"
        story.pass_time(timedelta(minutes=2))
        assert (story.stage, story.state.entry and story.state.entry.entered_at) == ("sal", story.now)


BACK = LIFECYCLE.replace("{needs: recycle_reason}", "allowed").replace(
    "manual_moves:",
    "  - {id: asks_need, from: [lead], to: sal, when: {need: known}}\n"
    "  - {id: at_renewal, from: [lead], to: sal, when: {renewal_on: {within: 30d}}}\n"
    "  - {id: waited, from: [lead], to: recycled, when: {stage_entered_at: {older_than: 30d}}, reason: timing}\n"
    "manual_moves:",
)


def moved_back(**fields: object) -> Story:
    """A hot lead, MQL by score and inquiry, that a person has put back to the first stage."""
    story = started(plan_of(lifecycle=BACK), employees=100, **fields).happens("inquiry")  # type: ignore[arg-type]
    story.decide()
    story.wait(SECOND).moved("lead").decide()
    assert (story.stage, story.last.desired["band"]) == ("lead", "hot")
    return story


class TestPeopleWin:
    def test_what_stood_already_does_not_move_the_lead_again(self) -> None:
        story = moved_back()
        story.pass_time(2 * DAY)
        assert story.stage == "lead"
        (why,) = [one for one in story.explain().moves if one.transition == "to_mql_hot"]
        assert (why.truth, why.waits) == (True, True)

    def test_a_new_signal_does(self) -> None:
        story = moved_back()
        story.wait(SECOND).happens("visit").decide()
        assert (story.stage, story.by) == ("mql", "to_mql_hot")
        (why,) = [one for one in story.explain().moves if one.transition == "accept"]
        assert not why.waits

    def test_a_signal_that_the_transition_does_not_rest_on_does_not(self) -> None:
        story = moved_back()
        story.wait(SECOND).happens("reply").decide()
        assert story.stage == "lead"

    def test_a_signal_that_is_learnt_late_but_came_before_the_move_does_not(self) -> None:
        story = moved_back()
        story.wait(SECOND).happens("visit", at=NOW - DAY / 24).decide()
        assert story.stage == "lead"

    def test_a_changed_field_does_even_deep_below_the_score(self) -> None:
        story = moved_back()
        story.wait(SECOND).change(actor=Actor.VENDOR, industry="it").decide()
        assert story.by == "to_mql_hot"

    def test_what_we_wrote_ourselves_does_not(self) -> None:
        story = moved_back()
        story.wait(SECOND).change(actor=Actor.TASUKI, industry="it").decide()
        assert story.stage == "lead"

    def test_a_field_filled_in_the_same_save_does_not(self) -> None:
        story = started(plan_of(lifecycle=BACK)).happens("inquiry")
        story.decide()
        story.wait(SECOND).change(need="あり").moved("lead").decide()
        assert story.stage == "lead"
        story.wait(SECOND).change(need="もっと").decide()
        assert story.by == "asks_need"

    def test_a_date_reached_does(self) -> None:
        story = moved_back(renewal_on=date(2026, 11, 25))
        story.pass_time(4 * DAY)
        assert story.stage == "lead", "within 30 days already when the person moved it"
        story.pass_time(DAY)
        assert (story.stage, story.by) == ("sal", "at_renewal")
        assert story.state.entry is not None
        assert story.state.entry.entered_at.isoformat() == "2026-11-24T15:00:00+00:00"

    def test_a_window_that_opens_after_the_move_does(self) -> None:
        story = moved_back(renewal_on=date(2027, 1, 1))
        story.pass_time(DAY * 11)
        assert story.stage == "lead"
        story.pass_time(DAY)
        assert story.by == "at_renewal"

    def test_time_in_the_stage_does(self) -> None:
        story = moved_back()
        story.pass_time(30 * DAY - SECOND)
        assert story.stage == "lead"
        story.pass_time(SECOND)
        assert (story.stage, story.by) == ("recycled", "waited")

    @pytest.mark.parametrize("actor", [Actor.PERSON, Actor.VENDOR])
    def test_an_answer_given_after_the_move_does(self, actor: Actor) -> None:
        story = started().moved("mql")
        story.decide()
        story.wait(SECOND).change(actor=actor, decision="accepted").decide()
        assert story.stage == "sal"

    def test_a_persons_edit_of_a_computed_field_after_the_move_does(self) -> None:
        story = started(plan_of(lifecycle=BACK)).happens("inquiry")
        story.decide()
        story.wait(SECOND).moved("lead").decide()
        story.wait(SECOND).change(band="hot").decide()
        assert story.by == "to_mql_hot"


SHOWN = """\
  refused: {label: 戻された移動, type: long_text, shows: refused_move, hubspot: contact.refused}
  sent_back: {label: 差し戻し回数, type: number, shows: times_sent_back, hubspot: contact.sent_back}
company:
"""


class TestWhatPeopleSee:
    @staticmethod
    def _in_mql(**files: str) -> Story:
        return in_mql({"fields": FIELDS.replace("company:\n", SHOWN)} | files)

    def test_why_a_move_was_taken_back_stands_on_the_record_and_is_told_to_the_owner_once(self) -> None:
        story = self._in_mql().moved("lead")
        story.decide()
        text = "「リード」への移動を元に戻しました: 先に「差し戻し理由」を入力してください"
        assert story.last.desired["refused"] == text
        (notice,) = story.last.notices
        assert (notice.to, notice.text) == (("person:sato",), text)
        story.wait(DAY).decide()
        assert story.last.notices == ()
        assert story.last.desired["refused"] == text
        story.wait(SECOND).moved("discarded").decide()
        assert [one.text for one in story.last.notices] == [
            "「対象外」への移動を元に戻しました: 先に「対象外の理由」を入力してください"
        ]
        story.wait(SECOND).change(decision="accepted").decide()
        assert story.stage == "sal"
        assert story.last.desired["refused"] is BLANK, "the lead has gone on"

    def test_a_gate_says_what_is_missing_and_speaks_english(self) -> None:
        story = self._in_mql(policy=POLICY.replace("language: ja", "language: en")).moved("sql")
        story.decide()
        assert story.last.desired["refused"] == (
            "The move to SQL was taken back: 引き渡し: 課題, メール or メモ is missing"
        )

    @pytest.mark.parametrize(("says", "notices"), [("restore", 0), ("keep", 0), ("restore_and_tell_owner", 1)])
    def test_the_policy_says_whether_the_owner_is_told(self, says: str, notices: int) -> None:
        lifecycle = LIFECYCLE.replace("refused: restore_and_tell_owner", f"refused: {says}")
        story = self._in_mql(lifecycle=lifecycle).moved("lead")
        story.decide()
        assert len(story.last.notices) == notices
        said = "移動は数えていません" if says == "keep" else "移動を元に戻しました"
        assert said in str(story.last.desired["refused"])

    def test_nobody_is_told_where_nobody_owns_the_lead(self) -> None:
        story = self._in_mql()
        story.owner = None
        story.moved("lead").decide()
        assert story.last.notices == ()
        assert story.last.desired["refused"] is not BLANK

    def test_moving_back_records_its_reason_and_is_counted(self) -> None:
        lifecycle = LIFECYCLE.replace("  - {id: return, from: [mql, sal]", "  - {id: return, from: [sal]")
        story = self._in_mql(lifecycle=lifecycle)
        assert story.last.desired["sent_back"] == 0
        story.change(recycle_reason="timing").moved("lead", at=story.now + SECOND).wait(SECOND).decide()
        entry = story.state.entry
        assert entry is not None
        assert (entry.stage, entry.mover, entry.reason) == ("lead", Mover.PERSON, "timing")
        assert story.last.desired["sent_back"] == 1
        story.wait(SECOND).happens("inquiry").decide()
        story.wait(SECOND).change(decision="accepted").decide()
        story.wait(SECOND).change(recycle_reason="price").decide()
        assert (story.stage, story.last.desired["sent_back"]) == ("recycled", 2)
        story.pass_time(400 * DAY)
        assert (story.stage, story.last.desired["sent_back"]) == ("lead", 2), "coming again is not being sent back"


def test_who_moved_a_lead_is_kept_where_the_crm_names_them() -> None:
    story = started()
    story.report = StageReport(stages=("mql",), moved_at=story.now, actor=Actor.PERSON, person="1001")
    story.decide()
    assert story.last.entries[0].mover is Mover.PERSON
    assert story.last.grounds == {2: (Ground(name=PERSON, value="1001"),)}
