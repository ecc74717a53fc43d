"""To which company somebody belongs: never by chance, never by free mail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.same_company import NOWHERE, Clue, choose, clue, employer_domains, names_no_employer

FREE = ("gmail.com", "ac.jp")
CLUES = tuple(one for text in "abcd" if (one := clue("name", text)) is not None)
COMPANIES = st.dictionaries(
    st.sampled_from([one.key for one in CLUES]), st.frozensets(st.sampled_from(["1", "2", "3", "4"])), max_size=4
)


@pytest.mark.parametrize(
    ("address", "domains"),
    [
        ("taro@Example.CO.JP", ["example.co.jp", "co.jp"]),
        ("taro@ml.example.com", ["ml.example.com", "example.com"]),
        ("taro@gmail.com", []),
        ("taro@mail.gmail.com", []),
        ("taro@lab.kyoto-u.ac.jp", []),
        ("taro@notgmail.com", ["notgmail.com"]),
        ("taro@localhost", []),
        ("taro", []),
        ("taro@", []),
        (None, []),
    ],
)
def test_an_address_names_its_employer(address: str | None, domains: list[str]) -> None:
    assert list(employer_domains(address, FREE)) == domains


def test_equal_values_of_one_field_find_each_other() -> None:
    one, other = clue("name", "Sample"), clue("name", "SAMPLE")
    assert one is not None
    assert other is not None
    assert one.key == other.key
    assert clue("domain", "sample") not in (None, one)
    assert (clue("name", ""), clue("name", None)) == (None, None)
    assert names_no_employer("", ())


@given(clues=st.lists(st.sampled_from(CLUES), unique=True), companies=COMPANIES)
@settings(max_examples=50)
def test_exactly_one_company_or_none(clues: list[Clue], companies: dict[bytes, frozenset[str]]) -> None:
    found = choose(clues, companies)
    telling = [companies[one.key] for one in clues if companies.get(one.key)]
    if not telling:
        assert found == NOWHERE
        return
    assert found.clue is not None
    assert companies[found.clue.key] == telling[0], "the first clue that finds anybody decides"
    left = {found.company} if found.company is not None else set(found.several)
    assert left <= telling[0], "the others choose among those"
    assert len(left) == 1 or found.company is None
    if len(telling[0]) == 1:
        assert {found.company} == telling[0]
    twins = [one for one in telling[0] if all(one in some for some in telling)]
    if len(twins) > 1:
        assert found.company is None, "nobody tells them apart"
