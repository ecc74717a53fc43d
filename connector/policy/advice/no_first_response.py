"""No promise on the first response.

The chance to reach a lead falls within minutes. Where no clock runs from the moment a lead enters the stage that is
worked until somebody tried to reach it, nobody notices that it waits.

    clocks:
      - {id: first, starts: {enters: mql}, stops: {signal: attempted}, limit: 2 business days}     # does not deserve it
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule, main_line
from connector.policy.model import Clock, Event, EventKind, Policy


def _deserves(policy: Policy) -> Iterator[str]:
    line = main_line(policy)
    if len(line) < 2 or not policy.rules or any(_is_first_response(policy, clock) for clock in policy.clocks.values()):
        return
    yield line[1]


def _is_first_response(policy: Policy, clock: Clock) -> bool:
    began = {EventKind.ENTERS, EventKind.MOVES, EventKind.SIGNAL, EventKind.BECOMES}
    return any(event.kind in began for event in clock.starts) and any(_contact(policy, event) for event in clock.stops)


def _contact(policy: Policy, event: Event) -> bool:
    """True for a behaviour that a rep's activity makes."""
    signal = policy.signals.get(event.name or "") if event.kind is EventKind.SIGNAL else None
    return signal is not None and any(source.kind == "activity" for source in signal.sources)


ADVICE = Rule(
    id="no_first_response",
    says={
        "ja": "最初の接触までの期限がありません。時間がたつほどつながらなくなり、放置に誰も気づきません。",
        "en": "Nothing limits the time until the first contact. Leads cool within minutes, and nobody sees it.",
    },
    do={
        "ja": "sla.yaml に、この段階に入ってから接触の試み(活動のシグナル)までの時計を作ってください。",
        "en": "Add a clock to sla.yaml from entering this stage to an attempt (a signal from activities).",
    },
    deserves=_deserves,
)
