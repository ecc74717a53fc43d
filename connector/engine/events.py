"""What happened in one evaluation, and whether it is what a rule, a clock or a cadence waits for. Pure.

An event is a moment. Stage moves, new signals, completed tasks, breaches and finished cadences come with the evaluation
itself; conditions that turn, fields that change and dates that come are *watched*: what was last seen of each is
remembered by name (`Edge`), so that each comes once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING

from connector.domain.codec import encode_value
from connector.domain.effects import Cause, Task
from connector.domain.lead import Actor
from connector.domain.runs import CadenceRun, ClockRun
from connector.domain.signal import Signal
from connector.domain.state import Edge, StageEntry
from connector.domain.value import BLANK, Truth, Value, is_known
from connector.engine import evidence, recycle
from connector.engine.watching import Watch, watch_name
from connector.policy.model import Event, EventKind

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

_UNSEEN = Edge(truth=None, turned=0)
_TRUTH = attrgetter("truth")
_NOTHING_CAME = _NOBODY = frozenset[str]()


@dataclass(frozen=True, slots=True)
class Happening:
    """A moment that something waits for has come: the cause that keys its effects for ever, and when it was.

    `what` says it in one word for the history: `signal:replied`.
    """

    cause: Cause
    cause_id: str
    at: datetime
    what: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What happened in one evaluation.

    `before` is where the lead stood, `arrival` the entry in which it came to rest, if it moved and the move counts;
    `signals` are the new ones that may act, `turned` the watched events that came, `done` the tasks that people have
    just completed, `finished` the cadences that ended by their last step, `breached` the clocks that ran out. `since`
    is when the policy was activated; `trail` are the lead's latest entries, oldest first, those of this evaluation
    included. `late`: signals were learnt that may not act any more, but tell when something stopped.
    """

    before: StageEntry | None
    arrival: StageEntry | None
    signals: Sequence[Signal]
    turned: Mapping[str, Edge]
    now: datetime
    since: datetime
    trail: Sequence[StageEntry] = ()
    late: bool = False
    done: Sequence[Task] = ()
    finished: Mapping[str, CadenceRun] = field(default_factory=lambda: MappingProxyType({}))
    breached: Mapping[str, ClockRun] = field(default_factory=lambda: MappingProxyType({}))
    came: frozenset[str] = field(init=False)  #: All of it in words, to see at once whether one of it was waited for.

    def __post_init__(self) -> None:
        some = self.arrival is not None or self.signals or self.turned or self.done or self.finished or self.breached
        object.__setattr__(self, "came", frozenset(_words(self)) if some else _NOTHING_CAME)


def _words(events: Events) -> Iterator[str]:
    yield from (f"signal:{one.kind}" for one in events.signals)
    yield from (f"edge:{name}" for name in events.turned)
    yield from (f"done:{task.key.rule}" for task in events.done)
    yield from (f"done:{name}" for name in events.finished)
    yield from (f"breaches:{name}" for name in events.breached)
    if events.arrival is not None:
        yield f"enters:{events.arrival.stage}"
        yield f"moves:{events.arrival.transition}"
        yield f"leaves:{events.before.stage if events.before is not None else None}"


def waited_for(plan: Plan, owner: str, waited: Sequence[Event]) -> Iterator[str]:
    """The words of what `owner` waits for."""
    for place, event in enumerate(waited):
        if event.condition is not None or event.kind in (EventKind.CHANGES, EventKind.REACHES):
            yield f"edge:{watch_name(owner, waited, place)}"
        elif event.kind is EventKind.SIGNAL and event.name is not None:
            yield from (f"signal:{kind}" for kind in plan.members.get(event.name, (event.name,)))
        else:
            yield f"{event.kind.value}:{event.name}"


# ── what is watched ──────────────────────────────────────────────────────────────────────────────────────────────
def edges_after(
    plan: Plan, before: Mapping[str, Edge], view: LeadView, since: datetime, quiet_until: datetime | None
) -> Mapping[str, Edge]:
    """What is remembered of every watched event now (`before` itself where nothing has come); one that has come counts
    one more turn.

    While a policy catches up (`quiet_until`), what turned by a later change is left for the pass that is aloud.
    """
    changed: dict[str, Edge] = {}
    truths = plan.program.watched(view)
    if not _stand(plan, before, truths):
        for watch, truth in zip(plan.watched_conditions, truths, strict=True):
            edge = before.get(watch.name)
            if edge is None or edge.truth is not truth:
                after = _turn(plan, watch, edge or _UNSEEN, truth, view, quiet_until)
                if after is not None:
                    changed[watch.name] = after
    for watch in plan.watched_changes:
        after = _change(watch.event, before.get(watch.name), view, quiet_until)
        if after is not None:
            changed[watch.name] = after
    for watch, moment in _dates(plan, view):
        after = _reach(plan, moment, before.get(watch.name), view, since, quiet_until)
        if after is not None:
            changed[watch.name] = after
    return {**before, **changed} if changed else before


def _stand(plan: Plan, before: Mapping[str, Edge], truths: tuple[Truth, ...]) -> bool:
    """True when each condition that is watched is as it was last seen."""
    try:
        return tuple(map(_TRUTH, map(before.__getitem__, plan.watched_names))) == truths
    except KeyError:  # one that is new
        return False


def turned(before: Mapping[str, Edge], after: Mapping[str, Edge]) -> dict[str, Edge]:
    """The watched events that have come between two states."""
    if after is before:
        return {}
    return {name: edge for name, edge in after.items() if edge.turned > (before[name].turned if name in before else 0)}


def next_dates(plan: Plan, view: LeadView) -> Iterator[datetime]:
    """When `reaches` events will come, as far as is known."""
    for _, moment in _dates(plan, view):
        if moment > view.now:
            yield moment


def _dates(plan: Plan, view: LeadView) -> list[tuple[Watch, datetime]]:
    """The moments of `reaches` events, as far as their dates are known: the date less `early`."""
    found: list[tuple[Watch, datetime]] = []
    for name, watches in plan.watched_reaches.items():
        moment = recycle.moment_of(view, name, view.now)
        if moment is not None:
            found += [(watch, moment - (watch.event.early or timedelta())) for watch in watches]
    return found


def _turn(
    plan: Plan, watch: Watch, before: Edge, truth: Truth, view: LeadView, quiet_until: datetime | None
) -> Edge | None:
    """A condition whose truth is another: it comes when it turns true (leaves a stage: false). None: not yet."""
    falling = watch.event.kind is EventKind.LEAVES
    comes = before.truth is True and truth is False if falling else truth is True
    if not comes:
        return replace(before, truth=truth)
    if quiet_until is not None and evidence.is_newer(plan.watch_evidence[watch.name], view, quiet_until):
        return None
    if not watch.at_first_sight and (before is _UNSEEN or quiet_until is not None):
        return replace(before, truth=truth)
    return Edge(truth=truth, turned=before.turned + 1, turned_at=view.now)


def _change(event: Event, before: Edge | None, view: LeadView, quiet_until: datetime | None) -> Edge | None:
    """A field: it changes when its value is another than at the last look, by somebody else. First sight is none."""
    name = event.name or ""
    value = view.value(name)
    if not is_known(value) and value is not BLANK:
        return None
    digest = _digest_of(value)
    if before is None or before.digest is None:
        return Edge(truth=None, turned=before.turned if before else 0, digest=digest)
    if before.digest == digest:
        return None
    fact = view.lead.fact(name)
    if fact.actor is Actor.TASUKI and fact.changed_at is not None:
        return replace(before, digest=digest)
    at = fact.changed_at if fact.changed_at is not None and fact.changed_at <= view.now else view.now
    if quiet_until is not None:
        return None if at > quiet_until else replace(before, digest=digest)
    return Edge(truth=None, turned=before.turned + 1, turned_at=at, digest=digest)


@lru_cache(maxsize=4_096, typed=True)
def _digest_of(value: Value) -> str:
    return _digest(repr(encode_value(value)))


def _digest(text: str) -> str:
    """Sixteen characters that stand for a text: a key stays short, and a person's value is not kept twice."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _reach(
    plan: Plan, moment: datetime, before: Edge | None, view: LeadView, since: datetime, quiet_until: datetime | None
) -> Edge | None:
    """A date: it is reached once; one that had gone by long before we learnt of it is no event."""
    if moment > view.now or (before is not None and before.turned_at == moment):
        return None
    turns = before.turned if before else 0
    is_news = moment >= since and view.now - moment <= plan.policy.fresh_for
    if quiet_until is not None:
        return None if moment > quiet_until else Edge(truth=None, turned=turns, turned_at=moment)
    return Edge(truth=None, turned=turns + is_news, turned_at=moment)


def heard_by(plan: Plan, events: Events) -> frozenset[str]:
    """Whoever waits for one of the things that came."""
    return frozenset().union(*[plan.hearers.get(word, _NOBODY) for word in events.came])


# ── what has come ────────────────────────────────────────────────────────────────────────────────────────────────
def happened(plan: Plan, owner: str, waited: Sequence[Event], events: Events) -> list[Happening]:
    """What has come of the events that `owner` lists: of several that come at once, the first that it lists."""
    words = plan.waits.get(owner)
    if words is None:
        words = plan.waits[owner] = frozenset(waited_for(plan, owner, waited))
    if events.came.isdisjoint(words):
        return []
    for place, event in enumerate(waited):
        found = _found(plan, watch_name(owner, waited, place), event, events)
        if found:
            return found
    return []


def _found(plan: Plan, name: str, event: Event, events: Events) -> list[Happening]:
    kind, what = event.kind, f"{event.kind.value}:{event.name or ''}"
    if event.condition is not None or kind in (EventKind.CHANGES, EventKind.REACHES):
        edge = events.turned.get(name)
        return [Happening(Cause.EDGE, f"{name}#{edge.turned}", edge.turned_at or events.now, what)] if edge else []
    if kind is EventKind.SIGNAL and event.name is not None:
        kinds = plan.members.get(event.name, frozenset({event.name}))
        return [
            Happening(Cause.SIGNAL, str(one.id), one.occurred_at, what) for one in events.signals if one.kind in kinds
        ]
    if kind is EventKind.BREACHES:
        run = events.breached.get(event.name or "")
        return [Happening(Cause.CLOCK, f"{event.name}#{run.number}", events.now, what)] if run else []
    if kind is EventKind.DONE:
        return _done(plan, event, events, what)
    arrival = events.arrival
    if arrival is not None and _is_move(event, events.before, arrival):
        return [Happening(Cause.STAGE_ENTRY, str(arrival.seq), arrival.entered_at, what)]
    return []


def _done(plan: Plan, event: Event, events: Events, what: str) -> list[Happening]:
    run = events.finished.get(event.name or "")
    if run is not None:
        return [Happening(Cause.CADENCE, f"{event.name}#{run.number}", events.now, what)]
    return [
        Happening(Cause.TASK, _digest(task.key.text()), task.ended_at or events.now, what)
        for task in events.done
        if task.key.rule == event.name and event.name not in plan.policy.cadences  # a step is not the whole
    ]


def _is_move(event: Event, before: StageEntry | None, arrival: StageEntry) -> bool:
    return (
        (event.kind is EventKind.ENTERS and event.name == arrival.stage)
        or (event.kind is EventKind.MOVES and event.name == arrival.transition)
        or (event.kind is EventKind.LEAVES and before is not None and event.name == before.stage)
    )
