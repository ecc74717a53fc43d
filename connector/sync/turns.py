"""One person of a company at a time: turns are given out under the company's lock, in the transaction that stores them.

What an evaluation saw of the colleagues may have changed by then, and two of them may stand in one slice: whoever comes
second by the cadence's order is decided again, and waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connector.domain import codec
from connector.domain.runs import CadenceRun
from connector.domain.state import LeadState
from connector.engine.cadences import takes_turn
from connector.policy.model import Cadence
from connector.store import companies
from connector.store.database import Connection
from connector.sync.accounts import Accounts, accounts_of, run_of
from connector.sync.cases import Case
from connector.sync.context import Tenant
from connector.sync.deciding import Result

LOOK_AGAIN = timedelta(days=1)
"""How long a lead waits for its turn before it looks by itself: whoever had it may be gone from the CRM."""

Anew = Callable[[Result, Case], Result | None]
"""Decides a lead anew as this case; None: it cannot be decided."""


def look_again(state: LeadState, now: datetime) -> datetime | None:
    """When a lead that waits for its turn is looked at, whatever happens."""
    return now + LOOK_AGAIN if any(run.waiting and run.running for run in state.cadences.values()) else None


def keep_turns(tenant: Tenant, conn: Connection, results: Sequence[Result], *, anew: Anew) -> list[Result]:
    """The results, with those decided anew that would take a turn which somebody else has by now."""
    wanted = {result.case.row.id: names for result in results if (names := _taking(tenant, result))}
    if not wanted:
        return list(results)
    takers = [result for result in results if result.case.row.id in wanted]
    for connection_id in tenant.bindings:
        ids = {_company(one.case) for one in takers if one.case.connection_id == connection_id}
        if ids:
            companies.hold(conn, tenant.installation_id, connection_id, sorted(ids))
    found = {one.case.row.id: one for one in results}
    given: set[tuple[int, str, str]] = set()
    for taker in sorted(takers, key=lambda one: _place(tenant, one, wanted[one.case.row.id])):
        case, names = taker.case, wanted[taker.case.row.id]
        company_id = _company(case)
        fresh = _fresh(conn, case)
        account = fresh.of(case.binding, case.person, case.row.id)
        mine = given & {(case.connection_id, company_id, name) for name in names}
        if not mine and account is not None and account.taken.isdisjoint(names):
            given |= {(case.connection_id, company_id, name) for name in names}
            continue
        lost = frozenset((company, name) for _, company, name in mine)
        again = anew(taker, replace(case, accounts=replace(fresh, given=lost)))
        if again is not None:
            found[case.row.id] = again
        else:
            del found[case.row.id]
    return list(found.values())


def behind(tenant: Tenant, conn: Connection, results: Iterable[Result]) -> dict[int, frozenset[int]]:
    """Lead → who is to be looked at after it: whoever waits for what it no longer has, and who sees other stages."""
    if not tenant.plan.reads_colleagues:
        return {}
    leaving = [one for result in results if (one := _leave(tenant, result)) is not None]
    found: dict[int, frozenset[int]] = {}
    for connection_id in {one.result.case.connection_id for one in leaving}:
        mine = [one for one in leaving if one.result.case.connection_id == connection_id]
        binding, people = mine[0].result.case.binding, [one.result.case.person for one in mine]
        colleagues = accounts_of(conn, connection_id, binding, people, {}).people
        stages = {company: {one.lead_id: one.stage for one in some} for company, some in colleagues.items()}
        for one in mine:
            company, lead_id = _company(one.result.case), one.result.case.row.id
            here = colleagues.get(company, ())
            waiting = {other.lead_id for other in here if any(_waits(run_of(other, name)) for name in one.frees)}
            if one.moves_to is not None:
                waiting |= _who_see(stages.setdefault(company, {}), lead_id, one.moves_to)
            found[lead_id] = frozenset(waiting - {lead_id})
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leave:
    """What a decision leaves to the colleagues: the cadences whose turn is free now, and the stage that is new."""

    result: Result
    frees: Sequence[str]
    moves_to: str | None


def _leave(tenant: Tenant, result: Result) -> _Leave | None:
    frees = [one.id for one in tenant.plan.turns.values() if _gives_up(tenant, one, result)]
    entry = result.decision.state.entry
    moves_to = entry.stage if tenant.plan.watches_colleagues and result.entries and entry is not None else None
    if not _company(result.case) or not (frees or moves_to):
        return None
    return _Leave(result=result, frees=frees, moves_to=moves_to)


def _who_see(stages: dict[int, str | None], lead_id: int, stage: str) -> set[int]:
    """Who sees other stages of colleagues once this lead has moved, which `stages` is told."""
    before, here = Counter(stages.values()), stages.get(lead_id)
    stages[lead_id] = stage
    after = Counter(stages.values())
    return {
        other
        for other, own in stages.items()
        if other != lead_id and (before[stage] == (own == stage) or (here is not None and after[here] == (own == here)))
    }


def _company(case: Case) -> str:
    return case.binding.company_of(case.person) or ""


def _fresh(conn: Connection, case: Case) -> Accounts:
    """The case's company as it stands now."""
    records = {case.company.vendor_id: case.company} if case.company is not None else {}
    return accounts_of(conn, case.connection_id, case.binding, [case.person], records)


def _taking(tenant: Tenant, result: Result) -> frozenset[str]:
    """The cadences whose turn this decision takes and the lead did not have before."""
    if not tenant.plan.turns or not _company(result.case):
        return frozenset()
    return frozenset(
        one.id for one in tenant.plan.turns.values() if not _had(tenant, one, result) and _has(tenant, one, result)
    )


def _had(tenant: Tenant, cadence: Cadence, result: Result) -> bool:
    row = result.case.row
    return takes_turn(cadence, _before(result).get(cadence.id), row.stage, tenant.plan.policy.stages)


def _has(tenant: Tenant, cadence: Cadence, result: Result) -> bool:
    state = result.decision.state
    stage = state.entry.stage if state.entry is not None else None
    return takes_turn(cadence, state.cadences.get(cadence.id), stage, tenant.plan.policy.stages)


def _gives_up(tenant: Tenant, cadence: Cadence, result: Result) -> bool:
    """True when the lead had the turn, or waited for it, and does neither now."""
    stood = _had(tenant, cadence, result) or _waits(_before(result).get(cadence.id))
    return stood and not _has(tenant, cadence, result) and not _waits(result.decision.state.cadences.get(cadence.id))


def _waits(run: CadenceRun | None) -> bool:
    return run is not None and run.waiting and run.running


def _before(result: Result) -> Mapping[str, CadenceRun]:
    return codec.decode_state(result.case.row.state).cadences


def _place(tenant: Tenant, result: Result, names: frozenset[str]) -> tuple[float, int]:
    """Who comes first of those in one slice: by the first cadence's order, then by age."""
    turn_by = tenant.plan.turns[min(names)].turn_by or ""
    return -result.decision.scores.get(turn_by.removeprefix("score."), 0.0), result.case.row.id
