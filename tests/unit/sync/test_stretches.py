"""A list of everything in stretches: each record once, what is missing told, whatever the pages are."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.fingerprint import fingerprint
from connector.store.mirrors import Held
from connector.store.reconcile_passes import Place
from connector.sync.comparing import Comparison, Difference
from connector.sync.stretches import Stretch
from connector.vendors.base import Page, Record
from connector.vendors.sheet import Sheet


def record(number: int, **values: str | None) -> Record:
    return Record(object_type="contact", id=str(number), properties=values, modified_at=None)


def sheet(numbers: Sequence[int], after: int, size: int) -> Sheet:
    """A page as HubSpot gives it: from this id on, and where it goes on."""
    rest = [number for number in numbers if number >= after]
    following = str(rest[size - 1] + 1) if len(rest) > size else None
    return Sheet.of(Page(records=tuple(record(number) for number in rest[:size]), after=following))


IDS = st.sets(st.integers(1, 300), max_size=60)


@settings(max_examples=50)
@given(IDS, IDS, st.sets(st.integers(1, 300), max_size=4), st.integers(1, 7))
def test_every_record_is_looked_at_once_and_exactly_what_is_not_listed_is_missing(
    listed: set[int], held: set[int], parts: set[int], size: int
) -> None:
    ids = sorted(parts)
    entries = [str(one + 1) for one in ids]
    bounds = [str(one) for one in ids]
    places = [
        Place(after=after, above=above, upto=upto)
        for after, above, upto in zip([None, *entries], [None, *bounds], [*bounds, None], strict=True)
    ]
    looked: list[str] = []
    missing: list[str] = []
    while places:
        found = [Stretch.of(at, sheet(sorted(listed), int(at.after or 0), size)) for at in places]
        for stretch in found:
            assert stretch.by_id
            low, high = int(stretch.range[0] or 0), int(stretch.range[1] or 10**9)
            looked += stretch.ids
            missing += stretch.missing([str(one) for one in held if low < one <= high])
        places = [stretch.following for stretch in found if stretch.following is not None]
    assert sorted(looked, key=int) == [str(one) for one in sorted(listed)]
    assert sorted(missing, key=int) == [str(one) for one in sorted(held - listed)]


def test_a_list_that_is_not_by_id_says_nothing_of_what_is_missing() -> None:
    page = Page(records=(record(9), record(3)), after="x")
    stretch = Stretch.of(Place(), Sheet.of(page))
    assert not stretch.by_id
    assert stretch.missing(["5"]) == []
    assert stretch.following == Place(after="x")
    assert not Stretch.of(Place(after="51", above="50"), Sheet.of(Page(records=(record(7),), after=None))).by_id


def test_what_has_another_fingerprint_or_none_is_looked_at_closer() -> None:
    page = Page(records=(record(1, a="x"), record(2, a="x"), record(3, a="x")), after=None)
    stretch = Stretch.of(Place(), Sheet.of(page))
    same = fingerprint({"a": "x"})
    assert stretch.differing(Held(("1", "2"), same + bytes(16))) == [1, 2]
    assert not stretch.is_as(Held(("1", "2", "3"), same + same + bytes(16)))
    assert not stretch.is_as(Held(("1", "3"), same + same))
    assert stretch.is_as(Held(("1", "2", "3"), same * 3))


def test_a_fingerprint_is_of_the_values_by_name_and_not_of_when_they_were_changed() -> None:
    one = fingerprint({"b": None, "a": "髙", "lastmodifieddate": "1"})
    assert one == fingerprint({"a": "髙", "lastmodifieddate": "2", "b": None})
    assert one == fingerprint({"a": "髙", "b": None})
    others = [{"a": "髙"}, {"a": "髙", "c": None}, {"a": None, "b": "髙"}, {"a": "高", "b": None}, {}]
    assert len({one, *map(fingerprint, others)}) == 6


def test_only_what_is_not_the_same_differs_property_by_property() -> None:
    compare = Comparison(("a", "b"), lambda name, one, other: (one or "").lower() == (other or "").lower())
    given = [
        record(1, a="x", b=None),
        record(2, a="X", b="y"),
        record(3, a="x", b="z"),
        record(4, a="x"),
        record(5, a="x", b="y"),
        record(6, a="x", b="y"),
    ]
    held = {
        "1": {"a": "x", "b": None},
        "2": {"a": "x", "b": "y"},
        "3": {"a": "x", "b": "y"},
        "4": {"a": "x", "b": "y"},
        "5": {"a": "x"},
    }
    assert compare.differing(given, held) == [
        Difference(given[2], ("b",)),
        Difference(given[4], ("b",)),
        Difference(given[5], (), held=False),
    ], "unreadable is no difference; what was never read is one"
