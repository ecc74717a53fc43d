"""Evaluate slice: due leads are decided, and the decision is stored if nobody changed the lead meanwhile."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from traceback import extract_tb

import structlog

from connector.domain import codec
from connector.domain.decision import Wake, WakeClass
from connector.domain.effects import Grant
from connector.domain.value import Value
from connector.engine.routing import LEAD
from connector.errors import RetryableError, TasukiError
from connector.failpoints import Place, reach
from connector.store import history, leads, links, managed, mirrors, signals
from connector.store.database import Connection
from connector.store.leads import DueClaim, Evaluated
from connector.sync import overtaking
from connector.sync.agreements import decided_values, keep_agreements
from connector.sync.cases import Case, load_cases
from connector.sync.context import Tenant
from connector.sync.creating import want_elsewhere
from connector.sync.deciding import Result, ToRead, decide_case
from connector.sync.difference import company_difference, deal_difference, difference, settle_overtaken
from connector.sync.found_companies import find_companies
from connector.sync.granting import RETRY_UNROUTED, grant_requests
from connector.sync.identifying import identify
from connector.sync.merging import key_of
from connector.sync.noticing import keep_notices
from connector.sync.placing import rows_in
from connector.sync.promises import keep_runs
from connector.sync.turns import behind, keep_turns, look_again
from connector.vendors.base import Lane

log = structlog.get_logger()

_Cases = Sequence[tuple[DueClaim, Case]]

LEDGER_RULES = 8
"""Rules named in a ledger row: it stays below 300 bytes."""


def evaluate_slice(tenant: Tenant, *, limit: int | None = None, lane: Lane | None = None) -> int:
    """Decide up to a slice of due leads, of one lane or of both; returns how many were claimed."""
    with tenant.database.transaction(tenant.installation_id) as conn:
        now = tenant.now(conn)
        token, due = leads.claim_due(
            conn,
            now=now,
            limit=limit or tenant.limits.slice_records,
            lease_seconds=tenant.limits.lease_seconds,
            lane=lane.value if lane is not None else None,
        )
    if not due:
        return 0
    reach(Place.CLAIMED)
    try:
        find_companies(tenant, [one.lead_id for one in due], now)
        with tenant.database.transaction(tenant.installation_id) as conn:
            cases, resting = _cases(tenant, conn, due, now)
        for place, (policy, its) in enumerate(_by_policy(tenant, cases).items()):
            _decide_and_store(tenant.under(policy), token, its, resting if place == 0 else (), now)
    except RetryableError:
        with tenant.database.transaction(tenant.installation_id) as conn:
            leads.release_due(conn, token)
        raise
    return len(due)


def _by_policy(tenant: Tenant, cases: _Cases) -> Mapping[str, _Cases]:
    """The cases by the policy that they are under: each policy's are decided and stored by themselves."""
    if len(tenant.running) == 1 or not cases:
        return {tenant.policy.name: cases}
    found: dict[str, list[tuple[DueClaim, Case]]] = {}
    for due, case in cases:
        found.setdefault(case.policy, []).append((due, case))
    return found


def _decide_and_store(
    tenant: Tenant, token: uuid.UUID, cases: _Cases, resting: Sequence[DueClaim], now: datetime
) -> None:
    unsure: dict[int, str] = {}
    decided = (_decided(tenant, token, due, case, now, unsure, asking=True) for due, case in cases)
    results = grant_requests(
        tenant,
        [one for one in decided if one is not None],
        now,
        anew=lambda one, grants, asking: _decided(tenant, token, one.due, one.case, now, unsure, grants, asking=asking),
    )
    with tenant.database.transaction(tenant.installation_id) as conn:
        results = keep_turns(
            tenant,
            conn,
            results,
            anew=lambda one, case: _decided(tenant, token, one.due, case, now, unsure, one.grants),
        )
        after = _lock(tenant, conn, results, resting, unsure)
        _store(tenant, conn, token, results, resting, now, after)
        _read_first(conn, token, unsure)


# ── reading the store ────────────────────────────────────────────────────────────────────────────────────────
def _cases(
    tenant: Tenant, conn: Connection, due: Sequence[DueClaim], now: datetime
) -> tuple[list[tuple[DueClaim, Case]], list[DueClaim]]:
    """The cases that can be decided, and the leads that rest: gone, or not read yet (the read makes them due again).

    Halves of one lead, as two CRMs have them, are left out: they have become one, which is due.
    """
    found = load_cases([one.bindings for one in tenant.running], conn, [one.lead_id for one in due], now=now)
    joined = identify(tenant, conn, list(found.values()), now)
    due = [one for one in due if one.lead_id not in joined]
    return (
        [(one, found[one.lead_id]) for one in due if one.lead_id in found],
        [one for one in due if one.lead_id not in found],
    )


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────────────────
def _decided(
    tenant: Tenant,
    token: uuid.UUID,
    due: DueClaim,
    case: Case,
    now: datetime,
    unsure: dict[int, str],
    grants: tuple[Grant, ...] = (),
    *,
    asking: bool = False,
) -> Result | None:
    """What came of a case; None where it failed, or where it has to be read before (`unsure`: in which lane)."""
    try:
        result = decide_case(tenant, due, case, now, grants, asking=asking)
        if isinstance(result, ToRead):
            unsure[case.row.id] = "hot" if result.urgent else "background"
            return None
        return result
    except (TasukiError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        # One lead's poison must not stop the others: it is tried again, then parked alone.
        log.error("evaluation_failed", lead_id=case.row.id, error=type(error).__name__, where=_where(error))
        with tenant.database.transaction(tenant.installation_id) as conn:
            leads.fail_due(
                conn,
                token,
                case.row.id,
                reason=f"evaluation_failed_{type(error).__name__}",
                most=tenant.limits.most_failures,
            )
        return None


def _read_first(conn: Connection, token: uuid.UUID, lanes: Mapping[int, str]) -> None:
    """Nothing is made of silence before it is known to be one: these are read, and the read makes them due again."""
    if lanes:
        links.want_deep(conn, lanes)
        leads.wait_due(conn, token, sorted(lanes))


def _where(error: BaseException) -> str:
    """The line that raised: its message, and the values around it, may be a person's."""
    frame = extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


# ── storing ──────────────────────────────────────────────────────────────────────────────────────────────────
def _store(
    tenant: Tenant,
    conn: Connection,
    token: uuid.UUID,
    results: Sequence[Result],
    resting: Sequence[DueClaim],
    now: datetime,
    after: Mapping[int, frozenset[int]],
) -> None:
    evaluated = [_evaluated(tenant, result, now) for result in results]
    stored = leads.store(conn, evaluated, now=now)
    kept = [result for result in results if result.case.row.id in stored]
    rest = [_resting(one) for one in resting]
    leads.finish_due(conn, token, [one for one in evaluated if one.lead_id in stored] + rest)
    _store_history(tenant, conn, kept, now)
    looked_at = [one for result in kept for some in (result.case.signals, result.case.others) for one in some]
    signals.mark_seen(conn, [one.id for one in looked_at if not one.seen and one.occurred_at <= now])
    keep_agreements(tenant, conn, kept, now)
    want_elsewhere(tenant, conn, kept, now)
    for connection_id in tenant.bindings:
        _want_records(tenant, conn, connection_id, kept)
        _settle_overtaken(tenant, conn, connection_id, kept)
    keep_notices(tenant, conn, [(r.case.row.id, one) for r in kept for one in r.notices.values()], key_of=key_of)
    lanes = {result.case.row.id: result.due.lane for result in kept if _is_outstanding(result, now)}
    links.desire(conn, lanes)
    keep_runs(tenant, conn, kept, lanes, now)
    woken = {one for result in kept for one in after.get(result.case.row.id, ())}
    leads.mark_due(conn, tenant.installation_id, sorted(woken), at=now, why="company", lane="background")
    settled = [result.case.row.id for result in kept if result.case.row.id not in lanes]
    conn.execute(
        "UPDATE link SET event_at = NULL WHERE lead_id = ANY(%s) AND desired_revision <= confirmed_revision"
        " AND read_wanted_at IS NULL AND event_at IS NOT NULL",
        [settled],
    )


def _lock(
    tenant: Tenant, conn: Connection, results: Sequence[Result], resting: Sequence[DueClaim], unsure: Iterable[int]
) -> Mapping[int, frozenset[int]]:
    """Take every lock in the order of everybody else; returns who is to be looked at after whom, see `behind`."""
    for connection_id, binding in tenant.bindings.items():
        people = [
            case.person.vendor_id
            for result in results
            for case in result.case.all
            if case.connection_id == connection_id and overtaking.overtaken(case.person)
        ]
        if people:
            mirrors.lock(conn, connection_id, binding.dialect.person_type, people)
    ids = [result.case.row.id for result in results]
    links.lock(conn, [*ids, *unsure])
    leads.lock(conn, ids, due=False)
    after = behind(tenant, conn, results)
    leads.lock_due(conn, {*ids, *unsure, *(one.lead_id for one in resting)}.union(*after.values()))
    return after


def _evaluated(tenant: Tenant, result: Result, now: datetime) -> Evaluated:
    decision = result.decision
    wake = decision.wake
    if decision.state.requests:  # nobody could take it yet
        again = Wake(at=result.offer_again_at or now + RETRY_UNROUTED, why=WakeClass.DEADLINE)
        wake = again if wake is None or again.at < wake.at else wake
    shown = result.lead.owner
    turn = look_again(decision.state, now)
    if turn is not None and (wake is None or turn < wake.at):
        wake = Wake(at=turn, why=WakeClass.DEADLINE)
    until = result.case.under_until
    if until is not None and (wake is None or until < wake.at):
        wake = Wake(at=until, why=WakeClass.WINDOW)
    return Evaluated(
        lead_id=result.case.row.id,
        revision=result.case.row.revision,
        stage=decision.state.entry.stage if decision.state.entry else None,
        owner=decision.owners.get(LEAD, shown),
        state=codec.encode_state(decision.state),
        desired=codec.encode_values(desired_of(result)),
        desired_stage=decision.stage_desired,
        scores=dict(decision.scores),
        policy=result.case.policy,
        policy_hash=tenant.policy.hash,
        generation=tenant.policy.generation,
        wake_at=wake.at if wake else None,
        wake_why=wake.why.value if wake else None,
    )


def desired_of(result: Result) -> dict[str, Value]:
    """What should stand in the CRMs: what they agree on, what the rules say, the owners whom pools gave."""
    decided = decided_values(result.decision)
    return decided if result.case.merged is None else {**result.case.merged.wanted, **decided}


def _resting(one: DueClaim) -> Evaluated:
    return Evaluated(
        lead_id=one.lead_id,
        revision=0,
        stage=None,
        owner=None,
        state={},
        desired={},
        desired_stage=None,
        scores={},
        policy="",
        policy_hash="",
        generation=0,
        wake_at=None,
        wake_why=None,
    )


def _store_history(tenant: Tenant, conn: Connection, results: Sequence[Result], now: datetime) -> None:
    entries = [
        (result.case.row.id, entry, result.grounds.get(entry.seq, ())) for result in results for entry in result.entries
    ]
    history.add_entries(conn, tenant.installation_id, tenant.policy.hash, entries)
    rows = [
        {
            "at": now,
            "lead_id": result.case.row.id,
            "kind": "decision",
            "policy_hash": tenant.policy.hash,
            "data": {
                "stage": result.decision.stage_desired,
                "by": [entry.transition or entry.mover.value for entry in result.entries][:LEDGER_RULES],
                "rules": list(dict.fromkeys(result.fired))[:LEDGER_RULES],
                "score": round(result.decision.scores.get("total", 0.0), 2),
                "tasks": len(result.tasks),
                **({} if tenant.policy.has(result.case.row.policy) else {"passed_from": result.case.row.policy}),
                **({"shadow": list(dict.fromkeys(result.shadowed))[:LEDGER_RULES]} if result.shadowed else {}),
            },
        }
        for result in results
        if result.entries or result.tasks or result.overruled or result.fired or result.shadowed or result.case.passes
    ]
    history.add_ledger(conn, tenant.installation_id, rows)
    for result in results:
        for one in result.overruled:
            tenant.keep_value(
                conn,
                lead_id=result.case.row.id,
                at=now,
                field=one.field,
                rule=one.rule,
                actor="person",
                values={"kept": codec.encode_value(one.kept), "lost": codec.encode_value(one.lost)},
            )


def _want_records(tenant: Tenant, conn: Connection, connection_id: int, results: Sequence[Result]) -> None:
    rows = [
        row
        for result in results
        for case in result.case.all
        if case.connection_id == connection_id
        for row in rows_in(result, case)
    ]
    if rows:
        managed.want(conn, tenant.installation_id, connection_id, rows)


def _settle_overtaken(tenant: Tenant, conn: Connection, connection_id: int, results: Sequence[Result]) -> None:
    """Where the rules decided against a change that we had overtaken, the CRM already shows what they decided."""
    found = {
        case.person.vendor_id: (result, case)
        for result in results
        for case in result.case.all
        if case.connection_id == connection_id and overtaking.overtaken(case.person)
    }
    if not found:
        return
    person_type = tenant.bindings[connection_id].dialect.person_type
    rows = mirrors.load(conn, connection_id, person_type, sorted(found), lock=True)
    for vendor_id, row in rows.items():
        result, case = found[vendor_id]
        if overtaking.overtaken(row) != overtaking.overtaken(case.person):
            continue  # another one has come since: it is decided by its own evaluation
        settle_overtaken(case.binding, row, desired_of(result), result.decision.stage_desired)
    mirrors.put(conn, tenant.installation_id, connection_id, list(rows.values()))


def _is_outstanding(result: Result, now: datetime) -> bool:
    """True when something has to be written: a property differs, or a record of ours is to be made or changed."""
    made = result.tasks or result.deals or result.notes or result.enrolments
    if made or any(record.dirty and record.step not in ("settled", "parked") for record in result.case.records):
        return True
    desired = desired_of(result)
    return any(_differs(case, desired, result.decision.stage_desired, now) for case in result.case.all)


def _differs(case: Case, desired: Mapping[str, Value], stage: str | None, now: datetime) -> bool:
    if case.deal.row is not None and deal_difference(
        case.binding, case.deal.row, desired, dropped=case.dropped, now=now
    ):
        return True
    if case.company is not None and company_difference(
        case.binding, case.company, desired, dropped=case.dropped, now=now
    ):
        return True
    return bool(difference(case.binding, case.person, desired, stage, dropped=case.dropped, now=now))
