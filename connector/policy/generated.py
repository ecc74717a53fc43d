"""Conditions written out as Python: what runs when a lead is evaluated.

A condition writes two expressions: one that is true where the condition is certainly True (`holds`), one that is true
where it is certainly False (`fails`). Where neither is, the condition is unknown: Kleene's three values need no third
one at run time, and whoever acts on True alone (a score rule, a transition) evaluates one plain expression. Of

    {stage: mql, employees: {at_least: 100}, signal.inquiry: {at_least: 1, within: 14d}}

a function is written that begins with what it reads and reads each name once:

    def test(view):
        now = view.now
        x0 = view.value('stage')
        x1 = view.value('employees')
        n1 = x1 if x1.__class__ is not Missing else NAN
        t2 = view.times('inquiry')
        if (x0 == 'mql' and n1 >= 100 and (len(t2) >= 1 and t2[-1] > now - k0)):
            return True
        return False if (…) else None

A number that is missing is NaN here: no comparison with it holds. Names and words of the policy stand in the source
as Python's own literals of them, everything else is an object bound by number (`k0`): nothing that somebody wrote into
a policy is ever read as code.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from copy import copy
from datetime import datetime
from typing import Any, TypeAlias

from connector.domain.value import BLANK, UNREAD, UNREADABLE, Missing

NEVER = "False"
"""The expression of what is known, when it is written, never to be so."""

MOST_ANSWERS = 4_096
"""Values whose answers are kept in one table; then it begins anew."""


class Module:
    """One generated module: its functions' source, and the objects that they name."""

    def __init__(self) -> None:
        self.source: list[str] = []
        self.names: dict[str, Any] = {
            "Missing": Missing,
            "datetime": datetime,
            "BLANK": BLANK,
            "UNREAD": UNREAD,
            "UNREADABLE": UNREADABLE,
            "NAN": math.nan,
        }
        self._bound: dict[int, str] = {}

    def bind(self, thing: object) -> str:
        """The name by which the source speaks of an object."""
        name = self._bound.get(id(thing))
        if name is None:
            name = self._bound[id(thing)] = f"k{len(self._bound)}"
            self.names[name] = thing  # and so it lives, and no other object gets its id
        return name

    def define(self, name: str, scope: Scope, body: Sequence[str], about: str = "", given: str = "view") -> None:
        """Add a function of what is `given`, a view first of all; `about` is told in a comment."""
        note = [f"# {ascii(about)[1:-1]}"] if about else []
        lines = (*scope.loads, *body)
        self.source += [*note, f"def {name}({given}):", *(f"    {line}" for line in lines), "", ""]

    def run(self) -> dict[str, Any]:
        """The functions, by name."""
        exec(compile("\n".join(self.source), "<policy>", "exec"), self.names)  # noqa: S102  literals and bound names only
        return self.names


Loading: TypeAlias = Callable[[str, str], Iterable[str]]
"""A name, and the variable that is to hold what is loaded → the lines that load it."""


class Scope:
    """What one generated function reads: each name is loaded once, at its top, in `loads`."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.loads: list[str] = []
        self._known: dict[tuple[str, str], str] = {}

    def values(self) -> str:
        """The variable that holds a view's list of values, for who knows their places in it."""
        return self.once("values", "", "v", lambda _, to: [f"{to} = view.values"])

    def value(self, name: str) -> str:
        """The variable that holds the value of a field or built-in name."""
        return self.once("value", name, "x", self.load_value)

    def number(self, name: str) -> str:
        """The variable that holds a number, NaN where there is none."""
        value = self.value(name)
        known = f"{value} if {value}.__class__ is not Missing else NAN"
        return self.once("number", name, "n", lambda _, to: [f"{to} = {known}"])

    def times(self, signal: str) -> str:
        """The variable that holds the occurrences of a signal."""
        return self.once("times", signal, "t", self.load_times)

    def domain(self, name: str) -> str:
        """The variable that holds what follows the `@` of a text, or why there is no text."""
        value = self.value(name)
        cut = f"{value}.rpartition('@')[2] if {value}.__class__ is not Missing else {value}"
        return self.once("domain", name, "d", lambda _, to: [f"{to} = {cut}"])

    def now(self) -> str:
        """The moment of the evaluation."""
        return self.once("now", "", "now", lambda _, to: [f"{to} = view.now"])

    def zone(self) -> str:
        """The policy's zone."""
        return self.once("zone", "", "zone", lambda _, to: [f"{to} = view.zone"])

    def entered(self) -> str:
        """When the present stage was entered, or None."""
        return self.once("entered", "", "entered", lambda _, to: [f"{to} = view.stage_entered_at"])

    def fades(self, score: str) -> str:
        """Whether time alone moves a score (`score.total`) now; `NEVER` where it is known that it never does."""
        fading = self.once("fading", "", "fading", lambda _, to: [f"{to} = view.fading"])
        return f"{score!r} in {fading}"

    def bind(self, thing: object) -> str:
        """The name of a bound object."""
        return self.module.bind(thing)

    def inner(self) -> Scope:
        """A scope for lines that run only sometimes: what they load is known to nobody else."""
        inner = copy(self)
        inner.loads, inner._known = [], dict(self._known)
        return inner

    def settled(self, name: str, variable: str, *, is_number: bool = False) -> None:
        """From here on, this variable holds the value of a name; `is_number`: never is it missing."""
        self._known["value", name] = variable
        if is_number:
            self._known["number", name] = variable

    def take_loads(self) -> list[str]:
        """The lines that load what has been asked for since they were taken last."""
        taken, self.loads = self.loads, []
        return taken

    def load_value(self, name: str, to: str) -> Iterable[str]:
        """How a value is loaded."""
        yield f"{to} = view.value({name!r})"

    def load_times(self, signal: str, to: str) -> Iterable[str]:
        """How a signal's occurrences are loaded."""
        yield f"{to} = view.times({signal!r})"

    def once(self, kind: str, name: str, letter: str, load: Loading) -> str:
        """The variable that holds this; loaded where it is asked for first."""
        known = self._known.get((kind, name))
        if known is None:
            known = f"{letter}{len(self._known)}" if name else letter
            self._known[kind, name] = known
            lines = list(load(name, known))  # which may ask for something else first
            self.loads += lines
        return known


class OfOneValue(Scope):
    """For a condition that looks at one name only, as a question about its value."""

    def load_value(self, name: str, to: str) -> Iterable[str]:
        """The value is what the function is given."""
        yield f"{to} = view"


class Answers(dict[Hashable, int]):
    """Value → the bits of the questions that it answers with a certain yes: each value is asked once."""

    def __init__(self, questions: Sequence[tuple[int, Callable[[Any], bool | None]]], prefix: str = "") -> None:
        super().__init__()
        self._questions = tuple(questions)
        self._prefix = prefix

    def __missing__(self, value: Hashable) -> int:
        if len(self) >= MOST_ANSWERS:
            self.clear()
        asked = value if isinstance(value, Missing) or not self._prefix else f"{self._prefix}{value}"
        bits = sum(bit for bit, question in self._questions if question(asked) is True)
        self[value] = bits
        return bits
