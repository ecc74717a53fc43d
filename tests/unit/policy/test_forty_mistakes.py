"""A copy of b2b-ja with forty mistakes of forty kinds over all its files: one run tells each, once, at its place.

`at` is what the error points at; `remedy` is what a person reads beside it (the nearest spelling, what is allowed, or
what to write). Beside the forty nothing is told: no mistake brings another one with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connector.cli.check import command, problem_lines
from connector.policy.loader import check_files
from connector.policy.problems import Problem
from connector.policy.source import FILES, read_folder
from tests.unit.policy.folders import MAPPINGS


@dataclass(frozen=True)
class Mistake:
    """`old` stands once in the file and is replaced; the error points at `at` within what replaced it."""

    file: str
    old: str
    new: str
    reason: str
    at: str
    remedy: str


MISTAKES = (
    Mistake("policy.yaml", "language: ja\n", "languge: ja\n", "unknown_key", "languge", "did you mean `language`?"),
    Mistake(
        "policy.yaml",
        "time_zone: Asia/Tokyo",
        "time_zone: Asia/Tokio",
        "unknown_zone",
        "time_zone",
        "did you mean `Asia/Tokyo`?",
    ),
    Mistake("policy.yaml", "thu: 9:00-18:00", "thu: 9-18", "bad_calendar", "thu", "write 9:00-18:00"),
    Mistake(
        "policy.yaml",
        "file: lists/competitors.csv, column: ドメイン",
        "file: lists/competitors.csv, column: ドメン",
        "unknown_column",
        "column",
        "did you mean `ドメイン`?",
    ),
    Mistake("policy.yaml", "kind: slack", "kind: slak", "not_allowed", "kind", "did you mean `slack`?"),
    Mistake(
        "fields.yaml", "tidy: phone_jp", "tidy: phone_jpn", "unknown_reference", "tidy", "did you mean `phone_jp`?"
    ),
    Mistake("fields.yaml", "hubspot: contact.zip", "hubspot: contacts.zip", "bad_place", "hubspot", "contact"),
    Mistake(
        "fields.yaml",
        "shows: last_contact,",
        "shows: last_contacts,",
        "unknown_reference",
        "shows",
        "did you mean `last_contact`?",
    ),
    Mistake(
        "fields.yaml",
        "when: {source: bdr_list}, value: outbound",
        "when: {source: {at_least: 1}}, value: outbound",
        "wrong_operator",
        "at_least",
        "allowed: known, unknown, in, not_in",
    ),
    Mistake(
        "fields.yaml",
        "when: {source: [exhibition, webinar, business_card]}",
        "when: {source: [exhibiton, webinar]}",
        "unknown_choice",
        "exhibiton",
        "did you mean `exhibition`?",
    ),
    Mistake(
        "fields.yaml",
        "{id: phase_dormant, when: {signal.any_behaviour: {at_most: 0, within: 180d}, "
        "stage_entered_at: {older_than: 180d}}, value: dormant}",
        "{id: phase_dormant, value: dormant}",
        "unreachable_rule",
        "{id: phase_dormant",
        "never reached",
    ),
    Mistake(
        "fields.yaml",
        "type: money, hubspot: deal.amount",
        "type: mony, hubspot: deal.amount",
        "not_allowed",
        "type",
        "did you mean `money`?",
    ),
    Mistake(
        "signals.yaml",
        "{activity: mail_reply}]}\n  meeting",
        "{activity: mail_replay}]}\n  meeting",
        "unknown_reference",
        "activity",
        "did you mean `mail_reply`?",
    ),
    Mistake(
        "signals.yaml",
        "[{website_event: long_visit}]",
        "[{website_event: long_visit, hubspot_form: a}]",
        "source_kind",
        "{website_event",
        "allowed: hubspot_form, website_form",
    ),
    Mistake(
        "signals.yaml",
        "announced: true, about: product",
        "announced: true, about: produkt",
        "unknown_reference",
        "about",
        "did you mean `product`?",
    ),
    Mistake(
        "signals.yaml",
        "of: [document_request, inquiry, whitepaper",
        "of: [document_request, inquiry, white_paper",
        "unknown_reference",
        "white_paper",
        "did you mean `whitepaper`?",
    ),
    Mistake(
        "scoring.yaml",
        "when: {industry: {in: icp_industries}}",
        "when: {industry: {in: icp_industry}}",
        "unknown_list",
        "in: ",
        "did you mean `icp_industries`?",
    ),
    Mistake(
        "scoring.yaml",
        "when: {revenue: {at_least: 1000000000}}, points: 5",
        "when: {revenue: {at_least: 1000000000}}, points: five",
        "bad_type",
        "points",
        "a number",
    ),
    Mistake("scoring.yaml", "{matches: '(?i)", "{matches: '(?=i)", "bad_pattern", "matches", "RE2"),
    Mistake(
        "scoring.yaml",
        "decay: {half_life: 30d}",
        "decay: {half_life: 30 days}",
        "bad_duration",
        "half_life",
        "write a number with m, h, d, w",
    ),
    Mistake(
        "scoring.yaml",
        "total: [fit, behaviour, rep_view]",
        "total: [fit, behavior, rep_view]",
        "unknown_reference",
        "behavior",
        "did you mean `behaviour`?",
    ),
    Mistake(
        "scoring.yaml",
        "{id: grade_c, when: {score.fit: {at_least: 10}}",
        "{id: grade_c, when: {score.fitt: {at_least: 10}}",
        "unknown_name",
        "score.fitt",
        "did you mean `score.fit`?",
    ),
    Mistake(
        "lifecycle.yaml",
        "from: [mql], to: sal",
        "from: [mqll], to: sal",
        "unknown_reference",
        "mqll",
        "did you mean `mql`?",
    ),
    Mistake(
        "lifecycle.yaml", "gate: handoff", "gate: hand_off", "unknown_reference", "gate", "did you mean `handoff`?"
    ),
    Mistake(
        "lifecycle.yaml",
        "backward: {needs: recycle_reason}",
        "backward: {needs: recycle_reasons}",
        "unknown_reference",
        "needs",
        "did you mean `recycle_reason`?",
    ),
    Mistake(
        "lifecycle.yaml",
        "  discarded:   {label:",
        "  nowhere: {}\n  discarded:   {label:",
        "unreachable_stage",
        "nowhere",
        "no transition leads to",
    ),
    Mistake(
        "work.yaml",
        "on: {becomes: {band: hot}}",
        "on: {become: {band: hot}}",
        "unknown_key",
        "become",
        "did you mean `becomes`?",
    ),
    Mistake(
        "work.yaml",
        '- {day: 7, call: "3回目の架電"}',
        '- {day: 2, call: "3回目の架電"}',
        "step_order",
        "day",
        "in the order of their days",
    ),
    Mistake(
        "work.yaml",
        'title: "追加相談: {company_name} ',
        'title: "追加相談: {company} ',
        "unknown_template_name",
        "title",
        "did you mean `company_name`?",
    ),
    Mistake(
        "work.yaml",
        "- {id: title_changed, label: {ja: 異動・昇進",
        "- {id: upsell_call, label: {ja: 異動・昇進",
        "duplicate_id",
        "id",
        "upsell_call",
    ),
    Mistake(
        "work.yaml",
        "what: [mail, enrol], when",
        "what: [mail, enroll], when",
        "not_allowed",
        "enroll",
        "did you mean `enrol`?",
    ),
    Mistake(
        "routing.yaml",
        "assign: {pool: bdr, by: least_loaded}",
        "assign: {pool: bdrs, by: least_loaded}",
        "unknown_reference",
        "pool",
        "did you mean `bdr`?",
    ),
    Mistake(
        "routing.yaml",
        "capacity: {mqls: 60, per: month}",
        "capacity: {mqls: 60}",
        "missing_key",
        "capacity",
        "allowed: per",
    ),
    Mistake(
        "sla.yaml",
        "limit: 15 business days",
        "limit: 15 working days",
        "bad_duration",
        "limit",
        "5 business minutes",
    ),
    Mistake(
        "sla.yaml",
        "{after: 30 business minutes, do",
        "{at: 100%, after: 30 business minutes, do",
        "rung",
        "{at: 100%, after",
        "allowed: at, after",
    ),
    Mistake(
        "sla.yaml",
        "goals: {marketing: mqls,",
        "goals: {marketting: mqls,",
        "unknown_reference",
        "marketting",
        "did you mean `marketing`?",
    ),
    Mistake("handoff.yaml", "probability: 40%", "probability: 140%", "bad_percent", "probability", "from 0% to 100%"),
    Mistake(
        "recycle.yaml",
        "again: {on: {signal: new_feature}, at_latest: 365d}",
        "again: {on: {signal: new_feature}, after: 90d}",
        "again",
        "again",
        "allowed: after, on",
    ),
    Mistake(
        "kpi.yaml",
        "metric: clock.first_response_goal",
        "metric: clock.first_respons_goal",
        "unknown_reference",
        "metric",
        "did you mean `first_response_goal`?",
    ),
    Mistake(
        "examples.yaml",
        "expect: {stage: discarded, by: drop_competitor",
        "expect: {stage: discarded, by: drop_competitors",
        "unknown_reference",
        "by",
        "did you mean `drop_competitor`?",
    ),
)


def wrong_copy(mistakes: tuple[Mistake, ...] = MISTAKES) -> dict[str, bytes]:
    """b2b-ja with these mistakes."""
    files = dict(read_folder(MAPPINGS / "b2b-ja"))
    for mistake in mistakes:
        text = files[mistake.file].decode()
        assert text.count(mistake.old) == 1, (mistake.file, mistake.old, text.count(mistake.old))
        files[mistake.file] = text.replace(mistake.old, mistake.new).encode()
    return files


def place(files: Mapping[str, bytes], mistake: Mistake) -> tuple[int, int]:
    """Line and column of what the error points at."""
    text = files[mistake.file].decode()
    start = text.index(mistake.new) + mistake.new.index(mistake.at)
    line = text.count("\n", 0, start) + 1
    return line, start - (text.rfind("\n", 0, start) + 1) + 1


@cache
def told() -> tuple[dict[str, bytes], tuple[Problem, ...]]:
    """The wrong copy and what one run says of it."""
    files = wrong_copy()
    policy, problems = check_files(files)
    assert policy is None
    return files, tuple(problems)


def test_they_are_forty_over_every_file() -> None:
    assert len(MISTAKES) == len({mistake.new for mistake in MISTAKES}) == 40
    assert {mistake.file for mistake in MISTAKES} == set(FILES)
    assert len({mistake.reason for mistake in MISTAKES}) >= 20


def test_one_run_tells_all_forty_each_at_its_place_and_nothing_else() -> None:
    files, problems = told()
    errors = [problem for problem in problems if not problem.warning]
    expected = sorted((mistake.file, *place(files, mistake), mistake.reason) for mistake in MISTAKES if mistake.at)
    found = sorted((error.file, error.line, error.column, error.reason) for error in errors)
    assert [one for one in found if one not in expected] == [
        (mistake.file, *calendar_of(files), mistake.reason) for mistake in MISTAKES if not mistake.at
    ]
    assert [one for one in expected if one not in found] == []
    assert len(errors) == 40


def calendar_of(files: Mapping[str, bytes]) -> tuple[int, int]:
    """Wrong hours are told at their calendar."""
    text = files["policy.yaml"].decode()
    start = text.index("tokyo_office:")
    return text.count("\n", 0, start) + 1, start - (text.rfind("\n", 0, start) + 1) + 1


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: f"{mistake.file[:-5]}-{mistake.reason}-{mistake.at}")
def test_each_comes_with_its_remedy(mistake: Mistake) -> None:
    files, problems = told()
    wanted = place(files, mistake) if mistake.at else calendar_of(files)
    (error,) = [one for one in problems if (one.file, one.line, one.column) == (mistake.file, *wanted)]
    assert mistake.remedy in "\n".join(problem_lines(Path(), files, error))


def test_the_command_shows_them_all_in_one_run(tmp_path: Path) -> None:
    for name, content in wrong_copy().items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(content)
    result: Result = CliRunner().invoke(command, [str(tmp_path)])
    assert result.exit_code == 1
    assert result.stdout.count(": error: ") == 40
    assert "40 errors, " in result.stdout
