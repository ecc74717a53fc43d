"""Conditions written out as Python come to what the book says, and nothing that a policy says is read as code."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.value import BLANK, UNREAD, UNREADABLE, Value
from connector.engine.view import LeadView
from connector.policy.compare import Comparison, Known, Members
from connector.policy.conditions import AllOf, Condition, Key, answer
from connector.policy.counts import Count
from connector.policy.generated import Module
from tests.unit.engine.stories import FIELDS, LIFECYCLE, Story, plan_of
from tests.unit.policy.language import condition
from tests.unit.policy.reference import truth_of
from tests.unit.policy.views import NOW, FakeView

DAY = timedelta(days=1)
WORDS = ("部長", "Manager", "ﾏﾈｰｼﾞｬｰ", "it's", 'say "hi"', "{name}", "a\nb", "\\", "MANAGER", "none")
TEXTS = ("company_name", "job_title", "need")
MISSING = (BLANK, UNREAD, UNREADABLE)

words = st.sampled_from(WORDS)
several = st.lists(words, min_size=1, max_size=3, unique=True)
number = st.integers(-3, 12)
numbers = st.one_of(
    st.tuples(st.sampled_from(["at_least", "at_most", "more_than", "less_than"]), number).map(lambda one: dict([one])),
    st.tuples(number, number).map(lambda two: {"between": sorted(two)}),
    st.tuples(number, number).map(lambda two: {"at_least": two[0], "less_than": two[1]}),
)
texts = st.one_of(
    words,
    several,
    *(st.builds(lambda found, op=op: {op: found}, several) for op in ("contains_any", "contains_all", "not_in")),
    *(st.builds(lambda found, op=op: {op: found}, words) for op in ("starts_with", "ends_with")),
)
domains = st.lists(st.sampled_from(["ac.jp", "example.com", "gmail.com", "jp"]), min_size=1, max_size=2, unique=True)
choices = st.lists(st.sampled_from(["manufacturing", "software", "retail"]), min_size=1, max_size=2, unique=True)
tags = st.lists(st.sampled_from(["price", "cases", "tech"]), min_size=1, max_size=2, unique=True)
counts = st.one_of(
    st.builds(
        lambda op, n: {op: n}, st.sampled_from(["at_least", "at_most", "more_than", "less_than"]), st.integers(0, 3)
    ),
    st.builds(lambda n, days: {"at_least": n, "within": f"{days}d"}, st.integers(1, 3), st.integers(1, 20)),
    st.builds(lambda low, more: {"between": [low, low + more]}, st.integers(0, 2), st.integers(0, 2)),
)
known = st.sampled_from(["known", "unknown"])
leaves = st.one_of(
    st.builds(lambda asked: {"employees": asked}, st.one_of(numbers, known)),
    st.builds(lambda name, asked: {name: asked}, st.sampled_from(TEXTS), st.one_of(texts, known)),
    st.builds(lambda op, found: {"email": {op: found}}, st.sampled_from(["domain_in", "domain_not_in"]), domains),
    st.builds(lambda word: {"no_mail": word}, st.sampled_from(["yes", "no"])),
    st.builds(lambda found: {"industry": found if len(found) > 1 else found[0]}, choices),
    st.builds(lambda found: {"industry": {"not_in": found}}, choices),
    st.builds(
        lambda op, found: {"interests": {op: found}}, st.sampled_from(["contains_any", "contains_all", "not_in"]), tags
    ),
    st.builds(lambda name, asked: {f"signal.{name}": asked}, st.sampled_from(["inquiry", "pricing"]), counts),
)
joins = st.sampled_from(["all", "any", "none"])
conditions = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.builds(lambda word, parts: {word: parts}, joins, st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda one, other: {**one, **other}, below, below),
    ),
    max_leaves=6,
)


def or_missing(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.sampled_from(MISSING))


leads = st.fixed_dictionaries(
    {
        "employees": or_missing(st.one_of(number, number.map(float))),
        **{name: or_missing(st.one_of(words, several.map("".join))) for name in TEXTS},
        "email": or_missing(
            st.sampled_from(["a@tokyo.ac.jp", "b@Example.com", "c@notexample.com", "d@mail.gmail.com"])
        ),
        "no_mail": or_missing(st.booleans()),
        "industry": or_missing(st.sampled_from(["manufacturing", "software", "retail"])),
        "interests": or_missing(tags.map(frozenset)),
    }
)
happened = st.fixed_dictionaries(
    {name: st.lists(st.integers(0, 24 * 25), max_size=4) for name in ("inquiry", "pricing")}
)


@given(raw=conditions, values=leads, hours=happened)
def test_what_runs_comes_to_what_the_book_says(
    raw: dict[str, Any], values: dict[str, Value], hours: dict[str, list[int]]
) -> None:
    signals = {name: sorted(NOW - timedelta(hours=ago) for ago in found) for name, found in hours.items()}
    expected = truth_of(raw, values, signals, NOW)
    found = condition(raw)
    assert found.test(FakeView(values=values, signals=signals)) is expected
    if found.key is Key.VALUE:  # what tables of answers ask
        (name,) = found.names
        assert answer(found)(values[name]) is expected


# ── what somebody wrote into a policy ────────────────────────────────────────────────────────────────────────────
NASTY = (
    "' or setattr(__import__('builtins'), 'TASUKI_BROKEN', 1) or '",
    '" or setattr(__import__("builtins"), "TASUKI_BROKEN", 1) or "',
    "')\n    __import__('builtins').TASUKI_BROKEN = 1\n#",
    "{0}{__class__}{low}{n}",
    "\\'",
    "\r\n\u2028\x0c\\N{DIGIT ONE}%s",
    "'''\"\"\"",
    "x\x00y",
)
nasty = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))


@pytest.fixture(autouse=True)
def _nothing_ran() -> Iterator[None]:
    yield
    assert not hasattr(builtins, "TASUKI_BROKEN")


def leaf(name: str, asked: Any) -> Condition:
    words = {"ja": name, "en": name}
    return Comparison(name=name, operator="is", label=words, operand=words, asked=asked)


@given(name=nasty, word=nasty, other=nasty)
def test_names_and_words_stay_what_they_are(name: str, word: str, other: str) -> None:
    for members in ((word,), (word, other)):
        found = AllOf((leaf(name, Members(members)), leaf(f"{name}'", Known(True))))
        held = {name: word, f"{name}'": "x"}
        assert found.test(FakeView(values=held)) is True
        assert found.test(FakeView(values={**held, name: f"{word}{other}?"})) is False
        assert found.test(FakeView(values={name: word})) is None
        assert leaf(name, Members(members, wanted=False)).test(FakeView(values=held)) is False


@given(signal=nasty, about=nasty)
def test_names_of_signals_stay_what_they_are(signal: str, about: str) -> None:
    words = {"ja": signal, "en": signal}
    counted = Count(signal=signal, label=words, operator="at_least", bounds=(1,), window=None, since_stage=False)
    assert counted.test(FakeView(signals={signal: [NOW]})) is True
    assert counted.test(FakeView(signals={f"{signal}'": [NOW]})) is False
    module = Module()
    scope = type("None_", (), {"loads": []})()
    module.define("told", scope, ["return 1"], about)
    assert module.run()["told"](None) == 1


printable = nasty.filter(lambda text: text.strip() == text != "" and text.isprintable())


@settings(max_examples=max(12, settings.default.max_examples // 40))  # each loads a policy of its own
@given(words=st.lists(printable, min_size=2, max_size=4, unique=True))
def test_texts_of_a_policy_stay_texts_all_the_way(words: list[str]) -> None:
    """Through loader, program and tables: a score's rules on a text, each of which fires for its own word."""
    listed = "".join(
        f"      - {{id: w{n}, label: w{n}, when: {{need: {quoted(word)}}}, points: {2**n}}}\n"
        for n, word in enumerate(words)
    )
    plan = plan_of(
        fields=FIELDS,
        lifecycle=LIFECYCLE.replace("band: hot", "need: known"),
        scoring=f"scores:\n  fit:\n    rules:\n{listed}",
    )
    for word in words:
        view = _view(plan, need=word)
        same = [n for n, one in enumerate(words) if truth_of({"need": one}, {"need": word}, {}, NOW)]
        assert view.score("fit").value == sum(2**n for n in same)


def quoted(text: str) -> str:
    """A text as YAML writes it between double quotes."""
    escaped = "".join(f"\\U{ord(one):08X}" for one in text)
    return f'"{escaped}"'


def _view(plan: Any, **values: Value) -> LeadView:
    story = Story(plan=plan).given(**values)
    return LeadView(plan, story.lead, {}, None, {}, NOW)
