"""A base of leads under the shipped policy b2b-ja, as a company has it: most are quiet, some are busy, all stages.

The same number gives the same leads. Each has stood in its stage for a while, has been decided the evening before
(so that scores are published, tasks open, holds remembered), and is looked at again now: seven of ten because time
has passed, two because of a new signal, one because of a changed field.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from connector.domain.effects import Grant, OwnerRequest
from connector.domain.lead import Actor, FieldFact, Lead
from connector.domain.signal import Signal
from connector.domain.state import LeadState, Mover, StageEntry
from connector.domain.value import BLANK, Value
from connector.engine.decide import decide
from connector.engine.pipeline import STAGE
from connector.engine.plan import Plan, prepare
from connector.policy.loader import load_policy

MAPPINGS = Path(__file__).parents[1] / "mappings"
NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)  # Friday, 10:00 in Tokyo
SINCE = NOW - timedelta(days=400)
EVENING = timedelta(hours=14)
STAGES = {
    "lead": 58,
    "mql": 12,
    "sal": 7,
    "sql": 4,
    "opportunity": 3,
    "customer": 6,
    "recycled": 7,
    "discarded": 3,
}
REASONS = ("timing", "price", "competitor", "budget", "no_reply")
KINDS = ("pricing_page", "case_page", "site_visit", "mail_open", "mail_click", "whitepaper", "long_visit", "attempted")
RARE = ("document_request", "webinar_attended", "exhibition_card", "inquiry", "contacted", "replied")
COUNTS = (0, 0, 0, 0, 1, 1, 2, 3, 6, 14)
"""Signals of a lead: half did nothing for long; a few did a lot."""
CHOICES: dict[str, tuple[Value, ...]] = {
    "last_name": ("佐藤", "鈴木", "高橋", "田中"),
    "company_name": ("株式会社青空製作所", "銀河商事株式会社", "有限会社海辺物産"),
    "prefecture": ("東京都", "神奈川県", "大阪府", "北海道", "福岡県", BLANK),
    "job_title": ("代表取締役", "営業部長", "課長", "主任", "担当", "CTO", "情報システム部 次長", BLANK),
    "source": ("inquiry", "document", "webinar", "exhibition", "bdr_list", "ads", BLANK),
    "industry": ("manufacturing", "software", "business_services", "retail", "other", BLANK),
    "employees": (8, 40, 120, 400, 2_000, 12_000, BLANK),
    "revenue": (5_000_000, 800_000_000, 3_000_000_000, BLANK),
    "authority": ("decides", "influences", "collects", BLANK, BLANK, BLANK),
    "need": ("在庫の見える化", BLANK, BLANK),
    "timeline": ("within_3m", "within_6m", "within_1y", BLANK, BLANK, BLANK),
    "budget": ("secured", "planned", BLANK, BLANK),
    "rep_temperature": ("hot", "warm", "cold", BLANK, BLANK, BLANK, BLANK, BLANK),
    "no_mail": (False, False, False, False, True),
    "company_domain": ("aozora.example.jp", "ginga.example.com", "umibe.example.jp", BLANK),
    "competitor_renewal_on": (date(2027, 3, 31), BLANK, BLANK, BLANK),
}
DOMAINS = ("aozora.example.jp", "ginga.example.com", "gmail.com", "tokyo.ac.jp", "umibe.example.jp")


@dataclass(frozen=True, slots=True)
class Case:
    """What one evaluation is given."""

    lead: Lead
    signals: tuple[Signal, ...]
    state: LeadState


def shipped() -> Plan:
    """The policy b2b-ja, ready to run."""
    return prepare(load_policy(MAPPINGS / "b2b-ja"))


def cases(plan: Plan, count: int, *, seed: int = 7) -> list[Case]:
    """So many leads, each decided the evening before and due again now."""
    dice = random.Random(seed)
    return [_case(plan, number, dice) for number in range(count)]


def _case(plan: Plan, number: int, dice: random.Random) -> Case:
    (stage,) = dice.choices(list(STAGES), list(STAGES.values()))
    entered = NOW - timedelta(hours=dice.randrange(24, 60 * 24), seconds=number % 3600)
    side = plan.policy.stages[stage].side
    entry = StageEntry(
        seq=1 + list(STAGES).index(stage),
        stage=stage,
        entered_at=entered,
        mover=dice.choice((Mover.RULE, Mover.RULE, Mover.PERSON)) if stage != "lead" else Mover.START,
        reason=dice.choice(REASONS) if side else None,
    )
    signals = tuple(_signals(dice))
    lead = Lead(
        id=number, fields=_facts(plan, number, dice), owner=dice.choice(("sato", "suzuki", None)), created_at=entered
    )
    evening = NOW - EVENING
    known = LeadState(entry=entry, policy=plan.policy.hash)
    decision = decide(plan, lead, signals, known, evening, since=SINCE)
    if decision.requests:  # the shell asks the pools at once, and decides again with their answers
        lead = replace(lead, grants=tuple(_granted(one, dice) for one in decision.requests))
        decision = decide(plan, lead, signals, known, evening, since=SINCE)
    seen = tuple(replace(one, seen=True) for one in signals)
    shown = {
        name: FieldFact(value=value, changed_at=evening, actor=Actor.TASUKI) for name, value in decision.desired.items()
    }
    lead = replace(lead, fields={**lead.fields, **shown})
    return _stirred(Case(lead, seen, decision.state), number, dice)


def _granted(request: OwnerRequest, dice: random.Random) -> Grant:
    return Grant(
        request=request.key.text(),
        owner_of=request.owner_of,
        pool=request.pool,
        person=dice.choice(("tanaka", "ito")),
        granted_at=request.asked_at,
    )


def _stirred(case: Case, number: int, dice: random.Random) -> Case:
    """What happened overnight."""
    kind = dice.random()
    if kind < 0.7:
        return case
    at = NOW - timedelta(minutes=dice.randrange(1, 600))
    if kind < 0.9:
        new = Signal(id=10**9 + number, kind=dice.choice((*KINDS, *RARE)), occurred_at=at, learnt_at=at)
        return replace(case, signals=(*case.signals, new))
    name = dice.choice(("employees", "industry", "rep_temperature", "need", "job_title"))
    fact = FieldFact(value=dice.choice(CHOICES[name]), changed_at=at, actor=Actor.PERSON)
    return replace(case, lead=replace(case.lead, fields={**case.lead.fields, name: fact}))


def _facts(plan: Plan, number: int, dice: random.Random) -> dict[str, FieldFact]:
    facts = {name: FieldFact(value=BLANK) for name in (*plan.policy.fields, STAGE)}
    for name, values in CHOICES.items():
        changed = NOW - timedelta(days=dice.randrange(2, 300), seconds=number)
        facts[name] = FieldFact(value=dice.choice(values), changed_at=changed, actor=Actor.VENDOR)
    facts["email"] = FieldFact(value=f"person{number}@{dice.choice(DOMAINS)}")
    return facts


def _signals(dice: random.Random) -> Iterator[Signal]:
    """Half of the leads did nothing for long; a few did a lot."""
    number = dice.choice(COUNTS)
    for _ in range(number):
        kind = dice.choice(RARE) if dice.random() < 0.2 else dice.choice(KINDS)
        at = NOW - timedelta(seconds=dice.randrange(20 * 3600, 150 * 86_400))
        yield Signal(id=dice.randrange(10**9), kind=kind, occurred_at=at, learnt_at=at)
