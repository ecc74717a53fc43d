"""The language reference: every key is told in both languages, every example loads, the pages are current."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from connector.cli.reference import command
from connector.domain.normalise import TIDIES
from connector.domain.span import Span
from connector.policy import loader
from connector.policy.build.context import TEMPLATE_NAMES, is_field
from connector.policy.build.fields import SHOWN, TIDY_WORDS
from connector.policy.files.base import LANGUAGES, OPERATORS, FileModel
from connector.policy.model import EventKind, FieldType
from connector.policy.problems import Report
from connector.policy.reference.outline import Section, keys_of, models_in, sections
from connector.policy.reference.pages import reference_files
from connector.policy.sentences import everywhere, language, piece_of, pieces, stem_of
from connector.policy.source import read_folder
from connector.policy.vocabulary import COUNT_OPERATORS
from tests.unit.policy.folders import MAPPINGS, ROOT
from tests.unit.policy.overlay import blocks, data_of, errors_with

DOCS = ROOT / "docs" / "policy"
SENTENCES = "connector/policy/sentences"
BASE = read_folder(MAPPINGS / "b2b-ja")
SECTIONS = sections()
PAGES = sorted(DOCS.rglob("*.md"))


def named(section: Section) -> str:
    return section.model.__name__


@pytest.mark.parametrize("section", SECTIONS, ids=named)
def test_every_key_is_told_in_both_languages(section: Section) -> None:
    name, file = section.model.__name__, f"{SENTENCES}/{stem_of(section.model)}.yaml"
    piece = piece_of(section.model)
    assert piece is not None, f"{file} says nothing of {name}: add\n{_whole_piece(section.model)}"
    assert set(piece.sentence) == set(LANGUAGES), f"{file}: `{name}:` needs `en:` and `ja:`"
    said = {**everywhere(), **piece.keys}
    missing = [key.name for key in keys_of(section.model) if set(said.get(key.name, ())) != set(LANGUAGES)]
    lines = "\n".join(f'    {key}: {{en: "…", ja: "…"}}' for key in missing)
    assert not missing, f"{file}: under `{name}:` `keys:` write what the key means:\n{lines}\nthen `make reference`"
    stale = set(piece.keys) - {key.name for key in keys_of(section.model)}
    assert not stale, f"{file}: `{name}` has no such keys any more: take out {sorted(stale)}"


def _whole_piece(model: type[FileModel]) -> str:
    keys = "".join(f'    {key.name}: {{en: "…", ja: "…"}}\n' for key in keys_of(model) if key.name not in everywhere())
    return f'{model.__name__}:\n  en: "…"\n  ja: "…"\n  example: |\n    …\n  keys:\n{keys}'


def test_nothing_is_told_of_models_that_are_gone() -> None:
    told = {stem: set(pieces(stem)) for stem in {stem_of(section.model) for section in SECTIONS}}
    models = {stem: {named(section) for section in SECTIONS if stem_of(section.model) == stem} for stem in told}
    assert told == models


@pytest.mark.parametrize("section", SECTIONS, ids=named)
def test_the_example_shows_every_key(section: Section) -> None:
    piece = piece_of(section.model)
    assert piece is not None
    shown = {key for mapping in _occurrences(section, data_of(piece.example)) for key in mapping}
    missing = {key.name for key in keys_of(section.model)} - shown
    assert not missing, (
        f"{SENTENCES}/{stem_of(section.model)}.yaml: let the example of `{named(section)}` show {sorted(missing)}"
    )


def _occurrences(section: Section, data: Any) -> Iterator[dict[str, Any]]:
    """The mappings of an example that are of the section's model."""
    roots = [other for other in SECTIONS if other.page == section.page and not other.path]
    if not roots:  # actions: whatever holds keys of the piece
        yield from _all_mappings(data)
        return
    yield from _within(roots[0].model, data, section.model)


def _within(model: type[FileModel], data: Any, wanted: type[FileModel]) -> Iterator[dict[str, Any]]:
    if not isinstance(data, dict):
        return
    if model is wanted:
        yield data
    for key in keys_of(model):
        if key.name not in data:
            continue
        for path, child in models_in(key.type):
            for found in _down(data[key.name], path):
                yield from _within(child, found, wanted)


def _down(data: Any, path: str) -> list[Any]:
    for step in re.findall(r"\[\]|\.<id>", path):
        if step == "[]":
            return [x for item in (data if isinstance(data, list) else []) for x in _down(item, path[len(step) :])]
        return [x for item in (data.values() if isinstance(data, dict) else []) for x in _down(item, path[len(step) :])]
    return [data]


def _all_mappings(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _all_mappings(item)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_example_loads_within_the_shipped_policy(page: Path) -> None:
    for block in blocks(page):
        assert errors_with(BASE, block.file, block.text) == (), f"{page}:{block.line}"


def test_the_committed_pages_are_current() -> None:
    committed = {str(path.relative_to(DOCS)): path.read_text(encoding="utf-8") for path in PAGES}
    assert committed == reference_files(), "run `make reference`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        headings = re.findall(r"^#+ (.*)$", there.read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor.lower() in slugs, target


def test_every_word_of_the_language_is_told() -> None:
    said = language()
    assert set(said["operators"]) == {*OPERATORS, "is"}
    assert set(said["counts"]) == {*COUNT_OPERATORS, "within", "since"}
    assert set(said["events"]) == {kind.value for kind in EventKind}
    assert set(said["types"]) == {kind.value for kind in FieldType}
    assert set(said["templates"]) == {*TEMPLATE_NAMES, "recycle.reason", "deal.stage"}
    assert set(said["tidy"]) == set(TIDY_WORDS) == set(TIDIES)
    for part, words in said.items():
        for word, sentence in words.items():
            both = sentence["title"] if part == "pages" else sentence
            assert both.get("en"), f"{SENTENCES}/language.yaml: {part}.{word} needs `en:`"
            assert both.get("ja"), f"{SENTENCES}/language.yaml: {part}.{word} needs `ja:`"


def test_every_built_in_name_and_shown_value_is_told() -> None:
    report = Report()
    documents = loader._documents(BASE, report)
    models = loader._models(documents, report)
    assert models is not None
    told = {name.removesuffix("<id>") for name in language()["names"]}
    names = {name for name in loader._context(BASE, documents, models, report).vocabulary.names if not is_field(name)}
    assert {name for name in names if name not in told and f"{name.partition('.')[0]}." not in told} == set()
    assert {*SHOWN, "score.<id>", "gate.<id>.missing"} == set(language()["shows"])


@pytest.mark.parametrize("part", ["operators", "counts", "joins"])
def test_examples_of_conditions_load(part: str) -> None:
    for word, said in language()[part].items():
        piece = f"transitions:\n  - id: shown\n    from: [lead]\n    to: mql\n    when: {{{said['example']}}}\n"
        assert errors_with(BASE, "lifecycle.yaml", piece) == (), word


def test_examples_of_events_load() -> None:
    for word, said in language()["events"].items():
        event = said["example"] if said["example"].startswith("{") else f"{{{said['example']}}}"
        piece = f"rules:\n  - {{id: shown, on: {event}, do: [{{set: {{rep_state: working}}}}]}}\n"
        assert errors_with(BASE, "work.yaml", piece) == (), word


def test_examples_of_durations_are_what_they_say() -> None:
    for name, said in language()["durations"].items():
        span = Span.parse(said["example"])
        assert f"{'business ' if span.business else ''}{span.unit}" == name


def test_the_command_writes_the_pages(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "policy")])
    assert result.exit_code == 0
    written = {str(path.relative_to(tmp_path / "policy")) for path in (tmp_path / "policy").rglob("*.md")}
    assert written == set(reference_files())
    assert len(result.stdout.splitlines()) == len(written)
