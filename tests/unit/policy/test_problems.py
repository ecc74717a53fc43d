"""Every kind of mistake in a policy: its place, what is allowed and the nearest spelling."""

# ruff: noqa: E501  (a table of mistakes, one a line)
from __future__ import annotations

import pytest

from connector.policy.loader import load_policy_from
from connector.policy.problems import PolicyErrors, Problem
from tests.unit.policy.folders import FIELDS, LIFECYCLE, SCORING, SMALL, checked, shipped, with_change


def only(problems: list[Problem]) -> Problem:
    assert len(problems) == 1, [problem.text() for problem in problems]
    return problems[0]


# file, text to replace, replacement, reason, line, what stands at the column, nearest spelling
MISTAKES = [
    ("fields.yaml", "tidy: email", "tidi: email", "unknown_key", 3, "tidi:", "tidy"),
    ("fields.yaml", "type: text", "type: txt", "not_allowed", 2, "type:", "text"),
    ("fields.yaml", "tidy: email", "tidy: emial", "unknown_reference", 3, "tidy:", "email"),
    ("fields.yaml", "type: text, ", "", "missing_key", 2, "last_name:", None),
    ("fields.yaml", "contact.lastname", "contakt.lastname", "bad_place", 2, "hubspot:", "contact"),
    ("fields.yaml", "contact.lastname", "contact.email", "two_writers", 3, "hubspot:", None),
    ("fields.yaml", "type: choice, choices", "type: text, choices", "choices_type", 4, "choices:", None),
    ("fields.yaml", "{inquiry: 問い合わせ, ads: 広告}", "{known: 問い合わせ}", "operator_word", 4, "choices:", None),
    ("fields.yaml", "amount:", "Amount:", "bad_id", 8, "Amount:", None),
    ("fields.yaml", "employees:", "email:", "duplicate_id", 6, "email:", None),
    ("fields.yaml", "last_name:", "stage:", "reserved", 2, "stage:", None),
    ("fields.yaml", "source: {", "owner: {", "reserved", 4, "owner:", None),
    ("fields.yaml", "type: money", "type: money, answer: maybe", "bad_value", 8, "answer:", None),
    ("fields.yaml", "type: money", "type: money, shows: score.fit", "shows_type", 8, "shows:", None),
    ("fields.yaml", "type: number", "type: number, shows: score.fut", "unknown_reference", 6, "shows:", "score.fit"),
    ("scoring.yaml", "employees: {", "employes: {", "unknown_name", 6, "employes:", "employees"),
    ("scoring.yaml", "at_least: 100", "atleast: 100", "wrong_operator", 6, "atleast:", "at_least"),
    ("scoring.yaml", "points: 15", "points: many", "bad_type", 6, "points:", None),
    ("scoring.yaml", "points: 15", "points: .nan", "bad_type", 6, "points:", None),
    ("scoring.yaml", "points: 15", "points: 15, up_to: {times: 2}", "up_to_without_signal", 6, "{id:", None),
    ("scoring.yaml", "when: {employees: {at_least: 100}}", "signal: enquiry", "unknown_reference", 6, "signal:", "inquiry"),
    ("scoring.yaml", "value: hot", "value: hott", "unknown_choice", 11, "value:", "hot"),
    ("scoring.yaml", "id: band_low", "id: band_hot", "duplicate_id", 12, "id:", None),
    ("scoring.yaml", "id: band_low", "id: large", "duplicate_id", 12, "id:", None),
    ("scoring.yaml", "  band:", "  email:", "duplicate_id", 8, "email:", None),
    ("scoring.yaml", "when: {score.total: {at_least: 10}}, ", "", "unreachable_rule", 11, "{id:", None),
    ("scoring.yaml", "score.total", "band", "wrong_operator", 11, "at_least:", None),
    ("scoring.yaml", "    rules:\n      - {id: large", "    cap: -5\n    rules:\n      - {id: large", "floor_above_cap", 4, "fit:", None),
    ("scoring.yaml", "{hubspot_form: [お問い合わせ]}", "{hubspot_from: [お問い合わせ]}", "unknown_key", 2, "hubspot_from:", "hubspot_form"),
    ("scoring.yaml", "from: [{hubspot_form: [お問い合わせ]}]", "of: [inquiry]", "cycle", 2, "of:", None),
    ("lifecycle.yaml", "to: mql,", "to: mqll,", "unknown_reference", 5, "to:", "mql"),
    ("lifecycle.yaml", "from: [lead]", "from: [lead, leed]", "unknown_reference", 5, "leed", "lead"),
    ("lifecycle.yaml", "band: hot", "band: hit", "unknown_choice", 5, "band:", "hot"),
    ("lifecycle.yaml", "when: {band: hot}", "when: {}", "bad_condition", 5, "when:", None),
    ("lifecycle.yaml", "from: [lead], to: mql", "from: [mql], to: lead", "unreachable_stage", 3, "mql:", None),
    ("lifecycle.yaml", "when: {band: hot}", "when: {band: hot}, reason: tooearly", "unknown_reference", 5, "reason:", None),
    ("lifecycle.yaml", "when: {band: hot}", "when: {band: hot}, gate: handoff", "unknown_reference", 5, "gate:", None),
    ("lifecycle.yaml", "mql: {label: MQL}", "lead: {label: MQL}", "duplicate_key", 3, "lead:", None),
    ("lifecycle.yaml", "{label: MQL}", "{label: MQL", "not_yaml", 4, ":", None),
    ("lifecycle.yaml", "{label: MQL}", "!!python/name:os.system {label: MQL}", "tag", 3, "!!python/name:", None),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "reason", "line", "at", "nearest"), MISTAKES)
def test_mistake(file: str, old: str, new: str, reason: str, line: int, at: str, nearest: str | None) -> None:
    problems = with_change(file, old, new)
    problem = next((problem for problem in problems if problem.reason == reason), None)
    assert problem is not None, [problem.text() for problem in problems]
    source = {**SMALL, "lifecycle.yaml": LIFECYCLE}[file].replace(old, new).splitlines()
    assert (problem.file, problem.line) == (file, line)
    assert source[line - 1][problem.column - 1 :].startswith(at)
    assert problem.nearest == nearest
    if nearest is not None:
        assert nearest in problem.allowed


def test_everything_is_told_at_once() -> None:
    files = {
        "fields.yaml": FIELDS.replace("tidy: email", "tidi: email").replace("type: number", "type: nummer"),
        "scoring.yaml": SCORING.replace("score.total", "score.totl").replace("value: hot", "value: hott"),
        "lifecycle.yaml": LIFECYCLE.replace("from: [lead]", "from: [leed]"),
        "wrok.yaml": "",
    }
    policy, problems = checked(files)
    assert policy is None
    assert [(problem.file, problem.reason, problem.nearest) for problem in problems] == [
        ("fields.yaml", "unknown_key", "tidy"),
        ("fields.yaml", "not_allowed", "number"),
        ("lifecycle.yaml", "unknown_reference", "lead"),
        ("scoring.yaml", "unknown_name", "score.total"),
        ("scoring.yaml", "unknown_choice", "hot"),
        ("wrok.yaml", "unknown_file", "work.yaml"),
    ]


def test_a_broken_field_is_not_reported_again_where_it_is_used() -> None:
    problem = only(with_change("fields.yaml", "type: number", "type: nummer"))
    assert (problem.reason, problem.nearest) == ("not_allowed", "number")


def test_items_after_a_broken_one_keep_their_lines() -> None:
    broken = SCORING.replace("id: band_hot,", "idd: band_hot,").replace("value: low}", "value: lou}")
    _, problems = checked({**SMALL, "scoring.yaml": broken})
    assert [(problem.line, problem.reason) for problem in problems] == [(11, "unknown_key"), (12, "unknown_choice")]


@pytest.mark.parametrize("missing", ["fields.yaml", "scoring.yaml"])
def test_two_files_make_a_policy_and_both_are_needed(missing: str) -> None:
    _, problems = checked({path: text for path, text in SMALL.items() if path != missing})
    assert (missing, "missing_file") in [(problem.file, problem.reason) for problem in problems]


def test_a_cycle_between_scores_and_ratings_names_its_way() -> None:
    problem = only(with_change("scoring.yaml", "employees: {at_least: 100}", "band: hot"))
    assert problem.reason == "cycle"
    for name in ("band", "score.total", "score.fit"):
        assert name in problem.message


def test_a_score_outside_the_total_may_read_a_rating() -> None:
    more = "  priority:\n    rules: [{id: p_hot, when: {band: hot}, points: 9}]\ntotal: [fit]\nratings:"
    assert with_change("scoring.yaml", "ratings:", more) == []


def test_an_action_word_said_twice_needs_ids() -> None:
    task = "task: {kind: call, due: 1d, title: x}"
    rule = f"rules:\n  - {{id: r, on: {{enters: mql}}, do: [{{{task}}}, {{{task}}}]}}\n"
    files = {**SMALL, "lifecycle.yaml": LIFECYCLE, "work.yaml": rule}
    assert [problem.reason for problem in checked(files)[1]] == ["duplicate_slot"]
    policy, _ = checked({**files, "work.yaml": rule.replace("{task:", "{id: second, task:", 1)})
    assert policy is not None
    assert [action.slot for action in policy.rules[0].do] == ["second", "task"]


@pytest.mark.parametrize(
    ("event", "reason", "nearest"),
    [
        ("{entres: mql}", "unknown_key", "enters"),
        ("{enters: mqll}", "unknown_reference", "mql"),
        ("{moves: to_mqll}", "unknown_reference", "to_mql"),
        ("{signal: inquirie}", "unknown_reference", "inquiry"),
        ("{becomes: {band: hit}}", "unknown_choice", "hot"),
        ("{enters: mql, leaves: lead}", "bad_event", None),
        ("{enters: mql, early: 1d}", "unknown_key", None),
        ("mql", "bad_event", None),
        ("[]", "bad_event", None),
        ("{breaches: first_response}", "unknown_reference", None),
    ],
)
def test_events(event: str, reason: str, nearest: str | None) -> None:
    rule = f"rules:\n  - {{id: r, on: {event}, do: [{{task: {{kind: call, due: 1d, title: x}}}}]}}\n"
    problem = only(checked({**SMALL, "lifecycle.yaml": LIFECYCLE, "work.yaml": rule})[1])
    assert (problem.reason, problem.nearest, problem.line) == (reason, nearest, 2)


@pytest.mark.parametrize(
    ("title", "reason"),
    [("{last_nam}", "unknown_template_name"), ("{last_name", "bad_template"), ("{last_name.upper()}", "bad_template")],
)
def test_texts(title: str, reason: str) -> None:
    task = f"task: {{kind: call, due: 1d, title: '{title}'}}"
    rule = f"rules:\n  - {{id: r, on: {{enters: mql}}, do: [{{{task}}}]}}\n"
    problem = only(checked({**SMALL, "lifecycle.yaml": LIFECYCLE, "work.yaml": rule})[1])
    assert problem.reason == reason


@pytest.mark.parametrize(
    "secret",
    [
        "pat-na1-12345678-1234-1234-1234-123456789abc",
        "https://hooks.slack.com/services/T0/B0/abcdefg",
        "https://user:hunter2@example.jp/hook",
        "xoxb-1234567890-abcdefghij",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
    ],
)
def test_a_secret_is_an_error_and_is_never_repeated(secret: str) -> None:
    problem = only(with_change("lifecycle.yaml", "label: MQL", f"label: '{secret}'"))
    assert (problem.reason, problem.line) == ("secret", 3)
    assert secret not in problem.text()


def test_ordinary_words_are_no_secrets() -> None:
    for name in ("b2b-ja", "small-team"):
        policy, problems = checked(shipped(name))
        assert policy is not None, problems


def test_the_error_carries_every_problem() -> None:
    with pytest.raises(PolicyErrors) as caught:
        load_policy_from({"fields.yaml": b"lead: {a: {type: txt}}", "scoring.yaml": b"x: 1"})
    assert {problem.reason for problem in caught.value.problems} == {"not_allowed", "unknown_key"}
    assert caught.value.reason == "policy_invalid"
    assert "fields.yaml:1:12" in caught.value.message


def test_a_warning_stops_nothing() -> None:
    rule = "rules:\n  - {id: r, on: {enters: mql}, do: [{task: {kind: call, due: 5 business minutes, title: x}}]}\n"
    policy, problems = checked({**SMALL, "lifecycle.yaml": LIFECYCLE, "work.yaml": rule})
    assert policy is not None
    assert [(problem.warning, problem.reason) for problem in problems] == [(True, "no_calendar")]
