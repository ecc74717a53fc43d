"""A reader of SOQL, for the part of it that docs/sandbox-salesforce.md states: text in, a `Query` out.

No well-kept parser library exists (the published ones rest since 2023), and this part is small:

    SELECT field, Parent.field, COUNT(), COUNT(field) alias, FIELDS(ALL) FROM Object [alias]
    [WHERE …] [GROUP BY field, …] [ORDER BY field [ASC|DESC] [NULLS FIRST|LAST], …] [LIMIT n] [OFFSET n]

Conditions know = != <> < <= > >= LIKE, IN, NOT IN (with lists and with a semi-join), INCLUDES, EXCLUDES, AND, OR, NOT
and parentheses; AND and OR are not mixed without them, as in Salesforce.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from connector.sandbox.salesforce.wire import RefusalError, refusal

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]*(?::\d+)?)
    | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_SIGNS = ("=", "!=", "<>", "<", "<=", ">", ">=")
_CLAUSES = ("WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "WITH", "ALL")


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a query and where it stands."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written. `kind`: string, number, date, datetime, word (true, false, null, TODAY …)."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`; `values` holds several for IN, INCLUDES and EXCLUDES, `query` a semi-join."""

    path: str
    op: str
    values: tuple[Literal, ...]
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Junction:
    """`AND`, `OR` or `NOT` over conditions."""

    op: str
    parts: tuple[Condition, ...]


Condition = Compare | Junction


@dataclass(frozen=True, slots=True)
class Selected:
    """One thing selected: a field's path, or an aggregate with its alias."""

    path: str
    function: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key."""

    path: str
    descending: bool = False
    nulls_last: bool = False


@dataclass(slots=True)
class Query:
    """A whole query."""

    text: str
    select: list[Selected] = field(default_factory=list)
    source: str = ""
    where: Condition | None = None
    group: list[str] = field(default_factory=list)
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def parse(text: str) -> Query:
    """The query; `RefusalError` (MALFORMED_QUERY, 400) for what is none."""
    reader = _Reader(text, _tokens(text))
    found = reader.query()
    if not reader.ended:
        raise reader.unexpected()
    return found


def malformed(message: str) -> RefusalError:
    """400 MALFORMED_QUERY."""
    return refusal(400, "MALFORMED_QUERY", message)


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise malformed(f"unexpected token: '{text[at:].strip()[:10]}'")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return found


class _Reader:
    """Reads tokens from left to right."""

    def __init__(self, text: str, tokens: list[Token]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0

    @property
    def ended(self) -> bool:
        return self._at >= len(self._tokens)

    def unexpected(self) -> RefusalError:
        if self.ended:
            return malformed(f"{self._text}\nunexpected token: <EOF>")
        token = self._tokens[self._at]
        return malformed(
            f"\n{self._text}\n{' ' * token.at}^\nERROR at Row:1:Column:{token.at + 1}\nunexpected token: {token.text}"
        )

    def query(self) -> Query:
        found = Query(self._text)
        self._expect("SELECT")
        found.select = [self._selected(0)]
        while self._takes(","):
            found.select.append(self._selected(len(found.select)))
        self._expect("FROM")
        found.source = self._word()
        if not self.ended and self._peek() not in (*_CLAUSES, ")"):
            self._word()  # an alias of the object, which nothing here uses
        if self._takes("WHERE"):
            found.where = self._conditions()
        if self._takes("GROUP"):
            self._expect("BY")
            found.group = self._list(self._word)
        if self._takes("ORDER"):
            self._expect("BY")
            found.order = self._list(self._order)
        if self._takes("LIMIT"):
            found.limit = self._whole()
        if self._takes("OFFSET"):
            found.offset = self._whole()
        return found

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _selected(self, number: int) -> Selected:
        word = self._word()
        if not self._takes("("):
            return Selected(word)
        inner = "" if self._peek() == ")" else self._word()
        self._expect(")")
        alias = ""
        if not self.ended and self._peek() not in (",", "FROM"):
            alias = self._word()
        return Selected(inner, word.upper(), alias or f"expr{number}")

    def _order(self) -> Order:
        path = self._word()
        descending = self._takes("DESC")
        if not descending:
            self._takes("ASC")
        last = False
        if self._takes("NULLS"):
            last = not self._takes("FIRST")
            if last:
                self._expect("LAST")
        return Order(path, descending, last)

    def _conditions(self) -> Condition:
        parts = [self._condition()]
        op = ""
        while self._peek() in ("AND", "OR"):
            if op and self._peek() != op:
                raise self.unexpected()  # AND and OR need parentheses
            op = self._peek()
            self._at += 1
            parts.append(self._condition())
        return parts[0] if len(parts) == 1 else Junction(op, tuple(parts))

    def _condition(self) -> Condition:
        if self._takes("NOT"):
            return Junction("NOT", (self._condition(),))
        if self._takes("("):
            inside = self._conditions()
            self._expect(")")
            return inside
        path = self._word()
        if self._peek() in _SIGNS:
            op = self._take().text
            return Compare(path, "!=" if op == "<>" else op, (self._literal(),))
        if self._takes("LIKE"):
            return Compare(path, "LIKE", (self._literal(),))
        negated = self._takes("NOT")
        for op in ("IN",) if negated else ("IN", "INCLUDES", "EXCLUDES"):
            if self._takes(op):
                return self._many(path, f"NOT {op}" if negated else op)
        raise self.unexpected()

    def _many(self, path: str, op: str) -> Compare:
        self._expect("(")
        if self._peek() == "SELECT":
            inner = self.query()
            self._expect(")")
            return Compare(path, op, (), inner)
        values = self._list(self._literal)
        self._expect(")")
        return Compare(path, op, tuple(values))

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind == "string":
            return Literal("string", _unescaped(token.text[1:-1]))
        if token.kind in ("number", "date", "datetime", "word"):
            return Literal(token.kind, token.text)
        self._at -= 1
        raise self.unexpected()

    # ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────

    def _list(self, one: Any) -> list[Any]:
        found = [one()]
        while self._takes(","):
            found.append(one())
        return found

    def _peek(self) -> str:
        return "" if self.ended else self._tokens[self._at].text.upper()

    def _take(self) -> Token:
        if self.ended:
            raise self.unexpected()
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, text: str) -> bool:
        if self._peek() != text or self._tokens[self._at].kind == "string":
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self.unexpected()

    def _word(self) -> str:
        token = self._take()
        if token.kind != "word":
            self._at -= 1
            raise self.unexpected()
        return token.text

    def _whole(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            self._at -= 1
            raise self.unexpected()
        return int(token.text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)
