"""What connecting changes in an account: steps and problems in common words, whatever the CRM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from connector.policy.model import Action, EnrolAction, FieldDef, FieldType, Home, Label, Policy

Wanted = TypeVar("Wanted")

READ_ONLY: Final = "property_read_only"
"""The reason of a problem: the field is read there and never written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`action`: create_group, create_property, add_options, create_stages, create_list, create_pipeline,
    create_deal_stage or grant."""

    action: str
    object_type: str
    name: str
    body: Mapping[str, Any]
    says: str  #: For people: what will be done.


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that provisioning cannot mend. Only an `error` stops it."""

    severity: str  #: error | warning
    object_type: str
    property_name: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionPlan:
    """What would be done, in order. `stage_values` (stage id → value) includes stages that exist already."""

    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    stage_values: Mapping[str, str]
    keyed: tuple[str, ...]  #: The types whose records carry our key.
    enrols: bool = True  #: It was asked whether the account has what the policy enrols people in.
    asked: tuple[str, ...] = ()  #: `type.property` of everything that was looked at.

    @property
    def read_only(self) -> frozenset[str]:
        """`type.property` of what the policy would write and the account lets nobody write."""
        found = (one for one in self.problems if one.reason == READ_ONLY)
        return frozenset(f"{one.object_type}.{one.property_name}" for one in found)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop `apply`."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """What the connection remembers.

    Capability `unique_keys`: the types on which our key is enforced; `unavailable`: the places of `enrol` that the
    account does not have; `read_only`: what it lets nobody write, see `ProvisionPlan.read_only`.
    """

    stage_values: Mapping[str, str]
    capabilities: Mapping[str, Any]


def still_known(plan: ProvisionPlan, done: Provisioned, before: Mapping[str, Any]) -> dict[str, Any]:
    """The capabilities of an account for all its policies: what this one did not ask is known as `before`."""
    others = [one for one in before.get("unique_keys") or () if one not in plan.keyed]
    found = {**done.capabilities, "unique_keys": [*(done.capabilities.get("unique_keys") or ()), *others]}
    stands = frozenset(before.get("read_only") or ()).difference(plan.asked)
    found["read_only"] = sorted(plan.read_only | stands)
    if not plan.enrols:
        found["unavailable"] = list(before.get("unavailable") or ())
    return found


def text_of(label: Label, language: str) -> str:
    """The label in the policy's language, else in any."""
    return label.get(language) or next(iter(label.values()), "")


def homes_in(policy: Policy, vendor: str) -> Iterator[tuple[FieldDef, Home]]:
    """Every field of the policy (those that only show something too) with each of its homes in this CRM."""
    every = {definition.name: definition for definition in (*policy.computed, *policy.shows)}
    for definition in {**every, **policy.fields}.values():
        for home in definition.homes:
            if home.vendor == vendor:
                yield definition, home


def options_of(definition: FieldDef, home: Home, language: str) -> dict[str, str]:
    """A choice field's options: the CRM's value → its label; empty for other fields."""
    if definition.type not in (FieldType.CHOICE, FieldType.CHOICES):
        return {}
    return {
        home.values.get(choice, choice): text_of(label, language) or choice
        for choice, label in definition.choices.items()
    }


def enrolments(policy: Policy, place: str) -> list[str]:
    """The names of the lists, sequences or campaigns that the policy's actions enrol people in, each once."""
    places = (spot for one in _actions(policy) if isinstance(one, EnrolAction) for spot in one.places)
    return list(dict.fromkeys(spot.name for spot in places if spot.kind == place))


def _actions(policy: Policy) -> Iterator[Action]:
    for rule in policy.rules:
        yield from rule.do
    yield from policy.recycle.on_wake if policy.recycle is not None else ()
    yield from policy.pipeline.if_missing if policy.pipeline is not None else ()
    for cadence in policy.cadences.values():
        yield from (step.action for step in cadence.steps)
    for clock in policy.clocks.values():
        for rung in clock.escalation:
            yield from rung.do
    for gate in policy.gates.values():
        yield from gate.if_missing


def of_fields(policy: Policy, vendor: str, make: Callable[..., Wanted]) -> Iterator[Wanted]:
    """What the fields of a policy want of this CRM; `make` is its own `Wanted`."""
    for definition, home in homes_in(policy, vendor):
        yield make(
            object_type=home.object_type,
            name=home.name,
            label=text_of(definition.label, policy.language) or definition.name,
            kind=definition.type,
            field=definition.name,
            written=definition.computed or definition.sync in ("both", f"to_{vendor}"),
            computed=definition.computed,
            options=options_of(definition, home, policy.language),
        )
