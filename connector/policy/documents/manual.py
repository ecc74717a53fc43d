"""The reps' operating manual: what the stages mean, what comes when, what to do with it, what to fill in."""

from __future__ import annotations

from datetime import date

from connector.policy.documents.blocks import Printed
from connector.policy.documents.doings import Doings
from connector.policy.documents.manual_contact import limits, recalls, scripts
from connector.policy.documents.manual_data import by_hand, fields, handoff, pipeline
from connector.policy.documents.manual_leads import ratings, reasons, scores, stages
from connector.policy.documents.manual_work import absence, cadences, never, outcomes, promises, queues, tasks
from connector.policy.documents.speech import Speech
from connector.policy.model import Policy

_CHAPTERS = (
    queues,
    stages,
    scores,
    ratings,
    tasks,
    cadences,
    recalls,
    limits,
    scripts,
    outcomes,
    promises,
    reasons,
    handoff,
    pipeline,
    fields,
    by_hand,
    absence,
    never,
)


def manual(policy: Policy, language: str, printed_on: date) -> Printed:
    """The manual of a policy: a chapter for each part that the policy has."""
    speech = Speech(policy, language)
    chapters = (chapter(Doings(speech)) for chapter in _CHAPTERS)
    return Printed(
        title=speech.both("運用マニュアル", "Operating manual"),
        language=language,
        facts=(
            (speech.both("方針", "Policy"), policy.name),
            (speech.both("版", "Version"), policy.hash[:12]),
            (speech.both("作成日", "Printed on"), printed_on.isoformat()),
        ),
        mark=speech.both(f"{policy.name} 版 {policy.hash[:12]}", f"{policy.name}, version {policy.hash[:12]}"),
        parts=tuple(chapter for chapter in chapters if chapter is not None),
    )
