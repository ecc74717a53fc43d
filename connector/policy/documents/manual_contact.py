"""Chapters of the manual on reaching people: what comes after a call that reached nobody."""

from __future__ import annotations

from connector.policy.documents.blocks import Paragraph, Part, part, table
from connector.policy.documents.doings import Doings
from connector.policy.model import Recall


def recalls(doings: Doings) -> Part | None:
    """When to try again, how often, and how."""
    both = doings.speech.both
    below = [_recall(doings, recall) for recall in doings.speech.policy.recalls]
    said = both(
        "不通も必ず結果として記録する。記録した回数で次の一手が決まる。開いている再架電は常に1つ。",
        "Log a call that reached nobody with its outcome: the count says what comes next. One recall is open at once.",
    )
    return part(
        both("つながらなかったあと", "After a call that reached nobody"),
        Paragraph(text=said, note=True) if below else None,
        parts=below,
    )


def _recall(doings: Doings, recall: Recall) -> Part | None:
    speech, both = doings.speech, doings.speech.both
    rows = [
        (
            both(f"{number}回目のあと", f"after the {_ordinal(number)}"),
            doings.kind(action.kind),
            doings.text(action.title),
            speech.within(action.due),
        )
        for number, action in enumerate(recall.again, start=1)
    ]
    heads = (both("続けて", "In a row"), both("種類", "Kind"), both("すること", "What to do"), both("期限", "Due"))
    stops, condition = doings.events(recall.stop_on), speech.condition(recall.when)
    counts = doings.events(recall.on)
    start = both(f"数えるもの: {counts}", f"Counted: {counts}")
    if condition:
        start += both(f"(条件: {condition})", f" (if {condition})")
    end = both(f"数え直し: {stops}、ステージが変わった時", f"Counted anew when {stops}, or the stage changes")
    return part(
        speech.of(recall.label, recall.id),
        Paragraph(text=start),
        table(heads, rows),
        Paragraph(text=end) if stops else None,
    )


def _ordinal(number: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")
