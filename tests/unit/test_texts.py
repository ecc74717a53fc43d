"""Everything that is said to people is said in every language that we speak."""

from __future__ import annotations

import ast
import pickle
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import orjson
import pytest

from connector.domain.effects import WorkState
from connector.engine import allocate
from connector.sync.pacing import Pace
from connector.texts import LANGUAGES, count, joined, language_of, said, say, sentences, shown, word

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "connector"
TEXTS = HOUSE / "texts"
OTHERS = [one for one in LANGUAGES if one != "en"]
FOREIGN = "yaml_reader.toml"
"""What other programs say; no sentence of ours."""


def summary_keys() -> tuple[str, ...]:
    """The lines of `tasuki check`."""
    return ("policy", "version", "fields", "signals", "rules", "stages", "transitions")


SAYS = {"say": (0,), "count": (1, 2), "word": (0,)}
"""Function of connector.texts → which of its arguments are templates."""

SHOWS = {"line": 0, "table": 0, "progress": 0, "UsageError": 0, "PolicyError": 0, "FolderError": 0}
REPORTS = {"error": 1, "warn": 1}
"""What carries a text to people → which of its arguments must be a sentence of ours, never a bare text."""

ACT_UPON = {"AuthError": 0}
"""What comes of a CRM's answer and needs a person: printed as it is by the command that met it."""

OWN_WORDS = {"sla.py"}
"""Prints in the policy's language or that of its own option, like a document."""

NOT_YET = {"demo.py", "demo_proof.py", "demo_traffic.py", "up.py"}
"""Modules of the command line that speak English only: what a newcomer runs once, on a sandbox."""

VOCABULARY = (
    *(allocate.LEFT, allocate.ABSENT, allocate.FULL, allocate.OFF_HOURS, allocate.AVOIDED, allocate.NO_TURNS),
    *(allocate.STICKY, allocate.SAME_COMPANY, allocate.TURN, allocate.LEAST_LOADED, allocate.FIRST, "nobody_free"),
    *(one.value for one in WorkState),
    *(one.value for one in Pace),
    *("lead", "deal", "task", "owner", "score", "clock", "opened", "closed", "changed", "stage"),
    *(
        "running",
        "finished",
        "stopped",
        "call",
        "mail",
        "social",
        "todo",
        "read",
        "write",
        "hot",
        "background",
        "warning",
        "error",
    ),
    *(
        "ok",
        "database",
        "clock",
        "policy",
        "work",
        "access",
        "pause",
        "fields",
        "native sync",
        "change events",
        "choices",
        "events",
        "looks",
        "quota",
    ),
    *("new", "done", "parked", "sent", "unknown", "Dropped", "Retried", "Accepted", "Refused"),
    *summary_keys(),
)
"""Words that become texts by `word(...)` of a variable."""

NAMES_OF_THINGS = {"known": 2, "unknown": 1}
"""Calls that name a kind of thing in a word, which becomes part of a sentence."""


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module but the sandbox's, which speaks as the vendor does."""
    for path in sorted(HOUSE.rglob("*.py")):
        if "sandbox" not in path.relative_to(HOUSE).parts and path != TEXTS / "__init__.py":
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, node


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def spoken() -> dict[str, str]:
    """Every template that the code says → where."""
    found: dict[str, str] = {}
    for path, tree in modules():
        for name, call in calls(tree):
            where = f"{path.relative_to(ROOT)}:{call.lineno}"
            if isinstance(call.func, ast.Name):
                for place in SAYS.get(name, ()):
                    template = literal(call.args[place])
                    if template is not None:
                        found[template] = where
                    else:
                        assert name == "word", f"{where}: the test must be able to read what is said here"
            for column in (
                columns(tree, call) if name == "table" and "cli" in path.parts and path.name not in OWN_WORDS else ()
            ):
                found[column] = where
            place = NAMES_OF_THINGS.get(name, len(call.args))
            if place < len(call.args) and (thing := literal(call.args[place])) is not None:
                found[thing] = where
    return {one: where for one, where in found.items() if any(letter.isalpha() for letter in one)}


def columns(tree: ast.Module, call: ast.Call) -> Iterator[str]:
    """The names of a table's columns, in place or in a tuple of this module."""
    if len(call.args) < 2:
        return
    given, tuples = call.args[1], [call.args[1]]
    if isinstance(given, ast.Name):
        tuples = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == given.id
        ]
    for one in tuples:
        assert isinstance(one, ast.Tuple), f"line {call.lineno}: columns are a tuple of words"
        for element in one.elts:
            if isinstance(element, ast.Starred):  # labels of the policy
                continue
            name = literal(element)
            assert name is not None, f"line {call.lineno}: a column's name is a word"
            yield name.removesuffix("#")


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_of_the_code_exists_in_every_language(language: str) -> None:
    said_here, known = spoken() | dict.fromkeys(VOCABULARY, "VOCABULARY"), sentences(language)
    missing = [f"{where}: {template!r}" for template, where in said_here.items() if template not in known]
    assert not missing, f"connector/texts/{language}/ lacks:\n" + "\n".join(missing)
    wrong = [template for template in said_here if placeholders(template) != placeholders(known[template])]
    assert not wrong, f"the values differ in {language}: {wrong}"


@pytest.mark.parametrize("language", OTHERS)
def test_no_language_says_what_nobody_says_any_more(language: str) -> None:
    said_here = spoken() | dict.fromkeys(VOCABULARY, "VOCABULARY")
    for file in sorted((TEXTS / language).glob("*.toml")):
        if file.name == FOREIGN:
            continue
        left = [one for one in tomllib.loads(file.read_text(encoding="utf-8")) if one not in said_here]
        assert not left, f"{file.name} holds sentences that the code does not say: {left}"


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_stands_in_two_files_of_a_language(language: str) -> None:
    seen: dict[str, str] = {}
    for file in sorted((TEXTS / language).glob("*.toml")):
        for sentence in tomllib.loads(file.read_text(encoding="utf-8")):
            assert seen.setdefault(sentence, file.name) == file.name, sentence


def meant(tree: ast.Module, node: ast.expr) -> Iterator[ast.expr]:
    """The argument itself, or what the module puts into the variable `message`."""
    if not (isinstance(node, ast.Name) and node.id == "message"):
        yield node
        return
    for one in ast.walk(tree):
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and one.targets[0].id == node.id:
            yield one.value


def is_bare(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return is_bare(node.body) or is_bare(node.orelse)
    return isinstance(node, ast.JoinedStr | ast.BinOp | ast.Constant)


def test_nothing_is_told_to_people_in_a_bare_text() -> None:
    bare: list[str] = []
    for path, tree in modules():
        house = path.relative_to(HOUSE).parts[0]
        if house not in ("cli", "policy", "vendors") or path.name in NOT_YET:
            continue
        shows = {"cli": SHOWS, "policy": SHOWS | REPORTS, "vendors": ACT_UPON}[house]
        for name, call in calls(tree):
            place = shows.get(name, len(call.args))
            if place < len(call.args) and any(is_bare(one) for one in meant(tree, call.args[place])):
                bare.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert not bare, f"say(...) it: {bare}"


def test_a_sentence_is_english_until_somebody_wants_it_otherwise() -> None:
    sentence = say("there is no {what} `{got}`", what=word("stage"), got="mqll")
    assert sentence == "there is no stage `mqll`"
    assert shown(sentence) == sentence
    assert shown(sentence, "ja") == "ステージ「mqll」はありません"
    assert shown("mqll", "ja") == "mqll"
    assert orjson.loads(orjson.dumps({"message": sentence})) == {"message": "there is no stage `mqll`"}
    assert shown(pickle.loads(pickle.dumps(sentence)), "ja") == "ステージ「mqll」はありません"


def test_values_are_never_taken_for_templates() -> None:
    sentence = say("`{key}` is missing", key="{0.__class__} {what}")
    assert sentence == "`{0.__class__} {what}` is missing"
    assert shown(joined("{}", [sentence, "{b}"]), "ja") == "「{0.__class__} {what}」がありません{}{b}"


def test_errors_keep_what_they_say_able_to_be_translated() -> None:
    assert shown(said(ValueError(say("no day"))), "ja") == "日付ではありません"
    assert said(ValueError("bare", 1)) == "('bare', 1)"
    assert shown(count(1, "{n} error", "{n} errors"), "ja") == shown(count(1, "{n} error", "{n} errors"), "ja")
    assert (count(1, "{n} error", "{n} errors"), count(2, "{n} error", "{n} errors")) == ("1 error", "2 errors")


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "TASUKI_LANG": "ja"}, "ja"),
        ({"TASUKI_LANG": "", "LC_MESSAGES": "ja"}, "ja"),
    ],
)
def test_the_readers_language(environ: dict[str, str], language: str) -> None:
    assert language_of(environ) == language
