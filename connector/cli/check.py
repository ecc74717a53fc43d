"""`tasuki check DIR…`: is this policy right? Errors with their lines, warnings, and what it holds. Can several run
together?

Exit codes: 0 the policy can run, 1 it has errors, 2 the call itself is wrong.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unicodedata import east_asian_width

import click

from connector.engine.examples import Outcome, run_examples
from connector.engine.plan import prepare
from connector.policy.advice import Advice, advise
from connector.policy.loader import check_files
from connector.policy.model import Policy
from connector.policy.problems import Problem
from connector.policy.source import FolderError, read_folder
from connector.policy.together import Clash, clashes
from connector.texts import count, joined, say, shown, word

_MOST_ALLOWED = 12
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")  #: Tabs, and what would move a terminal's cursor.
_WIDEST_LINE = 160


@click.command(name="check", short_help="Check a policy and show every error at once.")
@click.argument(
    "folders",
    metavar="DIR...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option("--no-advice", is_flag=True, help="Leave out advice on what teams were seen to fail with.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(folders: tuple[Path, ...], no_advice: bool, as_json: bool) -> None:
    """Check the policy in DIR and show every error at once, with its line and what is allowed; then run its examples.

    Advice follows on what can run but is known to fail. Of several policies, in the order in which they are to take
    leads, it is checked besides whether they can run together. Exits with 0 when what was checked can run and with 1
    when there are errors or an example does not hold.
    """
    checked = [_check(folder, advised=not no_advice) for folder in folders]
    together = clashes([one.policy for one in checked if one.policy is not None])
    if as_json:
        said: dict[str, object] = _as_json(checked[0])
        if len(checked) > 1:
            said = {
                "ok": all(one.ok for one in checked) and all(one.note for one in together),
                "policies": [_as_json(one) for one in checked],
                "together": [asdict(one) for one in together],
            }
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        for one in checked:
            _print(one)
        if len(checked) > 1:
            _print_together(together)
    sys.exit(0 if all(one.ok for one in checked) and all(one.note for one in together) else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A folder with what was found in it."""

    folder: Path
    files: Mapping[str, bytes]
    policy: Policy | None
    problems: Sequence[Problem]
    outcome: Outcome | None
    advice: Sequence[Advice]

    @property
    def ok(self) -> bool:
        """True when it can run."""
        return all(problem.warning for problem in self.problems)


def _check(folder: Path, *, advised: bool) -> Checked:
    try:
        files = read_folder(folder)
    except FolderError as error:
        raise click.UsageError(shown(error.message)) from error
    policy, problems = check_files(files, name=folder.resolve().name)
    outcome = run_examples(prepare(policy)) if policy is not None else None
    if policy is not None and outcome is not None:
        problems = [*problems, *failing_examples(policy, outcome)]
    return Checked(
        folder=folder,
        files=files,
        policy=policy,
        problems=problems,
        outcome=outcome,
        advice=advise(policy) if policy is not None and advised else (),
    )


def failing_examples(policy: Policy, outcome: Outcome) -> list[Problem]:
    """What fails of examples.yaml, as errors with their places."""
    return [
        Problem(
            file="examples.yaml",
            line=failure.line,
            column=1,
            message=failure.text(policy.language),
            reason="example_fails",
        )
        for failure in outcome.failures
    ]


def _print(found: Checked) -> None:
    folder, files, policy, problems, outcome = found.folder, found.files, found.policy, found.problems, found.outcome
    _print_problems(folder, files, problems)
    errors = sum(not problem.warning for problem in problems)
    warnings = len(problems) - errors
    counted = joined(", ", (count(errors, "{n} error", "{n} errors"), count(warnings, "{n} warning", "{n} warnings")))
    if policy is None or outcome is None or errors:
        _echo(say("✗ {folder}: {counted}. The running policy, if any, stays as it is.", folder=folder, counted=counted))
    else:
        _echo(say("✓ {folder}: {counted}.\n", folder=folder, counted=counted))
        _print_policy(policy, outcome)
    if policy is not None:
        _print_advice(policy, found.advice)


def _print_problems(folder: Path, files: Mapping[str, bytes], problems: Sequence[Problem]) -> None:
    for problem in problems:
        click.echo("\n".join(problem_lines(folder, files, problem)))
        click.echo()


def _print_policy(policy: Policy, outcome: Outcome) -> None:
    for key, value in summary(policy).items():
        name = shown(word(key))
        click.echo(f"  {name}{' ' * max(1, 13 - _width(name))}{shown(value)}")
    if policy.examples is not None:
        _print_examples(policy, outcome)
    if policy.later:
        _echo(say("\nChecked, not run in this release:"))
        for part in policy.later:
            click.echo(f"  - {part}")


def _print_together(found: Sequence[Clash]) -> None:
    """Who takes which leads, then what does not go together."""
    _echo(say("\nTogether, a lead belongs to the first that takes it:"))
    order = [one for one in found if one.reason == "order"]
    for one in order:
        click.echo(f"  {shown(one.message)}")
    for kind, note in ((say("error"), False), (say("note"), True)):
        for one in found:
            if one.note is note and one not in order:
                click.echo(f"  {shown(kind)}: {shown(one.message)}")


def _print_advice(policy: Policy, advice: Sequence[Advice]) -> None:
    """In the policy's language: its authors read it."""
    if advice:
        click.echo("\n助言(エラーではありません):" if policy.language == "ja" else "\nAdvice (no errors):")
    for one in advice:
        click.echo(f"  - {one.id}: {one.text(policy.language)}")


def _print_examples(policy: Policy, outcome: Outcome) -> None:
    _echo(say("\nExamples: {held} hold.", held=len(outcome.held)))
    if outcome.unexercised:
        _echo(say("No example exercises these transitions:"))
        for name in outcome.unexercised:
            label = next(one.label for one in policy.transitions if one.id == name)
            click.echo(f"  - {name} ({label.get(policy.language) or name})")


def _echo(text: str) -> None:
    click.echo(shown(text))


def problem_lines(folder: Path, files: Mapping[str, bytes], problem: Problem) -> list[str]:
    """One problem for people: place and message, the source line with a caret, what is allowed."""
    place = f"{folder / problem.file}:{problem.line}:{problem.column}"
    lines = [f"{place}: {shown(problem.kind)}: {shown(problem.message)}"]
    source = _source_line(files.get(problem.file), problem.line)
    if source is not None and problem.reason not in ("secret", "not_utf8"):
        start = max(0, problem.column - _WIDEST_LINE // 2) if len(source) > _WIDEST_LINE else 0
        piece = source[start : start + _WIDEST_LINE]
        pad = _width(source[start : problem.column - 1])
        lines += [f"  {problem.line:>4} | {piece}", f"       | {' ' * pad}^"]
    if problem.nearest:
        lines.append("       = " + shown(say("did you mean `{nearest}`?", nearest=problem.nearest)))
    if problem.allowed:
        words, all_of_them = ", ".join(problem.allowed[:_MOST_ALLOWED]), len(problem.allowed)
        more = say(" … ({n} in all)", n=all_of_them) if all_of_them > _MOST_ALLOWED else ""
        lines.append("       = " + shown(say("allowed: {words}{more}", words=words, more=more)))
    return lines


def _source_line(content: bytes | None, line: int) -> str | None:
    if content is None:
        return None
    lines = content.decode("utf-8-sig", "replace").splitlines()
    return _UNSEEN.sub(" ", lines[line - 1]) if 0 < line <= len(lines) else None


def _width(text: str) -> int:
    """Columns of a terminal: a full-width character takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def summary(policy: Policy) -> dict[str, str]:
    """What a policy holds, a line each."""
    score_rules = sum(len(score.rules) for score in policy.scores.values())
    value_rules = sum(len(definition.rules) for definition in policy.computed)
    stages = " → ".join(stage.id for stage in policy.stages.values() if not stage.side)
    side = ", ".join(stage.id for stage in policy.stages.values() if stage.side)
    return {
        "policy": f"{policy.name} ({policy.language}, {policy.zone.key})",
        "version": policy.hash[:12],
        "fields": say(
            "{fields} ({computed} computed, {answers} answers)",
            fields=len(policy.fields),
            computed=len(policy.computed),
            answers=len(policy.answers),
        ),
        "signals": str(len(policy.signals)),
        "rules": say(
            "{rules} ({score} score, {value} value, {work} work, {never} never)",
            rules=score_rules + value_rules + len(policy.rules) + len(policy.never),
            score=score_rules,
            value=value_rules,
            work=len(policy.rules),
            never=len(policy.never),
        ),
        "stages": say("{stages} (side: {side})", stages=stages, side=side) if side else stages or say("none"),
        "transitions": str(len(policy.transitions)),
    }


def _as_json(found: Checked) -> dict[str, object]:
    policy, problems, outcome, advice = found.policy, found.problems, found.outcome, found.advice
    return {
        "ok": all(problem.warning for problem in problems),
        "errors": [asdict(problem) for problem in problems if not problem.warning],
        "warnings": [asdict(problem) for problem in problems if problem.warning],
        "policy": None if policy is None else {"hash": policy.hash, **summary(policy)},
        "examples": None
        if outcome is None
        else {"held": list(outcome.held), "unexercised_transitions": list(outcome.unexercised)},
        "advice": [asdict(one) for one in advice],
        "not_run_yet": [] if policy is None else list(policy.later),
    }
