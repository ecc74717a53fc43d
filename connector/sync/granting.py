"""Pools give owners: under the pool's lock, in the order of asking, before anything of the decisions is stored.

A grant is a fact: one that was recorded before a crash is found again by its request, so that nobody is given twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from connector.domain.effects import Cause, Grant, OwnerRequest
from connector.engine.allocate import ABSENT, FULL, SAME_COMPANY, STICKY, Choice, Member, choose, opens_at
from connector.engine.routing import COMPANY, LEAD, TASK
from connector.policy.model import WAIT, Pool
from connector.store import people
from connector.store.database import Connection
from connector.store.people import Given, PersonRow
from connector.sync.cases import Case
from connector.sync.colleagues import everybody as everybody_of
from connector.sync.context import Tenant
from connector.sync.deciding import Result

RETRY_UNROUTED = timedelta(minutes=15)
"""How soon a lead that nobody could take is offered again, in business time."""

_ROUNDS = 3
"""Grants may lead to further requests; the rest waits for the next evaluation."""


Anew = Callable[[Result, tuple[Grant, ...], bool], Result | None]
"""Decides a lead anew with the grants that it has got; None: it cannot be decided. The flag: it may be cut short again
where it asks more."""


def grant_requests(tenant: Tenant, results: Sequence[Result], now: datetime, *, anew: Anew) -> list[Result]:
    """Answer the open requests of these decisions; returns the decisions with the answers, each whole."""
    results, again = list(results), dict[int, datetime]()
    for left in reversed(range(_ROUNDS)):
        asking = [
            (request, result)
            for result in results
            for request in result.decision.state.requests
            if all(grant.request != request.key.text() for grant in result.grants)
        ]
        if not asking or tenant.plan.policy.routing is None:
            break
        asking.sort(key=lambda pair: (pair[0].asked_at, pair[1].case.row.id))
        with tenant.database.transaction(tenant.installation_id) as conn:
            given, again = _granted(tenant, conn, asking, now)
        if not given:
            break
        decided = (
            anew(one, (*one.grants, *given[one.case.row.id]), left > 0) if one.case.row.id in given else one
            for one in results
        )
        results = [one for one in decided if one is not None]
    whole = (anew(one, one.grants, False) if one.decision.is_cut_short else one for one in results)
    results = [one for one in whole if one is not None]
    for one in results:
        one.offer_again_at = again.get(one.case.row.id)
    return results


def _granted(
    tenant: Tenant, conn: Connection, asking: Sequence[tuple[OwnerRequest, Result]], now: datetime
) -> tuple[dict[int, list[Grant]], dict[int, datetime]]:
    """What is given now, and for leads that nobody takes when to offer them again."""
    routing = tenant.plan.policy.routing
    assert routing is not None
    pools = {request.pool for request, _ in asking} | ({routing.nobody_free} if routing.nobody_free else set())
    names = {_turns(pool, kind) for pool in pools for kind in {request.owner_of for request, _ in asking}}
    desk = _Desk(tenant, conn, now, people.lock_pools(conn, tenant.installation_id, names))
    known = people.granted(conn, [result.case.row.id for _, result in asking])
    given: dict[int, list[Grant]] = {}
    for request, result in asking:
        lead_id = result.case.row.id
        grant = known.get((lead_id, request.key.text())) or desk.give(request, result.case)
        if grant is not None:
            given.setdefault(lead_id, []).append(grant)
    desk.close()
    return given, desk.again


@dataclass(slots=True)
class _Desk:
    """The pools while they are held: their people, what they owe, and what they give now."""

    tenant: Tenant
    conn: Connection
    now: datetime
    credit: dict[str, dict[str, float]]
    members: dict[str, list[Member]] = field(default_factory=dict)
    everybody: list[PersonRow] | None = None
    again: dict[int, datetime] = field(default_factory=dict)  #: Lead → when to offer what nobody took.
    given: list[Given] = field(default_factory=list)  #: What is not recorded yet.

    def give(self, request: OwnerRequest, case: Case) -> Grant | None:
        """Who takes it; None where nobody can, the pool for that case included, or where the pool waits."""
        routing = self.tenant.plan.policy.routing
        assert routing is not None
        skipped: dict[str, str] = {}
        asked = [
            one
            for one in dict.fromkeys((request.pool, routing.nobody_free))
            if one is not None and one in routing.pools
        ]
        opening: list[datetime] = []
        colleague = self._colleague(request, case)
        if colleague is not None:
            request = replace(request, prefer=colleague)
        for pool in asked:
            choice = self._choose(pool, request)
            skipped |= choice.skipped
            if choice.person is None:
                begins = opens_at(self._members(pool), choice)
                if begins is None:
                    continue
                opening.append(begins)
                if routing.pools[pool].outside_hours == WAIT:
                    break
                continue
            grant = Grant(
                request=request.key.text(),
                pool=pool,
                owner_of=request.owner_of,
                person=choice.person,
                granted_at=self.now,
            )
            why = choice.why if pool == request.pool else "nobody_free"
            if why == STICKY and choice.person == colleague:
                why = SAME_COMPANY
            self.given.append(
                Given(lead_id=case.row.id, grant=grant, asked_pool=request.pool, why=why, skipped=skipped)
            )
            return grant
        self._offer_again(case.row.id, opening, skipped)
        return None

    def _offer_again(self, lead_id: int, opening: Sequence[datetime], skipped: Mapping[str, str]) -> None:
        """When somebody's hours begin; soon where others may be back, or have room, any moment."""
        soon = self.now + RETRY_UNROUTED
        hangs_on_hours = opening and not {ABSENT, FULL} & set(skipped.values())
        at = min(opening) if hangs_on_hours else soon
        self.again[lead_id] = min(at, self.again.get(lead_id, at))

    def close(self) -> None:
        """Remember what was given, and what the pools owe now."""
        self._record()
        people.put_credit(self.conn, self.credit)

    def _record(self) -> None:
        people.keep_grants(self.conn, self.tenant.installation_id, self.given)
        self.given.clear()

    def _colleague(self, request: OwnerRequest, case: Case) -> str | None:
        """Who has the other people of the company, where the policy prefers them and nobody is preferred already."""
        routing = self.tenant.plan.policy.routing
        assert routing is not None
        dialect = case.binding.dialect
        company_id = case.binding.company_of(case.person)
        moves = request.task is not None or request.key.cause in (Cause.CLOCK.value, Cause.PERSON.value)
        if not routing.keep_same_company or request.prefer is not None or not company_id or moves:
            return None
        self._record()  # the company's people may have been given to somebody just now
        able = [one.person for one in self._members(request.pool) if one.person != request.avoid]
        if request.owner_of == LEAD and (holder := self._holder(case, company_id)) in able:
            return holder
        return people.company_owner(
            self.conn,
            case.connection_id,
            lead_id=case.row.id,
            company_id=company_id,
            owner_of=request.owner_of,
            person_type=dialect.person_type,
            owner_property=dialect.owner_property,
            people={own: one for one in able if (own := case.binding.own_person(one)) is not None},
        )

    def _holder(self, case: Case, company_id: str) -> str | None:
        """Whose the company itself is: by what a pool gave, else as its record shows."""
        dialect = case.binding.dialect
        given = people.company_grant(
            self.conn,
            case.connection_id,
            company_id,
            person_type=dialect.person_type,
        )
        record = case.company
        shown = record.properties.get(dialect.owner_property) if record is not None else None
        return given or (case.binding.canonical_person(shown) if shown else None)

    def _choose(self, pool: str, request: OwnerRequest) -> Choice:
        members, turns = self._members(pool), _turns(pool, request.owner_of)
        if request.task is not None:  # a capacity counts leads
            asked = [replace(one, capacity=None) for one in members]
            choice, self.credit[turns] = choose(request, asked, self.credit.get(turns, {}))
            return choice
        choice, self.credit[turns] = choose(request, members, self.credit.get(turns, {}))
        if choice.person is not None and request.owner_of != COMPANY:
            self.members[pool] = [
                replace(one, load=one.load + 1, taken=one.taken + 1) if one.person == choice.person else one
                for one in members
            ]
        return choice

    def _members(self, pool: str) -> list[Member]:
        if pool not in self.members:
            routing = self.tenant.plan.policy.routing
            assert routing is not None
            self._record()  # what was given counts as what is carried
            if self.everybody is None:
                self.everybody = everybody_of(self.tenant, self.conn, self.now)
            self.members[pool] = members_of(self.tenant, self.conn, routing.pools[pool], self.everybody, self.now)
        return self.members[pool]


def _turns(pool: str, owner_of: str) -> str:
    """Under which name a pool's turns are counted: tasks take no turn from leads."""
    return f"{pool}:{TASK}" if owner_of == TASK else pool


def members_of(
    tenant: Tenant, conn: Connection, pool: Pool, everybody: Sequence[PersonRow], now: datetime
) -> list[Member]:
    """The people of a pool with what they carry now."""
    rows = [one for one in everybody if one.is_in(pool.members)]
    routing, capacity = tenant.plan.policy.routing, pool.capacity
    taken = people.taken(conn, pool.id, period_start(tenant, capacity.per, now)) if capacity is not None else {}
    load = people.loads(conn, [one.person for one in rows], stages=open_stages(tenant), now=now)
    return [
        Member(
            person=one.person,
            weight=one.weight,
            active=one.active,
            absent=one.absent and (routing is None or routing.absent_skip),
            opens_at=_opens_at(tenant, pool, one, now),
            load=load.get(one.person, 0),
            taken=taken.get(one.person, 0),
            capacity=one.capacity if one.capacity is not None else capacity.most if capacity is not None else None,
        )
        for one in rows
    ]


def _opens_at(tenant: Tenant, pool: Pool, one: PersonRow, now: datetime) -> datetime | None:
    """When this person's working hours begin again; None: they work now, or the pool does not ask."""
    if pool.outside_hours is None:
        return None
    policy = tenant.plan.policy
    calendar = policy.calendars.get(one.calendar or "") or pool.calendar or policy.calendar
    return None if calendar.is_open(now) else calendar.next_open(now)


def open_stages(tenant: Tenant) -> list[str]:
    """The stages in which a lead counts as open: past the first and before the last, side stages left aside."""
    return [stage.id for stage in tenant.plan.policy.stages.values() if not stage.side][1:-1]


def period_start(tenant: Tenant, per: str, now: datetime) -> datetime:
    """The beginning of the day, week (Monday) or month that `now` lies in, by the policy's zone."""
    today = now.astimezone(tenant.plan.policy.zone).date()
    first = {"day": today, "week": today - timedelta(days=today.weekday())}.get(per, today.replace(day=1))
    return datetime.combine(first, time(), tenant.plan.policy.zone).astimezone(UTC)
