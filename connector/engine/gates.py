"""Gates: what must be known before a lead goes on, and what of it is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from connector.domain.value import BLANK, Truth, is_known
from connector.engine.words import label_in
from connector.policy.generated import MOST_ANSWERS
from connector.policy.model import Gate

if TYPE_CHECKING:
    from connector.engine.view import LeadView

_EITHER = {"ja": ("・", "のいずれか"), "en": (" or ", "")}
_ALSO = {"ja": "あるとなお良い: ", "en": "also useful: "}


def passes(view: LeadView, gate: Gate) -> Truth:
    """True when all that is required is known, False when something is blank; None while it hangs on what is unread."""
    truths = [_one_known(view, group) for group in _groups(gate)]
    if False in truths:
        return False
    return None if None in truths else True


def missing(view: LeadView, gate: Gate) -> str:
    """What is missing, by labels: `課題・ニーズ、意思決定者・影響者のいずれか`; empty when nothing is."""
    groups = len(gate.required) + len(gate.required_any)
    return _text(view, gate, view.plan.program.gaps[gate.id](view) & ((1 << groups) - 1))


def told(view: LeadView, gate: Gate) -> str:
    """What people read of a gate: what is missing, then what is wanted and not known, marked as such.

    `課題・ニーズ、競合 / あるとなお良い: 予算、決裁権`
    """
    return _text(view, gate, view.plan.program.gaps[gate.id](view))


def _text(view: LeadView, gate: Gate, gaps: int) -> str:
    """The words for gaps (a bit for each of `gaps_of`); the same gaps have the same words, which are kept."""
    texts = view.plan.gap_texts
    text = texts.get((gate.id, gaps))
    if text is None:
        if len(texts) >= MOST_ANSWERS:
            texts.clear()
        text = texts[gate.id, gaps] = _in_words(view, gate, gaps)
    return text


def _in_words(view: LeadView, gate: Gate, gaps: int) -> str:
    language = view.policy.language
    joint, end = _EITHER.get(language, _EITHER["en"])
    groups = list(_groups(gate))
    texts = []
    for group in (group for place, group in enumerate(groups) if gaps >> place & 1):
        named = [label_in(view.policy.fields[name].label, language, name) for name in group]
        texts.append(joint.join(named) + (end if len(named) > 1 else ""))
    wanted = [name for place, name in enumerate(gate.wanted, start=len(groups)) if gaps >> place & 1]
    useful = _ALSO.get(language, _ALSO["en"]) + labels(view, wanted) if wanted else ""
    return " / ".join(text for text in (("、" if language == "ja" else ", ").join(texts), useful) if text)


def gaps_of(gate: Gate) -> Iterator[tuple[str, ...]]:
    """What can be missing: groups of fields of which one is enough, then each that is only wanted."""
    yield from _groups(gate)
    yield from ((name,) for name in gate.wanted)


def labels(view: LeadView, fields: Iterable[str]) -> str:
    """The labels of these fields, as one list to read."""
    language = view.policy.language
    found = (label_in(view.policy.fields[name].label, language, name) for name in fields)
    return ("、" if language == "ja" else ", ").join(found)


def names(gate: Gate) -> frozenset[str]:
    """Every field that the gate looks at."""
    return frozenset(name for group in _groups(gate) for name in group)


def _groups(gate: Gate) -> Iterator[tuple[str, ...]]:
    yield from ((name,) for name in gate.required)
    yield from gate.required_any


def _one_known(view: LeadView, group: tuple[str, ...]) -> Truth:
    values = [view.value(name) for name in group]
    if any(is_known(value) for value in values):
        return True
    return False if all(value is BLANK for value in values) else None
