"""What the engine is told of a lead's company: whose it is, where its other people stand, whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.domain import codec_work
from connector.domain.lead import Account
from connector.domain.runs import CadenceRun
from connector.engine.cadences import takes_turn
from connector.engine.plan import Plan
from connector.policy.model import Cadence, StageDef
from connector.store import companies
from connector.store.companies import Colleague
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.binding import Binding
from connector.sync.facts import named_at, same_on

_Owner = tuple[str | None, datetime | None]
_Place = tuple[float, float, int]
"""Where a lead stands among those who wait for a cadence's turn: by its score, since when, by its id."""


_NOBODY: _Owner = (None, None)


@dataclass(slots=True)
class _Turn:
    """One cadence's turn at one company: who has it, and who waits for it, where they stand.

    `waiting` are those who hold others up: one that nobody can evaluate does not.
    """

    takers: set[int] = field(default_factory=set)
    places: dict[int, _Place] = field(default_factory=dict)
    waiting: list[_Place] = field(default_factory=list)

    def is_taken_from(self, lead_id: int) -> bool:
        """True when this lead has to wait: somebody has the turn, or stands before it among those who wait."""
        if len(self.takers) > 1 or (self.takers and lead_id not in self.takers):
            return True
        mine = self.places.get(lead_id)
        return any(one[2] != lead_id and (mine is None or one < mine) for one in self.waiting)

    def take_in(self, cadence: Cadence, one: Colleague, stages: Mapping[str, StageDef]) -> None:
        """Take a colleague into account."""
        run = run_of(one, cadence.id)
        if takes_turn(cadence, run, one.stage, stages):
            self.takers.add(one.lead_id)
        if run is not None and run.waiting:
            place = _place(cadence, one, run)
            self.places.setdefault(one.lead_id, place)
            if run.running and not one.parked:
                self.waiting.append(place)


@dataclass(frozen=True, slots=True)
class _Company:
    """What the people of a company come to: stage → the leads that stand there, cadence → its turn."""

    stages: Mapping[str, set[int]]
    turns: Mapping[str, _Turn]

    @classmethod
    def of(cls, plan: Plan, people: Sequence[Colleague]) -> _Company:
        """Of all its people."""
        stages: dict[str, set[int]] = {}
        turns = {name: _Turn() for name in plan.turns}
        for one in people:
            if one.stage is not None:
                stages.setdefault(one.stage, set()).add(one.lead_id)
            for name, cadence in plan.turns.items():
                turns[name].take_in(cadence, one, plan.policy.stages)
        return cls(stages, turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The companies of a slice: their records, and the leads that belong to them.

    `given`: turns (company, cadence) that somebody else gets in this very slice.
    """

    records: Mapping[str, MirrorRow] = field(default_factory=dict)
    people: Mapping[str, Sequence[Colleague]] = field(default_factory=dict)
    given: frozenset[tuple[str, str]] = frozenset()
    _seen: dict[str, _Company] = field(default_factory=dict, init=False, repr=False, compare=False)
    _owners: dict[str, _Owner] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, binding: Binding, person: MirrorRow, lead_id: int) -> Account | None:
        """What is known of this person's company."""
        company_id = binding.company_of(person)
        if not company_id or not binding.asks_of_companies:
            return None
        company = self._seen.get(company_id)
        if company is None:  # looked at once, however many of its people are in the slice
            company = self._seen[company_id] = _Company.of(binding.plan, self.people.get(company_id, ()))
        owner, changed_at = self._owners.get(company_id) or self._owner(binding, company_id)
        return Account(
            id=company_id,
            owner=owner,
            owner_changed_at=changed_at,
            stages=frozenset([stage for stage, ids in company.stages.items() if len(ids) > 1 or lead_id not in ids]),
            taken=frozenset([name for name, turn in company.turns.items() if turn.is_taken_from(lead_id)])
            | {cadence for company, cadence in self.given if company == company_id},
        )

    def _owner(self, binding: Binding, company_id: str) -> _Owner:
        """Whose the company's record is, and when somebody named that person."""
        record, found = self.records.get(company_id), _NOBODY
        if record is not None:
            same = same_on(binding, binding.dialect.company_type)
            owner = mirror.fact(record, binding.dialect.owner_property, same)
            found = (binding.dialect.owner(owner.raw), named_at(owner))
        self._owners[company_id] = found
        return found


def accounts_of(
    conn: Connection,
    connection_id: int,
    binding: Binding,
    people: Sequence[MirrorRow],
    records: Mapping[str, MirrorRow],
    *,
    turns: bool = True,
) -> Accounts:
    """The companies of these people; without their other people where the policy asks nothing of those. Whose turn it
    is may be left out: no condition reads that.
    """
    dialect = binding.dialect
    ids = sorted({one for row in people if (one := binding.company_of(row))})
    if not binding.plan.reads_colleagues:
        return Accounts(records=records)
    if not turns:
        accounts = Accounts(records=records)
        stood = companies.stages(conn, connection_id, ids, person_type=dialect.person_type)
        accounts._seen.update((one, _Company(stages, {})) for one, stages in stood.items())
        return accounts
    found = companies.colleagues(conn, connection_id, ids, person_type=dialect.person_type)
    return Accounts(records=records, people=found)


def run_of(colleague: Colleague, cadence: str) -> CadenceRun | None:
    """The colleague's latest run of a cadence."""
    raw = (colleague.cadences or {}).get(cadence)
    return codec_work.decode_cadence(raw) if raw is not None else None


def _place(cadence: Cadence, one: Colleague, run: CadenceRun) -> _Place:
    score = one.scores.get((cadence.turn_by or "").removeprefix("score."), 0.0)
    return -score, run.started_at.timestamp(), one.lead_id
