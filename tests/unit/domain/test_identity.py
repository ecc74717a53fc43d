"""Who is whom in two CRMs: the first group that finds anybody decides, and never who was found first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.identity import SEVERAL, TWICE, Candidate, Found, key_of, match
from connector.domain.value import BLANK, UNREAD

HUBSPOT, SALESFORCE = 1, 2
MINE = frozenset((HUBSPOT,))


def other(lead_id: int, *crms: int, refused: bool = False) -> Candidate:
    return Candidate(lead_id=lead_id, crms=frozenset(crms or (SALESFORCE,)), refused=refused)


def test_exactly_one_in_the_other_crm_is_the_same_lead() -> None:
    assert match(MINE, {0: [other(7)]}) == Found(rank=0, one=7)
    assert match(MINE, {}) == Found()


def test_of_several_nobody_is_chosen() -> None:
    assert match(MINE, {0: [other(9), other(7)]}) == Found(rank=0, review=((7, SEVERAL), (9, SEVERAL)))


def test_who_is_twice_in_ones_own_crm_keeps_everybody_apart() -> None:
    found = match(MINE, {0: [other(7), other(8, HUBSPOT)]})
    assert found == Found(rank=0, review=((7, SEVERAL), (8, TWICE)))
    assert match(MINE, {0: [other(8, HUBSPOT, SALESFORCE)]}) == Found(rank=0, review=((8, TWICE),))
    assert match(MINE, {0: [other(8, HUBSPOT)]}) == Found(rank=0), "two of one CRM alone are that CRM's affair"


def test_a_weaker_group_is_not_asked_where_a_stronger_one_found_anybody() -> None:
    assert match(MINE, {0: [other(7)], 1: [other(9)]}).one == 7
    assert match(MINE, {0: [other(7), other(8)], 1: [other(9)]}).one is None
    assert match(MINE, {1: [other(9)]}) == Found(rank=1, one=9)


def test_who_was_refused_is_never_taken_again() -> None:
    assert match(MINE, {0: [other(7, refused=True)]}) == Found()
    assert match(MINE, {0: [other(7, refused=True), other(8)]}).one == 8


candidates = st.lists(
    st.builds(
        Candidate,
        lead_id=st.integers(1, 9),
        crms=st.sets(st.sampled_from([HUBSPOT, SALESFORCE]), min_size=1).map(frozenset),
        refused=st.booleans(),
    ),
    unique_by=lambda one: one.lead_id,
)


@settings(max_examples=50)
@given(st.dictionaries(st.integers(0, 2), candidates), st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_found_does_not_matter(
    by_rank: dict[int, list[Candidate]], dice: st.DataObject
) -> None:
    shuffled = {rank: dice.sample(some, len(some)) for rank, some in reversed(by_rank.items())}  # type: ignore[attr-defined]
    assert match(MINE, shuffled) == match(MINE, by_rank)


def test_keys_are_equal_for_equal_values_only() -> None:
    names = ("last_name", "phone")
    key = key_of(names, ["山田", "+81312345678"])
    assert key == key_of(names, ["山田", "+81312345678"])
    assert key_of(["email"], ["A@b.jp"]) == key_of(["email"], ["a@B.jp"])
    assert key not in (
        key_of(names, ["山", "田+81312345678"]),
        key_of(("phone", "last_name"), ["山田", "+81312345678"]),
    )
    assert key_of(names, ["山田", BLANK]) is None
    assert key_of(names, [UNREAD, "+81312345678"]) is None
    assert key_of((), ()) is None
