"""G3: the agreement that the departments sign is printed from the YAML that runs: every promise with its limit and its
calendar, in Japanese and English. YAML in → document out."""

from __future__ import annotations

from functools import cache
from html import unescape
from pathlib import Path

import pytest

from connector.policy.documents.speech import Speech
from connector.policy.loader import load_policy
from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import POLICY, Relay, loaded

LANGUAGES = ("ja", "en")
NIGHT = """\
    closed: [12-29, 12-30, 12-31, 01-02, 01-03]
  osaka_night:
    label: {ja: 大阪の夜間窓口, en: Osaka by night}
    hours: {mon: ["18:00-20:30", "21:00-23:00"], sat: 18:00-22:00}
"""


@cache
def printed(what: str, language: str, folder: Path | None = None, form: str = "html") -> str:
    """As a person prints it; `folder` None: the running policy of the relay's machine."""
    words = ["--policy", str(folder)] if folder is not None else []
    result = CommandLine({}).run("print", what, "--language", language, "--format", form, *words)
    assert result.exit_code == 0, result.output
    return unescape(result.stdout)


@pytest.mark.parametrize("form", ["html", "markdown"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_promise_stands_in_it_with_its_limit_and_every_calendar(language: str, form: str) -> None:
    policy = loaded(POLICY)
    text, speech = printed("sla", language, POLICY, form), Speech(policy, language)
    assert policy.hash[:12] in text
    for clock in policy.clocks.values():
        assert speech.of(clock.label, clock.id) in text
        assert speech.within(clock.limit) in text
        assert speech.department(clock.owed_by) in text
    for calendar in policy.calendars.values():
        assert speech.hours(calendar) in text


def test_another_limit_and_another_calendar_are_another_agreement(tmp_path: Path) -> None:
    night = "limit: 5 business minutes => limit: 7 business minutes\n    calendar: osaka_night"
    folder = changed_policy(tmp_path / "night", "sla.yaml", night=night)
    path = folder / "policy.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("    closed: [12-29, 12-30, 12-31, 01-02, 01-03]\n", NIGHT), encoding="utf-8")
    now, before = {one: printed("sla", one, folder) for one in LANGUAGES}, printed("sla", "en", POLICY)
    hours = {"ja": "月 18:00–20:30, 21:00–23:00、土 18:00–22:00", "en": "Mon 18:00–20:30, 21:00–23:00, Sat 18:00–22:00"}
    limits = {"ja": "営業時間で7分以内", "en": "within 7 business minutes"}
    for language in LANGUAGES:
        assert limits[language] in now[language]
        assert now[language].count(hours[language]) == 2, "where hours are told, and beside the limit that uses them"
    assert limits["en"] not in before
    assert load_policy(folder).hash[:12] in now["ja"]


def test_what_runs_is_what_is_printed(relay: Relay) -> None:
    result = CommandLine.of(relay).run("print", "sla", "--format", "markdown")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# 部門間SLA合意書")
    assert relay.policy.hash[:12] in result.stdout
