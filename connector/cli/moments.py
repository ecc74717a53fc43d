"""Days and moments that people write on the command line, told apart in their words where they are none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from connector.texts import say, shown

_FORMS = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


class Moment(click.DateTime):
    """A day, or a moment to the minute or the second, without a zone: the policy's is meant."""

    name = "day"

    def __init__(self) -> None:
        super().__init__(_FORMS)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How `--help` names it."""
        return "DAY"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The moment. A usage error (2) says how one is written."""
        if isinstance(value, datetime):
            return value
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            said = say('{value!r} is no day: write 2026-11-24, or "2026-11-24 10:30" with a time', value=value)
            self.fail(shown(said), param, ctx)


MOMENT = Moment()
