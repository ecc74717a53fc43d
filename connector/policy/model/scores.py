"""Signals and the scores that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from connector.policy.conditions import Condition
from connector.policy.model.fields import Label


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSource:
    """One line of `from:`: the kind of source and what it matches.

    `kind`: hubspot_form | website_form | website_event | hubspot_counter | hubspot_list | activity | import |
    web_to_lead | salesforce_campaign. `match` holds names or patterns (`*` wildcards) of forms, events, lists
    or the counter's home (`contact.hs_email_open`); `where` the remaining keys (outcome, status …). `lasting`: an
    activity counts only if it lasted so long.
    """

    kind: str
    match: tuple[str, ...]
    where: Mapping[str, tuple[str, ...]]
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDef:
    """A behaviour: learnt from `sources`, or a union (`of`) of other signals, or announced by the company."""

    id: str
    label: Label
    sources: tuple[SignalSource, ...]
    of: tuple[str, ...]
    announced: bool
    about: str | None
    per_day: int  #: An announcement wakes at most so many of the leads that wait for it in a day.


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """How signal points fade: half every `half_life`, or linearly to zero after `to_zero_after`. One is set."""

    half_life: timedelta | None = None
    to_zero_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRule:
    """Points while `when` is true, or per occurrence of `signal` (only while `when` holds, if given)."""

    id: str
    label: Label
    when: Condition | None
    signal: str | None
    points: float
    times: int | None  #: `up_to.times`: at most so many occurrences count …
    within: timedelta | None  #: … of those within this window (None: ever).


class Contribution(NamedTuple):
    """What one rule gives: `points` now, and the occurrences behind them (empty for a rule on facts alone)."""

    rule: ScoreRule
    points: float
    at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreDef:
    """A sum of rules, limited to floor … cap (None: no limit)."""

    id: str
    label: Label
    floor: float | None
    cap: float | None
    decay: Decay | None
    rules: tuple[ScoreRule, ...]
    publish_step: float  #: A faded score is published again when it moved by this much, at most daily.
