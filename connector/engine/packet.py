"""The packet of a hand-over: one note that says what inside sales knows, so that nothing is asked twice. Pure.

Every part stands in it, also what is not known: field sales sees at a glance what was never confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connector.domain.state import Mover, StageEntry
from connector.domain.value import BLANK, Value, is_known
from connector.engine.words import label_in, printed, rule_label
from connector.policy.model import Label, SignalDef

if TYPE_CHECKING:
    from connector.engine.view import LeadView

MOST_CHARACTERS = 65_536
"""What the CRMs take as one note."""

LINES_SHOWN = 40
"""The latest lines of a history, or of what gave points; how many more there were is said."""

_HEADINGS: Mapping[str, Label] = {
    "history": {"ja": "これまでの経緯", "en": "History"},
    "signals": {"ja": "反応した内容", "en": "Reacted to"},
    "reasons": {"ja": "スコアの理由", "en": "Why this score"},
    "score.total": {"ja": "スコア合計", "en": "Total score"},
    "stage": {"ja": "ステージ", "en": "Stage"},
    "owner": {"ja": "担当者", "en": "Owner"},
    "deal.stage": {"ja": "商談ステージ", "en": "Deal stage"},
    "recycle.reason": {"ja": "前回の理由", "en": "Recycled for"},
}
_UNKNOWN: Label = {"ja": "未確認", "en": "not confirmed"}
_UNREAD: Label = {"ja": "不明", "en": "unknown"}
_NONE: Label = {"ja": "なし", "en": "none"}
_CUT: Label = {"ja": "\n…(長いため以降を省略)", "en": "\n… (too long: the rest is left out)"}
_EARLIER: Label = {"ja": "(これより前に{count}件)", "en": "({count} earlier)"}
_TIMES: Label = {"ja": "{label} {count}回(最終 {day})", "en": "{label} ×{count} (last {day})"}
_POINTS: Label = {"ja": "{label} {points:+d}点", "en": "{label} {points:+d}"}
_PERSON: Label = {"ja": "担当者が移動", "en": "moved by a person"}


def packet(view: LeadView, names: Sequence[str], trail: Sequence[StageEntry]) -> str:
    """The note's text: the named parts in order, each under its label."""
    text = "\n".join(part for name in names if (part := _part(view, name, trail)))
    remark = _said(view, _CUT)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - len(remark)] + remark


def _part(view: LeadView, name: str, trail: Sequence[StageEntry]) -> str:
    heading = label_of(view, name)
    if name == "link":
        return ""  # the note lies on the record itself
    if name == "history":
        return _listed(view, heading, list(_history(view, trail)))
    if name == "signals":
        return _listed(view, heading, list(_signals(view)))
    if name == "reasons":
        return _listed(view, heading, list(_reasons(view))[:LINES_SHOWN])
    return f"{heading}: {_value(view, name)}"


def label_of(view: LeadView, name: str) -> str:
    """How people call a name."""
    policy = view.policy
    if name in _HEADINGS:
        return label_in(_HEADINGS[name], policy.language, name)
    definition = policy.fields.get(name)
    score = policy.scores.get(name.removeprefix("score."))
    known = definition or score
    return label_in(known.label, policy.language, name) if known is not None else name


def _value(view: LeadView, name: str) -> str:
    value = view.value(name)
    if not is_known(value):
        return _said(view, _UNKNOWN if value is BLANK else _UNREAD)
    return _choice_of(view, name, value) or printed(value, view.policy.fields.get(name), view, view.policy.language)


def _choice_of(view: LeadView, name: str, value: Value) -> str:
    """The label of a built-in name's choice; empty for all other names."""
    policy, word = view.policy, str(value)
    if name == "stage" and word in policy.stages:
        return label_in(policy.stages[word].label, policy.language, word)
    if name == "deal.stage" and policy.pipeline is not None and word in policy.pipeline.stages:
        return label_in(policy.pipeline.stages[word].label, policy.language, word)
    if name == "recycle.reason" and policy.recycle is not None and word in policy.recycle.reasons:
        return label_in(policy.recycle.reasons[word].label, policy.language, word)
    return ""


def _listed(view: LeadView, heading: str, lines: Sequence[str]) -> str:
    """A heading with the latest of its lines below it."""
    if not lines:
        return f"{heading}: {_said(view, _NONE)}"
    shown = list(lines[-LINES_SHOWN:])
    if len(shown) < len(lines):
        shown.insert(0, _said(view, _EARLIER).format(count=len(lines) - len(shown)))
    return "\n".join([f"{heading}:", *(f"- {line}" for line in shown)])


# ── the lists ────────────────────────────────────────────────────────────────────────────────────────────────────
def _history(view: LeadView, trail: Sequence[StageEntry]) -> Iterator[str]:
    """Stages entered and contacts made, oldest first."""
    moments = [(entry.entered_at, 0, _entered(view, entry)) for entry in trail]
    contacts: dict[datetime, list[str]] = {}
    for definition in _plain(view):
        if is_contact(definition):
            for moment in view.times(definition.id):
                contacts.setdefault(moment, []).append(_label(view, definition))
    moments += [(moment, 1, "・".join(labels)) for moment, labels in contacts.items()]
    for moment, _, text in sorted(moments):
        yield f"{_clock(view, moment)} {text}"


def _entered(view: LeadView, entry: StageEntry) -> str:
    """A stage with why it was entered: `リサイクル(時期が合わない)`."""
    policy = view.policy
    stage = policy.stages.get(entry.stage)
    text = label_in(stage.label, policy.language, entry.stage) if stage is not None else entry.stage
    reason = policy.recycle.reasons.get(entry.reason) if policy.recycle is not None and entry.reason else None
    transition = next((one for one in policy.transitions if one.id == entry.transition), None)
    why = ""
    if reason is not None:
        why = label_in(reason.label, policy.language, reason.id)
    elif transition is not None:
        why = label_in(transition.label, policy.language, transition.id)
    elif entry.mover is Mover.PERSON:
        why = _said(view, _PERSON)
    return f"{text}({why})" if why else text


def _signals(view: LeadView) -> Iterator[str]:
    """What the lead did by itself, the latest last."""
    found = [
        (times[-1], definition.id, definition, len(times))
        for definition in _plain(view)
        if not is_contact(definition) and (times := view.times(definition.id))
    ]
    for latest, _, definition, count in sorted(found, key=lambda one: one[:2]):
        yield _said(view, _TIMES).format(label=_label(view, definition), count=count, day=_day(view, latest))


def _reasons(view: LeadView) -> Iterator[str]:
    """Every rule that gives points now, the strongest first."""
    given = [one for part in view.policy.total for one in view.score(part).contributions if round(one.points)]
    for one in sorted(given, key=lambda one: (-abs(one.points), one.rule.id)):
        yield _said(view, _POINTS).format(label=rule_label(view, one.rule), points=round(one.points))


def is_contact(definition: SignalDef) -> bool:
    """True for what people of ours did with the lead: calls, mails, meetings."""
    return any(source.kind == "activity" for source in definition.sources)


def _plain(view: LeadView) -> Iterable[SignalDef]:
    return (definition for definition in view.policy.signals.values() if not definition.of)


def _label(view: LeadView, definition: SignalDef) -> str:
    return label_in(definition.label, view.policy.language, definition.id)


def _said(view: LeadView, label: Label) -> str:
    return label_in(label, view.policy.language, "")


def _clock(view: LeadView, moment: datetime) -> str:
    return moment.astimezone(view.zone).strftime("%Y-%m-%d %H:%M")


def _day(view: LeadView, moment: datetime) -> str:
    return moment.astimezone(view.zone).strftime("%Y-%m-%d")
