"""Pools of people who may not see everything: texts for them print only what the policy names."""

from __future__ import annotations

import re

import pytest

from connector.domain.effects import Grant
from connector.errors import PolicyError
from tests.unit.engine.stories import Story, plan_of, started

ROUTING = """\
pools:
  sdr: {members: {hubspot_team: SDR}}
  agency: {members: {hubspot_team: BPO}, may_see: [last_name, link]}
rules:
  - {id: give, on: {enters: mql}, assign: {pool: agency}}
  - {id: back, on: {signal: reply}, assign: {pool: sdr}}
"""
TITLE, TEXT = "{last_name}様 {need}", "{reasons} {score.fit} {need}"
WORK = f"""\
rules:
  - id: call
    on: {{enters: mql}}
    do: [{{task: {{kind: call, to: owner, due: 1d, title: "{TITLE}", text: "{TEXT}"}}}}]
  - {{id: theirs, on: {{enters: mql}}, do: [{{task: {{kind: todo, to: {{pool: agency}}, due: 1d, title: "{TITLE}"}}}}]}}
  - {{id: ours, on: {{enters: mql}}, do: [{{task: {{kind: todo, to: {{pool: sdr}}, due: 1d, title: "{TITLE}"}}}}]}}
  - {{id: tell, on: {{enters: mql}}, do: [{{notify: {{to: [owner, {{pool: sdr}}], text: "{TITLE}"}}}}]}}
"""


def mql(pool: str, person: str, routing: str = ROUTING, work: str = WORK) -> Story:
    """A new MQL that this pool gives to this person, before anything is done."""
    found = started(plan_of(routing=routing, work=work), last_name="山田", need="見積")
    found.owner = None
    answer(found, "stage_entry:2:give:assign", pool, person)
    found.happens("inquiry").decide()
    found.owner = person
    return found


def answer(found: Story, request: str, pool: str, person: str) -> None:
    found.grants.append(Grant(request=request, pool=pool, owner_of="lead", person=person, granted_at=found.now))


def titles(found: Story) -> dict[str, str]:
    return {task.key.rule: task.title for task in found.tasks()}


def test_tasks_and_notices_for_the_agency_leave_out_what_it_may_not_see() -> None:
    found = mql("agency", "bpo")
    assert titles(found) == {"call": "山田様 ", "theirs": "山田様 ", "ours": "山田様 見積"}
    assert next(task.text for task in found.tasks() if task.key.rule == "call").strip() == ""
    (notice,) = found.last.notices
    assert notice.text == "山田様 ", "one text for all: what the most limited may see"


def test_a_hearing_sheet_asks_and_does_not_tell() -> None:
    script = "scripts:\n  - {id: hear, label: 話し方, text: '{need}の件', ask: [need, email]}\n"
    found = mql("agency", "bpo", work=WORK + script)
    (call,) = [task for task in found.tasks() if task.key.rule == "call"]
    assert "・課題" in call.text
    assert "見積" not in call.text
    (ours,) = [task for task in mql("sdr", "sato", work=WORK + script).tasks() if task.key.rule == "call"]
    assert "・課題: 見積" in ours.text


def test_a_task_that_passes_to_the_agency_takes_no_text_along() -> None:
    words = {"pool: agency": "pool: sdr", "pool: sdr": "pool: agency"}
    other_way = re.sub("pool: (agency|sdr)", lambda found: words[found.group()], ROUTING)
    found = mql("sdr", "sato", other_way)
    (call,) = [task for task in found.tasks() if task.key.rule == "call"]
    assert "見積" in call.text
    answer(found, "signal:2:back:assign", "agency", "bpo")
    found.happens("reply").decide()
    (call,) = [task for task in found.tasks() if task.key.rule == "call"]
    assert (call.owner, call.text) == ("bpo", "")


def test_a_name_that_no_text_may_take_is_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        plan_of(routing=ROUTING.replace("[last_name, link]", "[last_nmae]"))
    assert "last_name" in str(caught.value)
