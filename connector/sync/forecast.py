"""What a policy would do to the base if it were activated now. Reads only; nothing is written.

Every lead is decided under the new policy exactly as its activation would (`decide`, quiet for what is old), and the
result is held against what stands. The work is cut into shards of lead ids, which may run in processes of their own:
their tallies add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.domain.decision import Decision
from connector.domain.effects import WorkState
from connector.domain.state import LeadState
from connector.domain.value import UNREAD, Value, is_known
from connector.engine import tally
from connector.engine.decide import weighed
from connector.engine.passing import Left, as_met, leave
from connector.engine.plan import Plan
from connector.engine.versions import Alike
from connector.store.database import Connection, Database
from connector.store.shown import Stretch
from connector.sync.binding import Binding
from connector.sync.cases import Case, load_cases
from connector.sync.difference import left_to_write
from connector.sync.resting import resting
from connector.sync.shown import Showing, Unshown

SLICE = 2000
"""Leads that are held in memory at a time."""

FEW = 250
"""So many leads are waited for before they are decided together: what a slice costs by itself is shared by them."""

EXAMPLES = 5
"""Leads that are named for each kind of change."""

NONE = "—"
MOVED = " → "
"""Between the ids of where a lead stands and where it would stand."""

_PLANNED_ONCE = "SET LOCAL plan_cache_mode = force_generic_plan"
"""Each statement goes by its index, whatever ids it is given: to plan it anew for a thousand of them takes the database
a tenth of its time.
"""


@dataclass(slots=True)
class Forecast:
    """What would change, counted. Keys of moves are `from → to` in ids; `examples` names a few leads for each."""

    leads: int = 0
    changed: int = 0
    passing: Counter[str] = field(default_factory=Counter)  #: leads that pass from one policy to another
    stages: Counter[str] = field(default_factory=Counter)
    ratings: dict[str, Counter[str]] = field(default_factory=dict)
    scores: Counter[str] = field(default_factory=Counter)  #: score id → leads whose published value moves
    owners: Counter[str] = field(default_factory=Counter)  #: pools that would be asked
    tasks: Counter[str] = field(default_factory=Counter)  #: `opened` and `closed`, by rule: `closed mql_call`
    clocks: Counter[str] = field(default_factory=Counter)  #: running clocks by id
    rules: Counter[str] = field(default_factory=Counter)  #: rule id → leads that it bears on
    properties: Counter[str] = field(default_factory=Counter)  #: vendor property → records that it would be written on
    records: int = 0  #: records with at least one property to write
    task_writes: int = 0
    failures: int = 0  #: leads that cannot be decided
    examples: dict[str, list[int]] = field(default_factory=dict)

    def add(self, other: Forecast) -> None:
        """Take in another shard's tally."""
        for name in ("leads", "changed", "records", "task_writes", "failures"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("stages", "passing", "scores", "owners", "tasks", "clocks", "rules", "properties"):
            getattr(self, name).update(getattr(other, name))
        for rating, moves in other.ratings.items():
            self.ratings.setdefault(rating, Counter()).update(moves)
        for what, leads in other.examples.items():
            known = self.examples.setdefault(what, [])
            known += leads[: EXAMPLES - len(known)]

    def note(self, what: str, lead_id: int) -> None:
        """Remember a lead as an example of a change."""
        known = self.examples.setdefault(what, [])
        if len(known) < EXAMPLES:
            known.append(lead_id)

    def calls(self, batch: int) -> dict[str, int]:
        """The least calls to the vendor, by kind: `batch` records go in one."""
        return {"update": -(-self.records // batch), "tasks": -(-self.task_writes // batch)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The leads whose id is more than `after` and at most `last`."""

    after: int
    last: int


def shards(conn: Connection, count: int) -> list[Shard]:
    """The base in about so many pieces of like size; none where there is no lead."""
    row = conn.execute("SELECT min(id) AS first, max(id) AS last FROM lead WHERE gone IS NULL").fetchone()
    if row is None or row["first"] is None:
        return []
    first, last = int(row["first"]) - 1, int(row["last"])
    size = max(1, -(-(last - first) // count))
    return [Shard(after=at, last=min(at + size, last)) for at in range(first, last, size)]


def forecast(
    database: Database,
    installation_id: int,
    policies: Sequence[Mapping[int, Binding]],
    plan: Plan,
    now: datetime,
    shard: Shard,
    *,
    running: Running | None = None,
) -> Forecast:
    """Decide every lead of a shard as if `plan` were activated at `now`.

    `policies` are all that would run, in their order, each bound to the connections. A lead that stays under another
    of them is not decided: nothing changes for it. Nor is one that rests under the `running` version of the policy,
    where that is known to leave it alone as the new one does: both ways come to the same.
    """
    found, after = Forecast(), shard.after
    plans = {one.plan.policy.name: one.plan for bound in policies for one in bound.values()}
    alone = _Alone(running, found, now) if running is not None else None
    waiting: list[int] = []
    while True:
        with database.transaction(installation_id) as conn:
            conn.execute(_PLANNED_ONCE)
            ids = _next_ids(conn, shard, after)
            waiting += alone.others(conn, ids) if alone is not None and ids else ids
            is_time = len(waiting) >= FEW or not ids
            cases = load_cases(policies, conn, waiting, now=now, results=False) if is_time and waiting else {}
        if is_time:
            for case in cases.values():
                _weigh(found, plan, plans, case, now)
            waiting.clear()
        if not ids:
            return found
        after = ids[-1]


@dataclass(frozen=True, slots=True)
class Running:
    """The version that runs of the policy that is planned, where it runs alone, and on one CRM: that of the connection.

    `hash` names it; `alike` tells of a lead at rest, as `showing` shows it, whether the new version leaves it alone as
    well.
    `rules` are the work rules that differ.
    """

    hash: str
    connection_id: int
    showing: Showing  #: Keeps what it learns, from shard to shard.
    alike: Alike
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Alone:
    """Tells the leads of which nothing becomes, and counts them with the rules that bear on them."""

    running: Running
    found: Forecast
    now: datetime

    def others(self, conn: Connection, ids: Sequence[int]) -> list[int]:
        """Those of these leads that have to be decided; they are all that there are from the first to the last."""
        while True:
            try:
                return self._others(conn, ids)
            except Unshown:
                self.running.showing.learn()

    def _others(self, conn: Connection, ids: Sequence[int]) -> list[int]:
        running, borne, clocks = self.running, list[str](), Counter[str]()
        showing, plan = running.showing, running.showing.binding.plan
        left = set[int]()
        leads = Stretch(ids[0], ids[-1])
        seen = resting(
            conn, running.connection_id, showing, leads, under=running.hash, rules=running.rules, now=self.now
        )
        for lead_id, view in seen:
            bearing = tally.bearing(plan, view)
            if running.alike(view):
                left.add(lead_id)
                borne += bearing
                for clock, run in view.state.clocks.items():
                    clocks[clock] += run.running
        self.found.leads += len(left)
        self.found.rules.update(borne)
        self.found.clocks.update(clocks)
        return [one for one in ids if one not in left]


def _next_ids(conn: Connection, shard: Shard, after: int) -> Sequence[int]:
    rows = conn.execute(
        "SELECT id FROM lead WHERE id > %s AND id <= %s AND gone IS NULL ORDER BY id LIMIT %s",
        [after, shard.last, SLICE],
    ).fetchall()
    return [int(row["id"]) for row in rows]


def _weigh(found: Forecast, new: Plan, plans: Mapping[str, Plan], case: Case, now: datetime) -> None:
    found.leads += 1
    left = plans.get(case.row.policy or "") if case.passes else None
    if left is not None:
        found.passing[f"{case.row.policy} → {case.policy}"] += 1
        found.note(f"passing {case.row.policy} → {case.policy}", case.row.id)
    elif case.binding.plan is not new:
        return
    plan, state = case.binding.plan, case.state()
    if left is not None:
        ended = leave(left, case.lead(state), case.signals, state, now)
        state = ended.state
        _count_ended(found, ended, case.row.id)
    lead = case.lead(as_met(plan, state))
    try:
        decision, view = weighed(plan, lead, case.signals, state, now, since=now)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        found.failures += 1
        found.note("cannot be decided", lead.id)
        return
    changes = list(_changes(found, plan, state, decision))
    for what in changes:
        found.note(what, lead.id)
    found.changed += bool(changes) or left is not None
    found.rules.update(tally.bearing(plan, view) if plan is new else ())
    found.rules.update(entry.transition for entry in decision.entries if entry.transition is not None)
    _count_writes(found, case, decision, now)


def _count_ended(found: Forecast, ended: Left, lead_id: int) -> None:
    """What a policy has open for a lead that passes to another is closed."""
    for task in ended.tasks.values():
        word = "closed" if task.state is WorkState.CLOSED else "opened"
        found.tasks[f"{word} {task.key.rule}"] += 1
        found.note(f"task {word} {task.key.rule}", lead_id)
    found.task_writes += len(ended.tasks)


def _changes(found: Forecast, plan: Plan, state: LeadState, decision: Decision) -> Iterator[str]:
    """What is different, a word each, while it is counted."""
    after = decision.state
    before_stage, stage = _stage(state), _stage(after)
    if before_stage != stage:
        found.stages[f"{before_stage}{MOVED}{stage}"] += 1
        yield f"stage {before_stage} → {stage}"
    for rating in plan.ratings:
        old, new = _shown(state.ratings.get(rating)), _shown(after.ratings.get(rating))
        if old != new:
            found.ratings.setdefault(rating, Counter())[f"{old}{MOVED}{new}"] += 1
            yield f"{rating} {old} → {new}"
    for score, value in after.published.items():
        if state.published.get(score) != value:
            found.scores[score] += 1
    for request in decision.requests:
        found.owners[request.pool] += 1
        yield f"owner from {request.pool}"
    known = {task.key: task for task in state.tasks}
    for task in decision.tasks_changed:
        word = "opened" if task.key not in known else "closed" if task.state is WorkState.CLOSED else "changed"
        found.tasks[f"{word} {task.key.rule}"] += 1
        yield f"task {word} {task.key.rule}"
    for clock, run in after.clocks.items():
        found.clocks[clock] += run.running


def _stage(state: LeadState) -> str:
    return state.entry.stage if state.entry else NONE


def _shown(value: Value | None) -> str:
    return str(value) if value is not None and is_known(value) else NONE


def _count_writes(found: Forecast, case: Case, decision: Decision, now: datetime) -> None:
    """The properties that would be written; one that the account does not have yet will be blank, and is written."""
    desired = {**_agreed(case), **decision.desired} if case.elsewhere else decision.desired
    for one in case.all:
        wanted, properties = one.binding.project(desired, decision.stage_desired), one.person.properties
        names = {name for name in wanted.keys() - properties.keys() if wanted[name]}
        names.update(left_to_write(one.binding, one.person, wanted, dropped=one.dropped, now=now))
        found.properties.update(names)
        found.records += bool(names)
    found.task_writes += len(decision.tasks_changed)


def _agreed(case: Case) -> dict[str, Value]:
    """What one CRM shows and another does not, as far as it was read: what the policy newly maps may be blank there."""
    if case.merged is None:
        return {}
    unread = {name for name, shown in case.merged.shown.items() if any(one.value is UNREAD for one in shown.values())}
    filled = {name: case.merged.facts[name].value for name in unread}
    return {**{name: value for name, value in filled.items() if is_known(value)}, **case.merged.wanted}
