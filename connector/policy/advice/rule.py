"""The form of one advice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from connector.policy.compare import Comparison
from connector.policy.conditions import AllOf, AnyOf, Condition
from connector.policy.model import Label, Policy
from connector.policy.phrases import language_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`says`: what is wrong and why it fails; `do`: the remedy; `deserves`: the names at fault, if any."""

    id: str
    says: Label
    do: Label
    deserves: Callable[[Policy], Iterable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One advice that a policy deserves; `about` names the rules, stages or files at fault."""

    id: str
    about: tuple[str, ...]
    says: Label
    do: Label

    def text(self, language: str) -> str:
        """What is wrong, with whom, and what to do."""
        code = language_of(language)
        return f"{self.says[code]} ({', '.join(self.about)}){'' if code == 'ja' else ' '}{self.do[code]}"


def main_line(policy: Policy) -> tuple[str, ...]:
    """The stages from first to last, without those beside."""
    return tuple(stage.id for stage in policy.stages.values() if not stage.side)


def reads(policy: Policy, condition: Condition | None) -> frozenset[str]:
    """Every name that a condition reads, through computed fields as well: `band` brings `score.total`."""
    found: set[str] = set()
    waiting = set(condition.names if condition is not None else ())
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        definition = policy.fields.get(name)
        for rule in definition.rules if definition is not None else ():
            waiting |= rule.when.names if rule.when is not None else frozenset()
    return frozenset(found)


def leaves(condition: Condition | None) -> Iterator[Comparison]:
    """The comparisons of a condition; those under `none:` ask for the opposite and are left out."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, (AllOf, AnyOf)):
        for part in condition.parts:
            yield from leaves(part)
