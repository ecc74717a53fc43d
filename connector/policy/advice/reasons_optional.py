"""Reasons are optional: leads are returned, rejected, lost or discarded without saying why.

Without reasons nobody learns which leads to bring, and nobody knows when to call again.

    transitions: [{id: discard, from: [lead], to: discarded, when: {rep_state: done}}]             # deserves it
    transitions: [{id: discard, from: [lead], to: discarded, when: {discard_reason: known}}]       # does not
    manual_moves: {to_side: allowed}                                                               # deserves it
    manual_moves: {to_side: {needs: reason}}                                                       # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule, main_line
from connector.policy.model import Policy, Transition


def _deserves(policy: Policy) -> Iterator[str]:
    line = main_line(policy)
    answers = _reason_fields(policy)
    for way in policy.transitions:
        if _gives_up(policy, line, way) and not _says_why(way, answers):
            yield way.id
    moves = policy.manual_moves
    has_sides = len(line) < len(policy.stages)
    if has_sides and moves.to_side_allowed and moves.to_side_needs is None:
        yield "manual_moves.to_side"
    if len(line) > 1 and moves.backward_allowed and moves.backward_needs is None:
        yield "manual_moves.backward"


def _reason_fields(policy: Policy) -> frozenset[str]:
    """The answers whose choices are reasons."""
    known = set(policy.recycle.reasons) if policy.recycle is not None else set()
    return frozenset(
        name for name in policy.answers if policy.fields[name].choices and known.issuperset(policy.fields[name].choices)
    )


def _gives_up(policy: Policy, line: tuple[str, ...], way: Transition) -> bool:
    """True for a way to the side, or back; not for one that a lead's own behaviour takes."""
    if way.when.names and all(name.startswith("signal.") for name in way.when.names):
        return False
    sources = [source for source in way.sources if source in line]
    if not sources:
        return False
    if way.target not in line:
        return policy.stages[way.target].side
    return any(line.index(way.target) < line.index(source) for source in sources)


def _says_why(way: Transition, answers: frozenset[str]) -> bool:
    return way.reason is not None or way.reason_field is not None or bool(way.when.names & answers)


ADVICE = Rule(
    id="reasons_optional",
    says={
        "ja": "理由なしで差し戻し・失注・対象外にできます。集めるべきリードも、次に当たる時期もわかりません。",
        "en": "Leads can be returned, lost or discarded without a reason: nobody learns, or knows when to call again.",
    },
    do={
        "ja": "recycle.yaml の理由を選ぶ項目(answer: true)を条件に入れ、manual_moves では needs を書いてください。",
        "en": "Let the transition read an answer with reasons of recycle.yaml, and write `needs` in manual_moves.",
    },
    deserves=_deserves,
)
