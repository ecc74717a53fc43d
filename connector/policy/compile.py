"""From the YAML of a condition to a `Condition` that runs, with every mistake noted at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import re2

from connector.policy.compare import (
    Asked,
    Asking,
    AskingTheClock,
    Bounds,
    ClockQuestion,
    Comparison,
    Known,
    Members,
    Question,
    day_question,
    domain_question,
    moment_question,
    pattern_question,
    relative_question,
    tags_question,
    text_question,
    window_question,
)
from connector.policy.conditions import AllOf, AnyOf, Condition, Key, NoneOf
from connector.policy.counts import Count
from connector.policy.document import Where
from connector.policy.files.base import LANGUAGES
from connector.policy.model import FieldType
from connector.policy.operands import Operands, moment_in, number_label, span_label
from connector.policy.phrases import range_words
from connector.policy.problems import Report
from connector.policy.vocabulary import COUNT_OPERATORS, OPERATORS_OF, Name, Vocabulary, plain_label
from connector.texts import say

_JOINS: Mapping[str, type[AllOf] | type[AnyOf] | type[NoneOf]] = {"all": AllOf, "any": AnyOf, "none": NoneOf}
_LIST_OPERATORS = frozenset({"in", "not_in", "contains_any", "contains_all", "domain_in", "domain_not_in"})
_NUMERIC = frozenset({FieldType.NUMBER, FieldType.MONEY})
_TIMELY = frozenset({FieldType.DATE, FieldType.MOMENT})
_EACH_ITS_OWN = frozenset({FieldType.EMAIL, FieldType.PHONE, FieldType.LONG_TEXT})
_BOUNDS = frozenset({"at_least", "at_most", "more_than", "less_than", "between"})


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles the conditions of one policy against its vocabulary."""

    vocabulary: Vocabulary
    report: Report
    operands: Operands = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "operands", Operands(self.vocabulary, self.report))

    def condition(self, raw: Any, where: Where) -> Condition | None:
        """The condition of one mapping; None after noting what is wrong."""
        if not isinstance(raw, dict) or not raw:
            self.report.error(where, say("a condition is a mapping such as `{{stage: mql}}`"), reason="bad_condition")
            return None
        parts = [self._key(key, value, where / key) for key, value in raw.items()]
        found = [part for part in parts if part is not None]
        if len(found) != len(parts):
            return None
        return found[0] if len(found) == 1 else AllOf(tuple(found))

    def optional(self, raw: Any, where: Where, key: str = "when") -> Condition | None:
        """The condition under `key`, or None when the file does not say one."""
        return self.condition(raw, where / key) if raw is not None or where.has(key) else None

    def _key(self, key: str, raw: Any, where: Where) -> Condition | None:
        if key in _JOINS:
            return self._join(key, raw, where)
        name = self.vocabulary.names.get(key)
        if name is None:
            self._no_such_name(key, where)
            return None
        if name.type is None:
            return self._count(name, raw, where)
        if isinstance(raw, dict):
            return self._operators(name, raw, where)
        if isinstance(raw, list):
            return self._comparison(name, "in", raw, where)
        if raw in ("known", "unknown"):
            return self._comparison(name, str(raw), raw, where)
        return self._comparison(name, "is", raw, where)

    def _no_such_name(self, key: str, where: Where) -> None:
        names = (*self.vocabulary.names, *_JOINS)
        hint = say("; deal fields are written `deal.{key}`", key=key) if f"deal.{key}" in names else ""
        self.report.error(
            where,
            say("there is no field or name `{key}`{hint}", key=key, hint=hint),
            reason="unknown_name",
            got=key,
            allowed=names,
        )

    def _join(self, key: str, raw: Any, where: Where) -> Condition | None:
        if not isinstance(raw, list) or not raw:
            self.report.error(where, say("`{key}:` takes a list of conditions", key=key), reason="bad_condition")
            return None
        parts = [self.condition(item, where / index) for index, item in enumerate(raw)]
        found = tuple(part for part in parts if part is not None)
        return _JOINS[key](found) if len(found) == len(parts) else None

    def _operators(self, name: Name, raw: Mapping[str, Any], where: Where) -> Condition | None:
        if not raw:
            self.report.error(where, say("an operator is missing"), reason="bad_condition")
            return None
        parts = [self._operator(name, key, value, where / key) for key, value in raw.items()]
        found = tuple(part for part in parts if part is not None)
        if len(found) != len(parts):
            return None
        return found[0] if len(found) == 1 else AllOf(found)

    def _operator(self, name: Name, operator: str, raw: Any, where: Where) -> Condition | None:
        if operator in ("known", "unknown"):
            self.report.error(
                where, say("write `{name}: {operator}`", name=name.name, operator=operator), reason="bad_condition"
            )
            return None
        if operator == "is":
            self.report.error(where, say("write the value itself, without `is`"), reason="bad_condition")
            return None
        return self._comparison(name, operator, raw, where)

    def _comparison(self, name: Name, operator: str, raw: Any, where: Where) -> Condition | None:
        assert name.type is not None
        allowed = OPERATORS_OF[name.type]
        if operator not in allowed:
            self._wrong_operator(name, operator, where, allowed)
            return None
        if operator in ("known", "unknown"):
            key = Key.VALUE if name.type is FieldType.CHOICE else None
            return self._leaf(name, operator, plain_label(""), Known(operator == "known"), key)
        if name.type in _NUMERIC:
            return self._number(name, operator, raw, where)
        if name.type in _TIMELY:
            return self._timely(name, operator, raw, where)
        if name.type is FieldType.YES_NO:
            return self._yes_no(name, raw, where)
        return self._words(name, operator, raw, where)

    def _wrong_operator(self, name: Name, operator: str, where: Where, allowed: tuple[str, ...]) -> None:
        shown = tuple(word for word in allowed if word != "is")
        kind = name.type.value if name.type is not None else "signal"
        said = (
            say("a value")
            if operator == "is"
            else say("a list")
            if operator == "in" and "is" in allowed
            else f"`{operator}`"
        )
        self.report.error(
            where,
            say("`{name}` ({kind}) cannot be compared with {said}", name=name.name, kind=kind, said=said),
            reason="wrong_operator",
            got=operator,
            allowed=shown,
        )

    def _leaf(
        self,
        name: Name,
        operator: str,
        operand: dict[str, str],
        asked: Asked,
        key: Key | None = None,
        thresholds: tuple[float, ...] = (),
    ) -> Comparison:
        return Comparison(
            name=name.name,
            operator=operator,
            label=dict(name.label),
            operand=operand,
            asked=asked,
            key=key,
            thresholds=thresholds,
        )

    def _number(self, name: Name, operator: str, raw: Any, where: Where) -> Condition | None:
        pair = operator == "between"
        if isinstance(raw, list) and operator not in ("between", "in", "not_in"):
            self.report.error(where, say("a number belongs here"), reason="bad_operand")
            return None
        numbers = self.operands.numbers(raw, where, pair=pair)
        if numbers is None:
            return None
        thresholds = numbers if name.name.startswith("score.") else ()
        asked: Asked
        if operator in _BOUNDS:
            asked = Bounds(operator, numbers[0], numbers[-1])
        else:
            asked = Members(numbers, operator != "not_in")
        return self._leaf(name, operator, number_label(numbers, pair=pair), asked, thresholds=thresholds)

    def _yes_no(self, name: Name, raw: Any, where: Where) -> Condition | None:
        value = self.operands.yes_no(raw, where)
        if value is None:
            return None
        return self._leaf(name, "yes" if value else "no", plain_label(""), Members((value,)), Key.VALUE)

    def _words(self, name: Name, operator: str, raw: Any, where: Where) -> Condition | None:
        if operator == "matches":
            return self._pattern(name, raw, where)
        if operator == "in" and not isinstance(raw, (list, str)):
            self.report.error(where, say("a list of words belongs here"), reason="bad_operand")
            return None
        words = self.operands.words(raw, where, name, lists=operator in _LIST_OPERATORS)
        if words is None:
            return None
        if operator in ("domain_in", "domain_not_in"):
            about_domain = Asking(domain_question(operator == "domain_in", words.values))
            return self._leaf(name, operator, words.label, about_domain, Key.DOMAIN)
        if name.type is FieldType.CHOICE:
            return self._leaf(name, operator, words.label, Members(words.values, operator != "not_in"), Key.VALUE)
        asked = Asking(self._word_question(name, operator, words.values))
        return self._leaf(name, operator, words.label, asked, _key_of(name))

    @staticmethod
    def _word_question(name: Name, operator: str, words: tuple[str, ...]) -> Question:
        if name.type is FieldType.CHOICES:
            return tags_question("contains_any" if operator in ("is", "in") else operator, words)
        return text_question(operator, words)

    def _pattern(self, name: Name, raw: Any, where: Where) -> Condition | None:
        if not isinstance(raw, str) or not raw:
            self.report.error(where, say("`matches` takes a regular expression"), reason="bad_operand")
            return None
        try:
            question = pattern_question(raw)
        except (re2.error, UnicodeError) as error:
            why = str(error.args[0] if error.args else "").removeprefix("b'").rstrip("'")
            message = say("RE2 does not know this regular expression: {why}", why=why)
            self.report.error(where, message, reason="bad_pattern")
            return None
        return self._leaf(name, "matches", plain_label(raw), Asking(question), _key_of(name))

    def _timely(self, name: Name, operator: str, raw: Any, where: Where) -> Condition | None:
        if operator in ("within", "older_than"):
            return self._windowed(name, operator, raw, where)
        if operator in ("before", "after") and raw in ("today", "now"):
            if raw == "now" and name.type is FieldType.DATE:
                self.report.error(
                    where, say("a date is before or after `today`"), reason="bad_operand", allowed=("today",)
                )
                return None
            question = relative_question(operator, "now" if raw == "now" else "today")
            words = {"ja": "今" if raw == "now" else "今日", "en": raw}
            return self._clocked(name, operator, words, question)
        moment = moment_in(raw, self.vocabulary.zone) if name.type is FieldType.MOMENT else None
        if moment is not None and operator in ("before", "after"):
            return self._clocked(name, operator, plain_label(str(raw)), moment_question(operator, moment))
        pair = operator == "between"
        days = self.operands.days(raw, where, pair=pair)
        if days is None:
            return None
        shown = [day.isoformat() for day in days]
        words = {language: range_words(shown[0], shown[1], language) if pair else shown[0] for language in LANGUAGES}
        return self._clocked(name, operator, words, day_question(operator, days))

    def _windowed(self, name: Name, operator: str, raw: Any, where: Where) -> Condition | None:
        window = (self.operands.period if operator == "within" else self.operands.window)(raw, where)
        if window is None:
            return None
        if operator == "within" and window.span.business:
            message = say("`within` of a date takes ordinary time, such as 14d")
            self.report.error(where, message, reason="bad_duration")
            return None
        return self._clocked(name, operator, span_label(window.span), window_question(operator, window))

    def _clocked(self, name: Name, operator: str, operand: dict[str, str], question: ClockQuestion) -> Comparison:
        return self._leaf(name, operator, operand, AskingTheClock(question))

    def _count(self, name: Name, raw: Any, where: Where) -> Condition | None:
        allowed = (*COUNT_OPERATORS, "within", "since")
        if not isinstance(raw, dict):
            message = say("a signal is counted: write `{name}: {{at_least: 1}}`", name=name.name)
            self.report.error(where, message, reason="wrong_operator", allowed=allowed)
            return None
        unknown = [key for key in raw if key not in allowed]
        for key in unknown:
            self._wrong_operator(name, key, where / key, allowed)
        said = [key for key in raw if key in COUNT_OPERATORS]
        if len(said) != 1 or unknown:
            if not unknown:
                message = say(
                    "a count needs exactly one of {count_operators}", count_operators=", ".join(COUNT_OPERATORS)
                )
                self.report.error(where, message, reason="bad_condition", allowed=COUNT_OPERATORS)
            return None
        return self._counted(name, said[0], raw, where)

    def _counted(self, name: Name, operator: str, raw: Mapping[str, Any], where: Where) -> Condition | None:
        bounds = self.operands.counts(raw[operator], where / operator, pair=operator == "between")
        window = self.operands.period(raw["within"], where / "within") if "within" in raw else None
        since = raw.get("since", "stage_entered")
        if since != "stage_entered":
            self.report.error(
                where / "since", say("`since` takes `stage_entered`"), reason="bad_operand", allowed=("stage_entered",)
            )
            return None
        if bounds is None or ("within" in raw and window is None):
            return None
        return Count(
            signal=name.name.partition(".")[2],
            label=dict(name.label),
            operator=operator,
            bounds=bounds,
            window=window,
            since_stage="since" in raw,
        )


def _key_of(name: Name) -> Key | None:
    """Titles, cities and tags repeat from lead to lead; addresses, numbers and notes do not."""
    return None if name.type in _EACH_ITS_OWN else Key.VALUE
