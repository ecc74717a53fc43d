"""What the CRM could not send is asked of the lead's owner: as work of the rule or cadence that wanted it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connector.domain.effects import NotEnrolled, Task, WorkState
from connector.domain.lead import Lead
from tests.unit.engine.stories import DAY, NOW, POLICY, Story, plan_of
from tests.unit.engine.test_cadences import OFFICE

WORK = """\
rules:
  - {id: begin, on: {enters: mql}, do: [{start: touch}]}
  - {id: listed, on: {enters: mql}, do: [{enrol: {hubspot_list: 手動リスト}}]}
  - {id: sent, on: {done: listed}, do: [{set: {noted: 追加済み}}]}
cadences:
  touch:
    stop_on: [{signal: reply}, {leaves: mql}]
    steps: [{day: 0, enrol: {hubspot_sequence: お礼}}, {day: 1, call: 電話}]
never: [{id: no_mail, what: [enrol], when: {no_mail: yes}}]
"""
PLAN = plan_of(work=WORK, policy=POLICY + OFFICE)


@dataclass
class _Refused(Story):
    refused: tuple[NotEnrolled, ...] = ()

    @property
    def lead(self) -> Lead:
        return replace(super().lead, not_enrolled=self.refused)

    def refuse(self) -> _Refused:
        """The CRM could make none of what was wanted at the last look."""
        for one in self.last.enrolments:
            told = NotEnrolled(key=one.key, place=one.place, name=one.name, at=one.at, why="not_available")
            self.refused = (*self.refused, told)
        return self


def wanted(*, refused: bool = True, **fields: bool) -> _Refused:
    found = _Refused(plan=PLAN, now=NOW - DAY).given(**({"no_mail": False} | fields))
    assert isinstance(found, _Refused)
    found.decide()
    found.wait(DAY).happens("inquiry").decide()
    assert found.stage == "mql"
    return found.refuse() if refused else found


def by_hand(found: Story, rule: str) -> Task:
    (task,) = [task for task in found.state.tasks if task.key.rule == rule and task.key.slot.endswith("instead")]
    return task


def test_the_owner_is_asked_once_and_the_task_follows_the_lead() -> None:
    found = wanted()
    assert len(found.refused) == 2
    found.decide()
    mail, place = by_hand(found, "touch"), by_hand(found, "listed")
    assert (mail.kind, mail.title, mail.text) == (
        "mail",
        "シーケンス「お礼」を手動で開始",
        "自動では行えませんでした: not_available",
    )
    assert (place.kind, place.title) == ("todo", "リスト「手動リスト」に手動で追加")
    assert mail.owner == place.owner == "sato"
    found.owner = "suzuki"
    found.decide()
    assert by_hand(found, "touch").owner == by_hand(found, "listed").owner == "suzuki"


def test_the_next_step_waits_for_it_and_it_counts_as_done() -> None:
    found = wanted()
    found.decide()
    found.pass_time(3 * DAY)
    assert found.state.cadences["touch"].fired == 1
    found.person_did("touch", WorkState.DONE).person_did("listed", WorkState.DONE).decide()
    assert found.state.cadences["touch"].fired == 2
    assert found.state.settings["noted"].value == "追加済み"
    found.pass_time(60 * DAY)
    assert [task.key.slot for task in found.tasks() if task.key.rule == "touch"] == ["step_2"], "asked once"


def test_what_stops_the_cadence_or_ends_the_stage_closes_it_and_nobody_is_asked_to_unenrol() -> None:
    found = wanted()
    found.decide()
    found.wait(DAY).happens("reply").decide()
    assert by_hand(found, "touch").state is WorkState.CLOSED
    assert by_hand(found, "listed").state is WorkState.OPEN
    assert [task.key.slot for task in found.tasks()] == ["enrol.instead"]
    found.wait(DAY).change(decision="accepted").decide()
    assert found.tasks() == []


def test_a_refusal_that_is_learnt_too_late_asks_for_nothing() -> None:
    found = wanted(refused=False)
    enrolments = found.last.enrolments
    found.wait(DAY).change(decision="accepted").decide()
    assert (found.stage, [task.key.slot for task in found.tasks()]) == ("sal", ["unenrol"])
    found.refused = tuple(
        NotEnrolled(key=one.key, place=one.place, name=one.name, at=one.at, why="") for one in enrolments
    )
    found.wait(DAY).decide()
    assert found.tasks() == [], "and nobody need be taken out of a sequence that was never begun"


def test_whom_nothing_is_sent_to_is_not_written_to_by_hand() -> None:
    found = wanted()
    found.change(no_mail=True).decide()
    assert found.tasks() == []
    found.change(no_mail=False).decide()
    assert found.tasks() == [], "it was settled then"
