"""What `{name}` prints in a task's title or text: labels for choices, local dates, nothing for the unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from operator import itemgetter
from typing import TYPE_CHECKING

from connector.domain.value import BLANK, Value, is_known
from connector.policy.model import FieldDef, FieldType, Label, ScoreRule

if TYPE_CHECKING:
    from connector.engine.view import LeadView

_WEIGHT = itemgetter(0, 1)
REASONS_SHOWN = 3
SIGNALS_SHOWN = 5


def label_in(label: Label, language: str, otherwise: str) -> str:
    """The label in this language, else in any, else the id."""
    return label.get(language) or next(iter(label.values()), otherwise)


def lookup(
    view: LeadView, due: datetime | None = None, missing: str = "", may_see: frozenset[str] | None = None
) -> Callable[[str], str]:
    """How templates find the text of a name for this lead; `due` is that of the task that is written.

    `missing` is what a gate or a deal's stage still asks for, where a text speaks of that. `may_see`: all other names
    print nothing.
    """
    language = view.policy.language

    def text(name: str) -> str:
        if may_see is not None and name not in may_see:
            return ""
        if name == "missing":
            return missing
        if name == "reasons":
            return reasons(view)
        if name in ("signals", "history"):
            return recent_signals(view)
        if name == "link":
            return view.lead.link or ""
        if name == "due" and due is not None:
            return printed(due, None, view, language)
        if name == "stage" and view.entry is not None and view.entry.stage in view.policy.stages:
            return label_in(view.policy.stages[view.entry.stage].label, language, view.entry.stage)
        if name == "recycle.reason":
            return _reason(view, view.value(name))
        definition = view.policy.fields.get(name)
        value = _answer(view, name) if definition is not None and definition.answer else view.value(name)
        if name == "deal.stage" and view.policy.pipeline is not None and value in view.policy.pipeline.stages:
            return label_in(view.policy.pipeline.stages[str(value)].label, language, str(value))
        if not is_known(value):
            return (definition.blank_as if definition else None) or ""
        if name == "owner" or (definition is not None and definition.type is FieldType.PERSON):
            return view.lead.names.get(str(value), str(value))
        return printed(value, definition, view, language)

    return text


def printed(value: Value, definition: FieldDef | None, view: LeadView, language: str) -> str:
    """One value as people read it."""
    if isinstance(value, frozenset):
        return "、".join(_choice(definition, one, language) for one in sorted(value))
    if isinstance(value, datetime):
        return value.astimezone(view.zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return {"ja": ("はい", "いいえ")}.get(language, ("yes", "no"))[not value]
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) else f"{value:g}"
    return _choice(definition, str(value), language)


def reasons(view: LeadView) -> str:
    """The rules that gave most points, in words: `問い合わせ +40、業種がICP +15`."""
    parts = [
        (-abs(points), rule.id, rule, points)
        for part in view.policy.total
        for rule, points, _ in view.score(part).parts
        if points > 0.5 or points < -0.5  # what rounds to nothing says nothing
    ]
    if len(parts) > 1:
        parts.sort(key=_WEIGHT)
    return "、".join([_reason_text(view, rule, round(points)) for _, _, rule, points in parts[:REASONS_SHOWN]])


def _reason_text(view: LeadView, rule: ScoreRule, points: int) -> str:
    """A rule and its points in words; they repeat from lead to lead, and are kept."""
    texts = view.plan.reason_texts
    text = texts.get((rule.id, points))
    if text is None:
        text = texts[rule.id, points] = f"{rule_label(view, rule)} {points:+d}"
    return text


def rule_label(view: LeadView, rule: ScoreRule) -> str:
    """A score rule's label; for a signal's rule without one, the signal's."""
    language = view.policy.language
    if rule.label:
        return label_in(rule.label, language, rule.id)
    if rule.signal and (signal := view.policy.signals.get(rule.signal)):
        return label_in(signal.label, language, signal.id)
    return rule.id


def recent_signals(view: LeadView) -> str:
    """The latest behaviours with their days: `問い合わせ(11/20)、料金ページ閲覧(11/18)`."""
    latest: list[tuple[datetime, str]] = []
    for signal_id, definition in view.policy.signals.items():
        if not definition.of and (times := view.times(signal_id)):
            latest.append((times[-1], label_in(definition.label, view.policy.language, signal_id)))
    latest.sort(key=lambda pair: (pair[0], pair[1]), reverse=True)
    return "、".join(f"{label}({moment.astimezone(view.zone):%m/%d})" for moment, label in latest[:SIGNALS_SHOWN])


def _choice(definition: FieldDef | None, value: str, language: str) -> str:
    label: Mapping[str, str] | None = definition.choices.get(value) if definition else None
    return label_in(label, language, value) if label else value


def _answer(view: LeadView, name: str) -> Value:
    """An answer stays to be read through the move that it causes, until it is used up and blanked."""
    fact, used = view.lead.fact(name), view.state.answers_used.get(name)
    return BLANK if used is not None and (fact.changed_at is None or fact.changed_at <= used) else fact.value


def _reason(view: LeadView, value: Value) -> str:
    if not isinstance(value, str) or view.policy.recycle is None or value not in view.policy.recycle.reasons:
        return ""
    return label_in(view.policy.recycle.reasons[value].label, view.policy.language, value)
