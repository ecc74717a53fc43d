"""`keep: first`: forms and integrations do not change where a lead came from; people may mend it."""

from __future__ import annotations

from datetime import timedelta

from connector.domain.lead import Actor
from connector.domain.value import BLANK
from tests.unit.engine.stories import FIELDS, Story, plan_of, started

SOURCED = FIELDS.replace(
    "  noted:",
    """\
  source:
    type: choice
    choices: {form: 問い合わせ, event: 展示会}
    keep: first
    hubspot: contact.source
  channel:
    type: choice
    choices: {inbound: インバウンド, fair: イベント}
    rules:
      - {id: fair, when: {source: event}, value: fair}
      - {id: inbound, value: inbound}
    hubspot: contact.channel
  noted:""",
)


def from_an_event() -> Story:
    return started(plan_of(fields=SOURCED), source="event")


def wanted(found: Story) -> tuple[object, object]:
    return found.last.desired["source"], found.last.desired["channel"]


def test_a_later_form_changes_neither_the_source_nor_what_is_worked_out_from_it() -> None:
    found = from_an_event()
    found.change(source="form", actor=Actor.VENDOR).decide()
    assert wanted(found) == ("event", "fair")
    found.change(source=BLANK, actor=Actor.VENDOR).wait(timedelta(hours=1)).decide()
    assert wanted(found) == ("event", "fair")


def test_a_person_mends_it_for_good() -> None:
    found = from_an_event()
    found.change(source="form").decide()
    assert wanted(found) == ("form", "inbound")
    found.wait(timedelta(hours=1)).change(source="event", actor=Actor.VENDOR).decide()
    assert wanted(found) == ("form", "inbound")


def test_a_person_may_empty_it_and_then_the_next_value_is_the_first() -> None:
    found = from_an_event()
    found.change(source=BLANK).decide()
    assert "source" not in found.last.desired
    found.wait(timedelta(hours=1)).change(source="form", actor=Actor.VENDOR).decide()
    assert wanted(found) == ("form", "inbound")
    found.wait(timedelta(hours=1)).change(source="event", actor=Actor.VENDOR).decide()
    assert wanted(found) == ("form", "inbound")
