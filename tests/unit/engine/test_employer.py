"""People who change employer: the round is closed, another begins, and what was before counts no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.domain.lead import Actor
from connector.domain.value import BLANK
from connector.engine.plan import Plan
from tests.unit.engine.stories import BASE, DAY, LIFECYCLE, SECOND, WORK, Story, plan_of, started

LEAVING = "on_leaving: {to: discarded, reason: left, forget: [need]}"
RECYCLE = BASE["recycle.yaml"].replace("  student:", "  left: {label: 退職, used_for: [discard]}\n  student:")
MOVED = WORK + (
    "  - {id: greet, on: {moves: new_employer}, do: [{task: {kind: call, to: owner, due: 3d, title: '{last_name}'}}]}\n"
)


def _plan(leaving: str = LEAVING, **files: str) -> Plan:
    identity = f"identity: {{new_employer: new_lead, not_employers: [gmail.com], {leaving}}}\n"
    given = {"fields": identity + BASE["fields.yaml"], "recycle": RECYCLE, "work": MOVED}
    return plan_of(**(given | files))


def _sal(plan: Plan | None = None) -> Story:
    story = started(plan or _plan(), email="a@example.com", last_name="山田", employees=500)
    story.happens("inquiry").decide()
    story.wait(SECOND).change(decision="accepted", need="手作業").decide()
    assert story.stage == "sal"
    return story.wait(DAY)


def test_the_old_round_is_closed_with_its_reason_and_another_begins() -> None:
    story = _sal()
    story.change(email="a@other.co.jp").decide()
    closed, begun = story.last.entries
    assert (closed.stage, closed.reason, closed.transition, closed.passed) == (
        "discarded",
        "left",
        "new_employer",
        True,
    )
    assert (begun.stage, begun.transition, begun.came_back_at) == ("lead", "new_employer", story.now)
    assert story.rules() == ["greet"]
    assert story.last.desired["need"] is BLANK
    assert story.last.scores["behaviour"] == 0, "the inquiry was the former employer's"
    assert story.last.scores["fit"] == 30
    assert story.explain().scores[1].parts == ()
    story.wait(SECOND).change(actor=Actor.TASUKI, need=BLANK).happens("inquiry").decide()
    assert story.stage == "mql"
    assert "need" not in story.last.desired


def test_what_is_said_anew_is_kept() -> None:
    story = _sal()
    story.change(email="a@other.co.jp", need="新しい会社の課題").decide()
    assert "need" not in story.last.desired


@pytest.mark.parametrize("email", ["b@example.com", "a@mail.example.com", "a@gmail.com", BLANK, "A@EXAMPLE.COM"])
def test_what_is_no_change_of_employer(email: str) -> None:
    story = _sal()
    story.change(email=email).decide()
    assert (story.stage, story.last.entries) == ("sal", ())
    story.wait(SECOND).change(email="a@example.com").decide()
    assert story.stage == "sal"


def test_an_address_that_is_corrected_before_anything_came_of_it_is_no_change_of_employer() -> None:
    story = started(_plan(), email="a@exmaple.com")
    story.change(email="a@example.com").decide()
    assert story.stages == ["lead"]
    story.happens("inquiry").decide()
    story.wait(SECOND).change(email="a@other.co.jp").decide()
    assert story.stages == ["lead", "mql", "discarded", "lead"]


def test_our_own_tidying_is_no_change_of_employer() -> None:
    story = _sal()
    story.change(actor=Actor.TASUKI, email="a@example.jp").decide()
    assert story.stage == "sal"


def test_a_lead_that_stands_aside_comes_in_anew() -> None:
    story = _sal()
    story.change(recycle_reason="timing").decide()
    story.wait(DAY).change(email="a@other.co.jp").decide()
    assert story.stages[-3:] == ["recycled", "discarded", "lead"]
    story.pass_time(120 * DAY)
    assert story.stage == "lead", "the former employer's date wakes nobody"


def test_without_a_word_on_leaving_the_round_just_begins_anew() -> None:
    story = _sal(_plan("same_lead: []", work=WORK))
    story.change(email="a@other.co.jp").decide()
    assert [entry.stage for entry in story.last.entries] == ["lead"]


def test_a_new_policy_makes_nobody_a_leaver() -> None:
    story = _sal(plan_of(recycle=RECYCLE))
    story.change(email="a@other.co.jp").decide()
    story.wait(SECOND).under(_plan()).decide()
    assert story.stage == "sal"
    story.wait(SECOND).change(email="a@third.co.jp").decide()
    assert story.stage == "lead"


def test_hot_at_the_new_employer_goes_on_at_once() -> None:
    lifecycle = LIFECYCLE.replace("when: {band: hot}}", "when: {employees: {at_least: 100}}}", 1)
    story = _sal(_plan(lifecycle=lifecycle))
    story.change(email="a@other.co.jp").decide()
    assert [entry.stage for entry in story.last.entries] == ["discarded", "lead", "mql"]
    assert [entry.passed for entry in story.last.entries] == [True, True, False]


def test_two_changes_in_a_row() -> None:
    story = _sal()
    story.change(email="a@other.co.jp").decide()
    story.wait(timedelta(hours=1)).happens("inquiry").decide()
    story.wait(timedelta(hours=1)).change(email="a@third.co.jp").decide()
    assert story.stage == "lead"
    assert story.last.scores["behaviour"] == 0


def test_another_record_of_the_same_person_is_no_change_of_employer() -> None:
    """A merge shows the other record's address: nobody has changed it."""
    story = _sal().given(email="a@other.co.jp")
    story.decide()
    assert (story.stage, story.last.entries) == ("sal", ())
    story.wait(SECOND).change(email="a@third.co.jp").decide()
    assert story.stage == "lead"


def test_a_change_that_is_dated_after_now_counts_when_its_moment_comes() -> None:
    story = _sal()
    story.change(email="a@other.co.jp", at=story.now + DAY).decide()
    assert story.stage == "sal"
    story.pass_time(2 * DAY)
    assert story.stage == "lead"
