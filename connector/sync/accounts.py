"""What the engine is told of a lead's company: whose it is, where its other people stand, whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.domain import codec_work
from connector.domain.lead import Account
from connector.domain.runs import CadenceRun
from connector.engine.cadences import takes_turn
from connector.engine.plan import Plan
from connector.policy.model import Cadence
from connector.store import companies
from connector.store.companies import Colleague
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.binding import Binding
from connector.sync.facts import named_at, same_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The companies of a slice: their records, and the leads that belong to them.

    `given`: turns (company, cadence) that somebody else gets in this very slice.
    """

    records: Mapping[str, MirrorRow] = field(default_factory=dict)
    people: Mapping[str, Sequence[Colleague]] = field(default_factory=dict)
    given: frozenset[tuple[str, str]] = frozenset()

    def of(self, binding: Binding, person: MirrorRow, lead_id: int) -> Account | None:
        """What is known of this person's company."""
        company_id = person.properties.get(binding.dialect.company_property)
        if not company_id or not binding.asks_of_companies:
            return None
        found = self.people.get(company_id, ())
        others = [one for one in found if one.lead_id != lead_id]
        mine = next((one for one in found if one.lead_id == lead_id), None)
        record = self.records.get(company_id)
        owner = (
            mirror.fact(record, binding.dialect.owner_property, same_on(binding, binding.dialect.company_type))
            if record is not None
            else None
        )
        return Account(
            id=company_id,
            owner=(owner.raw or None) if owner is not None else None,
            owner_changed_at=named_at(owner) if owner is not None else None,
            stages=frozenset(one.stage for one in others if one.stage is not None),
            taken=frozenset(_taken(binding.plan, others, mine))
            | {cadence for company, cadence in self.given if company == company_id},
        )


def accounts_of(
    conn: Connection,
    connection_id: int,
    binding: Binding,
    people: Sequence[MirrorRow],
    records: Mapping[str, MirrorRow],
) -> Accounts:
    """The companies of these people; without their other people where the policy asks nothing of those."""
    dialect = binding.dialect
    ids = sorted({one for row in people if (one := row.properties.get(dialect.company_property))})
    if not binding.plan.reads_colleagues:
        return Accounts(records=records)
    found = companies.colleagues(conn, connection_id, ids, person_type=dialect.person_type)
    return Accounts(records=records, people=found)


def run_of(colleague: Colleague, cadence: str) -> CadenceRun | None:
    """The colleague's latest run of a cadence."""
    raw = (colleague.cadences or {}).get(cadence)
    return codec_work.decode_cadence(raw) if raw is not None else None


def _taken(plan: Plan, others: Sequence[Colleague], mine: Colleague | None) -> list[str]:
    """The cadences that this lead has to wait for: somebody has the turn, or stands before it among those who wait."""
    return [
        name
        for name, cadence in plan.turns.items()
        if any(
            takes_turn(cadence, run_of(one, name), one.stage, plan.policy.stages) or _is_ahead(cadence, one, mine)
            for one in others
        )
    ]


def _is_ahead(cadence: Cadence, other: Colleague, mine: Colleague | None) -> bool:
    """True for somebody who waits too and comes first; one that nobody can evaluate holds nobody up."""
    theirs = run_of(other, cadence.id)
    if theirs is None or not theirs.waiting or not theirs.running or other.parked:
        return False
    own = run_of(mine, cadence.id) if mine is not None else None
    if mine is None or own is None or not own.waiting:
        return True
    return _place(cadence, other, theirs) < _place(cadence, mine, own)


def _place(cadence: Cadence, one: Colleague, run: CadenceRun) -> tuple[float, float, int]:
    score = one.scores.get((cadence.turn_by or "").removeprefix("score."), 0.0)
    return -score, run.started_at.timestamp(), one.lead_id
