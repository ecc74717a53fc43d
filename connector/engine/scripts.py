"""The talk script and the hearing sheet that stand on a task: what to say, and which fields to fill. Pure.

The sheet is no place of its own: an answer is written into the field that the sheet names, and counts there as any
change of a field does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connector.domain.value import is_known
from connector.engine.words import label_in, lookup
from connector.policy.model import FieldDef, FieldType, Label, Script
from connector.policy.phrases import language_of

if TYPE_CHECKING:
    from connector.engine.view import LeadView

_SHEET: Label = {
    "ja": "■ ヒアリングシート(記録の項目に記入)",
    "en": "■ Hearing sheet (fill in these fields of the record)",
}
_BLANK: Label = {"ja": "(未記入)", "en": "(blank)"}
_YES_NO: Label = {"ja": "はい・いいえ", "en": "yes, no"}


def with_script(view: LeadView, rule: str, kind: str, text: str, may_see: frozenset[str] | None = None) -> str:
    """The text of a task that this rule or cadence opens, with the first script that fits below it.

    `may_see`: of all other names neither script nor sheet tells the value.
    """
    script = next((one for one in view.policy.scripts if _fits(one, view, rule, kind)), None)
    if script is None:
        return text
    return "\n\n".join(part for part in (text, *_parts(view, script, may_see)) if part)


def _fits(script: Script, view: LeadView, rule: str, kind: str) -> bool:
    if (script.tasks and rule not in script.tasks) or script.kind not in (None, kind):
        return False
    return script.when is None or script.when.test(view) is True


def _parts(view: LeadView, script: Script, may_see: frozenset[str] | None) -> Iterator[str]:
    said = script.text.render(lookup(view, may_see=may_see))
    if said:
        yield f"■ {label_in(script.label, view.policy.language, script.id)}\n{said}"
    if script.ask:
        yield "\n".join((_in(view, _SHEET), *(_line(view, name, may_see) for name in script.ask)))


def _line(view: LeadView, name: str, may_see: frozenset[str] | None) -> str:
    """One question: the field, what may be chosen, what is known: `・予算(確保済み・申請予定・未定): 確保済み`."""
    definition, language = view.policy.fields[name], view.policy.language
    label, choices = label_in(definition.label, language, name), _choices(view, definition)
    if may_see is not None and name not in may_see:
        known = ""
    else:
        known = lookup(view)(name) if is_known(view.value(name)) else _in(view, _BLANK)
    bullet, colon = ("・", ": ") if language_of(language) == "ja" else ("- ", ": ")
    return f"{bullet}{label}{f'({choices})' if choices else ''}{colon}{known}"


def _choices(view: LeadView, definition: FieldDef) -> str:
    language = view.policy.language
    if definition.type is FieldType.YES_NO:
        return _in(view, _YES_NO)
    joint = "・" if language_of(language) == "ja" else ", "
    return joint.join(label_in(label, language, choice) for choice, label in definition.choices.items())


def _in(view: LeadView, label: Label) -> str:
    return label_in(label, view.policy.language, "")
