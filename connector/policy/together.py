"""Several policies in one installation: can they run together? Pure.

A lead belongs to the first policy whose `applies_to` takes it. Nothing is inherited and nothing is shared but the CRM,
the people and the names under which reports count: what clashes there is told, as an error where leads would be wronged
and as a note where somebody should only know it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import combinations
from typing import Any

from connector.policy.conditions import Condition
from connector.policy.model import FieldDef, FieldType, Home, Policy
from connector.texts import Text, say

SIGNAL = "signal."
_CHOSEN = (FieldType.CHOICE, FieldType.CHOICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """What two policies (or one among others) do not go together in. A `note` lets them run."""

    reason: str
    policies: tuple[str, ...]
    message: Text
    note: bool = False


def clashes(policies: Sequence[Policy]) -> list[Clash]:
    """Everything that has to be known of these policies, in their order, before they run together."""
    if len(policies) < 2:
        return []
    named: dict[str, Policy] = {}
    for policy in policies:
        named.setdefault(policy.name, policy)  # of two with one name nothing more can be said by name
    found = [*_names(policies), *_reach(list(named.values()))]
    for one, other in combinations(named.values(), 2):
        found += [*_properties(one, other), *_stages(one, other), *_people(one, other), *_words(one, other)]
    return found


def same_signal(one: Policy, other: Policy, name: str) -> bool:
    """True when a signal that both know is learnt from the same, so that an occurrence counts for both."""
    return _meaning(one.signals[name], "label", "per_day") == _meaning(other.signals[name], "label", "per_day")


# ── whose a lead is ──────────────────────────────────────────────────────────────────────────────────────────────
def _names(policies: Sequence[Policy]) -> Iterator[Clash]:
    names = [policy.name for policy in policies]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Clash(
                reason="same_name",
                policies=(name,),
                message=say("Two of them are called {name}: give one another `policy:` in policy.yaml.", name=name),
            )


def _reach(policies: Sequence[Policy]) -> Iterator[Clash]:
    """Who takes which leads, in order; whom nobody can be left for; what may not decide it."""
    everything: str | None = None
    for place, policy in enumerate(policies, start=1):
        if everything is not None:
            yield Clash(
                reason="never_taken",
                policies=(everything, policy.name),
                message=say(
                    "{first} takes every lead, so that none is left for {name}: let {name} take its place (`--instead "
                    "{first}`), put it before {first} (`--before {first}`), or give {first} an `applies_to`.",
                    first=everything,
                    name=policy.name,
                ),
            )
            continue
        moved = sorted(_moved_by_policies(policy))
        if moved:
            yield Clash(
                reason="reach_moves",
                policies=(policy.name,),
                message=say(
                    "`applies_to` of {name} rests on {words}, which policies themselves move: leads would pass to and "
                    "fro. Beside another policy it may rest on fields that people or the CRM give, and on signals.",
                    name=policy.name,
                    words=", ".join(moved),
                ),
            )
        if policy.applies_to is None:
            everything = policy.name
        yield _place(place, policy)


def _place(place: int, policy: Policy) -> Clash:
    says = {"place": place, "name": policy.name}
    if policy.applies_to is None:
        message = say("{place}. {name} takes every lead that is left.", **says)
    else:
        text = policy.applies_to.describe(policy.language)
        message = say(
            "{place}. {name} takes the leads that are left of which it is true that: {text}", **says, text=text
        )
    return Clash(reason="order", policies=(policy.name,), message=message, note=True)


def _moved_by_policies(policy: Policy) -> set[str]:
    """What `applies_to` reads, however deep, that is no fact: stages, scores, owners and the like."""
    found: set[str] = set()
    waiting = list(policy.applies_to.names if policy.applies_to is not None else ())
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name.startswith(SIGNAL):
            continue
        seen.add(name)
        definition = policy.fields.get(name)
        if definition is None or definition.shows is not None:
            found.add(name)
            continue
        waiting += [one for rule in definition.rules if rule.when is not None for one in rule.when.names]
    return found


# ── the CRM ──────────────────────────────────────────────────────────────────────────────────────────────────────
def _properties(one: Policy, other: Policy) -> Iterator[Clash]:
    """A property that both use is of one type; one that both write has the same choices."""
    theirs = _homes(other)
    for place, (mine, home) in _homes(one).items():
        if place not in theirs:
            continue
        field, their_home = theirs[place]
        name = ".".join(place[1:])
        says = {"one": one.name, "other": other.name, "property": name}
        is_written = _writes(mine, home) or _writes(field, their_home)
        if is_written and (mine.type is not field.type or _stored(mine, home) != _stored(field, their_home)):
            yield Clash(
                reason="property_differs",
                policies=(one.name, other.name),
                message=say(
                    "{one} and {other} use {property} for different things: as {mine} ({field}) and as {theirs} "
                    "({their_field}). What is written needs the same type and choices in both, or a property of its "
                    "own.",
                    **says,
                    mine=mine.type.value,
                    field=mine.name,
                    theirs=field.type.value,
                    their_field=field.name,
                ),
            )
        elif mine.computed and field.computed:
            yield Clash(
                reason="property_shared",
                policies=(one.name, other.name),
                message=say(
                    "{one} and {other} both work out {property}: it holds what the policy says that the lead is under.",
                    **says,
                ),
                note=True,
            )


def _homes(policy: Policy) -> dict[tuple[str, str, str], tuple[FieldDef, Home]]:
    return {
        (home.vendor, home.object_type, home.name): (definition, home)
        for definition in policy.fields.values()
        for home in definition.homes
    }


def _writes(definition: FieldDef, home: Home) -> bool:
    return definition.computed or definition.sync in ("both", f"to_{home.vendor}")


def _stored(definition: FieldDef, home: Home) -> frozenset[str]:
    """What stands in the property where a choice is meant."""
    if definition.type not in _CHOSEN:
        return frozenset()
    return frozenset(home.values.get(choice, choice) for choice in definition.choices)


def _stages(one: Policy, other: Policy) -> Iterator[Clash]:
    """A stage that both create in one property is one stage there."""
    theirs = _created(other)
    for stage, label in _created(one).items():
        if stage in theirs and theirs[stage] != label:
            yield Clash(
                reason="stage_differs",
                policies=(one.name, other.name),
                message=say(
                    "{one} and {other} create the stage {stage} under different names, {mine} and {theirs}: give it "
                    "the same name, or another id in one of them.",
                    one=one.name,
                    other=other.name,
                    stage=stage,
                    mine=label,
                    theirs=theirs[stage],
                ),
            )


def _created(policy: Policy) -> dict[str, str]:
    return {stage: label for store in policy.stored_as for stage, label in store.create.items()}


# ── people, and the names of reports ─────────────────────────────────────────────────────────────────────────────
def _people(one: Policy, other: Policy) -> Iterator[Clash]:
    """Turns and limits of a pool, and the address of a channel, are kept once under its name."""
    pools = (policy.routing.pools if policy.routing is not None else {} for policy in (one, other))
    channels = (one.channels, other.channels)
    for what, (mine, theirs) in ((say("pools"), tuple(pools)), (say("channels"), channels)):
        differ = _differing(mine, theirs)
        if differ:
            yield Clash(
                reason="people_differ",
                policies=(one.name, other.name),
                message=say(
                    "{one} and {other} mean different {what} by the same names: {ids}. What is kept of them is kept "
                    "once: call them differently, or describe them alike.",
                    one=one.name,
                    other=other.name,
                    what=what,
                    ids=", ".join(differ),
                ),
            )


def _words(one: Policy, other: Policy) -> Iterator[Clash]:
    """The same name for different things: nothing goes wrong, but whoever reads a report should know."""
    signals = [name for name in one.signals if name in other.signals and not same_signal(one, other, name)]
    if signals:
        yield Clash(
            reason="signal_differs",
            policies=(one.name, other.name),
            message=say(
                "{one} and {other} learn these signals from different things, and each counts its own: {ids}.",
                one=one.name,
                other=other.name,
                ids=", ".join(signals),
            ),
            note=True,
        )
    differ = [
        name for mine, theirs in zip(_named(one), _named(other), strict=True) for name in _differing(mine, theirs)
    ]
    if differ:
        yield Clash(
            reason="id_differs",
            policies=(one.name, other.name),
            message=say(
                "{one} and {other} call different things the same; lists and reports count them together: {ids}.",
                one=one.name,
                other=other.name,
                ids=", ".join(dict.fromkeys(differ)),
            ),
            note=True,
        )


def _named(policy: Policy) -> tuple[Mapping[str, object], ...]:
    """What reports count by name, by kind."""
    routing = policy.routing.rules if policy.routing is not None else ()
    listed = (policy.rules, policy.transitions, routing, policy.recalls)
    return (
        *({one.id: one for one in some} for some in listed),
        policy.clocks,
        policy.cadences,
        policy.queues,
        policy.gates,
    )


def _differing(mine: Mapping[str, object], theirs: Mapping[str, object]) -> list[str]:
    """The names that both know and mean differently."""
    return [name for name in mine if name in theirs and _meaning(mine[name]) != _meaning(theirs[name])]


def _meaning(thing: Any, *but: str) -> object:
    """What a part of a policy comes to, to be held against another's: conditions by their words, labels left out."""
    if isinstance(thing, Condition):
        return thing.describe("en")
    if is_dataclass(thing) and not isinstance(thing, type):
        left_out = (*but, "label")
        return tuple(
            (one.name, _meaning(getattr(thing, one.name), *but)) for one in fields(thing) if one.name not in left_out
        )
    if isinstance(thing, Mapping):
        return tuple((key, _meaning(value, *but)) for key, value in thing.items())
    if isinstance(thing, list | tuple):
        return tuple(_meaning(one, *but) for one in thing)
    return thing
