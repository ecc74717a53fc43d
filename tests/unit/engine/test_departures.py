"""Open work of people who are away; whom a pool is asked to prefer or avoid; two people on one lead."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connector.domain.effects import Grant, OwnerRequest
from connector.domain.lead import Away, Lead
from connector.domain.signal import Signal
from tests.unit.engine.stories import DAY, NOW, Story, plan_of

HOUR = timedelta(hours=1)
ROUTING = """\
pools:
  sdr: {label: SDR, members: {hubspot_team: SDR}}
  bosses: {label: Bosses, members: {hubspot_team: B}}
rules:
  - {id: to_sdr, on: {enters: mql}, assign: {pool: sdr, by: round_robin}}
keep_owner: {for: 30d}
absent: {skip: true, open_tasks: {after: 2h, to: same_pool}}
left_company: {open_tasks: same_pool}
nobody_free: {pool: bosses}
two_people: {notify: true}
"""
STAYS = ROUTING.replace("to: same_pool}}", "to: nobody}}").replace("open_tasks: same_pool}", "open_tasks: nobody}")
POOL_TASK = """\
rules:
  - {id: ask_boss, on: {enters: mql}, do: [{task: {kind: todo, to: {pool: bosses}, due: 1d, title: 見てください}}]}
"""


class Served(Story):
    """A lead whose people may be away."""

    missing: tuple[Away, ...] = ()

    @property
    def lead(self) -> Lead:
        return replace(super().lead, away=self.missing)

    def answer(self, *persons: str) -> None:
        """Pools answer what is asked, and the lead is decided anew from where it stood, as the shell does."""
        before, signals, history = self.state, list(self.signals), list(self.history)
        decision = self.decide()
        for person in persons:
            asked = [one for one in decision.state.requests if one.key.text() not in {g.request for g in self.grants}]
            self.grants += [given(one, person) for one in asked[:1]]
        if persons:
            self.state, self.signals, self.history, self.opened = before, signals, history, {}
            self.decide()


def given(request: OwnerRequest, person: str) -> Grant:
    return Grant(
        request=request.key.text(),
        pool=request.pool,
        owner_of=request.owner_of,
        person=person,
        granted_at=request.asked_at,
    )


def worked(routing: str = ROUTING, **files: str) -> Served:
    """A lead that inquired, became an MQL and was given to sato, who has a call to make."""
    story = Served(plan=plan_of(routing=routing, **files), owner=None)
    story.happens("inquiry").answer("sato")
    assert {task.owner for task in story.state.tasks} == {"sato"}
    story.owner = "sato"
    return story


def absence(since: datetime, until: datetime | None = None, **values: bool) -> Away:
    return Away(person="sato", cause_id="absence-1", since=since, until=until, pools=("sdr",), **values)


def test_a_task_opened_with_the_question_has_the_answers_owner() -> None:
    story = worked()
    assert story.state.requests == ()
    assert story.state.assigned["lead"].person == "sato"


def test_an_absence_moves_open_work_when_it_has_lasted_and_once() -> None:
    story = worked()
    story.missing = (absence(NOW, None),)
    decision = story.wait(HOUR).decide()
    assert decision.requests == ()
    assert decision.wake is not None
    assert decision.wake.at <= NOW + 2 * HOUR
    story.wait(HOUR).answer("suzuki")
    assert {task.owner for task in story.state.tasks} == {"suzuki"}
    asked = story.grants[-1].request
    assert asked == "person:absence-1:absent:lead"
    story.owner = "sato"  # a person gives it back
    story.state = replace(story.state, assigned={})
    assert story.wait(HOUR).decide().requests == ()


def test_the_request_avoids_who_is_away_and_asks_the_same_pool() -> None:
    story = worked()
    story.missing = (absence(NOW),)
    (request,) = story.wait(3 * HOUR).decide().requests
    assert (request.pool, request.owner_of, request.avoid, request.prefer) == ("sdr", "lead", "sato", None)


@pytest.mark.parametrize("until", [NOW + HOUR, NOW + 2 * HOUR])
def test_an_absence_that_ends_in_time_moves_nothing(until: datetime) -> None:
    story = worked()
    story.missing = (absence(NOW, until),)
    assert story.wait(3 * HOUR).decide().requests == ()


def test_who_left_gives_it_up_at_once_and_the_policy_may_say_no() -> None:
    story = worked()
    story.missing = (absence(NOW, left=True),)
    assert [one.key.rule for one in story.decide().requests] == ["left_company"]
    story = worked(STAYS)
    story.missing = (absence(NOW, left=True),)
    assert story.wait(3 * HOUR).decide().requests == ()


def test_without_open_work_nothing_moves() -> None:
    story = Served(plan=plan_of(routing=ROUTING), owner="sato")
    story.missing = (absence(NOW, left=True),)
    assert story.decide().requests == ()


def test_a_task_of_a_pool_asks_it_and_goes_on_when_its_person_is_away() -> None:
    story = Served(plan=plan_of(routing=ROUTING, work=POOL_TASK))
    story.happens("inquiry").answer("sato", "boss")
    (task,) = story.state.tasks
    assert (task.pool, task.owner) == ("bosses", "boss")
    story.missing = (Away(person="boss", cause_id="absence-9", since=NOW, pools=("bosses",)),)
    story.wait(3 * HOUR).answer("chief")
    (task,) = story.state.tasks
    assert (task.pool, task.owner) == ("bosses", "chief")


def enters_mql_again(story: Served, after: timedelta) -> OwnerRequest:
    """It is sent back, comes again, and inquires."""
    story.wait(DAY).change(recycle_reason="timing")
    story.decide()
    story.wait(after).pass_time(timedelta())
    story.wait(HOUR).happens("inquiry")
    found = [one for one in story.decide().requests if one.owner_of == "lead"]
    return found[-1]


def test_who_had_it_is_kept_for_so_long_and_then_avoided() -> None:
    late = enters_mql_again(worked(), 100 * DAY)
    assert (late.prefer, late.avoid) == (None, "sato")
    story = worked(ROUTING.replace("for: 30d", "for: 180d"))
    soon = enters_mql_again(story, 100 * DAY)
    assert (soon.prefer, soon.avoid) == ("sato", None)


def logged(story: Served, by: str, kind: str = "contacted") -> None:
    number = len(story.signals) + 1
    story.signals.append(Signal(id=number, kind=kind, occurred_at=story.now, learnt_at=story.now, by=by))


def test_two_people_on_one_lead_are_told_once_and_the_owner_stays() -> None:
    story = worked()
    story.wait(HOUR)
    logged(story, "suzuki")
    logged(story, "suzuki", "attempted")
    decision = story.decide()
    assert [(one.to, one.key.rule) for one in decision.notices] == [(("person:sato", "person:suzuki"), "two_people")]
    assert decision.notices[0].text.startswith("重複対応: #7に")
    assert decision.owners == {}
    story.wait(HOUR)
    logged(story, "suzuki")
    assert story.decide().notices == ()
    logged(story, "tanaka")
    assert [one.to[1] for one in story.decide().notices] == ["person:tanaka"]


def test_the_owners_own_work_and_what_lay_before_tell_nobody() -> None:
    story = worked()
    logged(story, "sato")
    assert story.decide().notices == ()
    story.signals.append(Signal(id=90, kind="contacted", occurred_at=NOW - HOUR, learnt_at=NOW, by="suzuki"))
    assert story.decide().notices == ()


def test_only_where_the_policy_says_so() -> None:
    story = worked(ROUTING.replace("two_people: {notify: true}\n", ""))
    story.wait(HOUR)
    logged(story, "suzuki")
    assert story.decide().notices == ()
