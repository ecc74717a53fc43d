"""How conditions read in Japanese and English: one phrase per operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from connector.domain.span import Span

_PHRASES = {
    "ja": {
        "known": "{label}がわかっている",
        "unknown": "{label}が空である",
        "is": "{label}が{operand}",
        "in": "{label}が{operand}のどれか",
        "not_in": "{label}が{operand}のどれでもない",
        "at_least": "{label}が{operand}以上",
        "at_most": "{label}が{operand}以下",
        "more_than": "{label}が{operand}より大きい",
        "less_than": "{label}が{operand}より小さい",
        "between": "{label}が{operand}",
        "contains_any": "{label}に{operand}のどれかを含む",
        "contains_all": "{label}に{operand}のすべてを含む",
        "starts_with": "{label}が{operand}で始まる",
        "ends_with": "{label}が{operand}で終わる",
        "matches": "{label}が正規表現{operand}に合う",
        "domain_in": "{label}のドメインが{operand}のどれか",
        "domain_not_in": "{label}のドメインが{operand}のどれでもない",
        "before": "{label}が{operand}より前",
        "after": "{label}が{operand}より後",
        "within": "{label}が今から{operand}以内",
        "older_than": "{label}から{operand}以上たった",
        "yes": "{label}に当たる",
        "no": "{label}に当たらない",
    },
    "en": {
        "known": "{label} is known",
        "unknown": "{label} is empty",
        "is": "{label} is {operand}",
        "in": "{label} is one of {operand}",
        "not_in": "{label} is none of {operand}",
        "at_least": "{label} is at least {operand}",
        "at_most": "{label} is at most {operand}",
        "more_than": "{label} is more than {operand}",
        "less_than": "{label} is less than {operand}",
        "between": "{label} is {operand}",
        "contains_any": "{label} contains one of {operand}",
        "contains_all": "{label} contains all of {operand}",
        "starts_with": "{label} starts with {operand}",
        "ends_with": "{label} ends with {operand}",
        "matches": "{label} matches {operand}",
        "domain_in": "the domain of {label} is one of {operand}",
        "domain_not_in": "the domain of {label} is none of {operand}",
        "before": "{label} is before {operand}",
        "after": "{label} is after {operand}",
        "within": "{label} is within {operand} of now",
        "older_than": "{label} is {operand} ago or longer",
        "yes": "{label}: yes",
        "no": "{label}: no",
    },
}
_COUNTS = {
    "ja": {
        "count": "「{label}」が{times}",
        "never": "一度もない",
        "at_least": "{n}回以上",
        "at_most": "{n}回以下",
        "more_than": "{n}回より多い",
        "less_than": "{n}回より少ない",
        "between": "{n}〜{m}回",
        "is": "{n}回",
        "within": "直近{span}で",
        "since": "今のステージになってから",
    },
    "en": {
        "count": "“{label}” {times}",
        "never": "never",
        "at_least": "at least {n}×",
        "at_most": "at most {n}×",
        "more_than": "more than {n}×",
        "less_than": "less than {n}×",
        "between": "{n} to {m}×",
        "is": "exactly {n}×",
        "within": " within {span}",
        "since": " since the stage was entered",
    },
}
_JOINS = {
    "ja": {"all": "、かつ", "any": "、または", "none": "次のどれでもない: "},
    "en": {"all": " and ", "any": " or ", "none": "none of: "},
}
_UNITS = {"minutes": "分", "hours": "時間", "days": "日", "weeks": "週間", "months": "か月"}
_OF_DOMAINS = {"domain_in": "in", "domain_not_in": "not_in"}
_MANY = 5  #: A list longer than this is cut in a sentence; the full one stands in the policy.


def language_of(language: str) -> str:
    """`ja` or `en`: the nearest language that phrases exist in."""
    return "ja" if language.startswith("ja") else "en"


def phrase(operator: str, label: str, operand: str, language: str) -> str:
    """One comparison in words."""
    if operator in _OF_DOMAINS and label.lower().endswith(("domain", "ドメイン")):
        operator = _OF_DOMAINS[operator]  # a field that is a domain has none
    return _PHRASES[language_of(language)][operator].format(label=label, operand=operand)


def count_phrase(
    operator: str, label: str, bounds: Sequence[int], language: str, *, within: str | None, since: bool
) -> str:
    """One count of a signal in words."""
    words = _COUNTS[language_of(language)]
    none = (operator, bounds[0]) in (("at_most", 0), ("less_than", 1))
    times = words["never" if none else operator].format(n=bounds[0], m=bounds[-1])
    window = words["within"].format(span=within) if within else ""
    entered = words["since"] if since else ""
    if language_of(language) == "ja":
        return entered + window + words["count"].format(label=label, times=times)
    return words["count"].format(label=label, times=times) + window + entered


def join_clauses(clauses: Sequence[str], how: str, language: str) -> str:
    """Several clauses as one: `all`, `any` or `none`."""
    words = _JOINS[language_of(language)]
    if how == "none":
        return words["none"] + words["any"].join(clauses)
    return words[how].join(clauses)


def span_words(span: Span, language: str) -> str:
    """A length of time: `14 days`, `2 business days`, `営業時間で5分`."""
    if language_of(language) == "en":
        unit = span.unit[:-1] if span.amount == 1 else span.unit
        return f"{span.amount} {'business ' if span.business else ''}{unit}"
    if not span.business:
        return f"{span.amount}{_UNITS[span.unit]}"
    return f"{span.amount}営業日" if span.unit == "days" else f"営業時間で{span.amount}{_UNITS[span.unit]}"


def time_words(length: timedelta, language: str) -> str:
    """A fixed length of time, in the largest unit that divides it."""
    minutes = int(length.total_seconds()) // 60
    for size, unit in ((1440, "days"), (60, "hours")):
        if minutes and minutes % size == 0:
            return span_words(Span(amount=minutes // size, unit=unit), language)
    return span_words(Span(amount=minutes, unit="minutes"), language)


def list_words(words: Sequence[str], language: str) -> str:
    """Several values as one text: `製造業・ソフトウェア`, cut after five."""
    separator = "・" if language_of(language) == "ja" else ", "
    shown = separator.join(words[:_MANY])
    return shown if len(words) <= _MANY else f"{shown}…({len(words)})"


def range_words(low: str, high: str, language: str) -> str:
    """Both ends included."""
    return f"{low}以上{high}以下" if language_of(language) == "ja" else f"between {low} and {high}"


def number_words(number: float) -> str:
    """A number without needless decimals, thousands separated."""
    return f"{number:,.0f}" if number == int(number) else f"{number:,}"
