"""Who of one CRM is whom of another: by groups of values that must all agree, never by who was found first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from connector.domain.value import Value

SEVERAL = "several"
TWICE = "twice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Another lead with the same values: the CRMs (connections) that have it, and whether a person has said no."""

    lead_id: int
    crms: frozenset[int]
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came of looking: the one lead that it is, or those that a person has to look at, each with why."""

    rank: int | None = None  #: The group that decided.
    one: int | None = None
    review: tuple[tuple[int, str], ...] = ()


def match(crms: frozenset[int], by_rank: Mapping[int, Sequence[Candidate]]) -> Found:
    """The other half of a lead that these CRMs have.

    The first group that finds anybody decides, weaker ones are not asked. It decides only where exactly one fits and
    nobody else in the lead's own CRM has the same values; whoever has a record in one CRM with the lead already can
    only be merged there.
    """
    for rank in sorted(by_rank):
        able = [one for one in by_rank[rank] if not one.refused]
        if not able:
            continue
        elsewhere = [one for one in able if not one.crms & crms]
        twice = [one for one in able if one.crms & crms]
        if len(elsewhere) == 1 and not twice:
            return Found(rank=rank, one=elsewhere[0].lead_id)
        review = [(one.lead_id, SEVERAL) for one in elsewhere]
        if elsewhere or len(crms) > 1 or any(len(one.crms) > 1 for one in twice):
            review += [(one.lead_id, TWICE) for one in twice]
        return Found(rank=rank, review=tuple(sorted(review)))
    return Found()


def key_of(names: Iterable[str], values: Iterable[Value]) -> bytes | None:
    """A digest by which equal values are found; None where one of them is not a text that says something."""
    texts = [value for value in values if isinstance(value, str) and value]
    named = list(names)
    if len(texts) != len(named) or not named:
        return None
    digest = blake2b(digest_size=16, person=b"same_lead")
    for part in (*named, "", *(text.casefold() for text in texts)):
        told = part.encode()
        digest.update(len(told).to_bytes(4, "big") + told)
    return digest.digest()
