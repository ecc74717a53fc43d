"""Chapters of the manual on reaching people: after a call that reached nobody, what to say, how often at most."""

from __future__ import annotations

from connector.policy.documents.blocks import Facts, Paragraph, Part, part, table
from connector.policy.documents.doings import Doings
from connector.policy.model import Recall, Script
from connector.policy.phrases import time_words


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


def scripts(doings: Doings) -> Part | None:
    """What to say, and what to ask and write down."""
    both = doings.speech.both
    below = [_script(doings, script) for script in doings.speech.policy.scripts]
    said = both(
        "上から最初に当たったものがタスクの本文に載る。聞いたことは記録のその項目に書く。",
        "The first that fits stands on the task. Write what you hear into the fields of the record.",
    )
    return part(
        both("トークスクリプトとヒアリングシート", "Talk scripts and hearing sheets"),
        Paragraph(text=said, note=True) if below else None,
        parts=below,
    )


def _script(doings: Doings, script: Script) -> Part | None:
    speech, both = doings.speech, doings.speech.both
    condition = speech.condition(script.when)
    facts = (
        (both("タスク", "Tasks"), speech.joined(speech.rule(one) for one in script.tasks)),
        (both("種類", "Kind"), doings.kind(script.kind) if script.kind is not None else ""),
        (both("条件", "For leads with"), condition),
        (both("話すこと", "What to say"), doings.text(script.text)),
        (both("聞いて記入する項目", "Fields to fill"), speech.joined(speech.name(name) for name in script.ask)),
    )
    return part(speech.of(script.label, script.id), Facts(rows=tuple(row for row in facts if row[1])))


def limits(doings: Doings) -> Part | None:
    """How often a lead is contacted at most."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (
            speech.of(limit.label, limit.id),
            speech.name(f"signal.{limit.signal}"),
            both(
                f"{time_words(limit.within, speech.language)}で{limit.times}回まで",
                f"{limit.times} in {time_words(limit.within, speech.language)}",
            ),
            speech.condition(limit.when),
        )
        for limit in speech.policy.contact_limits
    ]
    heads = (
        both("上限", "Limit"),
        both("数えるもの", "Counted"),
        both("回数", "At most"),
        both("条件", "For leads with"),
    )
    said = both(
        "上限を超えた手順は空きができるまで待ち、タスクは期限が先になる。本文に理由が出る。開いている電話・メール・SNSのタスクも数える。",
        "Over the limit steps wait until there is room, and tasks are due later and say why. Open call, mail and "
        "social tasks count too.",
    )
    return part(
        both("接触の上限", "How often a lead is contacted"),
        Paragraph(text=said, note=True) if rows else None,
        table(heads, rows),
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
