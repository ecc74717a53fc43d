"""What is remembered comes back from the store as it went in, through real JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain import codec, codec_work
from connector.domain.effects import Cause, EffectKey, Task, WorkState
from connector.domain.state import Edge, Employer, Hold, LeadState, Mover, Refusal, Setting, StageEntry
from connector.domain.value import BLANK, UNREAD, UNREADABLE

T = TypeVar("T")

words = st.text(max_size=12)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
values = st.one_of(
    st.sampled_from([BLANK, UNREAD, UNREADABLE]),
    words,
    numbers,
    st.booleans(),
    st.dates(),
    moments,
    st.frozensets(words, max_size=3),
)
entries = st.builds(
    StageEntry,
    seq=st.integers(1, 10_000),
    stage=words,
    entered_at=moments,
    mover=st.sampled_from(Mover),
    transition=st.none() | words,
    reason=st.none() | words,
    passed=st.booleans(),
    initial=st.booleans(),
    came_back_at=st.none() | moments,
)
tasks = st.builds(
    Task,
    key=st.builds(
        EffectKey, cause=st.sampled_from([one.value for one in Cause]), cause_id=words, rule=words, slot=words
    ),
    kind=words,
    title=words,
    text=words,
    due_at=moments,
    priority=st.none() | words,
    owner=st.none() | words,
    queue=st.none() | words,
    follows_owner=st.booleans(),
    opened_at=moments,
    opened_in=st.integers(0, 10_000),
    state=st.sampled_from(WorkState),
    ended_at=st.none() | moments,
)


def named(what: st.SearchStrategy[T]) -> st.SearchStrategy[dict[str, T]]:
    return st.dictionaries(words, what, max_size=3)


states = st.builds(
    LeadState,
    entry=st.none() | entries,
    trail=st.lists(entries, max_size=3).map(tuple),
    edges=named(
        st.builds(
            Edge, truth=st.sampled_from([True, False, None]), turned=st.integers(0, 99), turned_at=st.none() | moments
        )
    ),
    holds=named(st.builds(Hold, value=values, since=moments, until=moments, told=st.booleans())),
    tasks=st.lists(tasks, max_size=3).map(tuple),
    published=named(st.floats(-1e9, 1e9)),
    basis=named(st.floats(-1e9, 1e9)),
    published_at=st.none() | moments,
    ratings=named(values),
    answers_used=named(moments),
    recycled_at=st.lists(moments, max_size=3).map(tuple),
    settings=named(st.builds(Setting, value=values, at=moments)),
    settled_at=st.none() | moments,
    refused=st.none() | st.builds(Refusal, at=moments, stage=words, rule=words),
    sent_back=st.integers(0, 9),
    employer=st.none() | st.builds(Employer, domain=words, since=st.none() | moments),
    stuck=st.none() | words.filter(bool),
    begun_at=st.none() | moments,
    policy=st.none() | words.filter(bool),
)


def stored(raw: Any) -> Any:
    return json.loads(json.dumps(raw, ensure_ascii=False, allow_nan=False))


@pytest.mark.fault("L3")
@given(value=values)
def test_a_value(value: Any) -> None:
    back = codec.decode_value(stored(codec.encode_value(value)))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.fault("L3")
@given(found=named(values))
def test_named_values(found: dict[str, Any]) -> None:
    assert codec.decode_values(stored(codec.encode_values(found))) == found


@pytest.mark.fault("L3")
@given(entry=entries)
def test_an_entry(entry: StageEntry) -> None:
    assert codec.decode_entry(stored(codec.encode_entry(entry))) == entry


@pytest.mark.fault("L3")
@given(task=tasks)
def test_a_task(task: Task) -> None:
    assert codec_work.decode_task(stored(codec_work.encode_task(task))) == task


@pytest.mark.fault("L3")
@given(state=states)
def test_a_state(state: LeadState) -> None:
    assert codec.decode_state(stored(codec.encode_state(state))) == state


def test_a_lead_that_was_never_evaluated_is_an_empty_object() -> None:
    assert codec.encode_state(LeadState()) == {}
    assert codec.decode_state({}) == LeadState()


def test_moments_are_stored_in_utc() -> None:
    tokyo = datetime.fromisoformat("2026-11-20T10:00:00+09:00")
    assert codec_work.moment_text(tokyo) == "2026-11-20T01:00:00+00:00"
