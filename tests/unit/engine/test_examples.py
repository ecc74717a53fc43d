"""The examples that stand beside the policies: given this lead and these signals, expect this.

What needs the assignment of owners (`owner:`) is left out; everything else that they say is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.domain.calendar import Span
from connector.domain.state import LeadState, Mover, StageEntry
from connector.domain.value import BLANK, UNREAD, Value, is_known
from connector.engine.plan import Plan, prepare
from connector.engine.view import LeadView, occurrences
from connector.policy.document import read
from connector.policy.loader import load_policy
from connector.policy.model import FieldType
from tests.unit.engine.stories import DAY, SECOND, Story
from tests.unit.policy.folders import MAPPINGS, SAMPLES

FOLDERS = [MAPPINGS / "b2b-ja", SAMPLES / "b2b-ja"]
LATER = frozenset({"owner"})


def cases() -> Iterator[Any]:
    for folder in FOLDERS:
        path = folder / "examples.yaml"
        if not path.is_file():
            yield pytest.param(
                folder, {}, "", id=f"{folder.parent.name}", marks=pytest.mark.skip(f"{folder} is not here")
            )
            continue
        data: Any = read("examples.yaml", path.read_bytes()).data
        for example in data["examples"]:
            yield pytest.param(folder, example, data["now"], id=f"{folder.parent.name}/{example['id']}")


@pytest.mark.parametrize(("folder", "example", "now"), list(cases()))
def test_example(folder: Path, example: Mapping[str, Any], now: str) -> None:
    story = given(prepare(load_policy(folder)), example, now)
    for happening in example.get("and", ()):
        if "at" in happening:
            story.now = moment(story.plan, happening["at"])
            story.happens(happening["signal"])
        else:
            story.happens(happening["signal"], at=story.now - Span.parse(happening["ago"]).plain)
    story.decide()
    expect(story, example.get("expect", {}))
    for then in example.get("then", ()):
        story.wait(SECOND)
        if "wait" in then:
            story.pass_time(Span.parse(then["wait"]).plain)
        elif "signal" in then:
            story.happens(then["signal"]).decide()
        else:
            story.change(**then["set"]).decide()
        expect(story, then["expect"])


def given(plan: Plan, example: Mapping[str, Any], now: str) -> Story:
    """A lead that has stood in the given stage for a day."""
    story = Story(plan=plan, now=moment(plan, now))
    values = dict(example["given"])
    stage, reason = values.pop("stage", "lead"), values.pop("recycle.reason", None)
    story.given(**{name: scalar(plan, name, raw) for name, raw in values.items()})
    for name, definition in plan.policy.fields.items():
        if not definition.computed and name not in values:
            story.given(**{name.replace(".", "__"): BLANK})
    story.created_at = story.now - DAY
    entry = StageEntry(seq=1, stage=stage, entered_at=story.now - SECOND * 90, mover=Mover.START, reason=reason)
    story.state = LeadState(entry=entry, policy=plan.policy.hash)
    return story


def scalar(plan: Plan, name: str, raw: str) -> Value:
    definition = plan.policy.fields[name]
    if definition.type in (FieldType.NUMBER, FieldType.MONEY):
        return int(raw)
    return date.fromisoformat(raw) if definition.type is FieldType.DATE else raw


def moment(plan: Plan, text: str) -> datetime:
    """`2026-11-20 10:00` in the policy's zone."""
    day, _, clock = text.partition(" ")
    local = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock), plan.policy.zone)
    return local.astimezone(UTC)


def expect(story: Story, expected: Mapping[str, Any]) -> None:
    view = LeadView(
        story.plan.policy,
        story.lead,
        occurrences(story.plan.members, story.signals, story.now),
        story.state.entry,
        story.state.holds,
        story.now,
    )
    assert story.state.entry is not None
    for name, wanted in expected.items():
        if name in LATER:
            continue
        if name == "task":
            expect_task(story, wanted)
        elif name == "by":
            assert story.by == wanted
        elif name == "reason":
            assert story.state.entry.reason == wanted
        elif name == "undecided":
            undecided = {one.rule for score in story.explain().scores for one in score.undecided}
            assert undecided.issuperset(wanted)
        elif wanted == "unknown":
            assert not is_known(view.value(name))
        elif name.startswith("score."):
            assert view.value(name) == float(wanted)
        else:
            assert view.value(name) not in (UNREAD, BLANK)
            assert str(view.value(name)) == str(wanted)


def expect_task(story: Story, wanted: Any) -> None:
    if wanted == "none":
        assert story.tasks() == []
        return
    (task,) = story.tasks()
    assert task.kind == wanted["kind"]
    if "due" in wanted:
        assert abs(task.due_at - moment(story.plan, wanted["due"])) < timedelta(seconds=2)
