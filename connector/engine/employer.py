"""People who change employer: the old round ends, another begins on the same record. Pure.

The CRM keeps one record of a person, so that the lead stays one too: its history shows the round that was closed and
the one that began. What the person did for the former employer says nothing of the new one, and no longer counts.

An employer is known by the domain of the e-mail address. A change while the lead still stands where it began, and has
never gone on, is taken for a correction; so is one within a domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from connector.domain.lead import Actor, Lead
from connector.domain.signal import Occurred
from connector.domain.state import Employer, LeadState, Mover, StageEntry
from connector.domain.value import BLANK, Value, is_known

if TYPE_CHECKING:
    from connector.engine.plan import Plan

NEW_EMPLOYER = "new_employer"
"""The transition that is recorded."""


_Occurred = TypeVar("_Occurred", bound=Occurred)


def of_this_job(signals: Sequence[_Occurred], employer: Employer | None) -> Sequence[_Occurred]:
    """What the lead did since it came to its present employer."""
    if employer is None or employer.since is None:
        return signals
    return [one for one in signals if one.occurred_at > employer.since]


def seen(plan: Plan, state: LeadState, lead: Lead, now: datetime, quiet_until: datetime | None) -> Employer | None:
    """What is known of the employer after this look; `since` moves when the person has left the former one."""
    rules, before = plan.policy.new_employer, state.employer
    if rules is None:
        return before
    fact = lead.fact(rules.email)
    domain = fact.value.rpartition("@")[2].lower() if isinstance(fact.value, str) else ""
    if before is not None and domain == before.domain:
        return before
    if not domain or any(_within(domain, one) for one in rules.not_employers):
        return before
    if before is None:
        return Employer(domain=domain)
    if _within(domain, before.domain) or _within(before.domain, domain):
        return before if domain == before.domain else replace(before, domain=domain)
    if fact.changed_at is None:  # nobody has changed it: the record is another one, by a merge
        return replace(before, domain=domain)
    at = fact.changed_at
    if at > now:  # a clock that runs ahead of ours: its moment comes
        return before
    if quiet_until is not None:
        return before if at > quiet_until else replace(before, domain=domain)
    has_moved = state.entry is not None and fact.actor is not Actor.TASUKI and _has_gone_on(plan, state.entry)
    return Employer(domain=domain, since=at) if has_moved else replace(before, domain=domain)


def _within(domain: str, other: str) -> bool:
    return domain == other or domain.endswith(f".{other}")


def _has_gone_on(plan: Plan, entry: StageEntry) -> bool:
    return bool(plan.policy.stages) and (entry.seq > 1 or entry.stage != next(iter(plan.policy.stages)))


def entries(plan: Plan, entry: StageEntry, moved_at: datetime) -> tuple[StageEntry, ...]:
    """The stages that a change of employer leads through: where the former round is closed, and the first one."""
    rules = plan.policy.new_employer
    assert rules is not None
    at = max(moved_at, entry.entered_at)
    first = next(iter(plan.policy.stages))
    ends = [(rules.stage, rules.reason)] if rules.stage is not None and rules.stage != entry.stage else []
    return tuple(
        StageEntry(
            seq=entry.seq + 1 + place, stage=stage, entered_at=at, mover=Mover.RULE, transition=NEW_EMPLOYER,
            reason=reason,
        )
        for place, (stage, reason) in enumerate([*ends, (first, None)])
    )  # fmt: skip


def forgotten(plan: Plan, lead: Lead, left_at: datetime | None) -> dict[str, Value]:
    """The fields to blank: what was found out about the employment that ended just now, and not said anew."""
    rules = plan.policy.new_employer
    found: dict[str, Value] = {}
    for name in rules.forget if rules is not None and left_at is not None else ():
        fact = lead.fact(name)
        if is_known(fact.value) and (fact.changed_at is None or left_at is None or fact.changed_at < left_at):
            found[name] = BLANK
    return found
