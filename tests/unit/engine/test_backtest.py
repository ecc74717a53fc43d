"""Replaying the past under another policy: the same life gives the same counts, and another rule other ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.domain.lead import Actor, FieldFact
from connector.domain.signal import Signal
from connector.domain.state import Mover, StageEntry
from connector.domain.value import Value
from connector.engine.backtest import Move, Past, Replay, replay
from connector.engine.rehearsal import turns
from tests.unit.engine.stories import DAY, NOW, SCORING, plan_of

START, END = NOW, NOW + 30 * DAY
ROUTING = """\
pools: {sdr: {members: {hubspot_team: SDR}}}
rules: [{id: to_sdr, on: {enters: mql}, assign: {pool: sdr}}]
"""
PEOPLE = {"sdr": ["sato", "suzuki"]}


def past(
    number: int, *signals: tuple[str, timedelta], age: timedelta = DAY, **changes: tuple[Value, timedelta]
) -> Past:
    """A lead that stood in the first stage at the start, with what happened so long after it."""
    return Past(
        lead_id=number,
        created_at=START - age,
        owner=None,
        fields={
            name: FieldFact(value=value, changed_at=START + after, actor=Actor.PERSON)
            for name, (value, after) in changes.items()
        },
        signals=[
            Signal(id=number * 100 + place, kind=kind, occurred_at=START + after, learnt_at=START + after, seen=True)
            for place, (kind, after) in enumerate(signals)
        ],
        entry=StageEntry(seq=1, stage="lead", entered_at=START - age, mover=Mover.START) if age > timedelta() else None,
        moves=(),
        reached={},
    )


def lived(*pasts: Past, scoring: str = SCORING) -> Replay:
    return replay(plan_of(routing=ROUTING, scoring=scoring), pasts, turns(PEOPLE), START, END)


def test_what_happened_is_lived_through_in_order() -> None:
    result = lived(
        past(1, ("inquiry", DAY), decision=("accepted", 2 * DAY)),
        past(2, ("inquiry", 2 * DAY)),
        past(3, ("visit", DAY)),
    )
    assert (result.leads, result.promoted) == (3, 2)
    assert result.entered == {"mql": 2, "sal": 1}
    assert result.transitions == {"to_mql_act": 2, "accept": 1}
    assert result.tasks == {"call": 2}
    assert result.owners == {"sato": 1, "suzuki": 1}
    assert result.load == {"sato": 1, "suzuki": 1}


def test_what_had_happened_before_the_start_starts_nothing() -> None:
    result = lived(past(1, ("inquiry", -2 * DAY), age=3 * DAY))
    assert (result.tasks, result.owners, result.promoted) == ({}, {}, 1)
    assert result.entered == {}, "catching up with the past is no entry"


def test_a_lead_that_came_later_begins_then() -> None:
    late = past(1, ("inquiry", 5 * DAY), age=-5 * DAY)
    result = lived(late)
    assert (result.entered, result.tasks) == ({"lead": 1, "mql": 1}, {"call": 1})


def test_a_field_counts_from_its_change_on() -> None:
    """30 for size, 40 for the inquiry of the day before: hot only once the size is known."""
    scoring = SCORING.replace("{score.total: {at_least: 60}}", "{score.total: {at_least: 60}, employees: known}")
    result = lived(past(1, ("inquiry", DAY), employees=(500, 3 * DAY)), scoring=scoring)
    assert result.transitions == {"to_mql_act": 1}
    known = lived(past(1, ("visit", DAY), ("visit", DAY), employees=(500, -3 * DAY), industry=("it", -DAY)))
    assert known.transitions == {"to_mql_hot": 1}


def test_another_policy_finds_others() -> None:
    lead = replace(past(1, ("visit", DAY)), reached={"sal": START + 9 * DAY, "sql": START + 10 * DAY})
    strict, loose = lived(lead), lived(lead, scoring=SCORING.replace("at_least: 60", "at_least: 10"))
    assert (strict.missed, strict.found) == ({"sal": 1, "sql": 1}, {})
    assert (loose.missed, loose.found) == ({}, {"sal": 1, "sql": 1})


def test_a_persons_move_happens_again() -> None:
    lead = replace(past(1), moves=(Move(at=START + DAY, stage="mql"),))
    result = lived(lead)
    assert (result.entered, result.tasks) == ({"mql": 1}, {"call": 1})
    assert result.promoted == 0, "a person promoted it, not the policy"
