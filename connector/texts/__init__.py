"""What the product says to people, in their language.

Code says it in English: `say("{name} is away.", name=one.name)` is that sentence, an ordinary `str` that remembers
its template and values. Where people see it, `shown` says the same in their language, by `connector/texts/<language>/`;
a sentence that is missing there stays English. JSON, logs and tests see the English one.

A test compares every sentence of the code with every language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ja")
SETTING = "TASUKI_LANG"

_chosen: ContextVar[str] = ContextVar("language", default=ENGLISH)


class Text(str):
    """An English sentence that can be said in another language."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, values: Mapping[str, object]) -> Text:
        """The sentence with its values put in."""
        made = super().__new__(cls, template.format_map(values))
        made.template, made.values = template, values
        return made

    def __reduce__(self) -> tuple[type[Text], tuple[str, Mapping[str, object]]]:
        """Sentences travel between processes, as parts of errors."""
        return Text, (self.template, self.values)


def say(template: str, /, **values: object) -> Text:
    """An English sentence with its values; `template` is a literal, so that the test finds it."""
    return Text(template, values)


def count(number: int, one: str, many: str, /, **values: object) -> Text:
    """`one` or `many`, as English has it; both take `{n}`."""
    return Text(one if number == 1 else many, {**values, "n": number})


def word(english: str) -> Text:
    """One word of a vocabulary, such as a kind of thing: `say("there is no {what}", what=word("stage"))`."""
    return Text(english.replace("{", "{{").replace("}", "}}"), {})


def joined(separator: str, parts: Iterable[str]) -> Text:
    """Sentences side by side."""
    values = {f"p{place}": part for place, part in enumerate(parts)}
    return Text(separator.replace("{", "{{").replace("}", "}}").join(f"{{{name}}}" for name in values), values)


def listing(lines: Iterable[str]) -> Text:
    """Sentences below one another, as a list."""
    return joined("\n", (joined("", ("  - ", line)) for line in lines))


def said(error: BaseException) -> str:
    """What an error says, still able to be said in another language."""
    return error.args[0] if error.args and isinstance(error.args[0], Text) else str(error)


def shown(text: str, language: str | None = None) -> str:
    """The sentence in this language, else in the one that was chosen."""
    language = language or _chosen.get()
    if not isinstance(text, Text) or language == ENGLISH:
        return str(text)
    values = {name: shown(value, language) if isinstance(value, str) else value for name, value in text.values.items()}
    return sentences(language).get(text.template, text.template).format_map(values)


@cache
def sentences(language: str) -> Mapping[str, str]:
    """English template → the same in this language; empty for English."""
    found: dict[str, str] = {}
    if language != ENGLISH:
        import tomllib  # English needs no reading, and starts faster without
        from importlib import resources

        folder = resources.files(__package__) / language
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.endswith(".toml"):
                found |= tomllib.loads(file.read_text(encoding="utf-8"))
    return found


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """As long as this goes on, people are told things in this language."""
    before = _chosen.set(language)
    try:
        yield
    finally:
        _chosen.reset(before)


def language_of(environ: Mapping[str, str]) -> str:
    """The reader's language: TASUKI_LANG, else the locale's; English where neither names one that we speak."""
    for name in (SETTING, "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name, "")
        if value:  # the first that is set decides, as for every other program
            found = value.replace("-", "_").partition("_")[0].partition(".")[0].lower()
            return found if found in LANGUAGES else ENGLISH
    return ENGLISH
