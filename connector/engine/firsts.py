"""`keep: first`: the first value of a field stands, whatever forms and integrations write over it later. Pure.

Where a lead came from is decided once. A person who mends the value in the CRM has the last word, and what they say is
the first value from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from connector.domain.lead import Actor, FieldFact, Lead
from connector.domain.state import LeadState
from connector.domain.value import Value, is_known
from connector.engine.plan import Plan


def kept(plan: Plan, lead: Lead, state: LeadState) -> tuple[Lead, LeadState]:
    """The lead with its first values in place of later ones, and the state that remembers them."""
    names = plan.kept_first
    if not names:
        return lead, state
    if state.firsts.keys() <= set(names) and all(_stands(lead.fact(one), state.firsts.get(one)) for one in names):
        return lead, state
    firsts: dict[str, Value] = {}
    changed: dict[str, FieldFact] = {}
    for name in names:
        fact, first = lead.fact(name), state.firsts.get(name)
        if first is None or _is_mended(fact):
            if is_known(fact.value):
                firsts[name] = fact.value
            continue
        firsts[name] = first
        if fact.value != first:
            changed[name] = FieldFact(value=first, actor=Actor.TASUKI)
    state = state if firsts == state.firsts else replace(state, firsts=firsts)
    return (replace(lead, fields={**lead.fields, **changed}) if changed else lead), state


def wanted(state: LeadState) -> Mapping[str, Value]:
    """What should stand in the CRM again."""
    return state.firsts


def _stands(fact: FieldFact, first: Value | None) -> bool:
    """True where there is nothing to keep, or what was kept is what the field shows."""
    return fact.value == first if first is not None else not is_known(fact.value)


def _is_mended(fact: FieldFact) -> bool:
    return fact.actor is Actor.PERSON and fact.changed_at is not None
