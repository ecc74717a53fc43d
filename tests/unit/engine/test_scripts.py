"""Scripts and hearing sheets: the first that fits stands on a task, and asks for fields by their names."""

from __future__ import annotations

from tests.unit.engine.stories import Story, plan_of, started

WORK = """\
rules:
  - id: call
    on: {enters: mql}
    do:
      - {task: {kind: call, due: 1d, title: 電話, text: 理由}}
      - {id: note, task: {kind: todo, due: 1d, title: 調べる}}
  - {id: other, on: {signal: visit}, do: [{task: {kind: call, due: 1d, title: 別の電話}}]}
scripts:
  - id: it_call
    label: IT企業へ
    tasks: [call]
    kind: call
    when: {industry: it}
    text: "{last_name}様に背景を伺う"
    ask: [need, timeline, no_mail]
  - {id: any_call, kind: call, text: ご挨拶}
"""
PLAN = plan_of(work=WORK)


def texts(found: Story) -> dict[str, str]:
    return {f"{task.key.rule}.{task.key.slot}": task.text for task in found.tasks()}


def called(**fields: str) -> Story:
    found = started(PLAN, **({"last_name": "山田"} | fields)).happens("inquiry").happens("visit")
    found.decide()
    return found


def test_the_first_that_fits_stands_below_the_text_with_what_is_known() -> None:
    found = texts(called(industry="it", timeline="later"))
    assert found["call.task"] == (
        "理由\n\n■ IT企業へ\n山田様に背景を伺う\n\n■ ヒアリングシート(記録の項目に記入)\n"
        "・課題: (未記入)\n・時期(すぐ・いずれ): いずれ\n・配信停止(はい・いいえ): (未記入)"
    )
    assert found["other.task"] == "■ any_call\nご挨拶", "the first one is for another rule's tasks"
    assert found["call.note"] == "", "and for calls"


def test_another_lead_gets_the_next_one_and_the_sheet_stays_as_it_was() -> None:
    found = called(industry="retail")
    assert texts(found)["call.task"] == "理由\n\n■ any_call\nご挨拶"
    asked = called(industry="it")
    before = texts(asked)
    asked.change(need="在庫").decide()
    assert texts(asked) == before
