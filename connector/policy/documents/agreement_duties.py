"""Chapters of the agreement: what each department owes, who follows up after the hand-over, reviews, signatures."""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.documents.agreement_promises import departments
from connector.policy.documents.aims import aim, planned
from connector.policy.documents.blocks import Block, Bullets, Paragraph, Part, Signatures, part, table
from connector.policy.documents.doings import Doings
from connector.policy.documents.speech import Speech
from connector.policy.model import Target, Transition


def duties(doings: Doings) -> Part | None:
    """What each department owes and aims at."""
    speech, both = doings.speech, doings.speech.both
    signing = departments(speech)
    shown = {target.id for party in signing for target in _targets(speech, party)}
    others = [target for target in speech.policy.targets if target.id not in shown]
    return part(
        both("各部門の務めと目標", "Duties and aims of each department"),
        parts=(
            *(part(speech.department(party), *_of(speech, party)) for party in signing),
            part(both("共通の目標", "Aims of all"), _aims(speech, others)),
        ),
    )


def _of(speech: Speech, party: str) -> Iterator[Block]:
    agreed = speech.policy.agreement
    items = [*_owed(speech, party), *(speech.of(one, "") for one in (agreed.duties.get(party, ()) if agreed else ()))]
    items += _stages(speech, party)
    yield Bullets(items=tuple(items))
    goal = agreed.goals.get(party) if agreed is not None else None
    if goal is not None and (needed := planned(speech, goal)):
        yield Paragraph(
            text=speech.both(f"目標: {speech.metric(goal)} {needed}", f"Aim: {speech.metric(goal)}, {needed}")
        )
    yield _aims(speech, _targets(speech, party))


def _owed(speech: Speech, party: str) -> Iterator[str]:
    for clock in speech.policy.clocks.values():
        if clock.owed_by != party:
            continue
        words = f"{speech.of(clock.label, clock.id)}: {speech.within(clock.limit)}"
        if clock.owed_to is not None:
            other = speech.department(clock.owed_to)
            words += speech.both(f"({other}に対して)", f" (towards {other})")
        yield words


def _stages(speech: Speech, party: str) -> Iterator[str]:
    """What the department records in the deal stages that it answers for."""
    pipeline = speech.policy.pipeline
    for stage in pipeline.stages.values() if pipeline is not None else ():
        if stage.owner == party and stage.required:
            name, fields = speech.of(stage.label, stage.id), speech.names(stage.required)
            yield speech.both(
                f"商談が「{name}」の間に記録する: {fields}", f"Record while a deal is in “{name}”: {fields}"
            )


def _targets(speech: Speech, party: str) -> list[Target]:
    agreed = speech.policy.agreement
    measured = {f"clock.{clock.id}" for clock in speech.policy.clocks.values() if clock.owed_by == party}
    if agreed is not None and party in agreed.goals:
        measured.add(agreed.goals[party])
    return [target for target in speech.policy.targets if target.metric in measured]


def _aims(speech: Speech, targets: list[Target]) -> Block:
    both = speech.both
    rows = [
        (
            speech.of(target.label, speech.metric(target.metric)),
            aim(speech, target),
            speech.of(target.below, ""),
            speech.of(target.above, ""),
        )
        for target in targets
    ]
    return table(
        (both("目標", "Aim"), both("値", "Figure"), both("下回るとき", "Below"), both("上回るとき", "Above")), rows
    )


def after(doings: Doings) -> Part | None:
    """Who follows up once a lead was handed over: deal stages, ways back, what comes again."""
    speech, both = doings.speech, doings.speech.both
    pipeline = speech.policy.pipeline
    stages = [
        (speech.of(stage.label, stage.id), speech.department(stage.owner), speech.names(stage.required))
        for stage in (pipeline.stages.values() if pipeline is not None else ())
    ]
    heads = (
        both("商談の段階", "Stage of the deal"),
        both("追う部門", "Who follows up"),
        both("記録すること", "What is recorded"),
    )
    return part(
        both("引き渡した後", "After the hand-over"),
        table(heads, stages),
        parts=(
            part(both("差し戻し・失注・対象外", "Returns, losses and discards"), _ways(speech)),
            part(both("掘り起こし", "Leads that come again"), _reasons(doings)),
        ),
    )


def _ways(speech: Speech) -> Block:
    both = speech.both
    rows = [
        (
            speech.of(way.label, way.id),
            f"{'/'.join(speech.stage(one) for one in way.sources)} → {speech.stage(way.target)}",
            speech.condition(way.when),
            speech.department(speech.policy.stages[way.target].owner),
        )
        for way in speech.policy.transitions
        if _leads_back(speech, way)
    ]
    heads = (
        both("戻る道", "Way back"),
        both("段階", "Stages"),
        both("条件", "When"),
        both("次に受け持つ部門", "Taken by"),
    )
    return table(heads, rows)


def _leads_back(speech: Speech, way: Transition) -> bool:
    """True for a way to an earlier stage, to the side, or from there."""
    order = [stage.id for stage in speech.policy.stages.values() if not stage.side]
    if way.target not in order or any(source not in order for source in way.sources):
        return True
    return any(order.index(way.target) < order.index(source) for source in way.sources)


def _reasons(doings: Doings) -> Block | None:
    speech, both, recycle = doings.speech, doings.speech.both, doings.speech.policy.recycle
    if recycle is None:
        return None
    rows = [
        (speech.of(reason.label, reason.id), doings.again(reason.again))
        for reason in recycle.reasons.values()
        if reason.again is not None
    ]
    return table((both("理由", "Reason"), both("次に働きかける時", "Comes again")), rows)


def reviews(doings: Doings) -> Part | None:
    """When the departments look at it."""
    speech, both, agreed = doings.speech, doings.speech.both, doings.speech.policy.agreement
    rows = [
        (
            speech.of(review.label, review.id),
            f"{speech.every(review.every)} {_day(speech, review.day)}{speech.both('', 'at ')}{review.at}",
            speech.joined(speech.channel(one) for one in review.to),
            speech.joined(speech.report(one) for one in review.shows),
        )
        for review in speech.policy.reviews
    ]
    said = ""
    if agreed is not None and agreed.review_every is not None:
        every = speech.every(agreed.review_every)
        said = both(
            f"各部門は{every}、達成状況を持ち寄ってこの合意を見直す。変更は方針の新しい版となり、署名し直す。",
            f"The departments look at the figures together ({every}) and revise this agreement. A change is a new "
            "version of the policy and is signed anew.",
        )
    heads = (both("レビュー", "Review"), both("いつ", "When"), both("届け先", "Goes to"), both("内容", "Shows"))
    return part(both("見直し", "Review"), Paragraph(text=said), table(heads, rows))


_WEEKDAYS = {"mon": "月", "tue": "火", "wed": "水", "thu": "木", "fri": "金", "sat": "土", "sun": "日"}


def _day(speech: Speech, day: str | None) -> str:
    if day is None:
        return ""
    if day in _WEEKDAYS:
        return speech.both(f"{_WEEKDAYS[day]}曜 ", f"on {day.capitalize()} ")
    return speech.both(f"{day}日 ", f"on day {day} ")


def signatures(doings: Doings) -> Part | None:
    """A place to sign for each department."""
    speech, both = doings.speech, doings.speech.both
    version = speech.policy.hash[:12]
    said = both(f"以上(方針の版 {version})に合意する。", f"Agreed on the above (version {version} of the policy).")
    lines = (both("氏名・役職", "Name and position"), both("署名", "Signature"), both("日付", "Date"))
    signing = tuple(speech.department(party) for party in departments(speech))
    return part(
        both("署名", "Signatures"),
        Paragraph(text=said) if signing else None,
        Signatures(parties=signing, lines=lines),
    )
