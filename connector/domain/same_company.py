"""To which company somebody belongs whose record names none, by values that the company's record has too. Pure.

A clue is one value by which a company may be found. Clues go by weight: the first that finds anybody decides, the ones
behind it only choose among those. Where more than one company is left, the person belongs to none: nobody is chosen by
chance.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.domain.identity import key_of


@dataclass(frozen=True, slots=True)
class Clue:
    """A value of a company's field, as it is read; `key` is the digest by which equal ones are found."""

    field: str
    value: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Belongs:
    """What came of looking: the company, and the clue that found it first; or `several`, and then none of them."""

    company: str | None = None
    clue: Clue | None = None
    several: tuple[str, ...] = ()


NOWHERE = Belongs()


def clue(field: str, value: object) -> Clue | None:
    """A clue; None for a value that says nothing."""
    key = key_of((field,), (value,)) if isinstance(value, str) else None
    return Clue(field, str(value), key) if key is not None else None


def employer_domains(address: object, not_employers: Collection[str]) -> Iterator[str]:
    """The domains that an e-mail address may name its employer by, the most specific one first: that of the address and
    those above it. None where it lies within a domain that names no employer, as free mail does."""
    domain = address.rpartition("@")[2].strip().lower() if isinstance(address, str) and "@" in address else ""
    if names_no_employer(domain, not_employers):
        return
    parts = domain.split(".")
    for start in range(len(parts) - 1):
        above = ".".join(parts[start:])
        if not names_no_employer(above, not_employers):
            yield above


def names_no_employer(domain: str, not_employers: Collection[str]) -> bool:
    """True for a domain of the list, or below one of it."""
    return not domain or any(domain == one or domain.endswith(f".{one}") for one in not_employers)


def choose(clues: Sequence[Clue], companies: Mapping[bytes, Collection[str]]) -> Belongs:
    """The company that these clues name. `companies`: key → the companies that have such a value."""
    left: frozenset[str] = frozenset()
    first: Clue | None = None
    for one in clues:
        found = frozenset(companies.get(one.key, ()))
        if found and first is None:
            left, first = found, one
        elif found & left:
            left &= found
    if len(left) == 1:
        return Belongs(company=next(iter(left)), clue=first)
    return Belongs(clue=first, several=tuple(sorted(left)))
