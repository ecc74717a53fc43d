"""Enrolments that the CRM could not make: whoever owns the lead is asked to, once, while it still makes sense. Pure.

Such a task belongs to the rule or cadence that wanted the enrolment: it closes with the lead's stage, or when its
cadence stops, and a cadence's next step waits for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.domain.calendar import Span
from connector.domain.effects import Cause, EffectKey, NotEnrolled, WorkState
from connector.domain.runs import CadenceRun
from connector.domain.state import Edge
from connector.policy.model import TaskAction
from connector.policy.templates import Template

if TYPE_CHECKING:
    from connector.engine.acts import Acts
    from connector.engine.view import LeadView

INSTEAD = "instead"
"""The end of the slot of the task that stands in for an enrolment, behind the enrolment's own."""

UNENROL = "unenrol"
"""The slot of the task that asks a person to take a contact out of a sequence: the vendor's API cannot."""

SEQUENCE = "hubspot_sequence"

_TITLES = {
    SEQUENCE: {"ja": "シーケンス「{name}」を手動で開始", "en": "Start the sequence “{name}” by hand"},
    "hubspot_list": {"ja": "リスト「{name}」に手動で追加", "en": "Add to the list “{name}” by hand"},
    "salesforce_campaign": {"ja": "キャンペーン「{name}」に手動で追加", "en": "Add to the campaign “{name}” by hand"},
}
_TEXTS = {"ja": "自動では行えませんでした: {why}", "en": "It could not be done automatically: {why}"}


def ask_people(
    runs: Mapping[str, CadenceRun], view: LeadView, acts: Acts, edges: Mapping[str, Edge]
) -> Mapping[str, Edge]:
    """Open the tasks in place of enrolments; returns the memory with what was asked, or is past asking."""
    from connector.engine.acts import forbidden, open_task

    for one in view.lead.not_enrolled:
        name = f"{INSTEAD}:{one.key.digest()}"
        if name in edges or acts.silent:
            continue
        edges = {**edges, name: Edge(truth=None, turned=1, turned_at=view.now)}
        action = _action(view, one)
        if _is_past(runs, view, one):
            _close(acts, replace(one.key, slot=UNENROL))
        elif not forbidden(acts.plan, view, "task", "enrol", action.kind):
            key = replace(one.key, slot=slot_instead_of(one.key.slot))
            acts.tasks.setdefault(key, open_task(view, key, action, view.now))
    return edges


def slot_instead_of(slot: str) -> str:
    """The slot of the task that stands in for the enrolment of this one."""
    return f"{slot}.{INSTEAD}"


def _close(acts: Acts, key: EffectKey) -> None:
    """Nobody need be taken out of a sequence that was never begun."""
    task = acts.tasks.get(key)
    if task is not None and task.state is WorkState.OPEN:
        acts.tasks[key] = replace(task, state=WorkState.CLOSED, ended_at=acts.view.now)


def _is_past(runs: Mapping[str, CadenceRun], view: LeadView, one: NotEnrolled) -> bool:
    """True when nobody wants it any more: its cadence stopped, or the lead left the stage in which it was wanted."""
    if one.key.cause == Cause.CADENCE.value and one.key.rule in runs:
        run = runs[one.key.rule]
        return run.stopped_at is not None or one.key.cause_id != f"{one.key.rule}#{run.number}"
    return view.stage_entered_at is not None and view.stage_entered_at > one.at


def _action(view: LeadView, one: NotEnrolled) -> TaskAction:
    """A mail to be sent, or a place to be put on: today, by the lead's owner."""
    language, titles = view.policy.language, _TITLES.get(one.place, _TITLES["hubspot_list"])
    title = titles.get(language, titles["en"]).format(name=one.name)
    return TaskAction(
        slot=INSTEAD,
        kind="mail" if one.place == SEQUENCE else "todo",
        to="owner",
        to_pool=None,
        due=Span(amount=0, unit="days", business=True),
        priority=None,
        queue=None,
        title=Template((title,)),
        text=Template((_TEXTS.get(language, _TEXTS["en"]).format(why=one.why),)),
    )
