"""Who of a pool takes the next one: fair, deterministic, and able to say why."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.domain.effects import EffectKey, OwnerRequest
from connector.engine.allocate import FULL, OFF_HOURS, Choice, Member, choose, opens_at
from tests.unit.engine.stories import NOW


def asking(by: str = "round_robin", **values: Any) -> OwnerRequest:
    key = EffectKey(cause="stage_entry", cause_id="1", rule="r", slot="assign")
    return OwnerRequest(key=key, pool="sdr", by=by, owner_of="lead", asked_at=NOW, **values)


def team(size: int) -> list[Member]:
    return [Member(person=f"p{number}") for number in range(size)]


def many(
    members: list[Member], number: int, credit: dict[str, float] | None = None
) -> tuple[list[str], dict[str, float]]:
    """So many turns in a row."""
    got, credit = [], credit or {}
    for _ in range(number):
        choice, credit = choose(asking(), members, credit)
        assert choice.person is not None
        got.append(choice.person)
    return got, credit


@given(size=st.integers(1, 12), number=st.integers(0, 200), cut=st.integers(0, 200))
def test_nobody_is_ever_more_than_one_turn_ahead_in_any_bulk(size: int, number: int, cut: int) -> None:
    """Also when the bulk is cut in two: credit is all that has to be remembered."""
    first, credit = many(team(size), min(cut, number))
    rest, _ = many(team(size), number - min(cut, number), credit)
    for part in (first, rest, first + rest):
        counted = Counter(part)
        turns = [counted[one.person] for one in team(size)]
        assert max(turns) - min(turns) <= 1


@given(weights=st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_weights_are_shares(weights: list[int]) -> None:
    members = [Member(person=f"p{place}", weight=weight) for place, weight in enumerate(weights)]
    counted = Counter(many(members, 10 * sum(weights))[0])
    assert [counted[one.person] for one in members] == [10 * weight for weight in weights]


@given(away=st.integers(1, 60), size=st.integers(2, 6))
def test_who_was_away_is_not_flooded_on_coming_back(away: int, size: int) -> None:
    members = team(size)
    absent = [Member(person="p0", absent=True), *members[1:]]
    _, credit = many(members, 7)
    _, credit = many(absent, away, credit)
    back, _ = many(members, 2 * size, credit)
    assert Counter(back)["p0"] <= 3


def test_outside_their_hours_people_get_nothing_but_what_is_theirs() -> None:
    morning = NOW + timedelta(hours=9)
    members = [
        Member(person="asleep", opens_at=morning),
        Member(person="earlier", opens_at=NOW + timedelta(hours=1)),
        Member(person="full", opens_at=NOW, capacity=1, taken=1),
    ]
    choice, _ = choose(asking(), members, {})
    assert choice.person is None
    assert choice.skipped == {"asleep": OFF_HOURS, "earlier": OFF_HOURS, "full": FULL}
    assert opens_at(members, choice) == NOW + timedelta(hours=1)
    assert choose(asking(prefer="asleep"), members, {})[0].person == "asleep"
    assert choose(asking(), [*members, Member(person="up")], {})[0].person == "up"
    choice, _ = choose(asking(avoid="up"), [*members, Member(person="up")], {})
    assert choice.person is None, "somebody else begins later: it is not the same person's again"
    assert opens_at(members, choose(asking(), [Member(person="away", absent=True)], {})[0]) is None


def test_a_newcomer_begins_at_the_pools_level() -> None:
    _, credit = many(team(3), 100)
    counted = Counter(many(team(4), 8, credit)[0])
    assert counted["p3"] in (2, 3)


def test_everybody_who_is_skipped_has_a_reason() -> None:
    members = [
        Member(person="gone", active=False),
        Member(person="away", absent=True),
        Member(person="full", capacity=3, taken=3),
        Member(person="none", weight=0),
        Member(person="last"),
        Member(person="here"),
    ]
    choice, _ = choose(asking(avoid="last"), members, {})
    assert choice == Choice(
        person="here",
        why="turn",
        skipped={"gone": "left", "away": "absent", "full": "full", "none": "no_turns", "last": "avoided"},
    )


def test_nobody_is_left() -> None:
    choice, credit = choose(asking(), [Member(person="gone", active=False)], {"gone": 0.5})
    assert (choice.person, credit) == (None, {"gone": 0.5})
    assert choose(asking(), [], {})[0].person is None


def test_the_one_to_avoid_is_better_than_nobody() -> None:
    assert choose(asking(avoid="p0"), team(1), {})[0].person == "p0"


def test_the_present_owner_keeps_it_also_beyond_the_capacity_and_not_when_away() -> None:
    members = [Member(person="p0", capacity=1, taken=9), Member(person="p1")]
    assert choose(asking(prefer="p0"), members, {})[0].why == "kept"
    away = [Member(person="p0", absent=True), Member(person="p1")]
    assert choose(asking(prefer="p0"), away, {})[0].person == "p1"


def test_least_loaded_and_priority() -> None:
    members = [Member(person="a", load=4), Member(person="b", load=6, weight=2), Member(person="c", load=9)]
    assert choose(asking("least_loaded"), members, {})[0].person == "b"
    assert choose(asking("priority"), members, {})[0].person == "b"
