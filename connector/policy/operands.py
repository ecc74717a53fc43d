"""Reading what stands beside an operator: numbers, words, named lists, dates, windows, each with its words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.calendar import Span
from connector.policy.document import Where
from connector.policy.files.base import LANGUAGES
from connector.policy.files.ranges import MOST_NUMBER
from connector.policy.meant import comparison_meant, number_meant, span_meant, with_meant
from connector.policy.phrases import list_words, number_words, range_words, span_words
from connector.policy.problems import Report
from connector.policy.vocabulary import Name, Vocabulary, plain_label
from connector.policy.windows import Window
from connector.texts import said, say

YES_NO = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a list operator, and how the list is told to people."""

    values: tuple[str, ...]
    label: dict[str, str]


@dataclass(frozen=True, slots=True)
class Operands:
    """Reads operands of one policy, noting what is wrong with them."""

    vocabulary: Vocabulary
    report: Report

    def words(self, raw: Any, where: Where, name: Name, *, lists: bool) -> Words | None:
        """A list in place, a bare text, or (after a list operator) the name of a list of policy.yaml."""
        if isinstance(raw, str) and lists:
            found = self._named(raw, where)
            if found is None:
                return None
            strangers = [
                word for word in found.values if not self._is_choice(word, where, name, say("list `{word}`", word=raw))
            ]
            return None if strangers else found
        items = raw if isinstance(raw, list) else [raw]
        if not items or not all(isinstance(item, str) and item for item in items):
            self.report.error(where, say("a word or a list of words belongs here"), reason="bad_operand")
            return None
        checked = [
            self._is_choice(item, where / index if isinstance(raw, list) else where, name)
            for index, item in enumerate(items)
        ]
        if not name.choices:
            warn_of_commas(items, where, self.report)
        return Words(tuple(items), self._listed(items, name)) if all(checked) else None

    def _named(self, word: str, where: Where) -> Words | None:
        named = self.vocabulary.lists.get(word)
        if named is None:
            message = say("there is no list `{word}` in policy.yaml; one value is written `[{word}]`", word=word)
            self.report.error(where, message, reason="unknown_list", got=word, allowed=tuple(self.vocabulary.lists))
            return None
        if not named.values:
            self.report.error(where, say("the list `{word}` is empty", word=word), reason="empty_list")
            return None
        return Words(named.values, dict(named.label))

    def _is_choice(self, word: str, where: Where, name: Name, inside: str = "") -> bool:
        if not name.choices or word in name.choices:
            return True
        place = say(" (in {inside})", inside=inside) if inside else ""
        self.report.error(
            where,
            say("`{word}` is no choice of `{name}`{place}", word=word, name=name.name, place=place),
            reason="unknown_choice",
            got=word,
            allowed=tuple(name.choices),
        )
        return False

    def _listed(self, words: Sequence[str], name: Name) -> dict[str, str]:
        return {
            language: list_words([name.choices.get(word, {}).get(language, word) for word in words], language)
            for language in LANGUAGES
        }

    def numbers(self, raw: Any, where: Where, *, pair: bool) -> tuple[float, ...] | None:
        """One number, or the two ends of `between`."""
        items = raw if isinstance(raw, list) else [raw]
        if pair and len(items) != 2:
            self.report.error(where, say("`between` takes `[lowest, highest]`"), reason="bad_operand")
            return None
        found = [number_of(item) for item in items]
        if not found or any(number is None for number in found):
            meant = (comparison_meant(raw) or number_meant(raw)) if isinstance(raw, str) else None
            self.report.error(where, with_meant(say("a number belongs here"), meant), reason="bad_operand")
            return None
        numbers = tuple(number for number in found if number is not None)
        if any(abs(number) > MOST_NUMBER for number in numbers):
            message = say("a number lies between {low:,} and {high:,}", low=-MOST_NUMBER, high=MOST_NUMBER)
            self.report.error(where, message, reason="range")
            return None
        if pair and numbers[0] > numbers[1]:
            self.report.error(where, say("the lower end of `between` comes first"), reason="bad_operand")
            return None
        return numbers

    def counts(self, raw: Any, where: Where, *, pair: bool) -> tuple[int, ...] | None:
        """Numbers of times: whole and not negative."""
        numbers = self.numbers(raw, where, pair=pair)
        if numbers is None:
            return None
        if any(number < 0 or number != int(number) for number in numbers):
            self.report.error(where, say("a count is a whole number, 0 or more"), reason="bad_operand")
            return None
        return tuple(int(number) for number in numbers)

    def yes_no(self, raw: Any, where: Where) -> bool | None:
        """`yes` or `no`."""
        if isinstance(raw, str) and raw.lower() in YES_NO:
            return YES_NO[raw.lower()]
        self.report.error(where, say("write yes or no"), reason="bad_operand", got=str(raw)[:80], allowed=("yes", "no"))
        return None

    def window(self, raw: Any, where: Where) -> Window | None:
        """A length of time."""
        try:
            span = Span.parse(raw if isinstance(raw, str) else "")
        except ValueError as error:
            meant = span_meant(raw) if isinstance(raw, str) else None
            self.report.error(where, with_meant(said(error), meant), reason="bad_duration")
            return None
        return Window.of(span, self.vocabulary.calendar)

    def period(self, raw: Any, where: Where) -> Window | None:
        """The length of time of `within`: nothing lies within no time at all."""
        window = self.window(raw, where)
        if window is None or window.span.amount or (window.span.business and window.span.unit == "days"):
            return window
        self.report.error(where, say("this is no time at all: write 1 or more, such as 1d"), reason="range")
        return None

    def days(self, raw: Any, where: Where, *, pair: bool) -> tuple[date, ...] | None:
        """One date, or the two ends of `between`."""
        items = raw if isinstance(raw, list) else [raw]
        days = [date_of(item) for item in items]
        if any(day is None for day in days) or len(days) != (2 if pair else 1):
            form = "`[2026-04-01, 2027-03-31]`" if pair else "`2026-12-01`"
            self.report.error(where, say("a date is written {form}", form=form), reason="bad_date")
            return None
        return tuple(day for day in days if day is not None)


def warn_of_commas(values: Sequence[str], where: Where, report: Report) -> None:
    """A comma of a Japanese keyboard separates nothing: what it stands in is one value."""
    for value in values:
        if "、" in value or "，" in value:
            message = say("`{value}` is one value: values are separated by `,` in half width", value=value[:80])
            report.warn(where, message, reason="wide_comma")


def number_of(raw: Any) -> float | None:
    """The finite number that a text writes; whole numbers stay whole."""
    if not isinstance(raw, str) or len(raw) > 40 or "_" in raw:
        return None
    try:
        number = float(raw)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number == int(number) else number


def date_of(raw: Any) -> date | None:
    """`2026-12-01`"""
    try:
        return date.fromisoformat(raw) if isinstance(raw, str) and len(raw) == 10 else None
    except ValueError:
        return None


def moment_in(raw: Any, zone: ZoneInfo) -> datetime | None:
    """`2026-12-01 10:00` in the policy's zone, or with an offset of its own; UTC."""
    if not isinstance(raw, str) or len(raw) < 16:
        return None
    try:
        moment = datetime.fromisoformat(raw)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def number_label(numbers: Sequence[float], *, pair: bool) -> dict[str, str]:
    """Numbers as people read them."""
    if not pair:
        return plain_label("・".join(number_words(number) for number in numbers))
    low, high = (number_words(number) for number in numbers)
    return {language: range_words(low, high, language) for language in LANGUAGES}


def span_label(span: Span) -> dict[str, str]:
    """A length of time as people read it."""
    return {language: span_words(span, language) for language in LANGUAGES}
