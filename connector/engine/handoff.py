"""The hand-off: the deal that is created once, its packet, and what is done about missing fields. Pure.

Whether a deal stands already is the shell's to see (a colleague's lead may have brought it): it follows `if_open_deal`
and takes that one for the deal that is wanted here, the packet included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, Deal, EffectKey, Note, Task, WorkState
from connector.domain.state import Edge, LeadState
from connector.domain.value import BLANK, Value
from connector.engine import evidence, gates, pipeline
from connector.engine.acts import Acts, Trigger
from connector.engine.events import Events, Happening, happened
from connector.engine.packet import packet
from connector.engine.words import lookup
from connector.policy.model import CreateDeal, Gate

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

CREATE_DEAL, DEAL, PACKET = "create_deal", "deal", "packet"
"""The rule and the slots by which a hand-over's deal and its note are keyed."""

GATE, PIPELINE = "gate", "pipeline"
"""The rules that do `if_missing`: `gate.<id>` and `pipeline`."""

_PIPELINE_EDGE = "pipeline:missing"
_EDGE = Cause.EDGE.value


def hand_over(plan: Plan, state: LeadState, view: LeadView, events: Events, acts: Acts) -> None:
    """Create the deal and its packet when their event has come; do `if_missing` of gates and of the pipeline."""
    if not events.came:
        return
    acts.do(_told(plan, view, events))
    rule = plan.policy.create_deal
    happenings = happened(plan, CREATE_DEAL, rule.on, events) if rule is not None else []
    if rule is None or not happenings:
        return
    if acts.silent:
        acts.shadowed.append(CREATE_DEAL)
        return
    acts.fired.append(CREATE_DEAL)
    deal = _deal(rule, view, happenings[0], _owner(view, acts))
    acts.deals.setdefault(deal.key, deal)
    if rule.packet:
        key = replace(deal.key, slot=PACKET)
        text = packet(view, rule.packet, state.trail)
        acts.notes.setdefault(key, Note(key=key, text=text, at=view.now, deal=deal.key))


def _deal(rule: CreateDeal, view: LeadView, happening: Happening, owner: str | None) -> Deal:
    """One deal an attempt: what hands the lead over again, after a rejection, is another stage entry."""
    return Deal(
        key=EffectKey(cause=happening.cause.value, cause_id=happening.cause_id, rule=CREATE_DEAL, slot=DEAL),
        title=rule.title.render(lookup(view)).strip(),
        stage=rule.stage,
        amount=rule.amount,
        owner=owner,
        associate=rule.associate,
        opened_at=view.now,
        sender=view.owner_now,
    )


def _owner(view: LeadView, acts: Acts) -> str | None:
    """Who has the open deal; a new deal's owner comes from the pool that has been asked. An old deal's says nothing."""
    if DEAL in acts.answered:
        return view.state.assigned[DEAL].person
    is_asked = any(one.owner_of == DEAL for one in acts.requests.values())
    return view.deal_owner_now if pipeline.is_open(view) and not is_asked else None


def owned(state: LeadState) -> LeadState:
    """The deal of the latest attempt goes to whom the pool gave it."""
    given, deals = state.assigned.get(DEAL), state.deals
    if given is None or not deals or deals[-1].state is not WorkState.OPEN or given.at < deals[-1].opened_at:
        return state
    latest = replace(deals[-1], owner=given.person)
    return state if latest == deals[-1] else replace(state, deals=(*deals[:-1], latest))


def sender(state: LeadState, view: LeadView, shown: Value) -> Value | None:
    """Who is to stand on the deal as its maker: whoever stands there stays, through the win. None: leave it."""
    if shown is not BLANK or not state.deals or not pipeline.is_open(view):
        return None
    return next((deal.sender for deal in reversed(state.deals) if deal.sender is not None), None)


# ── what is missing ──────────────────────────────────────────────────────────────────────────────────────────────
def edges_after(
    plan: Plan, edges: Mapping[str, Edge], view: LeadView, refused_by: str | None, quiet_until: datetime | None
) -> Mapping[str, Edge]:
    """The memory of what has been told missing: of a gate once a stage entry, of a deal once a stay in its stage.

    `refused_by` is the rule that refused a person's move, which a gate may have done. What a lead lacked already when
    its policy came is remembered and not told.
    """
    changed: dict[str, Edge] = {}
    for gate in plan.policy.gates.values():
        name = _gate_edge(gate)
        edge = _gate_told(plan, gate, edges.get(name), view, refused_by, quiet_until)
        if edge is not None:
            changed[name] = edge
    edge = _pipeline_told(edges.get(_PIPELINE_EDGE), view, quiet_until)
    if edge is not None:
        changed[_PIPELINE_EDGE] = edge
    return {**edges, **changed} if changed else edges


def _gate_edge(gate: Gate) -> str:
    return f"gate:{gate.id}"


def _gate_told(
    plan: Plan, gate: Gate, before: Edge | None, view: LeadView, refused_by: str | None, quiet_until: datetime | None
) -> Edge | None:
    entry = view.entry
    if not gate.if_missing or entry is None or (before is not None and before.digest == str(entry.seq)):
        return None
    if refused_by != f"gate.{gate.id}" and not _stands_before(plan, gate, view, quiet_until):
        return None
    turns = (before.turned if before else 0) + (quiet_until is None)
    return Edge(truth=None, turned=turns, turned_at=view.now, digest=str(entry.seq))


def _stands_before(plan: Plan, gate: Gate, view: LeadView, quiet_until: datetime | None) -> bool:
    """True when the lead has everything for a move but this gate."""
    assert view.entry is not None
    through = plan.through.get((view.entry.stage, gate.id))
    return through is not None and any(
        transition.when.test(view) is True
        and gates.passes(view, gate) is False
        and (quiet_until is None or not evidence.is_newer(plan.evidence[transition.id], view, quiet_until))
        for transition in through
    )


def _pipeline_told(before: Edge | None, view: LeadView, quiet_until: datetime | None) -> Edge | None:
    """A stage's gaps are told when the deal comes to stand there, and again only when there are others."""
    rules, stage = view.policy.pipeline, pipeline.stage_of(view)
    if rules is None or not rules.if_missing or not view.lead.speaks_for_deal:
        return None
    if stage is None:
        return replace(before, digest=None) if before is not None and before.digest is not None else None
    was, _, listed = (before.digest or "").partition(":") if before else ("", "", "")
    known = frozenset(listed.split(",")) - {""} if was == stage else frozenset[str]()
    gaps = frozenset(pipeline.missing(view))
    if was == stage and gaps <= known:
        return None
    if quiet_until is not None and evidence.is_newer(frozenset({pipeline.STAGE, *gaps}), view, quiet_until):
        return None
    turns = (before.turned if before else 0) + (bool(gaps) and quiet_until is None)
    digest = f"{stage}:{','.join(sorted(gaps | known))}"
    return Edge(truth=None, turned=turns, turned_at=view.now, digest=digest)


def _told(plan: Plan, view: LeadView, events: Events) -> Iterator[Trigger]:
    """What is done now about what is missing."""
    for gate in plan.policy.gates.values():
        edge = events.turned.get(_gate_edge(gate))
        if edge is not None and view.entry is not None:
            happening = Happening(Cause.STAGE_ENTRY, str(view.entry.seq), view.now)
            yield Trigger(f"{GATE}.{gate.id}", gate.if_missing, happening, missing=gates.told(view, gate))
    rules, edge = plan.policy.pipeline, events.turned.get(_PIPELINE_EDGE)
    if rules is not None and edge is not None:
        happening = Happening(Cause.EDGE, f"{_PIPELINE_EDGE}#{edge.turned}", edge.turned_at or view.now)
        yield Trigger(PIPELINE, rules.if_missing, happening, missing=pipeline.told(view))


def is_settled(view: LeadView, edges: Mapping[str, Edge], task: Task) -> bool:
    """True when a task about a deal's gaps has nothing left to ask for, or a later one asks for it."""
    if task.key.rule != PIPELINE or task.key.cause != _EDGE:
        return False
    edge = edges.get(_PIPELINE_EDGE)
    latest = f"{_PIPELINE_EDGE}#{edge.turned}" if edge is not None else None
    return task.key.cause_id != latest or not pipeline.missing(view)
