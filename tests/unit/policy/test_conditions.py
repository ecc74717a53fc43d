"""Laws of conditions: Kleene's logic, exact moments of change, and what is said to be unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from connector.domain.value import BLANK, UNREAD, Value
from connector.policy.conditions import AllOf, AnyOf, Condition, NoneOf
from connector.policy.generated import Module, Scope
from connector.policy.windows import LAST
from tests.unit.policy.language import condition
from tests.unit.policy.views import NOW, TOKYO, FakeView, Soonest

TICK = timedelta(microseconds=1)
ZONES = (TOKYO, ZoneInfo("America/New_York"), ZoneInfo("Europe/London"), ZoneInfo("UTC"))
NAMES = ("need", "company_name", "job_title", "company_domain")

truths = st.sampled_from([True, False, None])


def leaf(name: str) -> Condition:
    return condition({name: "known"})


def stands(truth: bool | None) -> Value:
    return UNREAD if truth is None else "x" if truth else BLANK


def tree(depth: int) -> st.SearchStrategy[Condition]:
    single = st.sampled_from(NAMES).map(leaf)
    if depth == 0:
        return single
    parts = st.lists(tree(depth - 1), min_size=1, max_size=3).map(tuple)
    return st.one_of(single, *(parts.map(join) for join in (AllOf, AnyOf, NoneOf)))


leads = st.fixed_dictionaries(dict.fromkeys(NAMES, truths))


@given(first=truths, second=truths)
def test_kleenes_tables(first: bool | None, second: bool | None) -> None:
    view = FakeView(values={"need": stands(first), "job_title": stands(second)})
    parts = (leaf("need"), leaf("job_title"))
    rank = {False: 0, None: 1, True: 2}
    low, high = sorted((first, second), key=lambda truth: rank[truth])
    assert AllOf(parts).test(view) is low
    assert AnyOf(parts).test(view) is high
    assert NoneOf(parts).test(view) is (None if high is None else not high)
    assert NoneOf((NoneOf(parts),)).test(view) is high


@given(found=tree(3), lead=leads)
def test_knowing_more_never_changes_what_was_known(found: Condition, lead: dict[str, bool | None]) -> None:
    before = found.test(FakeView(values={name: stands(truth) for name, truth in lead.items()}))
    for guess in (True, False):
        more = {name: stands(guess if truth is None else truth) for name, truth in lead.items()}
        after = found.test(FakeView(values=more))
        assert after is not None
        assert before is None or after is before


@given(found=tree(3), lead=leads)
def test_unknowns_are_told_exactly_when_the_result_is_unknown(found: Condition, lead: dict[str, bool | None]) -> None:
    view = FakeView(values={name: stands(truth) for name, truth in lead.items()})
    unknowns = found.unknowns(view)
    assert bool(unknowns) is (found.test(view) is None)
    assert all(lead[name] is None for name in unknowns)
    assert set(unknowns) <= found.names


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
past = st.datetimes(datetime(2026, 1, 1), NOW.replace(tzinfo=None), timezones=st.just(UTC))
spans = st.sampled_from(["1m", "4h", "1d", "14d", "2w", "1mo", "3mo", "180d"])
working = st.sampled_from(["5 business minutes", "4 business hours", "0 business days", "2 business days"])
clocked = st.one_of(
    st.builds(lambda n, span: {"signal.inquiry": {"at_least": str(n), "within": span}}, st.integers(0, 3), spans),
    st.builds(lambda n, span: {"signal.pricing": {"at_most": str(n), "within": span}}, st.integers(0, 3), working),
    st.builds(lambda n: {"signal.pricing": {"between": [str(n), str(n + 1)], "within": "30d"}}, st.integers(0, 2)),
    st.builds(lambda span: {"signal.inquiry": {"at_least": "1", "within": span, "since": "stage_entered"}}, spans),
    st.builds(lambda name, span: {name: {"within": span}}, st.sampled_from(["meeting_at", "renewal_on"]), spans),
    st.builds(
        lambda name, span: {name: {"older_than": span}},
        st.sampled_from(["meeting_at", "renewal_on", "stage_entered_at"]),
        st.one_of(spans, working, st.just("0d")),
    ),
    st.builds(
        lambda name, word: {name: {word: "today"}},
        st.sampled_from(["meeting_at", "renewal_on"]),
        st.sampled_from(["before", "after"]),
    ),
    st.builds(lambda word: {"meeting_at": {word: "now"}}, st.sampled_from(["before", "after"])),
    st.just({"need": "known"}),
)
trees = st.recursive(
    clocked,
    lambda inner: st.builds(
        lambda join, parts: {join: parts},
        st.sampled_from(["all", "any", "none"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)
views = st.builds(
    lambda zone, values, inquiry, pricing, entered: FakeView(
        zone=zone, values=values, signals={"inquiry": inquiry, "pricing": pricing}, stage_entered_at=entered
    ),
    st.sampled_from(ZONES),
    st.fixed_dictionaries(
        {
            "meeting_at": st.one_of(moments, st.just(BLANK), st.just(NOW)),
            "renewal_on": st.one_of(st.dates(date(2026, 6, 1), date(2027, 6, 1)), st.just(UNREAD)),
            "need": st.sampled_from(["x", BLANK, UNREAD]),
        }
    ),
    st.lists(past, max_size=4),
    st.lists(past, max_size=4),
    past,
)


@given(raw=trees, view=views, later=st.lists(st.integers(1, 10**15), max_size=6))
def test_next_change_is_exact(raw: dict[str, Any], view: FakeView, later: list[int]) -> None:
    """At the moment told, and not a microsecond before, the answer is another one; until then it never is."""
    found = condition(raw)
    before, change = found.test(view), found.next_change(view)
    if change is None:
        for microseconds in later:
            assert found.test(view.at(view.now + timedelta(microseconds=microseconds))) is before
        return
    assert change > view.now
    assert found.test(view.at(change)) is not before
    assert found.test(view.at(change - TICK)) is before
    for microseconds in later:
        between = view.now + timedelta(microseconds=microseconds % ((change - view.now) // TICK))
        assert found.test(view.at(between)) is before


@given(raw=trees, view=views, ahead=st.one_of(st.none(), st.integers(1, 10**14)))
def test_what_is_written_out_tells_the_same_moment(raw: dict[str, Any], view: FakeView, ahead: int | None) -> None:
    """`may_turn` and `tells`, by which wakes are found, come to `next_change`, as far as a limit asks for it."""
    limit = LAST if ahead is None else view.now + timedelta(microseconds=ahead)
    found, soonest = condition(raw), Soonest(limit)
    scope = Scope(Module())
    may_turn = found.may_turn(scope)
    scope.module.define("turns", scope, [f"if {may_turn}:", f"    {found.tells(scope)}"], given="view, soonest, limit")
    scope.module.run()["turns"](view, soonest, limit)
    change = found.next_change(view)
    told = soonest.at if soonest.at is not None and view.now < soonest.at <= limit else None
    assert told == (change if change is not None and change <= limit else None)


def test_a_chain_of_changes_comes_to_rest() -> None:
    found = condition({"signal.pricing": {"between": ["1", "2"], "within": "14d"}})
    times = [NOW - timedelta(days=days) for days in (1, 2, 3)]
    view, seen = FakeView(signals={"pricing": times}), []
    while (change := found.next_change(view)) is not None:
        seen.append(change)
        view = view.at(change)
    assert seen == [times[2] + timedelta(days=14), times[0] + timedelta(days=14)]


def test_a_score_tells_the_crossing_of_its_threshold() -> None:
    crossing = NOW + timedelta(days=3)
    found = condition({"stage": "lead", "score.total": {"at_least": "80"}})
    view = FakeView(values={"score.total": 85.0, "stage": "lead"}, crossings={("total", 80): crossing})
    assert found.next_change(view) == crossing
    assert condition({"score.total": {"at_least": "81"}}).next_change(view) is None


def test_a_crossing_that_what_moves_too_hides_is_still_looked_at() -> None:
    """After it the score may cross again later: only a new evaluation can tell."""
    found = condition({"any": [{"meeting_at": {"within": "14d"}}, {"score.total": {"at_least": "80"}}]})
    crossing = NOW + timedelta(days=3)
    view = FakeView(values={"score.total": 85.0, "meeting_at": NOW}, crossings={("total", 80): crossing})
    assert found.test(view.at(crossing)) is True
    assert found.next_change(view) == crossing


def test_what_a_fact_has_decided_does_not_wait_for_time() -> None:
    view = FakeView(
        values={"score.total": 85.0, "need": "x", "employees": UNREAD},
        crossings={("total", 80): NOW + timedelta(days=3)},
        signals={"inquiry": [NOW]},
    )
    moving: list[dict[str, Any]] = [
        {"score.total": {"at_least": "80"}},
        {"signal.inquiry": {"at_least": "1", "within": "1d"}},
    ]
    for one in moving:
        assert condition(one).next_change(view) is not None
        assert condition({"any": [{"need": "known"}, one]}).next_change(view) is None
        assert condition({"none": [{"need": "known"}, one]}).next_change(view) is None
        assert condition({"all": [{"need": "unknown"}, one]}).next_change(view) is None
        assert condition({"all": [{"need": "known"}, one]}).next_change(view) is not None
        assert condition({"all": [{"employees": "known"}, one]}).next_change(view) is not None, "unknown, then False"


def test_moments_at_the_ends_of_time_do_not_overflow() -> None:
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        for raw in ({"within": "14d"}, {"older_than": "3mo"}, {"before": "today"}, {"after": "now"}):
            found, view = condition({"meeting_at": raw}), FakeView(values={"meeting_at": moment})
            assert found.test(view) is not None
            found.next_change(view)
    for day in (date.min, date.max):
        for raw in ({"within": "2w"}, {"older_than": "1d"}, {"before": "today"}, {"after": "today"}):
            found, view = condition({"renewal_on": raw}), FakeView(values={"renewal_on": day})
            assert found.test(view) is not None
            found.next_change(view)


def test_names_say_what_is_read() -> None:
    found = condition(
        {"stage": "lead", "any": [{"employees": {"at_least": "1"}}, {"signal.inquiry": {"at_least": "1"}}]}
    )
    assert found.names == {"stage", "employees", "signal.inquiry"}


def test_described_in_two_languages() -> None:
    found = condition({"employees": {"between": ["100", "5000"]}, "any": [{"need": "known"}, {"stage": "mql"}]})
    assert found.describe("ja") == "employeesが100以上5,000以下、かつ(needがわかっている、またはstageがmql)"
    assert found.describe("en") == "employees is between 100 and 5,000 and (need is known or stage is mql)"
