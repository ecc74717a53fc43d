"""Everything is hot: one click is enough for the best rating.

A threshold that a single visit or mail click reaches makes every lead urgent, so that none is.

    behaviour: {rules: [{id: click, signal: mail_click, points: 30}]}
    band: {rules: [{id: hot, when: {score.behaviour: {at_least: 30}}, value: hot}]}      # deserves it
    band: {rules: [{id: hot, when: {score.behaviour: {at_least: 80}}, value: hot}]}      # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule, leaves
from connector.policy.model import FieldDef, Policy

#: What a person does in passing; a form, a call or a meeting is meant.
_CLICKS = frozenset({"website_event", "hubspot_counter", "hubspot_list"})
_LOWER_ENDS = frozenset({"at_least", "more_than", "between"})


def _deserves(policy: Policy) -> Iterator[str]:
    for rating in policy.fields.values():
        yield from _too_easy(policy, rating)


def _too_easy(policy: Policy, rating: FieldDef) -> Iterator[str]:
    """Rules for the best choice whose every score one click alone reaches."""
    best = next(iter(rating.choices), None)
    for rule in rating.rules:
        asked = [leaf for leaf in leaves(rule.when) if leaf.thresholds and leaf.operator in _LOWER_ENDS]
        if rule.value != best or not asked:
            continue
        if all(_click(policy, leaf.name.partition(".")[2]) >= min(leaf.thresholds) > 0 for leaf in asked):
            yield rule.id


def _click(policy: Policy, score: str) -> float:
    """The most points that one click gives to a score."""
    parts = policy.total if score == "total" else (score,)
    points = [
        min(rule.points, cap) if (cap := policy.scores[part].cap) is not None else rule.points
        for part in parts
        for rule in policy.scores[part].rules
        if rule.signal is not None and _is_click(policy, rule.signal)
    ]
    return max(points, default=0)


def _is_click(policy: Policy, signal: str) -> bool:
    sources = policy.signals[signal].sources
    return bool(sources) and all(source.kind in _CLICKS for source in sources)


ADVICE = Rule(
    id="everything_hot",
    says={
        "ja": "クリックや閲覧1回だけで最上位の評価に届きます。全部が「ホット」なら、急ぐべき相手がわかりません。",
        "en": "One click or visit gives the best rating. When everything is hot, nobody knows whom to call first.",
    },
    do={
        "ja": "しきい値を上げるか、クリックの点数を下げ、up_to で回数を限ってください。",
        "en": "Raise the threshold, or lower the points of clicks and limit them with `up_to`.",
    },
    deserves=_deserves,
)
