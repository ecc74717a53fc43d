"""The pages of the reference as Markdown: one a file of the policy, and those of the language itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.policy.build.context import TEMPLATE_NAMES
from connector.policy.build.fields import TIDY_WORDS
from connector.policy.build.names import STATES
from connector.policy.files import MODELS
from connector.policy.files.base import LANGUAGES
from connector.policy.model import EventKind, FieldType
from connector.policy.phrases import count_phrase, phrase
from connector.policy.reference.outline import ACTIONS, Section, keys_of, sections
from connector.policy.reference.types import Phrasebook
from connector.policy.sentences import Sentence, language, piece_of, sentence_of
from connector.policy.vocabulary import COUNT_OPERATORS, OPERATORS_OF

Row = Sequence[str]
LANGUAGE_PAGES = ("conditions", "names", "durations", "events", ACTIONS, "templates")
_HEADS: Mapping[str, Mapping[str, str]] = {
    "key": {"en": "key", "ja": "キー"},
    "type": {"en": "type", "ja": "型"},
    "default": {"en": "without it", "ja": "書かないとき"},
    "meaning": {"en": "meaning", "ja": "意味"},
    "word": {"en": "word", "ja": "語"},
    "types": {"en": "for types", "ja": "使える型"},
    "reads": {"en": "reads", "ja": "読み方"},
    "example": {"en": "example", "ja": "例"},
    "states": {"en": "words", "ja": "とりうる語"},
    "field": {"en": "X", "ja": "X"},
    "files": {"en": "Files", "ja": "ファイル"},
    "language": {"en": "The language", "ja": "言語"},
    "operators": {"en": "Operators", "ja": "演算子"},
    "counts": {"en": "Counting signals", "ja": "シグナルを数える"},
    "joins": {"en": "Joining conditions", "ja": "条件をつなぐ"},
    "type_list": {"en": "Types of fields", "ja": "項目の型"},
    "shows": {"en": "What `shows:` may write", "ja": "`shows:` が書ける値"},
    "tidy": {"en": "What `tidy:` does", "ja": "`tidy:` の整え方"},
    "count": {"en": "a count", "ja": "回数"},
}


def reference_files() -> dict[str, str]:
    """Path below the reference's folder → Markdown: `en/fields.md`, `ja/fields.md` and so on."""
    return {f"{code}/{name}.md": text for code in LANGUAGES for name, text in _Writer(code).pages()}


def write_reference(folder: Path) -> list[Path]:
    """Write every page below a folder; returns their paths."""
    written = []
    for name, text in reference_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


class _Writer:
    """All pages in one language."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.sections = sections()
        self.places = {section.model: section for section in self.sections}

    def pages(self) -> Iterator[tuple[str, str]]:
        yield "README", self._page("README", self._index())
        for stem in MODELS:
            yield stem, self._page(stem, self._models(stem))
        for name in LANGUAGE_PAGES:
            body = self._models(name) if name == ACTIONS else getattr(self, f"_{name}")()
            yield name, self._page(name, body)

    def _page(self, name: str, body: Iterator[str]) -> str:
        said = language()["pages"].get(name)
        title = said["title"][self.code] if said else f"{name}.yaml"
        intro = [said["intro"][self.code].strip()] if said else []
        if said and "example" in said:
            intro.append(_fenced(said["example"], name))
        return "\n\n".join([f"# {title}", *intro, *body]) + "\n"

    def _index(self) -> Iterator[str]:
        yield self._heading("files")
        yield "\n".join(
            f"- [{stem}.yaml]({stem}.md): {self._said(_sentence(self.places[model]))}" for stem, model in MODELS.items()
        )
        yield self._heading("language")
        yield "\n".join(f"- [{language()['pages'][name]['title'][self.code]}]({name}.md)" for name in LANGUAGE_PAGES)

    def _models(self, page: str) -> Iterator[str]:
        book = Phrasebook(language=self.code, page=page, places=self.places)
        for section in self.sections:
            if section.page != page:
                continue
            if section.path:
                yield f"## `{section.path}`"
            yield self._said(_sentence(section))
            rows = [
                (
                    f"`{key.name}`",
                    book.type_words(key.type),
                    book.default_words(key.default, required=key.required),
                    self._said(sentence_of(section.model, key.name) or {}),
                )
                for key in keys_of(section.model)
            ]
            yield self._table(("key", "type", "default", "meaning"), rows)
            piece = piece_of(section.model)
            if piece is not None:
                yield _fenced(piece.example, page)
        if page == "fields":
            for part, words in (("type_list", [kind.value for kind in FieldType]), ("tidy", TIDY_WORDS)):
                yield self._heading(part)
                yield self._words("types" if part == "type_list" else part, words)

    def _conditions(self) -> Iterator[str]:
        words = language()["operators"]
        yield self._heading("operators")
        yield self._table(
            ("word", "types", "meaning", "reads", "example"),
            [
                (f"`{word}`", _types_of(word), self._said(said), self._reads(word), _code(said["example"]))
                for word, said in words.items()
            ],
        )
        yield self._heading("counts")
        yield self._table(
            ("word", "meaning", "reads", "example"),
            [
                (f"`{word}`", self._said(said), self._counts(word), _code(said["example"]))
                for word, said in language()["counts"].items()
            ],
        )
        yield self._heading("joins")
        yield self._words("joins", language()["joins"])

    def _names(self) -> Iterator[str]:
        rows = []
        for name, said in language()["names"].items():
            states = STATES.get(name.partition(".")[0], ())
            kind = _HEADS["count"][self.code] if said["type"] == "count" else f"`{said['type']}`"
            rows.append((f"`{name}`", kind, " · ".join(f"`{state}`" for state in states) or "—", self._said(said)))
        yield self._table(("word", "type", "states", "meaning"), rows)
        yield self._heading("shows")
        yield self._words("shows", language()["shows"])

    def _durations(self) -> Iterator[str]:
        rows = [(_code(said["example"]), self._said(said)) for said in language()["durations"].values()]
        yield self._table(("example", "meaning"), rows)

    def _events(self) -> Iterator[str]:
        yield self._words("events", [kind.value for kind in EventKind])

    def _templates(self) -> Iterator[str]:
        yield self._words("templates", [*TEMPLATE_NAMES, "recycle.reason", "deal.stage"], form="`{{{}}}`")

    def _words(self, part: str, words: Sequence[str] | Mapping[str, Any], *, form: str = "`{}`") -> str:
        said = language()[part]
        examples = any("example" in said[word] for word in words)
        rows = [
            (form.format(word), self._said(said[word]), *([_code(said[word]["example"])] if examples else []))
            for word in words
        ]
        return self._table(("word", "meaning", *(["example"] if examples else [])), rows)

    def _reads(self, word: str) -> str:
        return phrase(word, _HEADS["field"][self.code], "…", self.code)

    def _counts(self, word: str) -> str:
        operator = word if word in COUNT_OPERATORS else "at_least"
        within = "14d" if word == "within" else None
        return count_phrase(operator, "X", (2, 5), self.code, within=within, since=word == "since")

    def _said(self, sentence: Sentence) -> str:
        return sentence.get(self.code, "")

    def _heading(self, word: str) -> str:
        return f"## {_HEADS[word][self.code]}"

    def _table(self, heads: Sequence[str], rows: Sequence[Row]) -> str:
        lines = [[_HEADS[head][self.code] for head in heads], ["---"] * len(heads), *rows]
        return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _sentence(section: Section) -> Sentence:
    piece = piece_of(section.model)
    return piece.sentence if piece is not None else {}


def _types_of(operator: str) -> str:
    return ", ".join(f"`{kind.value}`" for kind, words in OPERATORS_OF.items() if operator in words)


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _fenced(example: str, page: str) -> str:
    """A block of YAML that says in its first line which file it stands in."""
    first, _, rest = example.partition("\n")
    if first.startswith("# file: "):
        return f"```yaml\n# {first.removeprefix('# file: ')}\n{rest.rstrip()}\n```"
    return f"```yaml\n# {page}.yaml\n{example.rstrip()}\n```"
