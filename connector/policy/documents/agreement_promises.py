"""Chapters of the agreement: who agrees, what the words mean, what is promised, and what follows a breach."""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.documents.aims import aim, planned
from connector.policy.documents.blocks import Facts, Paragraph, Part, part, table
from connector.policy.documents.doings import Doings
from connector.policy.documents.speech import Speech
from connector.policy.documents.ways import entries
from connector.policy.model import Clock, Rung


def departments(speech: Speech) -> tuple[str, ...]:
    """The parties that sign; without an agreement those that clocks name."""
    agreed = speech.policy.agreement
    if agreed is not None and agreed.parties:
        return tuple(agreed.parties)
    return tuple(dict.fromkeys(party for clock in speech.policy.clocks.values() for party in clock.between or ()))


def parties(doings: Doings) -> Part | None:
    """Who agrees, what each is measured by and aims at."""
    speech, both, policy = doings.speech, doings.speech.both, doings.speech.policy
    goals = policy.agreement.goals if policy.agreement is not None else {}
    rows = [
        (
            speech.department(party),
            speech.metric(goals[party]) if party in goals else "",
            "\n".join(_aims(speech, goals[party])) if party in goals else "",
            speech.joined(speech.of(stage.label, stage.id) for stage in policy.stages.values() if stage.owner == party),
        )
        for party in departments(speech)
    ]
    heads = (
        both("部門", "Department"),
        both("成果の指標", "Measured by"),
        both("目標", "Aim"),
        both("受け持つ段階", "Stages"),
    )
    said = both(
        "この合意書は、リードを受け渡す部門が互いに負う約束を定める。定義・期限・対応は、製品が動かしている方針から印刷したもので、"
        "計測も同じ方針による。",
        "This agreement states what the departments that hand leads to each other owe one another. Its definitions, "
        "limits and consequences are printed from the policy that runs, and are measured by the same policy.",
    )
    return part(both("当事者と目標", "Parties and aims"), Paragraph(text=said), table(heads, rows))


def _aims(speech: Speech, metric: str) -> Iterator[str]:
    if needed := planned(speech, metric):
        yield needed
    for target in speech.policy.targets:
        if target.metric == metric:
            yield aim(speech, target)


def definitions(doings: Doings) -> Part | None:
    """What the stages mean, what a hand-over needs, what working time is."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (speech.of(stage.label, stage.id), speech.department(stage.owner), "\n".join(entries(speech, stage.id)))
        for stage in speech.policy.stages.values()
    ]
    heads = (
        both("段階", "Stage"),
        both("受け持つ部門", "Department"),
        both("この段階になる条件", "A lead enters it when"),
    )
    calendars = tuple(
        (speech.of(calendar.label, key), speech.hours(calendar)) for key, calendar in speech.policy.calendars.items()
    )
    return part(
        both("言葉の定義", "Definitions"),
        parts=(
            part(both("段階", "Stages"), table(heads, rows)),
            *_gates(doings),
            part(both("営業時間", "Working time"), Facts(rows=calendars)),
        ),
    )


def _gates(doings: Doings) -> Iterator[Part | None]:
    speech, both = doings.speech, doings.speech.both
    for gate in speech.policy.gates.values():
        rows = [(both("必須", "Required"), speech.names(gate.required))] if gate.required else []
        rows += [(both("どれか1つは必須", "At least one of"), speech.names(group)) for group in gate.required_any]
        if gate.wanted:
            rows.append((both("あるとよい", "Wanted"), speech.names(gate.wanted)))
        if gate.if_missing:
            rows.append((both("不足のとき", "When missing"), "\n".join(doings.actions(gate.if_missing))))
        yield part(speech.of(gate.label, gate.id), Facts(rows=tuple(rows)))


def promises(doings: Doings) -> Part | None:
    """Every clock as a promise: who keeps it, towards whom, from when to when, within what."""
    speech, both = doings.speech, doings.speech.both
    heads = (
        "",
        both("約束", "Promise"),
        both("守る部門", "Kept by"),
        both("相手", "Towards"),
        both("期限", "Limit"),
        both("対象", "Applies when"),
        both("止まる間", "Paused while"),
    )
    rows = [
        (
            str(number),
            promise(doings, clock),
            speech.department(clock.owed_by),
            speech.department(clock.owed_to),
            _limit(speech, clock),
            speech.condition(clock.when),
            speech.condition(clock.paused_while),
        )
        for number, clock in enumerate(speech.policy.clocks.values(), 1)
    ]
    note = both(
        "「営業」と付く期限は営業時間だけを数える。リードが本流の外(リサイクルや対象外)へ移れば、計測は終わる。"
        "CRMで起きたことの結果がCRMに出るまでに製品が要した時間は、人の時間と分けて示す。",
        "Limits in business time count opening hours only. A promise ends when its lead leaves the main line, for "
        "example when it is recycled or discarded. The time that the product itself took until the CRM showed what "
        "came of an event is told apart from people's.",
    )
    return part(
        both("約束と期限", "Promises and limits"),
        table(heads, rows),
        Paragraph(text=note, note=True) if rows else None,
    )


def promise(doings: Doings, clock: Clock) -> str:
    """A promise in words: from which moment to which."""
    speech = doings.speech
    label = speech.of(clock.label, clock.id)
    starts, stops = doings.events(clock.starts), doings.events(clock.stops)
    return speech.both(f"{label}\n{starts}から、{stops}まで", f"{label}\nfrom when {starts} until {stops}")


def _limit(speech: Speech, clock: Clock) -> str:
    """The limit, with its opening hours when they are not everybody's."""
    words = speech.within(clock.limit)
    if not clock.limit.business or clock.calendar == speech.policy.calendar:
        return words
    return f"{words}\n{speech.hours(clock.calendar)}"


def warnings(doings: Doings) -> Part | None:
    """Escalation in words."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (speech.of(clock.label, clock.id), _rung(speech, rung), "\n".join(doings.actions(rung.do)))
        for clock in speech.policy.clocks.values()
        for rung in clock.escalation
    ]
    heads = (both("約束", "Promise"), both("いつ", "When"), both("行うこと", "What is done"))
    return part(both("予告と、守れなかったとき", "Warnings, and what follows a breach"), table(heads, rows))


def _rung(speech: Speech, rung: Rung) -> str:
    if rung.after is not None:
        span = speech.span(rung.after)
        return speech.both(f"期限切れから{span}後", f"{span} after the limit")
    share = round((rung.at or 0) * 100)
    if share == 100:
        return speech.both("期限切れの時", "at the limit")
    return speech.both(f"期限の{share}%が過ぎた時", f"at {share}% of the limit")
