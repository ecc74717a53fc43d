"""What a printed document is made of, before it is HTML or Markdown. Every text is plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A paragraph; a `note` stands apart from the rest."""

    text: str
    note: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of points."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under heads. A line break in a cell is kept."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Terms, each with what holds for it."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """A place to sign for each party: `lines` are what is filled in by hand."""

    parties: tuple[str, ...]
    lines: tuple[str, ...]


Block: TypeAlias = Paragraph | Bullets | Table | Facts | Signatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A heading with what stands below it; `parts` go one level deeper."""

    title: str
    blocks: tuple[Block, ...] = ()
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A whole document. `facts` stand below the title: version, date, scope; the `mark` on every printed page."""

    title: str
    language: str
    facts: tuple[tuple[str, str], ...]
    mark: str
    parts: tuple[Part, ...] = field(default=())


def part(title: str, *blocks: Block | None, parts: Sequence[Part | None] = ()) -> Part | None:
    """A part of what there is; None when nothing stands in it."""
    found = tuple(block for block in blocks if block is not None and not is_empty(block))
    below = tuple(one for one in parts if one is not None)
    return Part(title=title, blocks=found, parts=below) if found or below else None


def is_empty(block: Block) -> bool:
    """True for a block that would print nothing."""
    if isinstance(block, Paragraph):
        return not block.text
    if isinstance(block, Bullets):
        return not block.items
    return not (block.parties if isinstance(block, Signatures) else block.rows)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table without its columns in which nothing stands."""
    kept = [index for index in range(len(heads)) if any(row[index] for row in rows)]
    return Table(
        heads=tuple(heads[index] for index in kept),
        rows=tuple(tuple(row[index] or "—" for index in kept) for row in rows),
    )
