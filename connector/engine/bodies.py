"""How computed fields and scores are written as Python: lines that work a value out and leave it in a variable.

`program.py` makes a function of each, for whoever asks for one value, and of all of them together (`everything`), for
an evaluation, which asks for all. Lines that are `noted` also say which rules bear on the lead: they add the ids of
those that give points or decide a value to the list `borne`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import floor
from typing import Any

from connector.domain.value import Truth
from connector.engine import scoring
from connector.engine.fading import left_of, limited
from connector.engine.makers import DEAL, SCORE
from connector.engine.scoring import ScoreResult
from connector.engine.view import LeadView
from connector.policy.conditions import Key, answer
from connector.policy.generated import Answers, Scope
from connector.policy.model import Decay, FieldDef, FieldType, Policy, ScoreDef, ScoreRule

NAMES: Mapping[str, Any] = {
    "nothing": LeadView.nothing,
    "left_of": left_of,
    "countable": scoring.countable,
    "floor": floor,
    "new": tuple.__new__,
    "ScoreResult": ScoreResult,
}
"""What the lines call."""


# ── computed fields ──────────────────────────────────────────────────────────────────────────────────────────────
def field(scope: Scope, definition: FieldDef, to: str, *, noted: bool = False) -> list[str]:
    """The value of a computed field: that of the first rule that holds, or of all of them."""
    read = {one for rule in definition.rules if rule.when for one in rule.when.names}
    is_certain = all(one.startswith("signal.") for one in read)  # counts are never unknown
    nothing = f"{to} = BLANK" if is_certain else f"{to} = nothing(view, {scope.bind(definition)})"
    if definition.type is FieldType.CHOICES:
        return _all_that_hold(scope, definition, to, nothing, noted=noted)
    lines: list[str] = []
    for rule in definition.rules:
        value = repr(rule.value) if isinstance(rule.value, str) else scope.bind(rule.value)
        act = [f"{to} = {value}", *_note(rule.id, noted)]
        if rule.when is None:
            return [*lines, "else:", *_inside(act)] if lines else act
        lines += [f"{'elif' if lines else 'if'} {rule.when.holds(scope)}:", *_inside(act)]
    return [*lines, "else:", f"    {nothing}"] if lines else [nothing]


def _all_that_hold(scope: Scope, definition: FieldDef, to: str, nothing: str, *, noted: bool) -> list[str]:
    lines = ["found = []"]
    for rule in definition.rules:
        act = [f"found.append({str(rule.value)!r})", *_note(rule.id, noted)]
        lines += act if rule.when is None else [f"if {rule.when.holds(scope)}:", *_inside(act)]
    return [*lines, "if found:", f"    {to} = frozenset(found)", "else:", f"    {nothing}"]


def _note(rule_id: str, noted: bool) -> list[str]:
    return [f"borne.append({rule_id!r})"] if noted else []


def _inside(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


# ── scores ───────────────────────────────────────────────────────────────────────────────────────────────────────
def score(scope: Scope, definition: ScoreDef, to: str, *, noted: bool = False) -> list[str]:
    """The `ScoreResult` of a score."""
    if all(rule.signal is None for rule in definition.rules):
        return _of_facts(scope, definition, to, noted=noted)
    if any(rule.signal is None for rule in definition.rules):
        return _of_signals(scope, definition, to, noted=noted)
    inner, nothing = scope.inner(), ScoreResult(limited(definition, 0.0), 0.0, ())
    lines = _of_signals(inner, definition, to, noted=noted)
    return ["if view.moments:", *_inside((*inner.loads, *lines)), "else:", f"    {to} = {scope.bind(nothing)}"]


def _of_facts(scope: Scope, definition: ScoreDef, to: str, *, noted: bool) -> list[str]:
    """A score of facts alone: which rules hold decides it."""
    tables: dict[tuple[str, Key], list[tuple[int, Callable[[Any], Truth]]]] = {}
    always, others = 0, list[str]()
    for place, rule in enumerate(definition.rules):
        if rule.when is None:
            always |= 1 << place
        elif rule.when.key is not None:
            (name,) = rule.when.names
            tables.setdefault((name, rule.when.key), []).append((1 << place, answer(rule.when)))
        else:
            others += [f"if {rule.when.holds(scope)}:", f"    mask |= {1 << place}"]
    looked_up = [_looked_up(scope, name, key, asked) for (name, key), asked in tables.items()]
    if always or not looked_up:
        looked_up.append(str(always))
    return [f"mask = {' | '.join(looked_up)}", *others, *_of_mask(scope, definition, to, noted=noted)]


def _of_mask(scope: Scope, definition: ScoreDef, to: str, *, noted: bool) -> Iterator[str]:
    """Which rules hold → the result: looked up whole where the rules are few, else put together of their stretches."""
    rules = definition.rules
    if len(rules) <= scoring.AT_ONCE:
        yield f"{to} = {scope.bind(scoring.Results(definition))}[mask]"
        if noted:
            yield f"borne += {scope.bind(scoring.RuleIds(rules))}[mask]"
        return
    points, parts = [], []
    for place, (first, some) in enumerate(scoring.stretches(rules)):
        bits = f"{f'mask >> {first}' if first else 'mask'} & {(1 << len(some)) - 1}"
        yield f"points{place}, parts{place} = {scope.bind(scoring.Shares(some))}[{bits}]"
        if noted:
            yield f"borne += {scope.bind(scoring.RuleIds(some))}[{bits}]"
        points.append(f"points{place}")
        parts.append(f"parts{place}")
    yield f"points = basis = {' + '.join(points)}"
    yield from _limits(definition, "points")
    yield f"{to} = new(ScoreResult, (points, basis, {' + '.join(parts)}))"


def _looked_up(scope: Scope, name: str, key: Key, asked: Sequence[tuple[int, Callable[[Any], Truth]]]) -> str:
    if key is Key.DOMAIN:
        return f"{scope.bind(Answers(asked, prefix='@'))}[{scope.domain(name)}]"
    return f"{scope.bind(Answers(asked))}[{scope.value(name)}]"


def _of_signals(scope: Scope, definition: ScoreDef, to: str, *, noted: bool) -> list[str]:
    """A score of signals: what is left of each occurrence, rule by rule."""
    body = ["points = basis = 0.0", "found = []"]
    for rule in definition.rules:
        tests = [rule.when.holds(scope)] if rule.when is not None else []
        if rule.signal is not None:
            times = scope.times(rule.signal)
            body.append(f"if {' and '.join([times, *tests])}:")
            body += _inside((*_of_signal(scope, definition, rule, times), *_note(rule.id, noted)))
        else:
            full = scope.bind((rule, rule.points, ()))
            lines = [f"points += {rule.points!r}", f"basis += {rule.points!r}", f"found.append({full})"]
            lines += _note(rule.id, noted)
            body += [f"if {' and '.join(tests)}:", *_inside(lines)] if tests else lines
    made = f"{to} = new(ScoreResult, (points, basis, tuple(found)))"
    return [*body, *_limits(definition, "points"), made]


def _of_signal(scope: Scope, definition: ScoreDef, rule: ScoreRule, times: str) -> Iterator[str]:
    at = times
    if rule.times is not None:
        at, few = "at", f"countable({times}, {rule.times}, {scope.bind(rule.within)})"
        yield f"at = {times} if len({times}) <= {rule.times} else {few}"
    yield from _left(scope, definition.decay, at)
    yield f"left *= {rule.points!r}"
    yield "points += left"
    yield f"basis += {rule.points!r} * len({at})"
    yield f"found.append(({scope.bind(rule)}, left, {at}))"


def _left(scope: Scope, decay: Decay | None, at: str) -> Iterator[str]:
    """What is left of these occurrences, as `fading.left_of` says; the usual case without a call."""
    if decay is None:
        yield f"left = len({at})"
    elif decay.half_life is None:
        yield f"left = left_of({scope.bind(decay)}, {at}, {scope.now()})"
    else:
        yield "left = 0.0"
        yield f"for moment in {at}:"
        yield f"    left += 0.5 ** (({scope.now()} - moment).total_seconds() / {decay.half_life.total_seconds()!r})"


def _limits(definition: ScoreDef, value: str) -> Iterator[str]:
    """As `fading.limited` does."""
    if definition.cap is not None:
        yield from (f"if {value} > {definition.cap!r}:", f"    {value} = {definition.cap!r}")
    if definition.floor is not None:
        yield from (f"if {value} < {definition.floor!r}:", f"    {value} = {definition.floor!r}")


# ── everything ───────────────────────────────────────────────────────────────────────────────────────────────────
def everything(scope: Scope, policy: Policy, slots: Mapping[str, int], *, noted: bool = False) -> list[str]:
    """Each value that rules work out, left in its place in `view.values`, and the scores in all their forms.

    What one reads of another is that one's variable. What a person has written over a value is not looked at: for
    such a lead the values are worked out one by one.
    """
    values, lines = scope.values(), list[str]()
    for name in _in_order(policy):
        slot = slots[name]
        value = f"y{slot}"
        if name in policy.fields:
            body = field(scope, policy.fields[name], value, noted=noted)
        else:
            exact = f"e{slot}"
            body = [*_exact(scope, policy, slots, name, exact, noted=noted), f"{value} = float(floor({exact} + 0.5))"]
        lines += [*scope.take_loads(), *body, f"{values}[{slot}] = {value}"]
        scope.settled(name, value, is_number=name.startswith(SCORE))
    return [*lines, *_results(policy, slots), *(() if noted else _sums(policy, slots))]


def survey(scope: Scope, policy: Policy, slots: Mapping[str, int]) -> list[str]:
    """Everything, and the ids of the rules that bear on the lead: those that give points, those that decide a value,
    and those that would act if their event came, since their `when` holds.
    """
    routes = policy.routing.rules if policy.routing is not None else ()
    waiting = [*((one.id, one.when) for one in policy.rules), *((one.id, one.when) for one in routes)]
    always = scope.bind(tuple(rule_id for rule_id, when in waiting if when is None))
    lines = [f"borne = [*{always}]", *everything(scope, policy, slots, noted=True)]
    for definition in policy.computed:
        if definition.name.startswith(DEAL):
            body = field(scope, definition, "value", noted=True)
            lines += [*scope.take_loads(), *body]
    for rule_id, when in waiting:
        if when is not None:
            test = f"if {when.holds(scope)}:"
            lines += [*scope.take_loads(), test, *_inside(_note(rule_id, noted=True))]
    return [*lines, "return borne"]


def _exact(scope: Scope, policy: Policy, slots: Mapping[str, int], name: str, to: str, *, noted: bool) -> list[str]:
    """A score with its fractions; for one that is no sum, its result stays in `r…` too."""
    bare = name.removeprefix(SCORE)
    if bare not in policy.scores:
        return [f"{to} = float({' + '.join([f'e{slots[SCORE + part]}' for part in policy.total])})"]
    result = f"r{slots[name]}"
    return [*score(scope, policy.scores[bare], result, noted=noted), f"{to} = float({result}[0])"]


def _results(policy: Policy, slots: Mapping[str, int]) -> Iterator[str]:
    yield f"view.results = {_mapping({key: f'r{slots[SCORE + key]}' for key in policy.scores})}"


def _sums(policy: Policy, slots: Mapping[str, int]) -> Iterator[str]:
    """What an evaluation asks of scores beside; a survey of a base does not."""
    parts = {key: slots[SCORE + key] for key in policy.scores}
    every = {**parts, "total": slots[f"{SCORE}total"]} if policy.total else parts
    bases = {key: f"r{slot}[1]" for key, slot in parts.items()}
    if policy.total:
        bases["total"] = " + ".join([bases[part] for part in policy.total])
    yield f"view.exact_scores = {_mapping({key: f'e{slot}' for key, slot in every.items()})}"
    yield f"view.whole_scores = {_mapping({key: f'y{slot}' for key, slot in every.items()})}"
    yield f"view.score_bases = {_mapping(bases)}"


def _mapping(entries: Mapping[str, str]) -> str:
    return "{" + ", ".join([f"{key!r}: {value}" for key, value in entries.items()]) + "}"


def _in_order(policy: Policy) -> Iterator[str]:
    """The computed fields and scores, each after those that it reads. A deal's hang on more than rules."""
    fields = [one.name for one in policy.computed if not one.name.startswith(DEAL)]
    waiting = dict.fromkeys([*fields, *(SCORE + key for key in policy.scores)])
    if policy.total:
        waiting[f"{SCORE}total"] = None
    while waiting:
        ready = [name for name in waiting if waiting.keys().isdisjoint(_read(policy, name) - {name})]
        for name in ready or list(waiting):  # the loader refuses cycles
            del waiting[name]
            yield name


def _read(policy: Policy, name: str) -> frozenset[str]:
    if name == f"{SCORE}total":
        return frozenset(SCORE + part for part in policy.total)
    rules: Sequence[Any] = (
        policy.fields[name].rules if name in policy.fields else policy.scores[name.removeprefix(SCORE)].rules
    )
    return frozenset[str]().union(*(rule.when.names for rule in rules if rule.when is not None))
