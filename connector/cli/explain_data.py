"""One lead's story as plain data: what `tasuki explain --json` prints, and what the tables are made of.

Keys are stable (docs/cli.md lists them); labels are in the policy's language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.cli.explain_clocks import clocks
from connector.cli.explain_lost import lost_values
from connector.cli.policy_names import PolicyNames
from connector.domain.codec import encode_value
from connector.domain.effects import Task
from connector.domain.runs import CadenceRun
from connector.engine import cadences
from connector.engine.explain import MoveWhy, ScorePart, ScoreWhy
from connector.engine.lifecycle import PERSON
from connector.engine.supposing import Prospect
from connector.policy.model import Policy
from connector.store.inspection import EntryRow
from connector.sync.context import Tenant
from connector.sync.explaining import CompanyTold, Story
from connector.texts import say

WAKE_WORDS = {
    "deadline": say("a date arrives: something is due, or a hold runs out"),
    "window": say("a period of the policy ends: something becomes older than a limit"),
    "decay": say("points have faded enough to matter"),
    "read": say("it was read from the CRM and waits to be decided"),
    "signal": say("something that it did waits to be decided"),
    "task": say("what a person did with its task waits to be decided"),
    "enrolment": say("what the CRM could not send waits to be asked of a person"),
    "sweep": say("it was seen for the first time and waits to be decided"),
    "policy": say("another policy runs now: it waits to catch up"),
    "dirty": say("something changed and waits to be decided"),
}


def described(tenant: Tenant, story: Story) -> dict[str, Any]:
    """The whole story."""
    policy, why, names = tenant.plan.policy, story.explanation, PolicyNames(tenant.plan.policy)
    return {
        "lead_id": story.row.id,
        "vendor": tenant.bindings[story.link.connection_id].dialect.vendor,
        "vendor_id": story.link.vendor_id,
        "gone": story.row.gone,
        "at": why.at,
        "policy": {
            "name": tenant.policy.name,
            "hash": tenant.policy.hash,
            "decided_at": story.row.evaluated_at,
            "decided_by_this": story.row.policy_hash == tenant.policy.hash,
        },
        "company": _company(names, story.company),
        "stage": _stage(names, story),
        "history": [_entry(names, one, story) for one in story.entries],
        "total": round(why.total, 2),
        "scores": [_score(names, one, why.at) for one in why.scores],
        "values": [
            {
                "field": name,
                "label": names.of(name),
                "value": encode_value(value),
                "value_label": names.value(name, encode_value(value)),
            }
            for name, value in why.values
        ],
        "unknown": [_prospect(names, one) for one in story.prospects],
        "transitions": [_move(names, policy, one) for one in why.moves],
        "holds": [
            {"field": name, "label": names.of(name), "value": encode_value(hold.value), "until": hold.until}
            for name, hold in why.holds
        ],
        "tasks": [_task(story, one) for one in why.tasks],
        "cadences": [_cadence(names, policy, name, run) for name, run in story.state.cadences.items()],
        "grants": [_grant(story, one) for one in story.grants],
        "clocks": clocks(policy, story.clocks, why.at),
        "lost_values": lost_values(story.lost, names.of, names.value),
        "stuck": why.stuck,
        "contact_limit": why.hold_off or None,
        "waiting_enrolments": [{"name": one.name, "rule": one.key.rule, "since": one.at} for one in why.waiting],
        "troubles": _troubles(story),
        "next_look": _next_look(story, why.at),
    }


def _company(names: PolicyNames, told: CompanyTold | None) -> dict[str, Any] | None:
    if told is None:
        return None
    clue = told.clue
    return {
        "id": told.id,
        "name": told.name,
        "link": told.link,
        "found_by": {"field": clue.field, "label": names.of(clue.field), "value": clue.value} if clue else None,
        "several": list(told.several),
    }


def _cadence(names: PolicyNames, policy: Policy, name: str, run: CadenceRun) -> dict[str, Any]:
    cadence = policy.cadences.get(name)
    standing = cadences.standing({name: run}, name)
    return {
        "cadence": name,
        "label": names.cadence(name),
        "standing": standing if isinstance(standing, str) else "stopped",
        "since": run.finished_at or run.stopped_at or run.started_at,
        "steps_done": run.fired,
        "steps": len(cadence.steps) if cadence is not None else None,
        "stopped_by": run.stopped_by,
    }


def _stage(names: PolicyNames, story: Story) -> dict[str, Any] | None:
    entry = story.explanation.entry
    if entry is None:
        return None
    return {
        "id": entry.stage,
        "label": names.stage(entry.stage),
        "since": entry.entered_at,
        "moved_by": entry.mover.value,
        "transition": entry.transition,
        "transition_label": names.transition(entry.transition),
        "reason": entry.reason,
    }


def _entry(names: PolicyNames, entry: EntryRow, story: Story) -> dict[str, Any]:
    person = next((str(value) for name, _, value in entry.grounds if name == PERSON), None)
    return {
        "stage": entry.stage,
        "label": names.stage(entry.stage),
        "entered_at": entry.entered_at,
        "moved_by": entry.mover,
        "person": person,
        "person_name": story.users.get(person, person) if person is not None else None,
        "transition": entry.transition,
        "transition_label": names.transition(entry.transition),
        "reason": entry.reason,
        "reason_label": names.reason(entry.reason),
        "passed": entry.passed,
        "initial": entry.initial,
        "merged_lead": entry.lead_id if entry.lead_id != story.row.id else None,
        "grounds": [
            {"name": name, "label": names.of(name), "at": datetime.fromisoformat(at) if at else None, "value": value}
            for name, at, value in entry.grounds
            if name != PERSON
        ],
    }


def _score(names: PolicyNames, score: ScoreWhy, now: datetime) -> dict[str, Any]:
    return {
        "id": score.id,
        "label": names.score_label(score.id),
        "value": round(score.value, 2),
        "published": score.published,
        "parts": [_part(names, score.id, one, now) for one in score.parts],
        "undecided": [
            {
                "rule": one.rule,
                "label": one.label,
                "points": names.points_of(score.id, one.rule),
                "unknown": list(one.unknown),
                "unknown_labels": [names.of(name) for name in one.unknown],
            }
            for one in score.undecided
        ],
    }


def _part(names: PolicyNames, score: str, part: ScorePart, now: datetime) -> dict[str, Any]:
    return {
        "rule": part.rule,
        "label": part.label,
        "signal": names.signal_of(score, part.rule),
        "points": round(part.points, 2),
        "full_points": part.full_points,
        "events": [{"at": at, "age_seconds": round((now - at).total_seconds())} for at in part.at],
    }


def _move(names: PolicyNames, policy: Policy, move: MoveWhy) -> dict[str, Any]:
    return {
        "transition": move.transition,
        "label": names.transition(move.transition),
        "to": move.target,
        "to_label": names.stage(move.target),
        "true": move.truth,
        "unknown": list(move.unknown),
        "unknown_labels": [names.of(name) for name in move.unknown],
        "condition": move.condition,
        "gate_misses": move.missing or None,
        "waits_for_news": move.waits,
        "reason_held": move.held or None,
    }


def _prospect(names: PolicyNames, one: Prospect) -> dict[str, Any]:
    labels = [names.of(name) for name in one.names]
    return {
        "transition": one.transition,
        "to": one.target,
        "to_label": names.stage(one.target),
        "names": list(one.names),
        "labels": labels,
        "any_of_them": one.alone,
        "says": say(
            "could be {stage} if {names} known", stage=names.stage(one.target), names=_listed(labels, one.alone)
        ),
    }


def _listed(labels: Sequence[str], alone: bool) -> str:
    if len(labels) == 1:
        return say("{name} were", name=labels[0])
    names = ", ".join(labels[:-1])
    if alone:
        return say("{names} or {last} were", names=names, last=labels[-1])
    return say("{names} and {last} were", names=names, last=labels[-1])


def _grant(story: Story, grant: Mapping[str, Any]) -> dict[str, Any]:
    names = story.owners
    skipped = {names.get(person, person): why for person, why in grant["skipped"].items()}
    return {**grant, "person_name": names.get(grant["person"], grant["person"]), "skipped": skipped}


def _task(story: Story, task: Task) -> dict[str, Any]:
    record = story.records.get(task.key.text())
    return {
        "title": task.title,
        "kind": task.kind,
        "rule": task.key.rule,
        "cause": task.key.cause,
        "cause_id": task.key.cause_id,
        "state": task.state.value,
        "due_at": task.due_at,
        "owner": task.owner,
        "owner_name": story.owners.get(task.owner) if task.owner else None,
        "queue": task.queue,
        "priority": task.priority,
        "opened_at": task.opened_at,
        "ended_at": task.ended_at,
        "vendor_id": record.vendor_id if record else None,
        "in_crm": record.step if record else None,
    }


def _troubles(story: Story) -> dict[str, Any]:
    link = story.link
    return {
        "connection_paused": story.paused,
        "parked": None
        if link.parked_reason is None
        else {"reason": link.parked_reason, "property": link.parked_property, "message": link.parked_message},
        "dropped": [
            {"property": name, "reason": raw.get("reason", "rejected"), "given_up": raw.get("given_up")}
            for name, raw in sorted(link.dropped.items())
        ],
        "frozen": [
            {"property": one.property_name, "until": one.until, "writers": list(one.writers)} for one in story.frozen
        ],
        "evaluation_parked": story.due.parked_reason if story.due else None,
        "moving_backward": link.moving,
    }


def _next_look(story: Story, now: datetime) -> dict[str, Any]:
    due = story.due
    at = due.at if due is not None and due.parked_reason is None else None
    reading = story.link.reading
    return {
        "at": at,
        "now": at is not None and at <= now,
        "why": due.why if due is not None and at is not None else None,
        "says": WAKE_WORDS.get(due.why, due.why) if due is not None and at is not None else None,
        "read_outstanding": reading,
        "write_outstanding": story.link.writing,
        "read_at": story.person_read_at,
    }
