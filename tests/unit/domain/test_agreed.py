"""The three-way merge of one field: examples of each rule, and the laws that keep two CRMs from quarrelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.agreed import Agreed, Merged, Rule, Shown, merge, set_by_us
from connector.domain.codec_agreed import decode_agreed, encode_agreed
from connector.domain.lead import Actor
from connector.domain.value import BLANK, UNREAD, UNREADABLE, Value

HUBSPOT, SALESFORCE = "hubspot", "salesforce"
BOTH = frozenset((HUBSPOT, SALESFORCE))
NEWEST = Rule(sources=BOTH, targets=BOTH, ties=SALESFORCE)
START = datetime(2026, 4, 1, 9, tzinfo=UTC)

EXAMPLES = settings(max_examples=50, deadline=None)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def edit(value: Value, first: float, last: float | None = None, **more: object) -> Shown:
    """Changed by a person between two minutes (or exactly at one)."""
    return Shown(value=value, after=at(first), until=at(first if last is None else last), actor=Actor.PERSON, **more)  # type: ignore[arg-type]


def both(hubspot: Shown, salesforce: Shown) -> dict[str, Shown]:
    return {HUBSPOT: hubspot, SALESFORCE: salesforce}


def told(found: Merged) -> tuple[object, ...]:
    """What the field is, and where it has to be written."""
    return (found.value, set(found.write))


STOOD = Shown(value="a")
AGREED = Agreed(value="a")


# ── one side changed ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("wins", ["newest", HUBSPOT, SALESFORCE, "hubspot_unless_blank", "salesforce_unless_blank"])
@pytest.mark.parametrize("side", [HUBSPOT, SALESFORCE])
def test_a_change_on_one_side_goes_to_the_other_whoever_wins(side: str, wins: str) -> None:
    shown = {one: edit("b", 5) if one == side else STOOD for one in BOTH}
    found = merge(shown, replace(NEWEST, wins=wins), AGREED)
    assert (*told(found), found.lost) == ("b", set(BOTH - {side}), ())
    assert found.agreed is not None
    assert (found.agreed.side, found.agreed.until) == (side, at(5))


def test_what_nobody_changed_is_written_nowhere() -> None:
    assert merge(both(STOOD, STOOD), NEWEST, AGREED) == Merged(value="a", agreed=AGREED)


def test_of_a_one_way_field_the_copy_is_not_heard_and_is_put_right() -> None:
    to_hubspot = replace(NEWEST, sources=frozenset({SALESFORCE}), targets=frozenset({HUBSPOT}))
    found = merge(both(edit("b", 5), STOOD), to_hubspot, AGREED)
    assert told(found) == ("a", {HUBSPOT})
    found = merge(both(STOOD, edit("b", 5)), to_hubspot, AGREED)
    assert told(found) == ("b", {HUBSPOT})


# ── both changed ─────────────────────────────────────────────────────────────────────────────────────────────
CONFLICT = both(edit("h", 4, 6), edit("s", 7, 9))
"""Salesforce later."""


@pytest.mark.parametrize(
    ("wins", "kept"),
    [
        ("newest", SALESFORCE),
        (HUBSPOT, HUBSPOT),
        (SALESFORCE, SALESFORCE),
        ("hubspot_unless_blank", HUBSPOT),
        ("salesforce_unless_blank", SALESFORCE),
    ],
)
def test_of_two_changes_the_rule_chooses_and_the_other_is_lost_with_a_word(wins: str, kept: str) -> None:
    found = merge(CONFLICT, replace(NEWEST, wins=wins), AGREED)
    (other,) = BOTH - {kept}
    assert told(found) == (CONFLICT[kept].value, {other})
    assert [(one.side, one.value, one.actor) for one in found.lost] == [(other, CONFLICT[other].value, Actor.PERSON)]


def test_bounds_that_overlap_are_a_tie_for_the_side_that_is_named_unless_only_one_was_a_person() -> None:
    tie = both(edit("h", 4, 8), edit("s", 3, 7))
    assert merge(tie, NEWEST, AGREED).value == "s"
    assert merge(tie, replace(NEWEST, ties=HUBSPOT), AGREED).value == "h"
    automatic = both(edit("h", 4, 8), replace(edit("s", 3, 7), actor=Actor.VENDOR))
    assert merge(automatic, NEWEST, AGREED).value == "h"


def test_a_blank_is_no_change_unless_the_policy_says_that_it_overwrites() -> None:
    emptied = both(edit(BLANK, 5), STOOD)
    found = merge(emptied, NEWEST, AGREED)
    assert told(found) == ("a", {HUBSPOT})
    assert [(one.side, one.value) for one in found.lost] == [(HUBSPOT, BLANK)]
    overwrites = replace(NEWEST, blank_overwrites=True)
    found = merge(emptied, overwrites, AGREED)
    assert told(found) == (BLANK, {SALESFORCE})
    against = both(edit(BLANK, 5), edit("s", 4))
    assert merge(against, NEWEST, AGREED).value == "s"
    assert merge(against, overwrites, AGREED).value is BLANK
    assert merge(against, replace(overwrites, wins="hubspot_unless_blank"), AGREED).value == "s"
    assert merge(against, replace(overwrites, wins=HUBSPOT), AGREED).value is BLANK


# ── what is not known ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("missing", [UNREAD, UNREADABLE])
def test_what_was_not_read_says_nothing_and_is_not_written(missing: Value) -> None:
    unread = Shown(value=missing)
    found = merge(both(edit("b", 5), unread), NEWEST, AGREED)
    assert (*told(found), found.lost) == ("b", set(), ())
    seen = merge(both(edit("b", 5), edit("s", 6)), NEWEST, found.agreed)  # read at last: changed without knowing of it
    assert told(seen) == ("s", {HUBSPOT})
    assert merge(both(unread, unread), NEWEST, AGREED).value == "a"
    assert merge(both(unread, unread), NEWEST, None) == Merged(value=missing, agreed=None)


def test_at_first_sight_a_value_fills_a_blank_and_two_values_are_a_tie() -> None:
    found = merge(both(Shown(value=BLANK), STOOD), NEWEST, None)
    assert (*told(found), found.lost) == ("a", {HUBSPOT}, ())
    found = merge(both(Shown(value="h"), STOOD), NEWEST, None)
    assert told(found) == ("a", {HUBSPOT})
    assert [(one.side, one.value) for one in found.lost] == [(HUBSPOT, "h")]
    assert merge(both(STOOD, STOOD), NEWEST, None).write == frozenset()
    assert merge(both(Shown(value=BLANK), Shown(value=BLANK)), NEWEST, None).write == frozenset()


# ── our own writes ───────────────────────────────────────────────────────────────────────────────────────────
def test_what_we_wrote_is_never_news() -> None:
    base = merge(both(edit("b", 5), STOOD), NEWEST, AGREED).agreed
    older = Shown(value="z", after=at(8), until=at(8), actor=Actor.TASUKI)
    found = merge(both(edit("b", 5), older), NEWEST, base)
    assert (*told(found), found.lost) == ("b", {SALESFORCE}, ())


def test_who_changes_what_was_agreed_knowing_of_it_is_heard_though_the_other_side_wins() -> None:
    rule = replace(NEWEST, wins=HUBSPOT)
    base = merge(both(edit("b", 5), STOOD), rule, AGREED).agreed
    unaware = merge(both(edit("b", 5), edit("s", 6)), rule, base)
    assert told(unaware) == ("b", {SALESFORCE})
    aware = merge(both(edit("b", 5), edit("s", 6, knew=True)), rule, base)
    assert told(aware) == ("s", {HUBSPOT})


def test_what_a_rule_sets_goes_to_both_sides_until_somebody_changes_it_later() -> None:
    shown = both(edit("returned", 5), edit("returned", 5))
    base = merge(shown, NEWEST, None).agreed
    ours = set_by_us(shown, BLANK, base, at(10))
    found = merge(shown, NEWEST, ours)
    assert told(found) == (BLANK, set(BOTH))
    assert merge(both(edit("accepted", 12), shown[SALESFORCE]), NEWEST, ours).value == "accepted"
    assert merge(both(edit("late news of before", 9), shown[SALESFORCE]), NEWEST, ours).value is BLANK


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────
OTHERS: st.SearchStrategy[Value] = st.sampled_from(["b", "c", BLANK])
ANY: st.SearchStrategy[Value] = st.sampled_from(["a", "b", BLANK, UNREAD, UNREADABLE])
WINS = st.sampled_from(["newest", HUBSPOT, SALESFORCE, "hubspot_unless_blank", "salesforce_unless_blank"])


@st.composite
def shows(draw: st.DrawFn) -> Shown:
    value = draw(ANY)
    if draw(st.booleans()):
        return Shown(value=value)
    first = draw(st.integers(0, 10))
    actor = draw(st.sampled_from(Actor))
    return Shown(value=value, after=at(first), until=at(first + draw(st.integers(0, 5))), actor=actor)


RULES = st.builds(
    Rule,
    wins=WINS,
    sources=st.just(BOTH),
    targets=st.just(BOTH),
    ties=st.sampled_from([HUBSPOT, SALESFORCE]),
    blank_overwrites=st.booleans(),
)


@EXAMPLES
@given(shows(), shows(), RULES, st.sampled_from([None, AGREED, Agreed(value=BLANK)]))
def test_what_is_agreed_survives_the_store(hubspot: Shown, salesforce: Shown, rule: Rule, base: Agreed | None) -> None:
    agreed = merge(both(hubspot, salesforce), rule, base).agreed
    assert agreed is None or decode_agreed(orjson.loads(orjson.dumps(encode_agreed(agreed)))) == agreed


@EXAMPLES
@given(shows(), shows(), RULES, st.sampled_from([None, AGREED, Agreed(value=BLANK)]))
def test_deciding_again_changes_nothing_and_loses_nothing_twice(
    hubspot: Shown, salesforce: Shown, rule: Rule, base: Agreed | None
) -> None:
    shown = both(hubspot, salesforce)
    once = merge(shown, rule, base)
    again = merge(shown, rule, once.agreed)
    assert (again.value, again.agreed, again.write, again.lost) == (once.value, once.agreed, once.write, ())
    assert merge(dict(reversed(list(shown.items()))), rule, base) == once
    for side in once.write:
        assert shown[side].value not in (UNREAD, UNREADABLE, once.value)


@EXAMPLES
@given(OTHERS, OTHERS, st.permutations([1, 2, 3, 4]), RULES)
def test_the_order_in_which_two_changes_are_read_does_not_matter(
    mine: Value, yours: Value, minutes: list[int], rule: Rule
) -> None:
    hubspot, salesforce = edit(mine, *sorted(minutes[:2])), edit(yours, *sorted(minutes[2:]))
    together = merge(both(hubspot, salesforce), rule, AGREED)
    for first in (both(hubspot, STOOD), both(STOOD, salesforce)):
        base = merge(first, rule, AGREED).agreed
        found = merge(both(hubspot, salesforce), rule, base)
        assert told(found) == told(together)


@dataclass
class Side:
    """A CRM that turns what it is given into something of its own, and what we know of it."""

    turn: Callable[[str], str]
    stored: Value = BLANK
    changed: Shown | None = None  #: The last change by a person, as a read shows it.
    sent: Value | None = None
    got: Value | None = None
    writes: int = 0
    values: list[Value] = field(default_factory=list)

    def person(self, value: Value, minute: float) -> None:
        self.stored = self.turn(value) if isinstance(value, str) else value
        self.changed = edit(self.stored, minute)

    def ours(self, value: Value) -> None:
        self.stored = self.turn(value) if isinstance(value, str) else value
        self.sent, self.got, self.changed = value, self.stored, None
        self.writes += 1

    def shown(self) -> Shown:
        if self.changed is not None:
            return self.changed
        if self.sent is not None and self.stored == self.got:
            return Shown(value=self.sent, actor=Actor.TASUKI)
        return Shown(value=self.stored)


TURNS: Mapping[str, Callable[[str], str]] = {
    "as it is": str,
    "upper": str.upper,
    "lower": str.lower,
    "cut": lambda text: text[:2],
    "marked": lambda text: text if text.startswith("★") else f"★{text}",
}
TEXTS: st.SearchStrategy[Value] = st.sampled_from(["alpha", "Beta", "GAMMA", "de", BLANK])
EDITS = st.lists(st.tuples(st.sampled_from([HUBSPOT, SALESFORCE]), TEXTS), min_size=0, max_size=3)


@EXAMPLES
@given(st.lists(EDITS, max_size=6), RULES, st.sampled_from(sorted(TURNS)), st.sampled_from(sorted(TURNS)))
def test_both_come_to_one_value_with_one_write_for_each_edit_and_then_rest(
    rounds: list[list[tuple[str, Value]]], rule: Rule, hubspot: str, salesforce: str
) -> None:
    """Against an oracle that knows nothing of bases: in each round the rule picks one of the last edits, once all of
    it has been read; whatever a CRM makes of what it is given stays its own affair."""
    sides = {HUBSPOT: Side(TURNS[hubspot]), SALESFORCE: Side(TURNS[salesforce])}
    expected: Value = BLANK
    base: Agreed | None = None
    minute = 0
    for edits in [[], *rounds]:
        last: dict[str, tuple[int, Value]] = {}
        for side, value in edits:
            minute += 1
            sides[side].person(value, minute)
            last[side] = (minute, sides[side].stored)
        before = {name: side.writes for name, side in sides.items()}
        for _ in range(3):
            found = merge({name: side.shown() for name, side in sides.items()}, rule, base)
            base = found.agreed
            for name in found.write:
                sides[name].ours(found.value)
        expected = oracle(expected, last, rule)
        assert found.value == expected
        assert {side.shown().value for side in sides.values()} == {expected}
        assert found.write == frozenset(), "it rests"
        assert all(side.writes - before[name] <= 1 for name, side in sides.items())


def oracle(value: Value, last: Mapping[str, tuple[int, Value]], rule: Rule) -> Value:
    """Who is last, or preferred, among those who have changed something that counts."""
    able = {side: one for side, one in last.items() if one[1] != value}
    if not rule.blank_overwrites:
        able = {side: one for side, one in able.items() if one[1] is not BLANK}
    favourite = rule.wins.removesuffix("_unless_blank")
    if not able:
        return value
    if rule.wins != "newest" and favourite in able:
        others = [one[1] for side, one in able.items() if side != favourite]
        kept = able[favourite][1]
        return others[0] if others and kept is BLANK and rule.wins.endswith("_unless_blank") else kept
    return max(able.values(), key=lambda one: one[0])[1]
