"""scoring.yaml: scores and what counts into the total."""

from __future__ import annotations

from connector.policy.build.context import Context, label_of
from connector.policy.document import Where
from connector.policy.files.scoring import DecayModel, ScoreModel, ScoreRuleModel
from connector.policy.model import Decay, Label, ScoreDef, ScoreRule
from connector.policy.vocabulary import plain_label
from connector.texts import say


def build_scores(context: Context) -> dict[str, ScoreDef]:
    """Every score by id, in file order."""
    where = context.at("scoring") / "scores"
    found = {}
    for key, model in context.files.scoring.scores.items():
        if key == "total":
            context.report.error(where / key, say("`total` is the sum of scores; name it otherwise"), reason="reserved")
        found[key] = _score(context, key, model, where / key)
    if context.files.scoring.calibrate is not None:
        context.put_off("scoring.yaml: calibrate")
    return found


def total_of(context: Context) -> tuple[str, ...]:
    """The scores that are summed up; all of them when the file does not say."""
    scoring = context.files.scoring
    if scoring.total is None:
        return tuple(scoring.scores)
    where = context.at("scoring") / "total"
    return tuple(
        key for index, key in enumerate(scoring.total) if context.known(key, scoring.scores, "score", where / index)
    )


def _score(context: Context, key: str, model: ScoreModel, where: Where) -> ScoreDef:
    rules = tuple(_rule(context, rule, where / "rules" / index) for index, rule in enumerate(model.rules))
    return ScoreDef(
        id=key,
        label=label_of(model.label, key),
        floor=model.floor,
        cap=model.cap,
        decay=_decay(model.decay),
        rules=rules,
        publish_step=model.publish_step,
    )


def _rule(context: Context, model: ScoreRuleModel, where: Where) -> ScoreRule:
    if model.signal is not None:
        context.known(model.signal, context.vocabulary.signals, "signal", where / "signal")
    return ScoreRule(
        id=model.id,
        label=model.label or _signal_label(context, model),
        when=context.compiler.optional(model.when, where),
        signal=model.signal,
        points=model.points,
        times=model.up_to.times if model.up_to is not None else None,
        within=model.up_to.within if model.up_to is not None else None,
    )


def _signal_label(context: Context, model: ScoreRuleModel) -> Label:
    """Points for a behaviour are told by its name; others by their id."""
    known = context.vocabulary.names.get(f"signal.{model.signal}")
    return known.label if known is not None else plain_label(model.id)


def _decay(model: DecayModel | None) -> Decay | None:
    if model is None:
        return None
    linear = model.linear.to_zero_after if model.linear is not None else None
    return Decay(half_life=model.half_life, to_zero_after=linear)
