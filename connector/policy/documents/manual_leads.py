"""Chapters of the manual on leads: stages, scores, ratings, reasons."""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.documents.blocks import Bullets, Facts, Paragraph, Part, part, table
from connector.policy.documents.doings import Doings
from connector.policy.documents.speech import Speech
from connector.policy.documents.ways import entries
from connector.policy.model import Decay, ScoreDef, ScoreRule
from connector.policy.phrases import time_words

_USES = {
    "return": ("差し戻し", "return"),
    "reject": ("リジェクト", "reject"),
    "lost": ("失注", "loss"),
    "discard": ("対象外", "discard"),
}


def stages(doings: Doings) -> Part | None:
    """Stages and the conditions to enter each."""
    speech, both, policy = doings.speech, doings.speech.both, doings.speech.policy
    rows = [
        (
            speech.of(stage.label, stage.id) + (both("(本流の外)", " (beside the main line)") if stage.side else ""),
            speech.department(stage.owner),
            "\n".join(entries(speech, stage.id)),
        )
        for stage in policy.stages.values()
    ]
    heads = (
        both("段階", "Stage"),
        both("受け持つ部門", "Department"),
        both("この段階になる時", "A lead enters it when"),
    )
    said = both(
        "リードの段階は、条件が成り立つと自動で移る。わからない項目がある間は移らない。",
        "A lead moves by itself when a condition holds. While something that decides is unknown it stays.",
    )
    return part(both("段階", "Stages"), Paragraph(text=said) if rows else None, table(heads, rows))


def scores(doings: Doings) -> Part | None:
    """What gives points, limits and fading."""
    speech, both, policy = doings.speech, doings.speech.both, doings.speech.policy
    total = both("スコア合計 = ", "Total score = ") + " + ".join(speech.name(f"score.{key}") for key in policy.total)
    return part(
        both("点数", "Scores"),
        Paragraph(text=total, note=True) if len(policy.total) > 1 else None,
        parts=[_score(speech, score) for score in policy.scores.values()],
    )


def _score(speech: Speech, score: ScoreDef) -> Part | None:
    both = speech.both
    heads = (
        both("点になること", "What gives points"),
        both("条件", "When"),
        both("点数", "Points"),
        both("回数", "How often"),
    )
    rows = [
        (_rule(speech, rule), speech.condition(rule.when), f"{rule.points:+g}", _limit(speech, rule))
        for rule in score.rules
    ]
    limits = []
    if score.floor is not None and score.cap is not None:
        limits.append(
            both(
                f"合計は{score.floor:g}〜{score.cap:g}点に収める。",
                f"The sum stays between {score.floor:g} and {score.cap:g}.",
            )
        )
    elif score.cap is not None:
        limits.append(both(f"合計は{score.cap:g}点まで。", f"The sum is at most {score.cap:g}."))
    if score.decay is not None:
        limits.append(_fading(speech, score.decay))
    return part(
        speech.of(score.label, score.id),
        table(heads, rows),
        Paragraph(text="".join(limits) if speech.language == "ja" else " ".join(limits)),
    )


def _rule(speech: Speech, rule: ScoreRule) -> str:
    label = speech.of(rule.label, rule.id)
    if rule.signal is None or label == speech.signal(rule.signal):
        return label
    return f"{label} ({speech.signal(rule.signal)})"


def _limit(speech: Speech, rule: ScoreRule) -> str:
    if rule.signal is None:
        return ""
    if rule.times is None:
        return speech.both("そのたびに", "each time")
    if rule.within is None:
        return speech.both(f"{rule.times}回まで", f"at most {rule.times}×")
    window = time_words(rule.within, speech.language)
    return speech.both(f"{window}に{rule.times}回まで", f"at most {rule.times}× in {window}")


def _fading(speech: Speech, decay: Decay) -> str:
    if decay.half_life is not None:
        length = time_words(decay.half_life, speech.language)
        return speech.both(f"行動の点は{length}で半分に薄れる。", f"Points for behaviour halve in {length}.")
    length = time_words(decay.to_zero_after, speech.language) if decay.to_zero_after is not None else ""
    return speech.both(f"行動の点は{length}かけてなくなる。", f"Points for behaviour fade to nothing in {length}.")


def ratings(doings: Doings) -> Part | None:
    """Bands, grades and the other values that rules decide."""
    speech, both = doings.speech, doings.speech.both
    heads = (both("値", "Value"), both("条件", "When"))
    below = []
    for definition in speech.policy.computed:
        rows = [
            (
                speech.choice(definition.name, str(rule.value)),
                speech.condition(rule.when) or both("上のどれでもないとき", "otherwise"),
            )
            for rule in definition.rules
        ]
        below.append(part(speech.of(definition.label, definition.name), table(heads, rows)))
    said = both("上から見て、最初に当たった値になる。", "The first line that holds gives the value.")
    return part(
        both("自動で決まる評価と区分", "Ratings and groups"), Paragraph(text=said) if below else None, parts=below
    )


def reasons(doings: Doings) -> Part | None:
    """The table of reasons and what becomes of a recycled lead."""
    speech, both, recycle = doings.speech, doings.speech.both, doings.speech.policy.recycle
    if recycle is None:
        return None
    rows = [
        (
            speech.of(reason.label, reason.id),
            speech.joined(both(*_USES[use]) for use in reason.used_for),
            doings.again(reason.again),
            speech.condition(reason.when),
        )
        for reason in recycle.reasons.values()
    ]
    heads = (
        both("理由", "Reason"),
        both("選ぶ場面", "Chosen for"),
        both("次に働きかける時", "Comes again"),
        both("先に必要なこと", "What comes first"),
    )
    facts = (
        [(both("戻ってきたとき", "When it comes again"), "\n".join(doings.actions(recycle.on_wake)))]
        if recycle.on_wake
        else []
    )
    if recycle.times is not None and recycle.then is not None:
        window = time_words(recycle.within, speech.language) if recycle.within is not None else ""
        stage = speech.stage(recycle.then)
        facts.append(
            (
                both("回数の上限", "At most"),
                both(
                    f"{window + 'に' if window else ''}{recycle.times}回を超えたら「{stage}」",
                    f"{recycle.times} times{' in ' + window if window else ''}, then “{stage}”",
                ),
            )
        )
    return part(
        both("理由の選び方と掘り起こし", "Reasons, and when leads come again"),
        table(heads, rows),
        Facts(rows=tuple(facts)),
        *_when_given(speech),
    )


def _when_given(speech: Speech) -> Iterator[Bullets]:
    """Where a person writes a reason: the answers whose choices are reasons."""
    both, recycle = speech.both, speech.policy.recycle
    known = set(recycle.reasons) if recycle is not None else set()
    items = [
        both(f"{speech.name(name)}に書く", f"written into {speech.name(name)}") + _homes(speech, name)
        for name in speech.policy.answers
        if known.issuperset(speech.policy.fields[name].choices) and speech.policy.fields[name].choices
    ]
    yield Bullets(items=tuple(items))


def _homes(speech: Speech, name: str) -> str:
    homes = ", ".join(f"{home.object_type}.{home.name}" for home in speech.policy.fields[name].homes)
    return speech.both(f"({homes})", f" ({homes})") if homes else ""
