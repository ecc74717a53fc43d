"""Drift is told apart by what we wanted, what the CRM acknowledged, what it shows, and what its history says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.drift import (
    DEFAULTS,
    Author,
    Cause,
    DriftClass,
    Evidence,
    FieldFacts,
    Handling,
    Version,
    Write,
    classify,
    likely_cause,
)

T0 = datetime(2026, 4, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def same(one: str | None, other: str | None) -> bool:
    """A CRM that minds no case."""
    return (one or "").lower() == (other or "").lower()


def by(author: Author, value: str | None, at: datetime = T0 + HOUR) -> Version:
    return Version(value=value, at=at, author=author)


OURS = by(Author.US, "hot", T0)
BEFORE = by(Author.PERSON, "low", T0 - HOUR)
WRITTEN = Write(sent="hot", stored="hot", at=T0)
KEPT = Write(sent="hot", stored="low", at=T0, kept=True)
TURNED = Write(sent="hot lead", stored="hot", at=T0)
#: what we want is `hot`, what we wrote is `hot`, what we took it to be is `hot`
HOT = Evidence(wanted=True, intent="hot", known="hot", write=WRITTEN)
#: what we only read
READ = Evidence(wanted=False, known="課長")

TABLE: list[tuple[str, Evidence, DriftClass | None]] = [
    # ── it is as it should be ──
    ("as wanted", replace(HOT, now="hot"), None),
    ("as wanted in another notation", replace(HOT, now="HOT"), None),
    ("blank as wanted", replace(HOT, intent=None, now=None), None),
    ("as wanted, whoever wrote it", replace(HOT, now="hot", history=(by(Author.PERSON, "hot"), OURS)), None),
    ("read as known", replace(READ, now="課長"), None),
    # ── what we only read ──
    ("changed, nobody told", replace(READ, now="部長"), DriftClass.MISSED_EVENT),
    ("changed, an event told", replace(READ, now="部長", told=Author.PERSON), None),
    ("cleared, nobody told", replace(READ, now=None), DriftClass.MISSED_EVENT),
    ("merged in", replace(READ, now="部長", history=(by(Author.MERGE, "部長"),)), DriftClass.MERGE),
    ("changed by somebody", replace(READ, now="部長", history=(by(Author.PERSON, "部長"),)), DriftClass.MISSED_EVENT),
    # ── somebody changed it after our write ──
    ("a person", replace(HOT, now="low", history=(by(Author.PERSON, "low"), OURS)), DriftClass.HUMAN_EDIT),
    ("another app", replace(HOT, now="low", history=(by(Author.APP, "low"), OURS)), DriftClass.OTHER_APP),
    ("a merge", replace(HOT, now="low", history=(by(Author.MERGE, "low"), OURS)), DriftClass.MERGE),
    ("a person cleared it", replace(HOT, now=None, history=(by(Author.PERSON, None), OURS)), DriftClass.HUMAN_EDIT),
    ("a person, as an event said", replace(HOT, now="low", told=Author.PERSON), DriftClass.HUMAN_EDIT),
    ("an app, as an event said", replace(HOT, now="low", told=Author.APP), DriftClass.OTHER_APP),
    ("nobody can say who", replace(HOT, now="low"), DriftClass.HUMAN_EDIT),
    ("an empty history says nothing", replace(HOT, now="low", history=()), DriftClass.HUMAN_EDIT),
    # ── our write is gone ──
    ("not in the history", replace(HOT, now="low", history=(BEFORE,)), DriftClass.LOST_WRITE),
    ("an earlier write of ours came late", replace(HOT, now="low", history=(by(Author.US, "low"), OURS)),
     DriftClass.LOST_WRITE),
    ("ours, said an event, but not what we sent last", replace(HOT, now="low", told=Author.US),
     DriftClass.LOST_WRITE),
    # ── the CRM did not keep it as it was sent ──
    ("kept what it had", replace(HOT, now="low", known="low", write=KEPT), DriftClass.NOT_STORED),
    ("kept what it had, history too", replace(HOT, now="low", known="low", write=KEPT, history=(BEFORE,)),
     DriftClass.NOT_STORED),
    ("a form of its own", replace(HOT, intent="hot lead", now="hot", write=TURNED), DriftClass.NORMALISED),
    ("a form of its own, after the answer", replace(HOT, now="h.o.t.", history=(OURS,)), DriftClass.NORMALISED),
    ("kept what it had, then a person came", replace(HOT, now="mid", write=KEPT, history=(by(Author.PERSON, "mid"),)),
     DriftClass.HUMAN_EDIT),
    # ── what should stand was not written yet ──
    ("a write to come", replace(HOT, write=None, known="low", now="low"), None),
    ("a write of something newer to come", replace(HOT, intent="mid", now="hot"), None),
    ("a person meanwhile", replace(HOT, intent="mid", now="low", history=(by(Author.PERSON, "low"),)),
     DriftClass.HUMAN_EDIT),
    ("a merge meanwhile", replace(HOT, write=None, known="mid", now="low", history=(by(Author.MERGE, "low"),)),
     DriftClass.MERGE),
    ("somebody meanwhile", replace(HOT, write=None, known="mid", now="low"), DriftClass.MISSED_EVENT),
    ("ours meanwhile: the answer was lost", replace(HOT, write=None, known="mid", now="low", told=Author.US), None),
    # ── people are asked to write it ──
    ("an owner, an event told", replace(HOT, now="low", told=Author.PERSON, shared=True), None),
    ("an owner, no event", replace(HOT, now="low", history=(by(Author.PERSON, "low"), OURS), shared=True),
     DriftClass.MISSED_EVENT),
    ("an owner, our write lost", replace(HOT, now="low", history=(BEFORE,), shared=True), DriftClass.LOST_WRITE),
    ("a stage that the CRM kept", replace(HOT, now="low", known="low", write=KEPT, shared=True),
     DriftClass.NOT_STORED),
]  # fmt: skip


@pytest.mark.parametrize(("evidence", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_class(evidence: Evidence, expected: DriftClass | None) -> None:
    assert classify(evidence, same) is expected


def test_every_class_but_the_breakers_is_in_the_table_and_has_a_default() -> None:
    told = {expected for _, _, expected in TABLE} - {None}
    assert told == set(DriftClass) - {DriftClass.FLIP_FLOP} == set(DEFAULTS)
    assert set(DEFAULTS.values()) == {Handling.REPAIR, Handling.REPORT}, "nothing waits for a person unasked"


_VALUES = st.sampled_from([None, "hot", "Hot", "low", "mid"])
_VERSIONS = st.builds(
    Version,
    value=_VALUES,
    at=st.integers(-3, 3).map(lambda hours: T0 + hours * HOUR),
    author=st.sampled_from(Author),
)
_EVIDENCE = st.builds(
    Evidence,
    wanted=st.booleans(),
    intent=_VALUES,
    known=_VALUES,
    write=st.none() | st.builds(Write, sent=_VALUES, stored=_VALUES, at=st.just(T0), kept=st.booleans()),
    now=_VALUES,
    history=st.none()
    | st.lists(_VERSIONS, max_size=3).map(lambda found: tuple(sorted(found, key=lambda one: one.at, reverse=True))),
    told=st.none() | st.sampled_from(Author),
    shared=st.booleans(),
)


@settings(max_examples=50)
@given(_EVIDENCE)
def test_what_stands_as_it_should_is_never_drift_and_what_we_only_read_is_missed_or_merged(evidence: Evidence) -> None:
    found = classify(evidence, same)
    if same(evidence.now, evidence.intent if evidence.wanted else evidence.known):
        assert found is None
    elif not evidence.wanted:
        assert found in (None, DriftClass.MISSED_EVENT, DriftClass.MERGE)
        assert (found is None) == (evidence.told is not None)
    if found in (DriftClass.NOT_STORED, DriftClass.NORMALISED, DriftClass.LOST_WRITE):
        assert evidence.write is not None, "only what was written can be lost"
        assert same(evidence.write.sent, evidence.intent)


STAGES = FieldFacts(choices=frozenset({"lead", "mql"}))


@pytest.mark.parametrize(
    ("sent", "stored", "field", "history", "cause"),
    [
        ("hot", None, None, (), Cause.MISSING_PERMISSION),
        ("hot", None, FieldFacts(read_only=True), (), Cause.READ_ONLY_FIELD),
        ("sql", "mql", STAGES, (), Cause.UNKNOWN_CHOICE),
        ("a;c", "a", FieldFacts(choices=frozenset("ab"), several=True), (), Cause.UNKNOWN_CHOICE),
        ("a;b", None, FieldFacts(choices=frozenset("ab"), several=True), (), Cause.VALIDATION_RULE),
        ("とても長い理由", "とても長", FieldFacts(), (), Cause.TOO_LONG),
        ("mql", "lead", STAGES, (by(Author.APP, "lead"), by(Author.US, "mql", T0)), Cause.PUT_BACK),
        ("lead", "mql", replace(STAGES, forward_only=True), (), Cause.FORWARD_ONLY),
        ("hot", "low", FieldFacts(), (), Cause.VALIDATION_RULE),
        ("hot", "low", FieldFacts(), (by(Author.US, "hot"),), Cause.VALIDATION_RULE),
        (None, "low", STAGES, (), Cause.VALIDATION_RULE),
    ],
)
def test_why_it_was_not_stored(
    sent: str | None, stored: str | None, field: FieldFacts | None, history: tuple[Version, ...], cause: Cause
) -> None:
    assert likely_cause(sent, stored, field, history=history) is cause
