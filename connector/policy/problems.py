"""What is wrong with a policy, all of it at once, each with its place, what is allowed and the nearest spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from connector.errors import PolicyError
from connector.policy.document import Where
from connector.policy.text import fold
from connector.texts import Text, count, joined, say, word

_ENDING = re.compile(r"\.ya?ml\Z")
_STANDS_IN: Mapping[str, str] = {
    "stage": "lifecycle.yaml", "transition": "lifecycle.yaml", "pool": "routing.yaml", "clock": "sla.yaml",
    "gate": "handoff.yaml", "reason": "recycle.yaml", "cadence": "work.yaml", "queue": "work.yaml",
}  # fmt: skip
"""What is referred to → the file in which it stands."""
_OF_STAGES = ("stage", "stage_entered_at")
_MOST_SHOWN = 200  #: Beyond it nobody reads on: no nearest spellings are looked for, no lines joined.


def nearest_of(got: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that is spelt most like `got`; width, case and the ending of a file's name do not count."""
    spelt = {_ENDING.sub("", fold(one)): one for one in allowed}
    near = get_close_matches(_ENDING.sub("", fold(got)), spelt, n=1, cutoff=0.6)
    return spelt[near[0]] if near else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error or warning. `line` and `column` count from 1 and point at the key at fault."""

    file: str
    line: int
    column: int
    message: str
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    reason: str
    warning: bool = False

    def text(self) -> Text:
        """One line for people: place, message, remedy."""
        hint = say(" Did you mean `{nearest}`?", nearest=self.nearest) if self.nearest else ""
        return joined("", (f"{self.file}:{self.line}:{self.column}: ", self.kind, ": ", self.message, hint))

    @property
    def kind(self) -> Text:
        """Whether the policy can run with it."""
        return say("warning") if self.warning else say("error")


class PolicyErrors(PolicyError):
    """The policy has errors; mend the lines that are named and run `tasuki check` again."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problem for problem in problems if not problem.warning)
        lines = [problem.text() for problem in self.problems]
        head = count(len(lines), "{n} error in the policy:", "{n} errors in the policy:")
        super().__init__(joined("\n", [head, *lines[:_MOST_SHOWN]]), reason="policy_invalid")


@dataclass(slots=True)
class Report:
    """Collects problems while a policy is read; nothing is raised before everything has been looked at."""

    problems: dict[Problem, None] = field(default_factory=dict)  #: Each once, in the order found.
    hidden: frozenset[str] = frozenset()  #: Words of broken pieces: references to them are no further errors.
    broken: frozenset[str] = frozenset()  #: Files of which pieces had to be left out.
    called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: Label, folded → ids: see `labels_of`.
    absent: frozenset[str] = frozenset()  #: Files of the language that are not there, or hold nothing.
    told: set[str] = field(default_factory=set)  #: Those of them that something referred to.

    @property
    def failed(self) -> bool:
        """True when at least one error (not only warnings) was found."""
        return any(not problem.warning for problem in self.problems)

    def error(
        self,
        where: Where,
        message: str,
        *,
        reason: str,
        got: str | None = None,
        allowed: Iterable[str] = (),
    ) -> None:
        """Note an error; `got` is the misspelt word, held against `allowed` for the nearest one."""
        if reason == "unknown_name" and got in _OF_STAGES and "lifecycle.yaml" in self.absent:
            self.unknown(where, "stage", str(got), ())
            return
        if got and reason.startswith("unknown_") and not self.hidden.isdisjoint((got, *got.split("."))):
            return
        self._note(where, message, reason, got, tuple(allowed), warning=False)

    def warn(self, where: Where, message: str, *, reason: str) -> None:
        """Note something that an admin should know but that does not stop the policy."""
        self._note(where, message, reason, None, (), warning=True)

    def unknown(self, where: Where, what: str, got: str, allowed: Iterable[str]) -> None:
        """Note a reference to something that does not exist; of a file that is not there, once."""
        message = say("there is no {what} `{got}`", what=word(what), got=got)
        file = _STANDS_IN.get(what)
        if file in self.absent:
            if file in self.told:
                return
            self.told.add(str(file))
            message = joined("", (message, say(" ({file}, in which it would stand, is missing or empty)", file=file)))
        self.error(
            where,
            message,
            reason="unknown_reference",
            got=got,
            allowed=allowed,
        )

    def fault(self, file: str, position: tuple[int, int], message: str, reason: str) -> None:
        """Note an error whose place is known by line and column only."""
        self._add(file, position, message, reason)

    def _note(
        self, where: Where, message: str, reason: str, got: str | None, allowed: tuple[str, ...], *, warning: bool
    ) -> None:
        search = got and got not in allowed and len(self.problems) < _MOST_SHOWN
        nearest = (self._labelled(got, allowed) or nearest_of(got, allowed)) if search and got else None
        self._add(where.file, where.position, message, reason, allowed, nearest, warning=warning)

    def _labelled(self, got: str, allowed: tuple[str, ...]) -> str | None:
        """The allowed word whose label this is: `リード` for `lead`, `アポイント獲得` for `deal.appointment`."""
        ids = self.called.get(fold(got), ())
        return next((word for key in ids for word in allowed if word == key or word.endswith(f".{key}")), None)

    def _add(
        self,
        file: str,
        position: tuple[int, int],
        message: str,
        reason: str,
        allowed: tuple[str, ...] = (),
        nearest: str | None = None,
        *,
        warning: bool = False,
    ) -> None:
        problem = Problem(
            file=file,
            line=position[0],
            column=position[1],
            message=message,
            allowed=allowed,
            nearest=nearest,
            reason=reason,
            warning=warning,
        )
        self.problems.setdefault(problem)

    def in_order(self) -> list[Problem]:
        """Errors and warnings by file and place."""
        return sorted(self.problems, key=lambda problem: (problem.file, problem.line, problem.column))
