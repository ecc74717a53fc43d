"""What people read of a move that the rules did not follow: on the record, in a notice. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connector.domain.effects import Cause, EffectKey, Notice
from connector.domain.state import LeadState, Refusal
from connector.engine import breaker, gates, recycle
from connector.engine.acts import Acts, forbidden
from connector.engine.words import label_in
from connector.policy.model import Label

if TYPE_CHECKING:
    from connector.engine.plan import Plan
    from connector.engine.view import LeadView

SLOT, BREAKER = "notice", "breaker"

_RESTORED: Label = {
    "ja": "「{stage}」への移動を元に戻しました: {why}",
    "en": "The move to {stage} was taken back: {why}",
}
_KEPT: Label = {"ja": "「{stage}」への移動は数えていません: {why}", "en": "The move to {stage} does not count: {why}"}
_GATE: Label = {"ja": "{gate}が足りません({missing})", "en": "{gate}: {missing} is missing"}
_REASON: Label = {"ja": "先に「{field}」を入力してください", "en": "fill in {field} first"}
_ANY_REASON: Label = {"ja": "先に理由を入力してください", "en": "give the reason first"}
_HELD: Label = {
    "ja": "「{reason}」はまだ受け付けていません。先に: {condition}",
    "en": "“{reason}” does not count yet. First: {condition}",
}
_WHY: Mapping[str, Label] = {
    "manual_moves.forward": {"ja": "この段階へは規則だけが進めます", "en": "only rules move leads forward"},
    "manual_moves.backward": {"ja": "前の段階へは戻せません", "en": "leads are not moved back"},
    "manual_moves.to_side": {"ja": "この段階へは規則だけが移せます", "en": "only rules move leads there"},
}
_TURNING: Label = {
    "ja": "「{source}」と「{target}」の間を24時間に5回行き来したため、規則による移動を止めました。"
    "規則か連携ツールを確認してください",
    "en": "Moved between {source} and {target} five times within 24 hours: rules move it no more for now. "
    "Look at the rules, and at tools that move leads",
}


def told(plan: Plan, state: LeadState, view: LeadView) -> str:
    """The refusal that stands: until the lead goes on, or the person's next move; empty when there is none."""
    refused, entry = state.refused, view.entry
    if refused is None or (entry is not None and entry.entered_at > refused.at):
        return ""
    return text(plan, view, refused)


def text(plan: Plan, view: LeadView, refused: Refusal) -> str:
    """What was not followed, and what would have to be given: `「SQL」への移動を元に戻しました: …`."""
    frame = _KEPT if plan.policy.manual_moves.refused == "keep" else _RESTORED
    return _in(view, frame).format(stage=_stage(view, refused.stage), why=_why(plan, view, refused))


def _why(plan: Plan, view: LeadView, refused: Refusal) -> str:
    rules, rule = plan.policy.manual_moves, refused.rule
    gate = plan.policy.gates.get(rule.removeprefix("gate."))
    if rule.startswith("gate.") and gate is not None:
        label = label_in(gate.label, view.policy.language, gate.id)
        return _in(view, _GATE).format(gate=label, missing=gates.missing(view, gate))
    if rule == "manual_moves.backward" and rules.backward_allowed:
        return _needed(plan, view, rules.backward_needs, refused.stage)
    if rule == "manual_moves.to_side" and rules.to_side_allowed:
        return _needed(plan, view, rules.to_side_needs, refused.stage)
    return _in(view, _WHY.get(rule, _ANY_REASON))


def _needed(plan: Plan, view: LeadView, needs: str | None, stage: str) -> str:
    """Which field has to be filled first."""
    fields = plan.reasons_for(stage) if needs == "reason" else (needs or "",)
    if too_early := held(view):
        return too_early
    labels = gates.labels(view, [name for name in fields if name in view.policy.fields])
    return _in(view, _REASON).format(field=labels) if labels else _in(view, _ANY_REASON)


def held(view: LeadView) -> str:
    """The reasons that were given too early, and what has to come first; empty when there are none."""
    found = []
    for reason in recycle.held(view):
        label = label_in(reason.label, view.policy.language, reason.id)
        condition = reason.when.describe(view.policy.language) if reason.when is not None else ""
        found.append(_in(view, _HELD).format(reason=label, condition=condition))
    return " / ".join(found)


def notify(plan: Plan, view: LeadView, refused: Refusal, acts: Acts) -> None:
    """Tell the owner why the move was taken back, where the policy says so."""
    if plan.policy.manual_moves.refused == "restore_and_tell_owner":
        key = EffectKey(cause=Cause.MOVE.value, cause_id=f"{refused.at:%Y%m%dT%H%M%S.%f}", rule=refused.rule, slot=SLOT)
        _send(plan, view, key, text(plan, view, refused), acts)


def notify_breaker(plan: Plan, view: LeadView, stuck: str | None, acts: Acts) -> None:
    """Tell the owner, once, that rules have moved the lead to and fro and now rest."""
    if stuck is None or not breaker.is_named(stuck) or view.entry is None:
        return
    source, target = stuck.split(breaker.JOINT)
    said = _in(view, _TURNING).format(source=_stage(view, source), target=_stage(view, target))
    key = EffectKey(cause=Cause.STAGE_ENTRY.value, cause_id=str(view.entry.seq), rule=BREAKER, slot=SLOT)
    _send(plan, view, key, said, acts)


def _send(plan: Plan, view: LeadView, key: EffectKey, said: str, acts: Acts) -> None:
    if acts.silent or view.owner_now is None or forbidden(plan, view, "notify"):
        return
    acts.notices.setdefault(key, Notice(key=key, to=(f"person:{view.owner_now}",), text=said, at=view.now))


def _stage(view: LeadView, stage: str) -> str:
    return label_in(view.policy.stages[stage].label, view.policy.language, stage)


def _in(view: LeadView, label: Label) -> str:
    return label_in(label, view.policy.language, "")
