"""Runs the examples that stand beside a policy: given this lead and these signals, expect this. Pure.

`tasuki check` and every activation run them: an admin who changes a rule is told which promise it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from connector.domain.effects import Task
from connector.domain.lead import FieldFact
from connector.domain.state import LeadState, Mover, StageEntry
from connector.domain.value import BLANK, Value
from connector.engine.plan import Plan, prepare
from connector.engine.rehearsal import Rehearsal, RehearsalError, turns
from connector.policy.model import Example, Examples, Expected, ExpectedTask, Happening

_MOMENT = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One expectation that does not hold; `line` is its place in examples.yaml."""

    example: str
    line: int
    expected: str
    found: str

    def text(self, language: str) -> str:
        """One line for people."""
        if language == "ja":
            return f"{self.example}: {self.expected} のはずが、{self.found} です"
        return f"{self.example}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of all examples: those that hold, what fails, and the transitions that none of them exercised."""

    held: tuple[str, ...]
    failures: tuple[Failure, ...]
    unexercised: tuple[str, ...]


def run_examples(plan: Plan) -> Outcome:
    """Run every example of the policy; without examples every transition is unexercised.

    A trial is left aside: examples say what the rules do, not on whom they are tried.
    """
    examples = plan.policy.examples
    if plan.policy.trial is not None:
        plan = prepare(replace(plan.policy, trial=None))
    held: list[str] = []
    failures: list[Failure] = []
    exercised: set[str] = set()
    for example in examples.examples if examples is not None else ():
        assert examples is not None
        found, made = _run(plan, examples, example)
        exercised |= made
        failures += found
        if not found:
            held.append(example.id)
    left = tuple(one.id for one in plan.policy.transitions if one.id not in exercised)
    return Outcome(held=tuple(held), failures=tuple(failures), unexercised=left)


def _run(plan: Plan, examples: Examples, example: Example) -> tuple[list[Failure], set[str]]:
    failures: list[Failure] = []
    world = _world(plan, examples, example)
    try:
        for signal in example.signals:
            _signal(world, signal)
        world.look()
        if example.expect is not None:
            failures += _failures(world, example, example.expect)
        for happening, expected in example.then:
            world.now += _MOMENT
            failures += _happen(world, example, happening, expected)
            failures += _failures(world, example, expected)
    except RehearsalError as error:
        failures.append(Failure(example=example.id, line=example.line, expected="an end", found=str(error)))
    return failures, {entry.transition for entry in world.entries if entry.transition is not None}


def _world(plan: Plan, examples: Examples, example: Example) -> Rehearsal:
    """The lead as given: it stood in its stage before anything happened, and everything else about it is blank."""
    given, now = example.given, examples.now
    begun = [now - _age(one) for one in example.signals if one.ago is not None]
    entered_at = min([now - _MOMENT, *(moment - _MOMENT for moment in begun)])
    stage = given.stage or next(iter(plan.policy.stages), None)
    entry = (
        StageEntry(seq=1, stage=stage, entered_at=entered_at, mover=Mover.START, reason=given.reason)
        if stage is not None
        else None
    )
    answers = frozenset(plan.policy.answers)
    return Rehearsal(
        plan=plan,
        grant=turns(examples.people),
        now=now,
        since=entered_at - timedelta(days=3650),
        created_at=entered_at,
        owner=given.owner,
        fields={
            name: FieldFact(value=value, changed_at=now if name in answers else None)
            for name, value in given.fields.items()
        },
        state=LeadState(entry=entry, policy=plan.policy.hash),
    )


def _age(happening: Happening) -> timedelta:
    return happening.ago.plain if happening.ago is not None else timedelta()


# ── what happens ─────────────────────────────────────────────────────────────────────────────────────────────────
def _signal(world: Rehearsal, happening: Happening) -> None:
    if happening.at is not None and happening.at > world.now:
        world.pass_time(happening.at)
    at = happening.at or world.now - _age(happening)
    world.happens(happening.signal or "", at)


def _happen(world: Rehearsal, example: Example, happening: Happening, expected: Expected) -> Iterator[Failure]:
    if happening.wait is not None:
        world.pass_time(happening.wait.add(world.now, world.plan.policy.calendar))
        return
    if happening.signal is not None:
        world.happens(happening.signal, world.now)
    elif happening.done is not None:
        if not world.complete(happening.done):
            yield Failure(
                example=example.id, line=expected.line, expected=f"an open task of {happening.done}", found="none"
            )
    elif happening.moves is not None:
        world.moved(happening.moves)
    else:
        values: Mapping[str, Value] = dict(happening.sets)
        world.change(values)
    world.look()


# ── what is expected ─────────────────────────────────────────────────────────────────────────────────────────────
def _failures(world: Rehearsal, example: Example, expected: Expected) -> Iterator[Failure]:
    def failure(what: str, found: object) -> Failure:
        return Failure(example=example.id, line=expected.line, expected=what, found=str(found))

    view, entry = world.view, world.state.entry
    for name, condition in expected.values:
        if condition.test(view) is not True:
            value = view.value(name) if not name.startswith("signal.") else len(view.times(name[7:]))
            shown = "blank" if value is BLANK else value
            yield failure(condition.describe(world.plan.policy.language), shown)
    mover = None if entry is None else entry.transition or entry.mover.value
    if expected.by is not None and mover != expected.by:
        yield failure(f"by {expected.by}", mover)
    if expected.reason is not None and (entry is None or entry.reason != expected.reason):
        yield failure(f"reason {expected.reason}", entry.reason if entry else None)
    if expected.owner is not None and view.owner_now != expected.owner:
        yield failure(f"owner {expected.owner}", view.owner_now)
    undecided = {rule.id for score in world.plan.policy.scores for rule in view.undecided(score)}
    if not undecided.issuperset(expected.undecided):
        yield failure(f"undecided {', '.join(expected.undecided)}", ", ".join(sorted(undecided)) or "none")
    yield from _task_failures(world, expected, failure)
    if expected.notice is not None and all(one.key.rule != expected.notice for one in world.notices):
        yield failure(f"a notice of {expected.notice}", ", ".join(one.key.rule for one in world.notices) or "none")
    if expected.deal is not None and all(deal.stage != expected.deal for deal in world.state.deals):
        yield failure(f"a deal in {expected.deal}", ", ".join(deal.stage for deal in world.state.deals) or "none")


def _task_failures(
    world: Rehearsal, expected: Expected, failure: Callable[[str, object], Failure]
) -> Iterator[Failure]:
    tasks, zone = world.open_tasks, world.plan.policy.zone
    shown = "; ".join(_task_text(task, zone) for task in tasks) or "none"
    if expected.no_task and tasks:
        yield failure("no open task", shown)
    wanted = expected.task
    if wanted is not None and not any(_fits(task, wanted) for task in tasks):
        yield failure(f"a task {_wanted_text(wanted, zone)}", shown)


def _fits(task: Task, wanted: ExpectedTask) -> bool:
    return (
        wanted.kind in (None, task.kind)
        and (wanted.due is None or wanted.due <= task.due_at < wanted.due + _MINUTE)
        and wanted.owner in (None, task.owner)
        and wanted.rule in (None, task.key.rule)
        and wanted.priority in (None, task.priority)
        and wanted.queue in (None, task.queue)
        and (wanted.title is None or wanted.title in task.title)
    )


def _task_text(task: Task, zone: ZoneInfo) -> str:
    return f"{task.key.rule}: {task.kind}, due {task.due_at.astimezone(zone):%Y-%m-%d %H:%M}, {task.owner or 'nobody'}"


def _wanted_text(wanted: ExpectedTask, zone: ZoneInfo) -> str:
    due = f"due {wanted.due.astimezone(zone):%Y-%m-%d %H:%M}" if wanted.due is not None else None
    said = (wanted.rule, wanted.kind, due, wanted.owner, wanted.priority, wanted.queue, wanted.title)
    return ", ".join(word for word in said if word is not None)
