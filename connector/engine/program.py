"""A policy as Python: a function for each computed field and each score, for the ways out of each stage, for what is
watched. Written once for each policy version from its conditions (`policy/generated.py`); `Program.source` shows it:

    # fit
    def score_0(view):
        v = view.values
        x1 = v[7]
        n2 = x1 if x1.__class__ is not Missing else NAN
        x3 = v[3]
        mask = k0[x3]
        if 100 <= n2 <= 5000:
            mask |= 1
        result = k1[mask]
        return result

What a lead's view holds by name stands in the list `values`: first the facts that the policy reads, then what is
worked out of them, last what hangs on the stage entry too. A rule that asks for one text or choice alone is answered
by a table of that name's values (`k0`: value → the bits of the rules that it fires), for a score of facts alone so is
the whole result (`k1`): the list of rules that fired costs nothing. Of more than a dozen rules, any of which may hold
beside any other, each stretch has such a table of its own, and the result is put together of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from connector.domain.lead import FieldFact
from connector.domain.value import UNREAD, Truth, Value
from connector.engine import bodies, pipeline
from connector.engine.gates import gaps_of
from connector.engine.makers import DEAL, SCORE, Maker, maker, of_this_round
from connector.engine.scoring import ScoreResult
from connector.engine.view import LeadView
from connector.policy.conditions import Condition, Turns
from connector.policy.generated import NEVER, Module, Scope
from connector.policy.model import FieldDef, Gate, Policy, ScoreDef, Transition

if TYPE_CHECKING:
    from connector.engine.plan import Plan

LASTING_SHOWS = ("last_contact",)
"""What a field can show that does not hang on the stage entry; for all else that is not known here it is assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What runs when a lead is evaluated under one policy.

    `read` makes a view's `values` of a lead's fields. `slots` says where each name stands there, `makers` how the value
    is worked out (none for plain facts). What stands before `lasting` is the same in every stage, as are
    `lasting_scores`; but a deal may belong to an earlier round of the lead's, so that `deal_facts` are read anew for
    each entry. `others` keeps how names without a slot are worked out.
    """

    read: Callable[[Mapping[str, FieldFact]], list[Value | None]]
    fact_names: Sequence[str]
    slots: Mapping[str, int]
    makers: Sequence[Maker]
    lasting: int
    deal_facts: Sequence[tuple[str, int]]
    passing: Sequence[None]
    scores: Mapping[str, Callable[[LeadView], ScoreResult]]
    lasting_scores: frozenset[str]
    ways_out: Mapping[str, Callable[[LeadView], list[Transition]]]
    turns: Mapping[str | None, Callable[[LeadView, Turns], None]]
    turns_never: Callable[[LeadView, Turns], None]
    watched: Callable[[LeadView], tuple[Truth, ...]]
    settle: Callable[[LeadView], None]
    survey: Callable[[LeadView], list[str]]
    gaps: Mapping[str, Callable[[LeadView], int]]
    others: dict[str, Maker]
    source: str


def write(plan: Plan) -> Program:
    """Write and compile the program of a policy."""
    return _Writer(plan).program()


class SlotScope(Scope):
    """Names are loaded from a view's `values`, and worked out where that has not been done yet."""

    def __init__(
        self,
        module: Module,
        slots: Mapping[str, int],
        facts: int,
        fading: frozenset[str],
        makers: Mapping[str, Maker] | None = None,
    ) -> None:
        """`makers`: how names are worked out that no rule decides, for a function of leads on which nobody has written
        over a value.
        """
        super().__init__(module)
        self._makers = makers or {}
        self._slots = slots
        self._facts = facts
        self._fading = fading  # the scores that time alone can move at all

    def load_value(self, name: str, to: str) -> Iterator[str]:
        """See `Scope.load_value`."""
        slot = self._slots.get(name)
        if slot is None:
            yield from super().load_value(name, to)
            return
        values = self.values()
        yield f"{to} = {values}[{slot}]"
        if slot >= self._facts:
            made = self._makers.get(name)
            yield f"if {to} is None:"
            yield f"    {to} = " + (f"{values}[{slot}] = {self.bind(made)}(view)" if made else f"make(view, {slot})")

    def fades(self, score: str) -> str:
        """See `Scope.fades`."""
        return super().fades(score) if score in self._fading else NEVER

    def load_times(self, signal: str, to: str) -> Iterator[str]:
        """See `Scope.load_times`."""
        moments = self.once("moments", "", "moments", lambda _, to: [f"{to} = view.moments"])
        yield f"{to} = {moments}.get({signal!r}, ())"


class _Writer:
    """Writes the functions of one policy."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._policy = plan, plan.policy
        self._module = Module()
        self._module.names |= {"make": LeadView.make, **bodies.NAMES}
        names = _names(plan)
        self._passing = _passing(self._policy, names)
        facts = [name for name in names if _is_fact(self._policy, name)]
        worked_out = [name for name in names if not _is_fact(self._policy, name)]
        worked_out.sort(key=lambda name: name in self._passing)
        self._facts = facts
        self._slots = {name: slot for slot, name in enumerate((*facts, *worked_out))}
        computed = {one.name for one in self._policy.computed}
        self._plain = {
            name: maker(self._policy, name)
            for name in self._slots
            if name not in computed and not name.startswith(SCORE)
        }

    def program(self) -> Program:
        """Write everything."""
        policy, slots = self._policy, self._slots
        fields = {one.name: self._field(number, one) for number, one in enumerate(policy.computed)}
        scores = {one.id: self._score(number, one) for number, one in enumerate(policy.scores.values())}
        ways = {stage: self._ways_out(number, stage) for number, stage in enumerate(policy.stages)}
        turns = {stage: self._turns(f"turns_{number}", of) for number, (stage, of) in enumerate(self._turning())}
        self._turns("turns_never", self._plan.turning_never)
        self._watched()
        self._settle()
        self._survey()
        self._read()
        gaps = {gate.id: self._gaps(number, gate) for number, gate in enumerate(policy.gates.values())}
        functions = self._module.run()
        makers = [self._maker(name, functions, fields) for name in slots]
        lasting = sum(slot < len(self._facts) or name not in self._passing for name, slot in slots.items())
        return Program(
            read=functions["read"],
            fact_names=tuple(self._facts),
            slots=slots,
            makers=makers,
            lasting=lasting,
            deal_facts=[(name, slots[name]) for name in self._facts if name.startswith(DEAL)],
            passing=(None,) * (len(slots) - lasting),
            scores={key: functions[name] for key, name in scores.items()},
            lasting_scores=frozenset(key for key in policy.scores if SCORE + key not in self._passing),
            ways_out={stage: functions[name] for stage, name in ways.items()},
            turns={stage: functions[name] for stage, name in turns.items()},
            turns_never=functions["turns_never"],
            watched=functions["watched"],
            settle=functions["settle"],
            survey=functions["survey"],
            gaps={key: functions[name] for key, name in gaps.items()},
            others={},
            source="\n".join(self._module.source),
        )

    def _maker(self, name: str, functions: Mapping[str, Any], fields: Mapping[str, str]) -> Maker:
        if name in fields:
            made: Maker = functions[fields[name]]
            return of_this_round(made) if name.startswith(DEAL) else made
        if name.startswith(SCORE):
            score = name.removeprefix(SCORE)
            return lambda view: view.whole(score)
        return self._plain[name]

    def _scope(self, makers: Mapping[str, Maker] | None = None) -> SlotScope:
        fading = frozenset(SCORE + name for name in self._plan.fading_names)
        return SlotScope(self._module, self._slots, len(self._facts), fading, makers)

    def _field(self, number: int, definition: FieldDef) -> str:
        scope, name = self._scope(), f"field_{number}"
        body = bodies.field(scope, definition, "value")
        self._module.define(name, scope, [*body, "return value"], definition.name)
        return name

    def _score(self, number: int, definition: ScoreDef) -> str:
        scope, name = self._scope(), f"score_{number}"
        body = bodies.score(scope, definition, "result")
        self._module.define(name, scope, [*body, "return result"], definition.id)
        return name

    def _read(self) -> None:
        """What a view's `values` begin with: the facts, and room for all that is worked out."""
        empty = (None,) * (len(self._slots) - len(self._facts))
        values = [f"        fields[{name!r}].value," for name in self._facts]
        known = ["    return [", *values, f"        *{self._module.bind(empty)},", "    ]"]
        some = f"    return {self._module.bind(_some(self._facts, empty))}(fields)"
        lines = ["try:", *known, "except KeyError:  # some have not been read", some]
        self._module.define("read", Scope(self._module), lines, "the values of a lead", given="fields")

    def _settle(self) -> None:
        """Everything that rules work out, at once: what a whole evaluation asks for anyway."""
        scope = self._scope(self._plain)
        body = bodies.everything(scope, self._policy, self._slots)
        self._module.define("settle", scope, body, "everything at once")

    def _survey(self) -> None:
        """The same, and the ids of the rules that bear on a lead on which nobody has written over a value."""
        scope = self._scope(self._plain)
        body = bodies.survey(scope, self._policy, self._slots)
        self._module.define("survey", scope, body, "everything, and what bears on it")

    def _ways_out(self, number: int, stage: str) -> str:
        """The transitions out of a stage whose condition holds, in file order."""
        scope, name = self._scope(), f"ways_out_{number}"
        body = ["found = []"]
        for one in self._plan.from_stage[stage]:
            body += [f"if {one.when.holds(scope)}:", f"    found.append({scope.bind(one)})"]
        self._module.define(name, scope, [*body, "return found"], stage)
        return name

    def _turning(self) -> Iterator[tuple[str | None, Sequence[Condition]]]:
        yield from self._plan.turning.items()

    def _turns(self, name: str, conditions: Sequence[Condition]) -> str:
        """Asks those conditions when they turn that may do so before everything that is known to come."""
        scope = self._scope()
        body = ["limit = soonest.limit"]
        for one in conditions:
            if (may_turn := one.may_turn(scope)) != NEVER:
                body += [f"if {may_turn}:", f"    limit = {one.tells(scope)}"]
        self._module.define(name, scope, body, given="view, soonest")
        return name

    def _watched(self) -> None:
        """The truth of every condition that is watched, in the order of `Plan.watched_conditions`."""
        scope = self._scope()
        body = [
            f"    True if {when.holds(scope)} else False if {when.fails(scope)} else None,"
            for watch in self._plan.watched_conditions
            if (when := watch.event.condition) is not None
        ]
        self._module.define("watched", scope, ["return (", *body, ")"])

    def _gaps(self, number: int, gate: Gate) -> str:
        """What a gate finds blank, as bits in the order of `gates.gaps_of`."""
        scope, name = self._scope(), f"gaps_{number}"
        body = ["gaps = 0"]
        for place, group in enumerate(gaps_of(gate)):
            blank = " and ".join([f"{scope.value(one)} is BLANK" for one in group])
            body += [f"if {blank}:", f"    gaps |= {1 << place}"]
        self._module.define(name, scope, [*body, "return gaps"], gate.id)
        return name


def _names(plan: Plan) -> list[str]:
    """Every name but signals that conditions of the policy read, and everything that the policy works out."""
    policy = plan.policy
    found: dict[str, None] = {}
    for condition in _conditions(plan):
        found |= dict.fromkeys(name for name in sorted(condition.names) if not name.startswith("signal."))
    for gate in policy.gates.values():
        found |= dict.fromkeys(name for group in gaps_of(gate) for name in group)
    if policy.pipeline is not None:
        found |= dict.fromkeys(name for stage in policy.pipeline.stages.values() for name in stage.required)
        found |= dict.fromkeys(name for also in policy.pipeline.also for name in also.required)
    found |= dict.fromkeys(
        watch.event.name for watch in plan.watched_dates if watch.event.name in policy.fields and watch.event.name
    )
    found |= dict.fromkeys(definition.name for definition in (*policy.computed, *plan.shown))
    found |= dict.fromkeys(SCORE + key for key in policy.scores)
    if policy.total:
        found[f"{SCORE}total"] = None
    return list(found)


def _conditions(plan: Plan) -> Iterator[Condition]:
    policy = plan.policy
    yield from plan.standing_conditions
    yield from (one.when for one in policy.transitions)
    yield from (one.when for one in policy.rules if one.when is not None)
    routes = policy.routing.rules if policy.routing is not None else ()
    yield from (one.when for one in routes if one.when is not None)


def _is_fact(policy: Policy, name: str) -> bool:
    """True for a field that is read as it stands."""
    definition = policy.fields.get(name)
    if definition is None:
        return name == pipeline.STAGE
    return not (definition.rules or definition.answer or definition.shows is not None)


def _passing(policy: Policy, names: Sequence[str]) -> frozenset[str]:
    """The names whose value hangs on the stage entry, however indirectly."""
    found = {name for name in names if _hangs_on_entry(policy, name)}
    while more := {name for name in names if name not in found and _reads(policy, name, found)}:
        found |= more
    return frozenset(found)


def _hangs_on_entry(policy: Policy, name: str) -> bool:
    if name.startswith(DEAL):
        return True  # it may belong to a round that is over
    if _is_fact(policy, name) or name.startswith(SCORE):
        return False
    definition = policy.fields.get(name)
    if definition is None:
        return True  # built in: the stage, what the gates say, …
    return not definition.rules and definition.shows not in LASTING_SHOWS


def _reads(policy: Policy, name: str, found: set[str]) -> bool:
    """True when a computed field or score reads one of these, or looks at the entry itself."""
    if name == f"{SCORE}total":
        return any(SCORE + part in found for part in policy.total)
    definition = policy.fields.get(name)
    score = policy.scores.get(name.removeprefix(SCORE)) if name.startswith(SCORE) else None
    rules: Sequence[Any] = definition.rules if definition else score.rules if score else ()
    return any(
        rule.when is not None and (rule.when.stage_bound or not rule.when.names.isdisjoint(found)) for rule in rules
    )


def _some(names: Sequence[str], empty: Sequence[None]) -> Callable[[Mapping[str, FieldFact]], list[Value | None]]:
    """A function that lists the values of these fields, some of which have not been read; then what is `empty`."""
    value_of, unread = attrgetter("value"), (FieldFact(value=UNREAD),) * len(names)
    return lambda fields: [*map(value_of, map(fields.get, names, unread)), *empty]
