"""No recycling: who did not buy is never called again.

Most leads that are not ready today are ready within two years. A policy with stages but no way back throws them away.

    recycle.yaml is missing, no reason says `again`, or no transition reads `recycle.due`       # deserves it
    transitions: [{id: wake, from: [recycled], to: lead, when: {recycle.due: true}}]            # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule, main_line
from connector.policy.model import Policy


def _deserves(policy: Policy) -> Iterator[str]:
    if len(main_line(policy)) < 2:
        return
    if policy.recycle is None:
        yield "recycle.yaml"
    elif all(reason.again is None for reason in policy.recycle.reasons.values()):
        yield "recycle.yaml: again"
    elif not any("recycle.due" in way.when.names for way in policy.transitions):
        yield "lifecycle.yaml: recycle.due"


ADVICE = Rule(
    id="no_recycle",
    says={
        "ja": "掘り起こしがありません。今すぐでないリードの多くは後で買いますが、このままでは二度と連絡しません。",
        "en": "Nothing brings leads back. Most who are not ready today buy later, and are never called again.",
    },
    do={
        "ja": "recycle.yaml の理由に again を書き、recycle.due で戻る移動を作ってください。",
        "en": "Give the reasons of recycle.yaml an `again`, and add a transition that reads `recycle.due`.",
    },
    deserves=_deserves,
)
