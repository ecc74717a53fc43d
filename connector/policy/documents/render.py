"""A printed document as HTML (one page, nothing from elsewhere, A4 when printed) or as Markdown."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from connector.policy.documents.blocks import Bullets, Facts, Paragraph, Part, Printed, Signatures, Table

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
_BLANK = "＿" * 12


def as_html(document: Printed) -> str:
    """The document as one HTML page."""
    return _template().render(document=document)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("connector.policy.documents", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css_text"] = css_text
    environment.tests["of_kind"] = lambda block, name: type(block).__name__ == name
    return environment.get_template("document.html")


def css_text(text: str) -> str:
    """Any text as the content of a string in a style sheet: nothing of it can end the string."""
    return "".join(one if one.isascii() and one.isalnum() else f"\\{ord(one):06x}" for one in text)


def as_markdown(document: Printed) -> str:
    """The document as Markdown."""
    lines = [f"# {_plain(document.title)}", _facts(document.facts)]
    for number, part in enumerate(document.parts, 1):
        lines += _part(part, str(number), 2)
    return "\n\n".join(line for line in lines if line) + "\n"


def _part(part: Part, number: str, level: int) -> list[str]:
    lines = [
        f"{'#' * level} {number}. {_plain(part.title)}"
        if level == 2
        else f"{'#' * level} {number} {_plain(part.title)}"
    ]
    for block in part.blocks:
        if isinstance(block, Paragraph):
            lines.append(("> " if block.note else "") + _plain(block.text))
        elif isinstance(block, Bullets):
            lines.append("\n".join(f"- {_plain(item)}" for item in block.items))
        elif isinstance(block, Table):
            lines.append(_table(block))
        elif isinstance(block, Facts):
            lines.append(_facts(block.rows))
        else:
            lines.append(_signatures(block))
    for index, below in enumerate(part.parts, 1):
        lines += _part(below, f"{number}.{index}", level + 1)
    return lines


def _table(block: Table) -> str:
    rows = [block.heads, ("---",) * len(block.heads), *block.rows]
    return "\n".join(f"| {' | '.join(cell if cell == '---' else _cell(cell) for cell in row)} |" for row in rows)


def _facts(rows: tuple[tuple[str, str], ...]) -> str:
    return "\n".join(f"- **{_plain(term)}**: {_cell(text)}" for term, text in rows)


def _signatures(block: Signatures) -> str:
    return "\n\n".join(
        f"**{_plain(party)}**\n\n" + "\n".join(f"- {_plain(line)}: {_BLANK}" for line in block.lines)
        for party in block.parties
    )


def _cell(text: str) -> str:
    return _plain(text).replace("\n", "<br>")


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
