"""What is agreed between CRMs as JSON, for the store: `decode_agreed(encode_agreed(x)) == x`.

Short names, since there is one for each field of each lead: {v, of, after, until, by, weighed: {side: {v, …, lost}}}.
A bound that is not known is left out, as is what a field at rest does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.domain.agreed import Agreed, Shown, Weighed
from connector.domain.codec import Json, decode_value, encode_value
from connector.domain.codec_work import moment_or_none, moment_text
from connector.domain.lead import Actor


def encode_agreed(one: Agreed) -> dict[str, Json]:
    """What is agreed on one field."""
    shown = Shown(value=one.value, after=one.after, until=one.until, actor=one.actor)
    side = {"of": one.side} if one.side is not None else {}
    weighed = {side: _shown(kept.shown) | ({"lost": True} if kept.lost else {}) for side, kept in one.weighed.items()}
    return _shown(shown) | side | ({"weighed": weighed} if weighed else {})


def decode_agreed(raw: Mapping[str, Any]) -> Agreed:
    """What `encode_agreed` wrote."""
    shown = _read(raw)
    return Agreed(
        value=shown.value,
        side=raw.get("of"),
        after=shown.after,
        until=shown.until,
        actor=shown.actor,
        weighed={
            side: Weighed(shown=_read(kept), lost=bool(kept.get("lost")))
            for side, kept in raw.get("weighed", {}).items()
        },
    )


def _shown(one: Shown) -> dict[str, Json]:
    found: dict[str, Json] = {"v": encode_value(one.value)}
    if one.after is not None:
        found["after"] = moment_text(one.after)
    if one.until is not None:
        found["until"] = moment_text(one.until)
    if one.actor is not Actor.VENDOR:
        found["by"] = one.actor.value
    return found


def _read(raw: Mapping[str, Any]) -> Shown:
    return Shown(
        value=decode_value(raw["v"]),
        after=moment_or_none(raw.get("after")),
        until=moment_or_none(raw.get("until")),
        actor=Actor(raw.get("by", Actor.VENDOR.value)),
    )
