"""The agreement between departments (SLA): parties and aims, definitions, promises, duties, follow-up, signatures.

Every sentence in it comes from the rules that run: what the departments sign is what the clocks measure.
"""

from __future__ import annotations

from datetime import date

from connector.policy.documents.agreement_duties import after, duties, reviews, signatures
from connector.policy.documents.agreement_promises import definitions, parties, promises, warnings
from connector.policy.documents.blocks import Printed
from connector.policy.documents.doings import Doings
from connector.policy.documents.speech import Speech
from connector.policy.model import Policy

_CHAPTERS = (parties, definitions, promises, warnings, duties, after, reviews, signatures)


def agreement(policy: Policy, language: str, printed_on: date) -> Printed:
    """The agreement of a policy."""
    speech, agreed = Speech(policy, language), policy.agreement
    title = speech.both("部門間SLA合意書", "Service level agreement between departments")
    chapters = (chapter(Doings(speech)) for chapter in _CHAPTERS)
    return Printed(
        title=speech.of(agreed.title, title) if agreed is not None else title,
        language=language,
        facts=(
            (speech.both("方針", "Policy"), policy.name),
            (speech.both("版", "Version"), policy.hash[:12]),
            (speech.both("作成日", "Printed on"), printed_on.isoformat()),
        ),
        mark=speech.both(f"{policy.name} 版 {policy.hash[:12]}", f"{policy.name}, version {policy.hash[:12]}"),
        parts=tuple(chapter for chapter in chapters if chapter is not None),
    )
