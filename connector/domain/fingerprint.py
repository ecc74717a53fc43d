"""Sixteen bytes that stand for the values of a record, so that a million of them are compared without being read.

Records that are alike have one fingerprint. Two notations of one value have two: who finds them to differ looks closer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import orjson

SIZE = 16

MOVES = frozenset({"lastmodifieddate", "hs_lastmodifieddate", "LastModifiedDate", "SystemModstamp"})
"""Names of the time of a record's last change: it moves with every write of ours, and says nothing of a value."""


def fingerprint(properties: Mapping[str, str | None]) -> bytes:
    """Of these values (None: blank), by name, in whatever order they stand."""
    return fingerprints((properties,))[0]


def fingerprints(records: Iterable[Mapping[str, str | None]]) -> list[bytes]:
    """Of each of these. Records of one list hold the same properties, whose order is found once for as many."""
    found: list[bytes] = []
    dumps, last = orjson.dumps, None
    for properties in records:
        names = tuple(properties)
        if names != last:
            last, (begun, values) = names, _form(names)
        one = begun.copy()
        one.update(dumps(values(properties)))
        found.append(one.digest())
    return found


@lru_cache(maxsize=64)
def _form(names: tuple[str, ...]) -> tuple[blake2b, Callable[[Mapping[str, str | None]], Any]]:
    """What is the same of all records that hold these properties: a fingerprint that begins with their names in order,
    and how the values are had."""
    order = sorted(set(names) - MOVES)
    begun = blake2b(digest_size=SIZE)
    begun.update(orjson.dumps(order))
    return begun, itemgetter(*order) if order else lambda record: ()
