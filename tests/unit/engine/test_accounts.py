"""Companies: whose they are, where their other people stand, and one cadence of a company at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.effects import Grant, WorkState
from connector.domain.lead import Account
from connector.domain.runs import CadenceRun
from connector.engine.cadences import takes_turn
from connector.engine.plan import Plan
from tests.unit.engine.stories import DAY, FIELDS, NOW, POLICY, Story, plan_of, started

WORK = """\
rules:
  - {id: begin, on: {enters: mql}, do: [{start: touch}]}
cadences:
  touch:
    one_per_company: {order: score.fit}
    stop_on: [{signal: reply}, {leaves: mql}]
    steps: [{day: 0, mail: ご挨拶}, {day: 3, call: 電話}]
"""
SLA = """\
clocks:
  - {id: first, starts: {enters: mql}, stops: {signal: attempted}, limit: 24h,
     paused_while: {cadence.touch: waiting}}
"""
ROUTING = """\
pools:
  sdr: {members: {hubspot_team: SDR}}
  agency: {members: {hubspot_team: BPO}}
rules:
  - {id: of_company, on: {enters: mql}, when: {company.owner: unknown}, assign: {pool: sdr, owner_of: company}}
  - {id: of_lead, on: {enters: mql}, assign: {pool: sdr}}
"""
TAGGED = FIELDS.replace(
    "  noted:",
    """\
  account:
    type: choice
    choices: {fresh: 新規, ours: 取引あり}
    rules:
      - {id: ours, when: {company.stages: {contains_any: [sql]}}, value: ours}
      - {id: fresh, value: fresh}
    hubspot: contact.account
  noted:""",
)
FREE, TAKEN = Account(id="1"), Account(id="1", taken=frozenset({"touch"}))


def turning() -> Plan:
    return plan_of(work=WORK, sla=SLA)


def mql(account: Account | None) -> Story:
    found = started(turning())
    found.account = account
    found.happens("inquiry").decide()
    assert found.stage == "mql"
    return found


def run(found: Story) -> CadenceRun:
    return found.state.cadences["touch"]


def test_nobody_waits_without_a_company_or_where_the_turn_is_free() -> None:
    for account in (None, FREE):
        found = mql(account)
        assert (found.rules(), run(found).waiting) == (["touch"], False)


def test_who_waits_gets_no_step_until_the_turn_comes_and_then_all_from_the_first_day() -> None:
    found = mql(TAKEN)
    assert (found.rules(), run(found).waiting, run(found).running) == ([], True, True)
    found.pass_time(5 * DAY)
    assert found.rules() == []
    found.account = FREE
    found.decide()
    assert run(found) == CadenceRun(number=1, started_at=found.now, fired=1)
    assert found.rules() == ["touch"]
    found.account = TAKEN
    found.person_did("touch", WorkState.DONE).pass_time(3 * DAY)
    assert [task.title for task in found.tasks()] == ["電話"], "who has begun goes on"


def test_a_promise_rests_while_the_lead_waits_for_its_turn() -> None:
    found = mql(TAKEN).pass_time(5 * DAY)
    assert found.state.clocks["first"].breached_at is None
    found.account = FREE
    found.decide()
    found.pass_time(timedelta(hours=23))
    assert found.state.clocks["first"].breached_at is None
    found.pass_time(timedelta(hours=2))
    assert found.state.clocks["first"].breached_at is not None


def test_what_stops_a_cadence_ends_the_waiting_too() -> None:
    found = mql(TAKEN).pass_time(DAY)
    found.happens("reply").decide()
    assert (run(found).stopped_by, run(found).running) == ("signal:reply", False)
    found.account = FREE
    found.decide()
    assert found.rules() == []


def test_the_turn_stays_with_whoever_is_being_talked_to() -> None:
    plan = turning()
    cadence, stages = plan.policy.cadences["touch"], plan.policy.stages
    at = CadenceRun(number=1, started_at=NOW)
    stopped, finished = replace(at, stopped_at=NOW), replace(at, finished_at=NOW)
    assert takes_turn(cadence, at, "mql", stages)
    assert takes_turn(cadence, stopped, "mql", stages)
    assert takes_turn(cadence, stopped, "sal", stages)
    for run_, stage in ((None, "mql"), (replace(at, waiting=True), "mql"), (finished, "mql")):
        assert not takes_turn(cadence, run_, stage, stages)
    for stage in ("lead", "recycled", "discarded", None):
        assert not takes_turn(cadence, stopped, stage, stages)
    assert not takes_turn(replace(cadence, turn_by=None), at, "mql", stages)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=8))
def test_steps_come_once_however_often_the_turn_is_seen_to_change(looks: list[tuple[bool, int]]) -> None:
    found = mql(TAKEN)
    for is_taken, hours in looks:
        found.account = TAKEN if is_taken else FREE
        found.decide()
        found.pass_time(timedelta(hours=hours))
    first = next((index for index, (is_taken, _) in enumerate(looks) if not is_taken), None)
    assert run(found).waiting is (first is None)
    assert run(found).number == 1


def test_where_colleagues_stand_is_a_value_and_none_is_an_answer() -> None:
    found = started(plan_of(fields=TAGGED))
    assert found.last.desired["account"] == "fresh", "no company: nobody there is a customer"
    found.account = Account(id="1", stages=frozenset({"lead", "sql"}))
    found.decide()
    assert found.last.desired["account"] == "ours"


def test_a_company_that_nobody_owns_gets_an_owner_and_keeps_one_that_people_named() -> None:
    found = started(plan_of(routing=ROUTING))
    found.account = FREE
    asked = found.happens("inquiry").decide().requests
    assert [(one.key.rule, one.owner_of, one.prefer) for one in asked] == [
        ("of_company", "company", None),
        ("of_lead", "lead", None),
    ]
    found.grants = [
        Grant(request=one.key.text(), pool="sdr", owner_of=one.owner_of, person="suzuki", granted_at=found.now)
        for one in asked
    ]
    found.decide()
    assert found.last.owners == {"company": "suzuki", "lead": "suzuki"}
    found.account = replace(FREE, owner="ito", owner_changed_at=found.now + timedelta(minutes=1))
    found.wait(timedelta(minutes=2)).decide()
    assert "company" not in found.last.owners, "a person's choice stands"

    other = started(plan_of(routing=ROUTING))
    other.account = replace(FREE, owner="ito")
    assert [one.key.rule for one in other.happens("inquiry").decide().requests] == ["of_lead"]


def test_the_pool_of_the_owner_can_be_asked_for_and_starts_what_waits_for_it() -> None:
    clocks = "clocks: [{id: theirs, starts: {becomes: {owner.pool: agency}}, stops: {signal: attempted}, limit: 4h}]"
    to_agency = ROUTING.replace("assign: {pool: sdr}}", "assign: {pool: agency}}")
    found = started(plan_of(routing=to_agency, sla=clocks, policy=POLICY))
    asked = found.happens("inquiry").decide().requests
    assert "theirs" not in found.state.clocks
    found.grants = [
        Grant(request=one.key.text(), pool="agency", owner_of="lead", person="bpo", granted_at=found.now)
        for one in asked
        if one.owner_of == "lead"
    ]
    found.decide()
    assert found.state.clocks["theirs"].running
    found.owner = "bpo"
    found.pass_time(timedelta(hours=5))
    assert found.state.clocks["theirs"].breached_at == NOW + timedelta(hours=4)
