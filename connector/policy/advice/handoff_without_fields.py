"""A hand-over without required fields.

Field sales that receives a name and a telephone number asks everything again, and rejects. What must be known is the
gate of the transition that hands over.

    transitions: [{id: qualify, from: [sal], to: sql, when: {…}}]                  # deserves it
    transitions: [{id: qualify, from: [sal], to: sql, when: {…}, gate: handoff}]   # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule, main_line
from connector.policy.model import EventKind, Policy, Transition

_RECEIVER = "field_sales"


def _deserves(policy: Policy) -> Iterator[str]:
    line = main_line(policy)
    handed = _handed_over(policy)
    for way in policy.transitions:
        if way.target in handed and _forward(line, way) and not _asks(policy, way):
            yield way.id


def _handed_over(policy: Policy) -> frozenset[str]:
    """The stages that a hand-over enters: where the deal is made, else the first one of field sales."""
    if policy.create_deal is not None:
        made = {event.name or "" for event in policy.create_deal.on if event.kind is EventKind.ENTERS}
        return frozenset(made & policy.stages.keys())
    first = next((stage.id for stage in policy.stages.values() if stage.owner == _RECEIVER), None)
    return frozenset({first} if first is not None else ())


def _forward(line: tuple[str, ...], way: Transition) -> bool:
    return way.target in line and any(
        source in line and line.index(source) < line.index(way.target) for source in way.sources
    )


def _asks(policy: Policy, way: Transition) -> bool:
    gate = policy.gates.get(way.gate or "")
    return gate is not None and bool(gate.required or gate.required_any)


ADVICE = Rule(
    id="handoff_without_fields",
    says={
        "ja": "必須項目のないまま引き渡しています。聞き直しとリジェクトが増える典型です。",
        "en": "Leads are handed over without required fields: field sales asks everything again, and rejects.",
    },
    do={
        "ja": "handoff.yaml に関門(gates)を作り、この移動に gate を付けてください。",
        "en": "Make a gate with `required` in handoff.yaml and name it in this transition.",
    },
    deserves=_deserves,
)
