"""A policy's word for an outcome (接続, 不通, 予定) and what an account stores for it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from connector.vendors.base import ActivityKind
from connector.vendors.dialect import ActivityWords


def outcome_values(
    activities: Mapping[str, ActivityWords],
    labels: Mapping[ActivityKind, Mapping[str, str]],
    kind: ActivityKind,
    word: str,
) -> frozenset[str]:
    """The stored outcomes that a word means: by the account's own labels, else by what they are called everywhere.

    A word that nobody knows is what is stored where people write outcomes freely; else it is empty: the account knows
    no such outcome.
    """
    own = labels.get(kind, {})
    by_label = {stored for stored, label in own.items() if word == stored or _plain(label) == _plain(word)}
    if by_label:
        return frozenset(by_label)
    here = [words for words in activities.values() if kind in words.kinds]
    known = frozenset(
        stored for words in here for stored, names in words.outcomes.items() if _plain(word) in map(_plain, names)
    )
    return known or frozenset({word} if any(words.free for words in here) else ())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()
