"""Policies in memory, for tests of the loader."""

from __future__ import annotations

from pathlib import Path

from connector.policy.loader import check_files
from connector.policy.model import Policy
from connector.policy.problems import Problem
from connector.policy.source import read_folder

ROOT = Path(__file__).parents[3]
MAPPINGS = ROOT / "mappings"
SAMPLES = ROOT.parent / "shared" / "policy-sample"

FIELDS = """\
lead:
  last_name: {label: 姓, type: text, hubspot: contact.lastname}
  email: {label: メール, type: email, tidy: email, hubspot: contact.email}
  source: {label: 獲得経路, type: choice, choices: {inquiry: 問い合わせ, ads: 広告}, hubspot: contact.tasuki_source}
company:
  employees: {label: 従業員数, type: number, hubspot: company.numberofemployees}
deal:
  amount: {label: 金額, type: money, hubspot: deal.amount}
"""
SCORING = """\
signals:
  inquiry: {label: 問い合わせ, from: [{hubspot_form: [お問い合わせ]}]}
scores:
  fit:
    rules:
      - {id: large, when: {employees: {at_least: 100}}, points: 15}
ratings:
  band:
    choices: {hot: ホット, low: 低}
    rules:
      - {id: band_hot, when: {score.total: {at_least: 10}}, value: hot}
      - {id: band_low, value: low}
"""
LIFECYCLE = """\
stages:
  lead: {label: リード}
  mql: {label: MQL}
transitions:
  - {id: to_mql, from: [lead], to: mql, when: {band: hot}}
"""
SMALL = {"fields.yaml": FIELDS, "scoring.yaml": SCORING}


def checked(files: dict[str, str]) -> tuple[Policy | None, list[Problem]]:
    """The result of checking these texts."""
    return check_files({path: text.encode() for path, text in files.items()})


def with_change(file: str, old: str, new: str, files: dict[str, str] | None = None) -> list[Problem]:
    """The errors after one change to a policy that has none."""
    base = dict(files or {**SMALL, "lifecycle.yaml": LIFECYCLE})
    assert checked(base)[0] is not None, checked(base)[1]
    assert base[file].count(old) == 1, (file, old)
    policy, problems = checked({**base, file: base[file].replace(old, new)})
    errors = [problem for problem in problems if not problem.warning]
    assert (policy is None) is bool(errors)
    return errors


def shipped(name: str) -> dict[str, str]:
    """The texts of a shipped policy."""
    return {path: content.decode() for path, content in read_folder(MAPPINGS / name).items()}
