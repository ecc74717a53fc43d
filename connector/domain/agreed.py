"""One field that several CRMs hold: what is agreed, decided three-way against what was agreed last. Pure.

Each side *shows* a value with the last change that somebody else made there, bounded by two moments. A side whose value
is not the agreed one, and was not weighed before, has *news*. News from one side alone becomes the agreed value; of
changes that were made without knowing of each other the field's rule chooses one, and the others are lost (and told).
What is agreed goes to every side that shows something else.

| rule (`wins`)          | of two changes that did not know of each other                             |
| ---------------------- | -------------------------------------------------------------------------- |
| `newest`               | the later one; where the bounds overlap, see below                          |
| `<side>`               | that side's                                                                |
| `<side>_unless_blank`  | that side's, unless it was emptied                                          |

Bounds that overlap are a tie: a person's change stands before an automatic one, then that of the side which `ties`
names. A blank is no change at all unless `blank_overwrites`. What was not read, or may not be read, says nothing and
is written to by nobody. What we wrote ourselves is never news, whatever the CRM made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from connector.domain.lead import Actor
from connector.domain.value import BLANK, UNREAD, Missing, Value

NEWEST = "newest"
UNLESS_BLANK = "_unless_blank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Who is heard, who is written to, and whose change stands. Sides go by their vendors' names."""

    wins: str = NEWEST
    sources: frozenset[str]  #: The sides whose changes count.
    targets: frozenset[str]  #: The sides that are written to.
    ties: str | None = None  #: Whose change stands when nobody can say which was later.
    blank_overwrites: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What one side shows: our own value where it stands in whatever form the CRM gave it.

    The last change by somebody else came after `after` and by `until`; None: nobody knows, it stood there.
    `knew` says whether the side showed what was agreed when it was changed; None: as was weighed last.
    """

    value: Value
    after: datetime | None = None
    until: datetime | None = None
    actor: Actor = Actor.VENDOR
    knew: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a side showed, other than what was agreed, when that was decided. `lost`: the rule chose another change."""

    shown: Shown
    lost: bool = False


_UNREAD = Weighed(shown=Shown(value=UNREAD))


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What was agreed last, and the change that it came from (`side` None: it stood everywhere, or we set it)."""

    value: Value
    side: str | None = None
    after: datetime | None = None
    until: datetime | None = None
    actor: Actor = Actor.VENDOR
    weighed: Mapping[str, Weighed] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A change that the rule did not let stand."""

    side: str | None
    value: Value
    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What the field is, what is remembered, where it has to be written, and what was lost by that."""

    value: Value
    agreed: Agreed | None
    write: frozenset[str] = frozenset()
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True, slots=True)
class _Claim:
    side: str | None
    shown: Shown


def merge(shown: Mapping[str, Shown], rule: Rule, base: Agreed | None) -> Merged:
    """Decide one field. The same again changes nothing, and the order of `shown` does not matter."""
    readable = {side: one for side, one in shown.items() if one.value is BLANK or not isinstance(one.value, Missing)}
    sources = {side: one for side, one in readable.items() if side in rule.sources}
    news = {side: one for side, one in sources.items() if _is_news(side, one, base)}
    if not sources:
        return _without_source(shown, readable, base)
    if not news:
        assert base is not None
        return _standing(shown, readable, rule, base, base)
    claims = _claims(news, sources, base)
    winner = _winner(claims, rule)
    if base is not None and _is_idle_blank(winner, rule) and base.value is not BLANK:
        winner = _of(base)  # all that happened is that it was emptied, which overwrites nothing
    after = Agreed(
        value=winner.shown.value,
        side=winner.side,
        after=winner.shown.after,
        until=winner.shown.until,
        actor=winner.shown.actor,
    )
    lost = tuple(
        Lost(side=one.side, value=one.shown.value, actor=one.shown.actor)
        for one in claims
        if one.shown.value != after.value and _was_told(one, news, base)
    )
    losers = {one.side for one in claims if one.side != winner.side}
    return replace(_standing(shown, readable, rule, after, base, losers=losers), lost=lost)


def set_by_us(shown: Mapping[str, Shown], value: Value, base: Agreed | None, now: datetime) -> Agreed:
    """What is agreed once a rule of the policy has set the field: our own change, made now."""
    if base is not None and base.value == value:
        return base
    return Agreed(
        value=value,
        after=now,
        until=now,
        actor=Actor.TASUKI,
        weighed={side: Weighed(shown=_plain(one)) for side, one in shown.items() if one.value != value},
    )


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────
def _without_source(shown: Mapping[str, Shown], readable: Mapping[str, Shown], base: Agreed | None) -> Merged:
    """Nobody who is heard shows anything: what was agreed is the best that is known."""
    if base is not None:
        return Merged(value=base.value, agreed=base)
    known = next((readable[side].value for side in sorted(readable)), None)
    missing = next((shown[side].value for side in sorted(shown)), UNREAD)
    return Merged(value=missing if known is None else known, agreed=None)


def _standing(
    shown: Mapping[str, Shown],
    readable: Mapping[str, Shown],
    rule: Rule,
    agreed: Agreed,
    base: Agreed | None,
    *,
    losers: set[str | None] | frozenset[str | None] = frozenset(),
) -> Merged:
    """The agreed value, with what every side shows instead of it. Who was not read does not know of what is new."""
    before = base.weighed if base is not None else {}
    weighed = {side: one for side, one in before.items() if side not in readable}
    if agreed is not base:
        weighed |= {side: _UNREAD for side in shown if side not in readable}
    for side, one in readable.items():
        if one.value != agreed.value:
            was_lost = side in before and before[side].lost and _same(before[side].shown, one)
            weighed[side] = Weighed(shown=_plain(one), lost=was_lost or side in losers)
    write = frozenset(side for side in weighed if side in readable and side in rule.targets)
    if agreed.value is BLANK and not rule.blank_overwrites and agreed.actor is not Actor.TASUKI:
        write = frozenset()
    if agreed.weighed != weighed:
        agreed = replace(agreed, weighed=weighed)
    return Merged(value=agreed.value, agreed=agreed, write=write)


def _is_news(side: str, one: Shown, base: Agreed | None) -> bool:
    """What differs from the agreed value, was not weighed as it is, and is none of our own writes."""
    if base is None:
        return True
    if one.value == base.value:
        return False
    if one.actor is Actor.TASUKI:
        return False
    return side not in base.weighed or not _same(base.weighed[side].shown, one)


def _claims(news: Mapping[str, Shown], sources: Mapping[str, Shown], base: Agreed | None) -> list[_Claim]:
    """The changes of which one will stand: the news, what lost to another change and stands yet, and what was agreed
    if nobody who changed something knew of it."""
    claims = [_Claim(side, news[side]) for side in sorted(news)]
    if base is None:
        return claims
    for side in sorted(sources.keys() - news.keys()):
        kept = base.weighed.get(side)
        if kept is not None and kept.lost and sources[side].value != base.value:
            claims.append(_Claim(side, kept.shown))
    if not any(_supersedes(side, one, base) for side, one in news.items()):
        claims.append(_of(base))
    return claims


def _supersedes(side: str, one: Shown, base: Agreed) -> bool:
    """True when this change was made upon what was agreed: by the side that it came from, or one that showed it."""
    if base.side is None and base.actor is Actor.TASUKI:
        return one.until is None or base.after is None or one.until >= base.after  # we set it; whoever is later counts
    if side == base.side or base.side is None:
        return True
    return side not in base.weighed if one.knew is None else one.knew


def _winner(claims: list[_Claim], rule: Rule) -> _Claim:
    able = [one for one in claims if not _is_idle_blank(one, rule)] or claims
    best = able[0]
    for one in able[1:]:
        best = _better(best, one, rule)
    return best


def _better(one: _Claim, other: _Claim, rule: Rule) -> _Claim:
    """The one of two changes that stands; which is given first does not matter."""
    favourite = rule.wins.removesuffix(UNLESS_BLANK)
    if rule.wins != NEWEST:
        for mine, yours in ((one, other), (other, one)):
            if mine.side == favourite and yours.side != favourite:
                return yours if rule.wins.endswith(UNLESS_BLANK) and mine.shown.value is BLANK else mine
    elif _is_later(one.shown, other.shown):
        return one
    elif _is_later(other.shown, one.shown):
        return other
    return max(one, other, key=lambda claim: _rank(claim, rule))


def _rank(claim: _Claim, rule: Rule) -> tuple[bool, bool, bool, str]:
    """In a tie: a value before a blank, a person's change before an automatic one, then the side that is named."""
    return (
        claim.shown.value is not BLANK,
        claim.shown.actor is Actor.PERSON,
        claim.side == rule.ties,
        claim.side or "",
    )


def _is_later(one: Shown, other: Shown) -> bool:
    """True when one change certainly came after the other."""
    if one.after is None or other.until is None:
        return False
    return one.after >= other.until and (one.after, one.until) != (other.after, other.until)


def _is_idle_blank(claim: _Claim, rule: Rule) -> bool:
    ours = claim.side is None and claim.shown.actor is Actor.TASUKI
    return claim.shown.value is BLANK and not rule.blank_overwrites and not ours


def _was_told(claim: _Claim, news: Mapping[str, Shown], base: Agreed | None) -> bool:
    """A loss is told once: when the change was news, or when what was agreed had to give way. That nothing ever stood
    there is no loss."""
    if claim.shown.value is BLANK and claim.shown.until is None:
        return False
    if base is None or claim.side in news:
        return True
    return claim.side == base.side and claim.shown.value == base.value


def _of(base: Agreed) -> _Claim:
    return _Claim(base.side, Shown(value=base.value, after=base.after, until=base.until, actor=base.actor))


def _plain(one: Shown) -> Shown:
    return replace(one, knew=None) if one.knew is not None else one


def _same(one: Shown, other: Shown) -> bool:
    return one.value == other.value and one.until == other.until
