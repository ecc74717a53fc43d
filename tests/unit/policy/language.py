"""A small vocabulary with a field of every type, and conditions compiled against it."""

from __future__ import annotations

import json
from typing import Any

from connector.domain.calendar import Calendar
from connector.policy.compile import Compiler
from connector.policy.conditions import Condition
from connector.policy.document import Where, read
from connector.policy.model import FieldType
from connector.policy.problems import Problem, Report
from connector.policy.vocabulary import NamedList, Vocabulary, plain_label
from tests.unit.policy.views import TOKYO

OFFICE = Calendar.build(
    id="office",
    zone=TOKYO,
    hours=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "9:00-18:00"),
    holidays="JP",
)
_FIELDS = {
    "company_name": FieldType.TEXT,
    "need": FieldType.LONG_TEXT,
    "job_title": FieldType.TEXT,
    "email": FieldType.EMAIL,
    "phone": FieldType.PHONE,
    "company_domain": FieldType.DOMAIN,
    "employees": FieldType.NUMBER,
    "deal.amount": FieldType.MONEY,
    "no_mail": FieldType.YES_NO,
    "renewal_on": FieldType.DATE,
    "meeting_at": FieldType.MOMENT,
    "stage_entered_at": FieldType.MOMENT,
    "owner": FieldType.PERSON,
    "score.total": FieldType.NUMBER,
}
_CHOICES = {
    "industry": (FieldType.CHOICE, ("manufacturing", "software", "retail")),
    "stage": (FieldType.CHOICE, ("lead", "mql", "sal")),
    "interests": (FieldType.CHOICES, ("price", "cases", "tech")),
}
_LISTS = {
    "free_mail": ("gmail.com", "yahoo.co.jp"),
    "icp": ("manufacturing", "software"),
    "titles": ("部長", "Manager"),
    "wrong": ("manufacturing", "farming"),
}


def vocabulary() -> Vocabulary:
    """Every kind of name that a condition can read."""
    words = Vocabulary(zone=TOKYO, calendar=OFFICE)
    for name, kind in _FIELDS.items():
        words.add(name, kind, plain_label(name))
    for name, (kind, choices) in _CHOICES.items():
        words.add(name, kind, plain_label(name), {choice: plain_label(choice) for choice in choices})
    for signal in ("inquiry", "pricing"):
        words.add(f"signal.{signal}", None, plain_label(signal))
    words.lists = {key: NamedList(label=plain_label(key), values=values) for key, values in _LISTS.items()}
    return words


def compiled(raw: Any) -> tuple[Condition | None, list[Problem]]:
    """The condition of plain data (as YAML gives it: every scalar a text) and what is wrong with it."""
    report = Report()
    document = read("test.yaml", json.dumps({"when": raw}, ensure_ascii=False).encode())
    where = Where(document) / "when"
    return Compiler(vocabulary(), report).condition(document.data["when"], where), list(report.problems)


def condition(raw: Any) -> Condition:
    """A condition that has no mistakes."""
    found, problems = compiled(raw)
    assert found is not None, problems
    return found
