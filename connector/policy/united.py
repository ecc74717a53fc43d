"""What all policies of an installation read, as one: nothing is decided by it. Pure.

Of each record everything is read that any of the policies needs, once. A signal that two policies learn from different
things is learnt for each by itself, under a name of its own (`cloud:inquiry`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from connector.policy.model import FieldDef, Policy, SignalDef
from connector.policy.together import same_signal

OF = ":"
"""Between a policy's name and a signal that means something else in another; no id of a policy holds it."""


def united(policies: Sequence[Policy]) -> Policy:
    """What these policies, in their order, read together; a policy alone is itself."""
    first = policies[0]
    if len(policies) == 1:
        return first
    return replace(
        first,
        fields=MappingProxyType(_fields(policies)),
        signals=MappingProxyType(_signals(policies)),
        stored_as=tuple(store for policy in policies for store in policy.stored_as),
        pipeline=next((policy.pipeline for policy in policies if policy.pipeline is not None), None),
        check_every=min(policy.check_every for policy in policies),
    )


def split_kind(kind: str) -> tuple[str | None, str]:
    """The policy that alone means this signal (None: all that know it), and what that policy calls it."""
    policy, of, signal = kind.rpartition(OF)
    return (policy if of else None), signal


def own_signals(policies: Sequence[Policy], policy: Policy) -> frozenset[str]:
    """The signals of this policy that another of them learns from something else."""
    others = [one for one in policies if one.name != policy.name]
    return frozenset(
        name
        for name in policy.signals
        if any(name in other.signals and not same_signal(policy, other, name) for other in others)
    )


def _fields(policies: Sequence[Policy]) -> dict[str, FieldDef]:
    """Every field, under a longer key where another of the same name lives elsewhere."""
    found: dict[str, FieldDef] = {}
    for policy in policies:
        for name, definition in policy.fields.items():
            known = found.setdefault(name, definition)
            if known.homes != definition.homes:
                found[f"{policy.name}{OF}{name}"] = definition
    return found


def _signals(policies: Sequence[Policy]) -> dict[str, SignalDef]:
    found: dict[str, SignalDef] = {}
    for policy in policies:
        own = own_signals(policies, policy)
        for name, definition in policy.signals.items():
            key = f"{policy.name}{OF}{name}" if name in own else name
            found.setdefault(key, replace(definition, id=key))
    return found
