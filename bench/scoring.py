"""Scoring with the list of rules that fired: 100,000 leads × 40 rules on one core, beside a loop written by hand.

    python -m bench.scoring [leads]

Both sides score the same leads to the same numbers and name the same rules; the run checks that. The hand-written
loop knows the policy by heart and does nothing else: it is the least that Python can do. Aim: at least a third of it.
Two rule engines of others take the same rules and the first of the same leads, where `make bench-peers` has installed
them; the policy is to be twenty times as fast. Everybody is given the leads in a form of their own, and runs turn
about. Times are CPU times, the best of five.

What the policy's program keeps from lead to lead are answers (to a title, to which of ten rules hold), never a lead's
result. Beside the peers it has only seen other leads before each round.
"""

from __future__ import annotations

import gc
import json
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from tempfile import TemporaryDirectory
from time import process_time

from connector.domain.lead import FieldFact, Lead
from connector.domain.value import BLANK, Value
from connector.engine.plan import Plan, prepare
from connector.engine.view import LeadView
from connector.policy.loader import load_policy_from

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
LEADS = 100_000
AIM = 1 / 3
AIM_OF_PEERS = 20
ROUNDS = 5
OF_PEERS = 2_000
"""Leads that the peers score: they take their time."""
PEERS = Path(__file__).with_name(".peers") / "bin" / "python"
OTHERS = Path(__file__).parent / "others" / "engines.py"
INDUSTRIES = ("manufacturing", "software", "business_services", "retail", "public", "other")
PREFECTURES = ("東京都", "神奈川県", "大阪府", "愛知県", "北海道", "福岡県", "沖縄県")
TITLES = (
    "代表取締役",
    "営業部長",
    "課長",
    "マネージャー",
    "主任",
    "担当",
    "CEO",
    "Director of Sales",
    "情報システム部 次長",
    "学生",
)
DOMAINS = ("example.co.jp", "gmail.com", "tokyo.ac.jp", "rival.example", "mail.example.com", "yahoo.co.jp")
SIGNALS = ("inquiry", "document", "webinar", "whitepaper", "pricing", "cases", "card", "click", "visit", "social")
POINTS = (40, 20, 15, 10, 10, 5, 10, 3, 1, 2)
HALF_LIFE = timedelta(days=30)
_YES = (("need", 5), ("budget", 5), ("phone", 2), ("department", 2))


def policy() -> Plan:
    """Forty rules: thirty on facts (numbers, choices, texts, domains, known or not), ten on behaviour that fades."""
    choices = "{" + ", ".join(f"{one}: {one}" for one in INDUSTRIES) + "}"
    fields = f"""\
lead:
  email: {{label: mail, type: email}}
  job_title: {{label: title, type: text}}
  prefecture: {{label: prefecture, type: text}}
  need: {{label: need, type: long_text}}
  budget: {{label: budget, type: text}}
  phone: {{label: phone, type: phone}}
  department: {{label: department, type: text}}
company:
  industry: {{label: industry, type: choice, choices: {choices}}}
  employees: {{label: employees, type: number}}
  revenue: {{label: revenue, type: money}}
"""
    signals = "signals:\n" + "".join(
        f"  {one}: {{label: {one}, from: [{{website_event: {one}}}]}}\n" for one in SIGNALS
    )
    facts = "".join(f"      - {{id: f{n}, when: {when}, points: {points}}}\n" for n, (when, points) in enumerate(FACTS))
    acts = "".join(
        f"      - {{id: b{n}, signal: {one}, points: {points}}}\n"
        for n, (one, points) in enumerate(zip(SIGNALS, POINTS, strict=True))
    )
    scoring = (
        f"scores:\n  fit:\n    cap: 50\n    rules:\n{facts}"
        f"  behaviour:\n    cap: 50\n    decay: {{half_life: 30d}}\n    rules:\n{acts}"
    )
    files = {"fields.yaml": fields, "signals.yaml": signals, "scoring.yaml": scoring}
    return prepare(load_policy_from({path: text.encode() for path, text in files.items()}))


FACTS = (
    ("{employees: {between: [100, 5000]}}", 15),
    ("{employees: {at_least: 1000}}", 5),
    ("{employees: {at_least: 300}}", 3),
    ("{employees: {less_than: 10}}", -10),
    ("{employees: {more_than: 10000}}", -3),
    ("{revenue: {at_least: 1000000000}}", 5),
    ("{revenue: {at_least: 10000000000}}", 5),
    ("{revenue: {at_most: 10000000}}", -5),
    ("{industry: [manufacturing, software, business_services]}", 15),
    ("{industry: manufacturing}", 2),
    ("{industry: software}", 3),
    ("{industry: public}", -2),
    ("{industry: {not_in: [retail, other]}}", 1),
    ("{job_title: {contains_any: [代表, 取締役, CEO]}}", 15),
    ("{job_title: {contains_any: [部長, 次長, Director]}}", 10),
    ("{job_title: {contains_any: [課長, マネージャー]}}", 8),
    ("{job_title: {contains_any: [学生]}}", -20),
    ("{prefecture: [東京都, 神奈川県, 大阪府, 愛知県]}", 5),
    ("{prefecture: 東京都}", 1),
    ("{prefecture: 沖縄県}", -1),
    ("{email: {domain_in: [gmail.com, yahoo.co.jp]}}", -10),
    ("{email: {domain_in: [ac.jp]}}", -30),
    ("{email: {domain_in: [rival.example]}}", -50),
    ("{need: known}", 5),
    ("{budget: known}", 5),
    ("{phone: known}", 2),
    ("{department: known}", 2),
    ("{industry: software, employees: {at_least: 50}}", 4),
    ("{any: [{need: known}, {budget: known}]}", 1),
    ("{none: [{phone: known}, {department: known}]}", -2),
)

Times = dict[str, tuple[datetime, ...]]
Row = tuple[dict[str, Value], Times]
Given = tuple[Lead, Times]
Scored = tuple[float, list[str]]


def rows(count: int) -> list[Row]:
    """Leads with holes in their data, and what they did."""
    dice = random.Random(7)
    found: list[Row] = []
    for number in range(count):
        values: dict[str, Value] = {
            "email": f"p{number}@{dice.choice(DOMAINS)}",
            "job_title": dice.choice(TITLES),
            "prefecture": dice.choice(PREFECTURES),
            "industry": dice.choice(INDUSTRIES),
            "employees": dice.choice((5, 50, 120, 400, 2000, 20_000)),
            "revenue": dice.choice((5_000_000, 500_000_000, 2_000_000_000, 20_000_000_000)),
        }
        values |= {name: "x" if dice.random() < 0.4 else BLANK for name, _ in _YES}
        values |= {name: BLANK for name in ("industry", "employees", "revenue") if dice.random() < 0.15}
        times = {
            signal: tuple(sorted(NOW - timedelta(hours=dice.randrange(2000)) for _ in range(dice.randint(1, 3))))
            for signal in SIGNALS
            if dice.random() < 0.3
        }
        found.append((values, times))
    return found


def by_hand(values: dict[str, Value], times: Times) -> Scored:
    """The same policy as a programmer would write it for this one purpose."""
    fired: list[str] = []
    fit = 0.0
    employees, revenue, industry = values["employees"], values["revenue"], values["industry"]
    title, prefecture, email = values["job_title"], values["prefecture"], values["email"]
    need, budget, phone, department = values["need"], values["budget"], values["phone"], values["department"]
    known_size = employees is not BLANK
    known_industry = industry is not BLANK
    domain = email.rpartition("@")[2]  # type: ignore[union-attr]
    checks = (
        known_size and 100 <= employees <= 5000,  # type: ignore[operator]
        known_size and employees >= 1000,  # type: ignore[operator]
        known_size and employees >= 300,  # type: ignore[operator]
        known_size and employees < 10,  # type: ignore[operator]
        known_size and employees > 10000,  # type: ignore[operator]
        revenue is not BLANK and revenue >= 1000000000,  # type: ignore[operator]
        revenue is not BLANK and revenue >= 10000000000,  # type: ignore[operator]
        revenue is not BLANK and revenue <= 10000000,  # type: ignore[operator]
        industry in ("manufacturing", "software", "business_services"),
        industry == "manufacturing",
        industry == "software",
        industry == "public",
        known_industry and industry not in ("retail", "other"),
        "代表" in title or "取締役" in title or "CEO" in title,  # type: ignore[operator]
        "部長" in title or "次長" in title or "Director" in title,  # type: ignore[operator]
        "課長" in title or "マネージャー" in title,  # type: ignore[operator]
        "学生" in title,  # type: ignore[operator]
        prefecture in ("東京都", "神奈川県", "大阪府", "愛知県"),
        prefecture == "東京都",
        prefecture == "沖縄県",
        domain in ("gmail.com", "yahoo.co.jp"),
        domain == "ac.jp" or domain.endswith(".ac.jp"),
        domain == "rival.example",
        need is not BLANK,
        budget is not BLANK,
        phone is not BLANK,
        department is not BLANK,
        industry == "software" and known_size and employees >= 50,  # type: ignore[operator]
        need is not BLANK or budget is not BLANK,
        phone is BLANK and department is BLANK,
    )
    for number, true in enumerate(checks):
        if true:
            fit += FACTS[number][1]
            fired.append(f"f{number}")
    behaviour = 0.0
    for number, signal in enumerate(SIGNALS):
        occurred = times.get(signal)
        if occurred:
            behaviour += POINTS[number] * sum(0.5 ** ((NOW - at) / HALF_LIFE) for at in occurred)
            fired.append(f"b{number}")
    return min(max(fit, 0.0), 50.0) + min(behaviour, 50.0), fired


def by_policy(plan: Plan, lead: Lead, times: Times) -> Scored:
    """The engine's own way: a view of the lead, its scores, the rules behind them."""
    view = LeadView(plan, lead, times, None, {}, NOW)
    fit, behaviour = view.score("fit"), view.score("behaviour")
    return fit.value + behaviour.value, [rule.id for rule, _, _ in fit.parts + behaviour.parts]


def beside_peers(leads: Sequence[Given], found: list[Row], expected: list[Scored]) -> dict[str, float]:
    """Leads a second of `rule-engine` and `business-rules` under the same rules on the first leads, and of the policy
    (`few`), turn about; empty where they are not installed. Raises where they come to something else.
    """
    if not PEERS.exists():
        return {}
    points = [points for _, points in FACTS] + [float(one) for one in POINTS]
    rows = [_for_peers(values, times) for values, times in found[:OF_PEERS]]
    with TemporaryDirectory() as folder:
        given = Path(folder) / "leads.json"
        given.write_text(json.dumps({"points": points, "leads": rows}), encoding="utf-8")
        with Popen([PEERS, OTHERS, given], stdin=PIPE, stdout=PIPE, text=True) as peers:
            assert peers.stdin is not None
            assert peers.stdout is not None
            told = json.loads(peers.stdout.readline())
            _compared(told, expected)
            best = dict.fromkeys(("few", *told), float("inf"))
            for _ in range(ROUNDS):
                best["few"] = min(best["few"], _unseen(leads))
                for name in told:
                    print(name, file=peers.stdin, flush=True)
                    best[name] = min(best[name], json.loads(peers.stdout.readline()))
    return {name: len(rows) / seconds for name, seconds in best.items()}


def _compared(told: dict[str, list[Scored]], expected: list[Scored]) -> None:
    for name, found in told.items():
        for (score, fired), (theirs, by_them) in zip(expected, found, strict=False):
            if abs(score - theirs) > 1e-9 or fired != by_them:
                raise SystemExit(f"{name} comes to {theirs} by {by_them}, the policy to {score} by {fired}")


def _unseen(leads: Sequence[Given]) -> float:
    """What the first leads take under the policy when it has only seen others before."""
    plan = policy()
    _seconds(plan, leads[OF_PEERS:])
    return _seconds(plan, leads[:OF_PEERS])


def _seconds(plan: Plan, leads: Sequence[Given]) -> float:
    started = process_time()
    for lead, times in leads:
        by_policy(plan, lead, times)
    return process_time() - started


def _for_peers(values: dict[str, Value], times: Times) -> dict[str, object]:
    plain = {name: None if value is BLANK else value for name, value in values.items()}
    ages = {signal: [(NOW - at) / HALF_LIFE for at in found] for signal, found in times.items()}
    return {**plain, "ages": ages}


def main() -> int:
    """Print the rates and ratios; 1 when one falls short of its aim, 2 when the numbers differ."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else LEADS
    plan, found = policy(), rows(count)
    leads = [
        (Lead(id=n, created_at=NOW, fields={name: FieldFact(value=value) for name, value in values.items()}), times)
        for n, (values, times) in enumerate(found)
    ]
    ours = [by_policy(plan, lead, times) for lead, times in leads]
    for (values, times), other in zip(found, ours, strict=True):
        if abs((one := by_hand(values, times))[0] - other[0]) > 1e-9 or one[1] != other[1]:
            print(f"the two sides differ: {one} by hand, {other} by the policy")
            return 2
    gc.collect()
    gc.freeze()
    rates = {"hand": 0.0, "policy": 0.0}
    for _ in range(ROUNDS):  # the best of some, turn about: other work on the machine hits both alike
        started = process_time()
        for values, times in found:
            by_hand(values, times)
        rates["hand"] = max(rates["hand"], count / (process_time() - started))
        rates["policy"] = max(rates["policy"], count / _seconds(plan, leads))
    return _told(count, rates, beside_peers(leads, found, ours))


def _told(count: int, rates: dict[str, float], peers: dict[str, float]) -> int:
    ratio = rates["policy"] / rates["hand"]
    print(f"{count:,} leads × {len(FACTS) + len(SIGNALS)} rules, one core, with the list of rules that fired")
    print(f"  by the policy  {rates['policy']:>10,.0f} leads/s")
    print(f"  by hand        {rates['hand']:>10,.0f} leads/s   {ratio:>6.2f} of it   (aim: at least {AIM:.2f})")
    if not peers:
        print("  rule-engine and business-rules are not installed: `make bench-peers` does that, once")
        return 1 if ratio < AIM else 0
    few = peers.pop("few")
    print(f"the first {OF_PEERS:,} of them\n  by the policy  {few:>10,.0f} leads/s")
    for name, rate in peers.items():
        print(f"  {name:<14} {rate:>10,.0f} leads/s   {few / rate:>6.1f} times as fast (aim: at least {AIM_OF_PEERS})")
    return 1 if ratio < AIM or any(few < AIM_OF_PEERS * rate for rate in peers.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
