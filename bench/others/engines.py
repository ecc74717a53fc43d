"""The forty rules of `bench.scoring` under two engines of others, `rule-engine` and `business-rules`.

Runs in an environment of its own (`make bench-peers` makes it), told by `bench.scoring`, which holds the results
against its own: `bench/.peers/bin/python bench/others/engines.py LEADS.json`. The rules of each stand ready to run, the
leads in the form that the engine reads; what a match is worth is added up beside it, as whoever uses it has to. They
are told how old a signal is, where the policy works that out.

Prints JSON, a line each: peer → each lead's score with the rules that fired; then, for each line that it reads with a
peer's name, the seconds of CPU time that all leads took it.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any, TypeAlias

SIGNALS = ("inquiry", "document", "webinar", "whitepaper", "pricing", "cases", "card", "click", "visit", "social")
NUMBERS = ("employees", "revenue")
TEXTS = ("email", "job_title", "prefecture", "industry", "need", "budget", "phone", "department")

Row: TypeAlias = Mapping[str, Any]
"""The values of a lead (None: blank), and under `ages` the half-lives that have gone by since each of its signals."""
Outcome: TypeAlias = tuple[float, list[str]]

# ── rule-engine: expressions over a mapping ──────────────────────────────────────────────────────────────────────
_EXPRESSIONS = (
    "employees != null and employees >= 100 and employees <= 5000",
    "employees != null and employees >= 1000",
    "employees != null and employees >= 300",
    "employees != null and employees < 10",
    "employees != null and employees > 10000",
    "revenue != null and revenue >= 1000000000",
    "revenue != null and revenue >= 10000000000",
    "revenue != null and revenue <= 10000000",
    'industry in ["manufacturing", "software", "business_services"]',
    'industry == "manufacturing"',
    'industry == "software"',
    'industry == "public"',
    'industry != null and not (industry in ["retail", "other"])',
    '"代表" in job_title or "取締役" in job_title or "CEO" in job_title',
    '"部長" in job_title or "次長" in job_title or "Director" in job_title',
    '"課長" in job_title or "マネージャー" in job_title',
    '"学生" in job_title',
    'prefecture in ["東京都", "神奈川県", "大阪府", "愛知県"]',
    'prefecture == "東京都"',
    'prefecture == "沖縄県"',
    'domain in ["gmail.com", "yahoo.co.jp"]',
    'domain == "ac.jp" or domain.ends_with(".ac.jp")',
    'domain == "rival.example"',
    "need != null",
    "budget != null",
    "phone != null",
    "department != null",
    'industry == "software" and employees != null and employees >= 50',
    "need != null or budget != null",
    "phone == null and department == null",
)


def with_rule_engine(points: list[float], leads: list[Row]) -> Callable[[], list[Outcome]]:
    """The rules, parsed; what is returned scores every lead."""
    import rule_engine

    rules = [rule_engine.Rule(text) for text in (*_EXPRESSIONS, *(f"{one} > 0" for one in SIGNALS))]
    ready = [{**lead, "domain": _domain(lead), **_counts(lead)} for lead in leads]

    def run() -> list[Outcome]:
        found = []
        for lead in ready:
            fired = [n for n, rule in enumerate(rules) if rule.matches(lead)]
            found.append(_summed(points, fired, lead["ages"]))
        return found

    return run


# ── business-rules: conditions as JSON over an object's methods ──────────────────────────────────────────────────
def _one(name: str, operator: str, value: object) -> dict[str, Any]:
    return {"name": name, "operator": operator, "value": value}


def _known(name: str) -> dict[str, Any]:
    return _one(f"{name}_known", "is_true", True)


def _number(name: str, *bounds: tuple[str, int]) -> dict[str, Any]:
    return {"all": [_known(name), *(_one(name, operator, bound) for operator, bound in bounds)]}


def _any(name: str, operator: str, words: tuple[str, ...]) -> dict[str, Any]:
    return {"any": [_one(name, operator, word) for word in words]}


_AT_LEAST, _AT_MOST = "greater_than_or_equal_to", "less_than_or_equal_to"
_NEITHER = [_one("industry_is_retail_or_other", "is_false", True), _known("industry")]
_CONDITIONS: tuple[dict[str, Any], ...] = (
    _number("employees", (_AT_LEAST, 100), (_AT_MOST, 5000)),
    _number("employees", (_AT_LEAST, 1000)),
    _number("employees", (_AT_LEAST, 300)),
    _number("employees", ("less_than", 10)),
    _number("employees", ("greater_than", 10_000)),
    _number("revenue", (_AT_LEAST, 1_000_000_000)),
    _number("revenue", (_AT_LEAST, 10_000_000_000)),
    _number("revenue", (_AT_MOST, 10_000_000)),
    _any("industry", "equal_to", ("manufacturing", "software", "business_services")),
    _one("industry", "equal_to", "manufacturing"),
    _one("industry", "equal_to", "software"),
    _one("industry", "equal_to", "public"),
    {"all": _NEITHER},
    _any("job_title", "contains", ("代表", "取締役", "CEO")),
    _any("job_title", "contains", ("部長", "次長", "Director")),
    _any("job_title", "contains", ("課長", "マネージャー")),
    _one("job_title", "contains", "学生"),
    _any("prefecture", "equal_to", ("東京都", "神奈川県", "大阪府", "愛知県")),
    _one("prefecture", "equal_to", "東京都"),
    _one("prefecture", "equal_to", "沖縄県"),
    _any("domain", "equal_to", ("gmail.com", "yahoo.co.jp")),
    {"any": [_one("domain", "equal_to", "ac.jp"), _one("domain", "ends_with", ".ac.jp")]},
    _one("domain", "equal_to", "rival.example"),
    _known("need"),
    _known("budget"),
    _known("phone"),
    _known("department"),
    {"all": [_one("industry", "equal_to", "software"), _number("employees", (_AT_LEAST, 50))]},
    {"any": [_known("need"), _known("budget")]},
    {"all": [_one("phone_known", "is_false", True), _one("department_known", "is_false", True)]},
)


def with_business_rules(points: list[float], leads: list[Row]) -> Callable[[], list[Outcome]]:
    """The rules as JSON, with a class of variables; what is returned scores every lead."""
    from business_rules import run_all
    from business_rules.actions import BaseActions, rule_action
    from business_rules.fields import FIELD_NUMERIC
    from business_rules.variables import (
        BaseVariables,
        boolean_rule_variable,
        numeric_rule_variable,
        string_rule_variable,
    )

    def variable(name: str) -> Callable[[Any], Any]:
        return lambda self: self.values[name]

    methods: dict[str, Any] = {}
    for name in (*NUMBERS, *SIGNALS):
        methods[name] = numeric_rule_variable(variable(name))
    for name in (*TEXTS, "domain"):
        methods[name] = string_rule_variable(variable(name))
    for name in (*NUMBERS, *TEXTS):
        methods[f"{name}_known"] = boolean_rule_variable(variable(f"{name}_known"))
    methods["industry_is_retail_or_other"] = boolean_rule_variable(variable("industry_is_retail_or_other"))
    methods["__init__"] = lambda self, values: setattr(self, "values", values)
    variables = type("Variables", (BaseVariables,), methods)
    conditions = [*_CONDITIONS, *(_one(one, "greater_than", 0) for one in SIGNALS)]
    rules = [
        {"conditions": one, "actions": [{"name": "fire", "params": {"rule": n}}]} for n, one in enumerate(conditions)
    ]

    class Actions(BaseActions):  # type: ignore[misc]
        def __init__(self) -> None:
            self.fired: list[int] = []

        @rule_action(params={"rule": FIELD_NUMERIC})  # type: ignore[untyped-decorator]
        def fire(self, rule: int) -> None:
            self.fired.append(rule)

    ready = [(_for_business_rules(lead), lead["ages"]) for lead in leads]

    def run() -> list[Outcome]:
        found = []
        for values, ages in ready:
            actions = Actions()
            run_all(rules, variables(values), actions)
            found.append(_summed(points, actions.fired, ages))
        return found

    return run


def _for_business_rules(lead: Row) -> Row:
    """It knows no missing values: whether there is one is asked of a variable of its own."""
    return {
        **{name: lead[name] or 0 for name in NUMBERS},
        **{name: lead[name] or "" for name in TEXTS},
        **{f"{name}_known": lead[name] is not None for name in (*NUMBERS, *TEXTS)},
        **_counts(lead),
        "domain": _domain(lead),
        "industry_is_retail_or_other": lead["industry"] in ("retail", "other"),
    }


# ── what both need beside them ───────────────────────────────────────────────────────────────────────────────────
def _domain(lead: Row) -> str:
    return str(lead["email"]).rpartition("@")[2]


def _counts(lead: Row) -> Row:
    return {one: len(lead["ages"].get(one, ())) for one in SIGNALS}


def _summed(points: list[float], fired: list[int], ages: Mapping[str, list[float]]) -> Outcome:
    fit = behaviour = 0.0
    names = []
    for n in fired:
        if n < len(_EXPRESSIONS):
            fit += points[n]
            names.append(f"f{n}")
        else:
            signal = n - len(_EXPRESSIONS)
            behaviour += points[n] * sum([0.5**age for age in ages[SIGNALS[signal]]])
            names.append(f"b{signal}")
    return min(max(fit, 0.0), 50.0) + min(behaviour, 50.0), names


def main() -> None:
    """Score the leads of a file under both, then again whenever one is called."""
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    points, leads = given["points"], given["leads"]
    peers = {
        "rule-engine": with_rule_engine(points, leads),
        "business-rules": with_business_rules(points, leads),
    }
    print(json.dumps({name: run() for name, run in peers.items()}), flush=True)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        began = process_time()
        peers[line.strip()]()
        print(json.dumps(process_time() - began), flush=True)


if __name__ == "__main__":
    main()
