"""Each advice: a policy that deserves it, one that does not, and the shipped ones, which deserve none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector.cli.check import command
from connector.policy.advice import RULES, advise
from connector.policy.loader import load_policy, load_policy_from
from tests.unit.policy.folders import MAPPINGS

FIELDS = """\
lead:
  email: {type: email, hubspot: contact.email}
  need: {type: text, hubspot: contact.need}
  why: {type: choice, choices: {reasons: discard}, answer: true, hubspot: contact.why}
"""
SCORING = """\
signals:
  inquiry: {from: [{hubspot_form: [contact]}]}
  click: {from: [{hubspot_counter: contact.hs_email_click}]}
  attempted: {from: [{activity: [call]}]}
scores:
  fit: {rules: [{id: free_mail, when: {email: {ends_with: gmail.com}}, points: -10}]}
  behaviour: {cap: 60, rules: [{id: b_click, signal: click, points: 20}, {id: b_inquiry, signal: inquiry, points: 50}]}
ratings:
  band:
    choices: {hot: hot, low: low}
    rules: [{id: band_hot, when: {score.total: {at_least: 40}}, value: hot}, {id: band_low, value: low}]
"""
LIFECYCLE = """\
stages:
  lead: {owner: marketing}
  mql: {owner: inside_sales}
  sql: {owner: field_sales}
  gone: {side: true}
transitions:
  - {id: to_mql, from: [lead], to: mql, when: {band: hot}}
  - {id: qualify, from: [mql], to: sql, when: {need: known}, gate: handoff}
  - {id: discard, from: [lead, mql, sql], to: gone, when: {why: known}}
  - {id: wake, from: [gone], to: lead, when: {recycle.due: true}}
manual_moves: {backward: {needs: need}, to_side: {needs: reason}}
"""
WORK = """\
rules:
  - {id: call, on: {enters: mql}, do: [{task: {kind: call, to: owner, due: 1d, title: Call}}]}
"""
ROUTING = """\
pools: {sdr: {members: {hubspot_team: SDR}}}
rules: [{id: to_sdr, on: {enters: mql}, assign: {pool: sdr}}]
"""
SLA = "clocks: [{id: first, starts: {enters: mql}, stops: {signal: attempted}, limit: 1d}]\n"
HANDOFF = "gates: {handoff: {required: [need]}}\n"
RECYCLE = "reasons: {timing: {used_for: [discard], again: {after: 90d}}}\n"
KPI = """\
targets:
  - {id: calls, metric: calls, per: person, every: 1d, target: {at_least: 60}}
  - {id: rate, metric: mql_to_sql, per: team, every: 1w, target: {at_least: 20%}}
"""
SOUND = {
    "fields.yaml": FIELDS,
    "scoring.yaml": SCORING,
    "lifecycle.yaml": LIFECYCLE,
    "work.yaml": WORK,
    "routing.yaml": ROUTING,
    "sla.yaml": SLA,
    "handoff.yaml": HANDOFF,
    "recycle.yaml": RECYCLE,
    "kpi.yaml": KPI,
}


def told(files: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Advice by id, with the names at fault."""
    policy = load_policy_from({path: text.encode() for path, text in files.items()})
    return {one.id: one.about for one in advise(policy)}


def changed(file: str, old: str, new: str) -> dict[str, str]:
    assert SOUND[file].count(old) == 1, (file, old)
    return {**SOUND, file: SOUND[file].replace(old, new)}


def without(*files: str) -> dict[str, str]:
    return {path: text for path, text in SOUND.items() if path not in files}


def test_a_sound_policy_is_told_nothing() -> None:
    assert told(SOUND) == {}


@pytest.mark.parametrize("name", ["b2b-ja", "small-team"])
def test_the_shipped_policies_are_told_nothing(name: str) -> None:
    assert advise(load_policy(MAPPINGS / name)) == ()


@pytest.mark.parametrize(
    ("files", "advice", "about"),
    [
        (changed("lifecycle.yaml", "when: {band: hot}", "when: {email: known}"), "everything_to_sales", ("to_mql",)),
        (
            changed("lifecycle.yaml", "when: {band: hot}", "when: {signal.inquiry: {at_least: 1}}"),
            "everything_to_sales",
            ("to_mql",),
        ),
        (
            changed("scoring.yaml", "{score.total: {at_least: 40}}", "{score.total: {at_least: 20}}"),
            "everything_hot",
            ("band_hot",),
        ),
        (changed("scoring.yaml", "click, points: 20", "click, points: 45"), "everything_hot", ("band_hot",)),
        (changed("scoring.yaml", "points: -10", "points: 10"), "no_negatives", ("score.fit", "score.behaviour")),
        (without("sla.yaml"), "no_first_response", ("mql",)),
        (changed("sla.yaml", "stops: {signal: attempted}", "stops: {signal: inquiry}"), "no_first_response", ("mql",)),
        (without("routing.yaml"), "tasks_without_owner", ("call",)),
        (changed("lifecycle.yaml", ", gate: handoff", ""), "handoff_without_fields", ("qualify",)),
        (changed("handoff.yaml", "required: [need]", "wanted: [need]"), "handoff_without_fields", ("qualify",)),
        (changed("lifecycle.yaml", "{why: known}", "{need: known}"), "reasons_optional", ("discard",)),
        (
            changed("lifecycle.yaml", "manual_moves: {backward: {needs: need}, to_side: {needs: reason}}\n", ""),
            "reasons_optional",
            ("manual_moves.to_side", "manual_moves.backward"),
        ),
        (changed("recycle.yaml", ", again: {after: 90d}", ""), "no_recycle", ("recycle.yaml: again",)),
        (
            changed("lifecycle.yaml", "{recycle.due: true}", "{need: known}"),
            "no_recycle",
            ("lifecycle.yaml: recycle.due",),
        ),
        (changed("kpi.yaml", "metric: mql_to_sql", "metric: mails"), "activity_alone", ("calls", "rate")),
    ],
)
def test_who_deserves_it_is_told_that_alone(files: dict[str, str], advice: str, about: tuple[str, ...]) -> None:
    assert told(files) == {advice: about}


def test_a_policy_without_recycling_at_all_is_told_so() -> None:
    files = {
        **without("recycle.yaml"),
        "fields.yaml": FIELDS.replace("{reasons: discard}", "{student: student}"),
        "lifecycle.yaml": LIFECYCLE.replace("{recycle.due: true}", "{need: known}"),
    }
    assert told(files)["no_recycle"] == ("recycle.yaml",)


@pytest.mark.parametrize(
    "files",
    [
        # A form is more than a click, also where it alone is enough for hot.
        changed("scoring.yaml", "inquiry, points: 50", "inquiry, points: 60"),
        # A cap keeps a click below the threshold.
        changed(
            "scoring.yaml",
            "{cap: 60, rules: [{id: b_click, signal: click, points: 20}",
            "{cap: 30, rules: [{id: b_click, signal: click, points: 99}",
        ),
        # A lead that comes back by its own behaviour needs no reason.
        changed(
            "lifecycle.yaml",
            "  - {id: wake,",
            "  - {id: again, from: [sql], to: mql, when: {signal.inquiry: {at_least: 1}}}\n  - {id: wake,",
        ),
        # A pool needs no owner.
        {**without("routing.yaml"), "work.yaml": WORK.replace("to: owner", "to: deal_owner")},
    ],
)
def test_who_does_not_deserve_it_is_told_nothing(files: dict[str, str]) -> None:
    assert told(files) == {}


def test_a_policy_that_only_scores_is_not_told_to_recycle_or_to_promise() -> None:
    assert (
        told({"fields.yaml": FIELDS.replace("{reasons: discard}", "{student: student}"), "scoring.yaml": SCORING}) == {}
    )


def test_every_advice_has_a_reason_an_example_and_both_languages() -> None:
    for name, rule in RULES.items():
        module = __import__(f"connector.policy.advice.{name}", fromlist=["ADVICE"])
        assert "does not" in module.__doc__, name
        assert set(rule.says) == set(rule.do) == {"ja", "en"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in without("sla.yaml").items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_check_tells_it_in_the_policys_language_and_fails_for_none(folder: Path) -> None:
    run = CliRunner().invoke
    japanese = run(command, [str(folder)])
    assert japanese.exit_code == 0
    assert "助言(エラーではありません):\n  - no_first_response: 最初の接触までの期限がありません。" in japanese.stdout
    (folder / "policy.yaml").write_text("language: en\n", encoding="utf-8")
    english = run(command, [str(folder)])
    assert (
        "Advice (no errors):\n  - no_first_response: Nothing limits the time until the first contact." in english.stdout
    )
    hidden = run(command, [str(folder), "--no-advice"])
    assert "no_first_response" not in hidden.stdout
    (advice,) = json.loads(run(command, [str(folder), "--json"]).stdout)["advice"]
    assert (advice["id"], advice["about"], set(advice["says"])) == ("no_first_response", ["mql"], {"ja", "en"})
