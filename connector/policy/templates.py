"""Text templates: `{name}` is replaced by a named value, `{{` and `}}` are literal braces, nothing else happens.

A template never runs code: there are no formats, no attributes, no indexes. Which names exist is checked
at load, by `loader.py`; how a value is printed (labels, dates, `blank_as`) is the caller's `lookup`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from connector.texts import say

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FULL_WIDTH = re.compile(r"[｛{]([a-z_][a-z0-9_.]*)[｝}]")
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*\Z")


class TemplateFault(ValueError):
    """The text of a template is not well formed; `near` is the piece at fault."""

    def __init__(self, message: str, near: str) -> None:
        super().__init__(message)
        self.near = near


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a template that a named value takes."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text. `parts` alternate literal strings and slots in reading order."""

    parts: tuple[str | Slot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the text takes, each once, in reading order."""
        return tuple(dict.fromkeys(part.name for part in self.parts if isinstance(part, Slot)))

    def render(self, lookup: Callable[[str], str]) -> str:
        """The text with every slot replaced by `lookup(name)`; what it returns is never read as a template."""
        return "".join(lookup(part.name) if isinstance(part, Slot) else part for part in self.parts)

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read a template; raises `TemplateFault` for a brace that stands alone or a name that cannot be one."""
        wide = next((one[0] for one in _FULL_WIDTH.finditer(text) if not one[0].isascii()), None)
        if wide is not None:
            raise TemplateFault(
                say("the braces of `{token}` are full width; write them in half width", token=wide), wide
            )
        parts: list[str | Slot] = []
        literal = ""
        position = 0
        for token in _TOKEN.finditer(text):
            literal += text[position : token.start()]
            position = token.end()
            if token[0] in ("{{", "}}"):
                literal += token[0][0]
                continue
            if token[1] is None:
                raise TemplateFault(
                    say("`{token}` stands alone; write `{token2}` for a brace", token=token[0], token2=token[0] * 2),
                    token[0],
                )
            name = token[1].strip()
            if not _NAME.match(name):
                raise TemplateFault(say("`{token}` is not a name in braces", token=token[0]), token[0])
            if literal:
                parts.append(literal)
                literal = ""
            parts.append(Slot(name))
        literal += text[position:]
        return cls((*parts, literal) if literal else tuple(parts))
