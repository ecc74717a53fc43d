"""No negatives: nothing takes points away.

Students, competitors and free mail collect points by reading just as buyers do. Without a rule below zero they end up
on the call list.

    fit: {rules: [{id: large, when: {employees: {at_least: 100}}, points: 15}]}                # deserves it
    fit: {rules: [{id: student, when: {email: {domain_in: schools}}, points: -30}]}            # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule
from connector.policy.model import Policy


def _deserves(policy: Policy) -> Iterator[str]:
    counted = [policy.scores[part] for part in policy.total]
    rules = [rule for score in counted for rule in score.rules]
    if rules and all(rule.points >= 0 for rule in rules):
        yield from (f"score.{score.id}" for score in counted)


ADVICE = Rule(
    id="no_negatives",
    says={
        "ja": "減点の規則がありません。学生・競合・フリーメールも、見ているだけで点が積み上がります。",
        "en": "Nothing takes points away. Students, competitors and free mail collect points just by reading.",
    },
    do={
        "ja": "対象外の相手を表す条件に、マイナスの points を付けてください。",
        "en": "Give rules for whom you do not sell to points below zero.",
    },
    deserves=_deserves,
)
