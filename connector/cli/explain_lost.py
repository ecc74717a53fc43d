"""What a lead lost to the rules, for `tasuki explain`: what stands, what gave way, whose it was, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connector.cli.output import table
from connector.sync.explaining import LostValue
from connector.texts import joined, say

_WHY: Final[Mapping[str, str]] = {
    "overtaken": say("edited unseen just before our write"),
    "written_over": say("our own field, written again"),
    "unanswered": say("our own earlier write, whose answer was lost"),
    "hold_edits": say("`hold_edits` had run out"),
}
_WHOSE: Final[Mapping[str, str]] = {
    "person": say("a person"),
    "vendor": say("the CRM or another app"),
    "tasuki": say("Tasuki"),
}
_WINS: Final = "wins."


def lost_values(
    found: Sequence[LostValue], label: Callable[[str], str], value_label: Callable[[str, Any], str | None]
) -> list[dict[str, Any]]:
    """The losses as plain data, newest first."""
    return [
        {
            "at": one.at,
            "field": one.field,
            "label": label(one.field),
            "kept": one.kept,
            "kept_label": value_label(one.field, one.kept),
            "lost": one.lost,
            "lost_label": value_label(one.field, one.lost),
            "rule": one.rule,
            "by": one.actor,
        }
        for one in found
    ]


def show_lost(found: Sequence[Mapping[str, Any]]) -> None:
    """Print them."""
    rows = [
        (
            one["at"],
            one["label"] if one["label"] == one["field"] else f"{one['label']} ({one['field']})",
            _shown(one["kept"], one["kept_label"]),
            _shown(one["lost"], one["lost_label"]),
            _WHOSE.get(one["by"], one["by"]),
            _why(one["rule"]),
        )
        for one in found
    ]
    if rows:
        columns = ("When", "Field", "Stands", "Gave way", "Whose it was", "Why")
        table(say("Values that gave way, newest first"), columns, rows)


def _why(rule: str) -> str:
    if rule.startswith(_WINS):
        return say("both sides changed it (wins: {wins})", wins=rule.removeprefix(_WINS))
    return _WHY.get(rule, rule)


def _shown(value: Any, label: str | None) -> str:
    """A value as `codec.encode_value` wrote it; a blank is a word."""
    if value is None or value == "":
        return say("blank")
    if isinstance(value, Mapping):
        (inner,) = value.values()
        return joined(", ", map(str, inner)) if isinstance(inner, list) else str(inner)
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    shown = f"{value:g}" if isinstance(value, int | float) else str(value)
    return shown if label is None else f"{label} ({shown})"
