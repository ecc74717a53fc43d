"""What commands print: tables for people, JSON for programs, progress for whoever waits."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.texts import say, shown, word

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
NONE = say("None.")
_WIDE = 200  #: Columns when nobody looks: a file or a pipe.


def console() -> Console:
    """Standard output. Nothing in the text is taken for markup or decorated by guesswork."""
    width = None if sys.stdout.isatty() else _WIDE
    return Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


def plain(value: object) -> str:
    """One cell's text: nothing for None, and no control characters (a CRM's text must not steer the terminal)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return shown(say("yes") if value else say("no"))
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, float):
        return f"{value:g}"
    return _CONTROL.sub("�", shown(value) if isinstance(value, str) else str(value))


def moment(at: datetime) -> str:
    """A moment in this machine's time zone, to the second."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S%z")


def age(span: timedelta) -> str:
    """How long, roughly: `45 s`, `12 min`, `5 h`, `3 d`."""
    seconds = max(0, int(span.total_seconds()))
    if seconds >= 86_400:
        return say("{number} d", number=seconds // 86_400)
    if seconds >= 3_600:
        return say("{number} h", number=seconds // 3_600)
    if seconds >= 60:
        return say("{number} min", number=seconds // 60)
    return say("{number} s", number=seconds)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, none: str = NONE) -> None:
    """Print a table; `none` instead of one without rows. Columns whose name ends in `#` stand to the right.

    The names of columns are words that every language has (`texts.word`).
    """
    out = console()
    if not rows:
        out.print(Text(f"{shown(title)}: {shown(none)}"))
        return
    made = Table(title=Text(shown(title), style="bold"), title_justify="left")
    for name in columns:
        side: Literal["left", "right"] = "right" if name.endswith("#") else "left"
        made.add_column(shown(word(name.removesuffix("#"))), justify=side, overflow="fold")
    for row in rows:
        made.add_row(*(Text(plain(cell)) for cell in row))
    out.print(made)


def line(text: str) -> None:
    """Print one line for people."""
    console().print(Text("\n".join(plain(part) for part in shown(text).split("\n"))), soft_wrap=True)


def emit(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print JSON for programs: UTF-8, moments in ISO 8601, keys as docs/cli.md lists them."""
    click.echo(orjson.dumps(value, default=_other, option=orjson.OPT_INDENT_2).decode())


def _other(value: object) -> object:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(type(value).__name__)


@contextmanager
def progress(what: str) -> Iterator[Callable[[str], None]]:
    """Show that something is going on, on a terminal's standard error; the wait may be longer than a second.

    Call what is yielded to tell how far it has come.
    """
    with Console(stderr=True, markup=False, highlight=False).status(Text(f"{shown(what)} …")) as status:
        yield lambda now: status.update(Text(f"{shown(now)} …"))
