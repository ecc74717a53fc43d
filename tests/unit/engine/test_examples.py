"""The examples that stand beside the policies, and what running examples tells of wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.engine.examples import Outcome, run_examples
from connector.engine.plan import prepare
from connector.policy.loader import load_policy
from tests.unit.engine.stories import plan_of
from tests.unit.policy.folders import MAPPINGS, SAMPLES


def folders() -> Iterator[Any]:
    for folder in (MAPPINGS / "b2b-ja", MAPPINGS / "small-team", SAMPLES / "b2b-ja"):
        missing = pytest.mark.skipif(not folder.is_dir(), reason=f"{folder} is not here")
        yield pytest.param(folder, id=f"{folder.parent.name}/{folder.name}", marks=missing)


@pytest.mark.parametrize("folder", list(folders()))
def test_every_example_of_a_policy_holds(folder: Path) -> None:
    outcome = run_examples(prepare(load_policy(folder)))
    assert outcome.failures == ()
    if (folder / "examples.yaml").is_file():
        assert "inquiry_becomes_mql" in outcome.held
    if folder.parent == MAPPINGS:
        assert outcome.unexercised == ()


ROUTING = """\
pools: {sdr: {members: {hubspot_team: SDR}}}
rules: [{id: to_sdr, on: {enters: mql}, assign: {pool: sdr}}]
"""
HEAD = "now: 2026-11-20 10:00\npeople: {sdr: [sato, suzuki]}\nexamples:\n"


def outcome_of(*lines: str) -> Outcome:
    return run_examples(plan_of(examples=HEAD + "".join(f"  - {line}\n" for line in lines), routing=ROUTING))


def test_what_holds_is_named_and_what_no_example_exercises() -> None:
    outcome = outcome_of(
        "{id: one, given: {last_name: 山田}, and: [{signal: inquiry, ago: 1m}], expect: {stage: mql, by: to_mql_act,"
        " owner: sato, score.behaviour: {at_least: 40}, band: low, need: unknown,"
        " task: {rule: call, kind: call, owner: sato, due: 2026-11-21 10:00, priority: high, title: 山田}}}"
    )
    assert (outcome.failures, outcome.held) == ((), ("one",))
    assert outcome.unexercised == ("to_mql_hot", "accept", "qualify", "return", "discard", "wake")


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("{stage: sal}", "mql"),
        ("{by: to_mql_hot}", "to_mql_act"),
        ("{owner: suzuki}", "sato"),
        ("{score.behaviour: 39}", "40"),
        ("{need: known}", "blank"),
        ("{reason: timing}", "None"),
        ("{undecided: [large]}", "it, student"),
        ("{task: none}", "call: call, due 2026-11-21 10:00, sato"),
        ("{task: {kind: mail}}", "call: call, due"),
        ("{task: {due: 2026-11-21 10:01}}", "call: call, due"),
        ("{notice: call}", "none"),
        ("{signal.inquiry: {at_least: 2}}", "1"),
    ],
)
def test_what_does_not_hold_is_told_with_what_was_found(expected: str, found: str) -> None:
    given = "" if "undecided" not in expected else "employees: 10"
    line = f"{{id: wrong, given: {{{given}}}, and: [{{signal: inquiry, ago: 1m}}], expect: {expected}}}"
    outcome = outcome_of(line)
    (failure,) = outcome.failures
    assert (failure.example, failure.line, outcome.held) == ("wrong", 4, ())
    assert found in failure.found
    assert "wrong" in failure.text("ja")
    assert "wrong" in failure.text("en")


def test_things_happen_one_after_the_other() -> None:
    outcome = outcome_of(
        "{id: story, given: {}, and: [{signal: inquiry, ago: 1m}], then: ["
        "{done: call, expect: {task: none, stage: mql}},"
        "{set: {decision: accepted}, expect: {stage: sal, by: accept}},"
        "{set: {recycle_reason: timing}, expect: {stage: recycled, reason: timing, decision: unknown}},"
        "{wait: 89d, expect: {stage: recycled}},"
        "{wait: 1d, expect: {stage: lead, by: wake, task: {rule: on_wake}}},"
        "{moves: mql, expect: {stage: mql, by: person, task: {rule: call}}},"
        "{signal: visit, expect: {signal.visit: {at_least: 1}}}]}",
        "{id: nothing_to_do, given: {}, then: [{done: call, expect: {stage: lead}}]}",
    )
    assert outcome.held == ("story",)
    assert [(one.example, one.expected) for one in outcome.failures] == [("nothing_to_do", "an open task of call")]


def test_examples_take_turns_of_their_own() -> None:
    line = "given: {}, and: [{signal: inquiry, ago: 1m}], expect: {owner: sato}}"
    assert outcome_of(f"{{id: one, {line}", f"{{id: two, {line}").held == ("one", "two")
