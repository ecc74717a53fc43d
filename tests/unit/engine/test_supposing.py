"""What could happen if something were known: the best case, and nothing that knowing it could not change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.domain.lead import FieldFact, Lead
from connector.domain.state import LeadState, Mover, StageEntry
from connector.domain.value import BLANK
from connector.engine.plan import Plan, prepare
from connector.engine.supposing import Prospect, prospects
from connector.policy.loader import load_policy_from

NOW = datetime(2026, 4, 1, tzinfo=UTC)

FIELDS = """
lead:
  email: {label: Mail, type: email, hubspot: contact.email}
  industry: {label: Industry, type: text, hubspot: contact.industry}
  employees: {label: Employees, type: number, hubspot: contact.employees}
  decision: {label: Decision, type: text, hubspot: contact.decision}
"""

SCORING = """
scores:
  fit:
    cap: 50
    rules:
      - {id: known_mail, when: {email: known}, points: 10}
      - {id: right_industry, when: {industry: it}, points: 30}
      - {id: large, when: {employees: {at_least: 100}}, points: 15}
      - {id: tiny, when: {employees: {at_most: 1}}, points: -40}
total: [fit]
"""

LIFECYCLE = """
stages: {lead: {label: Lead}, mql: {label: MQL}, sal: {label: SAL}}
transitions:
  - {id: enough, from: [lead], to: mql, when: {score.total: {at_least: THRESHOLD}}}
  - {id: decided, from: [lead], to: sal, when: {decision: accepted}}
"""


def plan_with(threshold: int) -> Plan:
    files = {
        "policy.yaml": "language: en\n",
        "fields.yaml": FIELDS,
        "scoring.yaml": SCORING,
        "lifecycle.yaml": LIFECYCLE.replace("THRESHOLD", str(threshold)),
    }
    return prepare(load_policy_from({name: text.encode() for name, text in files.items()}))


def found(threshold: int, **values: Any) -> dict[str, Prospect]:
    known = {"email": "a@example.co.jp", "industry": BLANK, "employees": BLANK, "decision": "no"} | values
    lead = Lead(id=1, created_at=NOW, fields={name: FieldFact(value=value) for name, value in known.items()})
    entry = StageEntry(seq=1, stage="lead", entered_at=NOW, mover=Mover.START)
    return {one.transition: one for one in prospects(plan_with(threshold), lead, {}, LeadState(entry=entry), NOW)}


def test_one_name_that_is_enough() -> None:
    assert found(40)["enough"] == Prospect(transition="enough", target="mql", names=("industry",), alone=False)


def test_any_of_two_is_enough() -> None:
    assert found(20)["enough"] == Prospect(
        transition="enough", target="mql", names=("employees", "industry"), alone=True
    )


def test_both_are_needed_and_the_cap_holds() -> None:
    assert found(50)["enough"].names == ("employees", "industry")
    assert found(50)["enough"].alone is False
    assert "enough" not in found(51)


def test_what_is_known_and_wrong_is_no_hope() -> None:
    assert "enough" not in found(40, industry="farming")


def test_points_that_would_be_taken_are_not_supposed() -> None:
    assert found(20, industry="farming")["enough"].names == ("employees",)


def test_a_transition_that_is_true_needs_nothing() -> None:
    assert "enough" not in found(10)


@pytest.mark.parametrize(("decision", "hoped"), [(BLANK, True), ("no", False)])
def test_a_condition_on_what_is_missing(decision: Any, hoped: bool) -> None:
    assert ("decided" in found(99, decision=decision)) is hoped
    if hoped:
        assert found(99, decision=decision)["decided"].names == ("decision",)


def test_a_lead_without_a_stage_has_no_prospects() -> None:
    lead = Lead(id=1, created_at=NOW)
    assert prospects(plan_with(10), lead, {}, LeadState(), NOW) == ()
