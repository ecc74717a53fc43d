"""Fills the vocabulary: every name that conditions, events and texts of this policy may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.policy.build.context import RESERVED, Context, Files, label_of
from connector.policy.document import Where
from connector.policy.files.fields import FieldModel, ReasonChoices
from connector.policy.model import FieldType, Label
from connector.texts import say

NEW_EMPLOYER = "new_employer"
"""The move that `identity.new_employer` makes; events may wait for it as for a transition."""

STATES: Mapping[str, Mapping[str, Label]] = {
    "cadence": {
        "waiting": {"ja": "順番待ち", "en": "waiting for its turn"},
        "running": {"ja": "進行中", "en": "running"},
        "finished": {"ja": "終了", "en": "finished"},
    },
    "clock": {
        "running": {"ja": "計測中", "en": "running"},
        "warned": {"ja": "警告済み", "en": "warned"},
        "breached": {"ja": "期限切れ", "en": "breached"},
        "met": {"ja": "達成", "en": "met"},
    },
    "gate": {"passed": {"ja": "通過", "en": "passed"}, "missing": {"ja": "不足あり", "en": "missing"}},
}
"""Where a cadence, a promise or a gate may stand."""


def fill(context: Context) -> None:
    """Define fields, ratings, signals, scores and the built-in names, and remember the ids of everything else."""
    _ids(context)
    _fields(context)
    _ratings(context)
    for key, model, where in context.signals():
        name = f"signal.{key}"
        if name in context.vocabulary.names:
            context.report.error(where, say("there are two signals `{key}`", key=key), reason="duplicate_id")
        context.vocabulary.add(name, None, label_of(model.label, key))
    _built_in(context)


def _ids(context: Context) -> None:
    files, words = context.files, context.vocabulary
    words.signals = tuple(key for key, _, _ in context.signals())
    words.scores = tuple(files.scoring.scores)
    words.channels = tuple(files.policy.channels)
    if files.lifecycle is not None:
        words.stages = tuple(files.lifecycle.stages)
        own = (NEW_EMPLOYER,) if files.fields.identity.new_employer == "new_lead" else ()
        words.transitions = (*(transition.id for transition in files.lifecycle.transitions), *own)
    if files.recycle is not None:
        words.reasons = {key: tuple(reason.used_for) for key, reason in files.recycle.reasons.items()}
    if files.work is not None:
        words.rules = tuple(rule.id for rule in files.work.rules)
        words.queues, words.cadences = tuple(files.work.queues), tuple(files.work.cadences)
        words.recalls = tuple(recall.id for recall in files.work.recalls)
    if files.routing is not None:
        words.pools = tuple(files.routing.pools)
    if files.sla is not None:
        words.clocks = tuple(clock.id for clock in files.sla.clocks)
    if files.handoff is not None:
        words.gates = tuple(files.handoff.gates)
        if files.handoff.pipeline is not None:
            words.deal_stages = tuple(files.handoff.pipeline.stages)


def scopes(context: Context) -> Iterator[tuple[str, str, str, FieldModel, Where]]:
    """Every field of fields.yaml: scope, key, canonical name, model, place."""
    fields, where = context.files.fields, context.at("fields")
    for key, model in fields.lead.items():
        yield "lead", key, key, model, where / "lead" / key
    for key, model in fields.company.items():
        yield "company", key, key, model, where / "company" / key
    for key, model in fields.deal.items():
        yield "deal", key, f"deal.{key}", model, where / "deal" / key


def _fields(context: Context) -> None:
    for scope, key, name, model, where in scopes(context):
        if name in RESERVED or (scope != "deal" and key in RESERVED):
            message = say("`{key}` is a word of the language; name the field otherwise", key=key)
            context.report.error(where, message, reason="reserved")
        elif name in context.vocabulary.names:
            message = say("`{key}` is a field of the lead already; lead and company fields share their names", key=key)
            context.report.error(where, message, reason="duplicate_id")
        choices = choices_of(context, model, where)
        context.vocabulary.add(name, FieldType(model.type), label_of(model.label, key), choices)


def choices_of(context: Context, model: FieldModel, where: Where) -> dict[str, Label]:
    """The choices of a field, those that the table of reasons gives included."""
    typed = model.type in ("choice", "choices")
    if model.choices is None:
        if typed:
            context.report.error(
                where, say("a choice field needs `choices`"), reason="missing_key", allowed=("choices",)
            )
        return {}
    if not typed:
        context.report.error(
            where / "choices", say("`choices` do not go with type {type}", type=model.type), reason="choices_type"
        )
        return {}
    if not isinstance(model.choices, ReasonChoices):
        return dict(model.choices)
    recycle = context.files.recycle
    if recycle is None:
        context.report.error(where / "choices", say("`reasons` needs recycle.yaml"), reason="unknown_reference")
        return {}
    use = model.choices.reasons
    found = {key: label_of(reason.label, key) for key, reason in recycle.reasons.items() if use in reason.used_for}
    if not found:
        context.report.error(
            where / "choices", say("no reason of recycle.yaml is used for `{use}`", use=use), reason="unknown_reference"
        )
    return found


def _ratings(context: Context) -> None:
    for key, model in context.files.scoring.ratings.items():
        where = context.at("scoring") / "ratings" / key
        if key in context.vocabulary.names or key in RESERVED:
            context.report.error(where, say("there is a field or word `{key}` already", key=key), reason="duplicate_id")
        context.vocabulary.add(key, FieldType.CHOICE, label_of(model.label, key), model.choices)


def _built_in(context: Context) -> None:
    files, words = context.files, context.vocabulary
    for key, score in files.scoring.scores.items():
        words.add(f"score.{key}", FieldType.NUMBER, label_of(score.label, key))
    if files.scoring.scores:
        words.add("score.total", FieldType.NUMBER, {"ja": "スコア合計", "en": "total score"})
    words.add("owner", FieldType.PERSON, {"ja": "担当者", "en": "owner"})
    words.add("company.owner", FieldType.PERSON, {"ja": "会社の担当者", "en": "owner of the company"})
    if files.routing is not None:
        pools = {key: label_of(pool.label, key) for key, pool in files.routing.pools.items()}
        words.add("owner.pool", FieldType.CHOICE, {"ja": "担当者のプール", "en": "pool of the owner"}, pools)
    if files.lifecycle is not None:
        stages = {key: label_of(stage.label, key) for key, stage in files.lifecycle.stages.items()}
        words.add("stage", FieldType.CHOICE, {"ja": "ステージ", "en": "stage"}, stages)
        others = {"ja": "同じ会社の人のステージ", "en": "stages of the company's other people"}
        words.add("company.stages", FieldType.CHOICES, others, stages)
        words.add("stage_entered_at", FieldType.MOMENT, {"ja": "ステージに入った日時", "en": "stage entry"})
    _deal_stage(context)
    for kind, key, label in _watched(files):
        words.add(f"{kind}.{key}", FieldType.CHOICE, label_of(label, key), STATES[kind])
    if files.recycle is not None:
        reasons = {key: label_of(reason.label, key) for key, reason in files.recycle.reasons.items()}
        words.add("recycle.due", FieldType.YES_NO, {"ja": "掘り起こしの時期", "en": "recycling due"})
        words.add("recycle.reason", FieldType.CHOICE, {"ja": "前回の理由", "en": "recycle reason"}, reasons)


def _watched(files: Files) -> Iterator[tuple[str, str, Label | None]]:
    """What stands somewhere that conditions may ask for: kind, id and label."""
    for key, cadence in files.work.cadences.items() if files.work is not None else ():
        yield "cadence", key, cadence.label
    for clock in files.sla.clocks if files.sla is not None else ():
        yield "clock", clock.id, clock.label
    for key, gate in files.handoff.gates.items() if files.handoff is not None else ():
        yield "gate", key, gate.label


def _deal_stage(context: Context) -> None:
    handoff = context.files.handoff
    label = {"ja": "商談ステージ", "en": "deal stage"}
    if handoff is not None and handoff.pipeline is not None:
        stages = {key: stage.label for key, stage in handoff.pipeline.stages.items()}
        context.vocabulary.add("deal.stage", FieldType.CHOICE, label, stages)
    elif context.files.fields.deal:
        context.vocabulary.add("deal.stage", FieldType.CHOICE, label, free_choice=True)
