"""Chapters of the manual on work: queues, tasks, cadences, outcomes of calls, promises, absence, what is never done."""

from __future__ import annotations

from connector.policy.documents.blocks import Facts, Paragraph, Part, part, table
from connector.policy.documents.doings import Doings
from connector.policy.documents.speech import VENDORS, Speech
from connector.policy.model import WAIT, Cadence, EnrolAction, Event, Pool, SignalSource, Step, TaskAction, WorkRule
from connector.policy.phrases import time_words


def queues(doings: Doings) -> Part | None:
    """Where a rep's day begins."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (
            speech.of(queue.label, queue.id),
            speech.joined(speech.rule(key) for key in queue.tasks),
            both(f"{speech.name(queue.order)}の高い順", f"by {speech.name(queue.order)}, highest first")
            if queue.order
            else "",
            "\n".join(f"{VENDORS[vendor]}: {name}" for vendor, name in queue.names.items()),
        )
        for queue in speech.policy.queues.values()
    ]
    heads = (both("列", "Queue"), both("並ぶタスク", "Its tasks"), both("順番", "Order"), both("開く所", "Where it is"))
    said = both("1日は、この列の上から順に始める。", "Begin the day with these queues, from the top.")
    return part(
        both("毎日の始め方", "How a day begins"), Paragraph(text=said, note=True) if rows else None, table(heads, rows)
    )


def tasks(doings: Doings) -> Part | None:
    """What comes when, and what is done with it."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (speech.of(rule.label, rule.id), _when(doings, rule), "\n".join(doings.actions(rule.do)))
        for rule in speech.policy.rules
        if not rule.shadow
    ]
    heads = (both("きっかけ", "Rule"), both("いつ", "When"), both("起きること", "What happens"))
    return part(both("いつ何が来るか", "What comes when"), table(heads, rows), parts=[_texts(doings)])


def _when(doings: Doings, rule: WorkRule) -> str:
    words, condition = doings.events(rule.on), doings.speech.condition(rule.when)
    if not condition:
        return words
    return doings.speech.both(f"{words}\n(条件: {condition})", f"{words}\n(if {condition})")


def _texts(doings: Doings) -> Part | None:
    """What stands in the tasks: the hints that a rep finds there."""
    both = doings.speech.both
    rows = [
        (doings.text(action.title), doings.text(action.text))
        for rule in doings.speech.policy.rules
        for action in rule.do
        if isinstance(action, TaskAction) and action.text.parts
    ]
    return part(
        both("タスクに書かれている手がかり", "What the tasks tell"),
        table((both("件名", "Title"), both("本文", "Text")), rows),
    )


def cadences(doings: Doings) -> Part | None:
    """Cadences day by day."""
    speech, both = doings.speech, doings.speech.both
    heads = (both("日", "Day"), both("種類", "Kind"), both("すること", "What to do"), both("期限", "Due"))
    below = []
    for cadence in speech.policy.cadences.values():
        rows = [_step(doings, step) for step in cadence.steps]
        stops = doings.events(cadence.stop_on)
        said = both(f"止まる時: {stops}", f"It stops when {stops}") if stops else ""
        started = _started(speech, cadence)
        below.append(
            part(
                speech.of(cadence.label, cadence.id),
                Paragraph(text=" ".join(one for one in (started, _turns(speech, cadence)) if one)),
                table(heads, rows),
                Paragraph(text=said),
            )
        )
    said = both(
        "日数は開始日から数え、休業日なら次の営業日になる。メールは人が書いて送る。"
        "自動で送るのは「CRMが自動で送る」と書いた手順だけ。",
        "Days are counted from the start; a closed day means the next working day. Mails are written by people: only "
        "steps that say “the CRM sends” are sent by themselves.",
    )
    return part(
        both("ケイデンス(日を追った働きかけ)", "Cadences, day by day"),
        Paragraph(text=said, note=True) if below else None,
        parts=below,
    )


def _turns(speech: Speech, cadence: Cadence) -> str:
    if cadence.turn_by is None:
        return ""
    order = speech.name(cadence.turn_by)
    return speech.both(
        f"1社に同時に1人だけ進める。次の人は{order}の高い順。",
        f"One person of a company at a time; next is who has the highest {order}.",
    )


def _started(speech: Speech, cadence: Cadence) -> str:
    rules = [
        speech.of(rule.label, rule.id)
        for rule in speech.policy.rules
        if any(getattr(action, "cadence", None) == cadence.id for action in rule.do)
    ]
    return speech.both(f"始まり: {speech.joined(rules)}", f"Started by: {speech.joined(rules)}") if rules else ""


def _step(doings: Doings, step: Step) -> tuple[str, str, str, str]:
    speech, action = doings.speech, step.action
    day = speech.both(f"{step.day}日目", f"day {step.day}")
    if isinstance(action, EnrolAction):
        return day, doings.kind("enrol"), doings.action(action), ""
    return day, doings.kind(action.kind), doings.text(action.title), speech.within(action.due)


def _outcome(doings: Doings, source: SignalSource) -> str:
    speech, both = doings.speech, doings.speech.both
    said = speech.joined(source.where.get("outcome", ())) or both("どの結果でも", "any outcome")
    if source.lasting is None:
        return said
    length = time_words(source.lasting, speech.language)
    return said + both(f"、{length}以上", f", {length} or longer")


def outcomes(doings: Doings) -> Part | None:
    """What a rep logs in the CRM and what it counts as."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (
            speech.joined(_activity(doings, word) for word in source.match),
            _outcome(doings, source),
            speech.of(signal.label, signal.id),
        )
        for signal in speech.policy.signals.values()
        for source in signal.sources
        if source.kind == "activity"
    ]
    heads = (both("CRMに記録する活動", "Logged activity"), both("結果", "Outcome"), both("こう数える", "Counts as"))
    said = both(
        "活動は必ずCRMに記録する。記録がなければ、接触していないものとして扱われる。",
        "Log every activity in the CRM. What is not logged counts as not done.",
    )
    return part(
        both("電話とメールの結果の残し方", "Outcomes of calls and mails"),
        Paragraph(text=said, note=True) if rows else None,
        table(heads, rows),
    )


_ACTIVITIES = {
    "call": ("電話", "call"),
    "mail": ("メール", "mail"),
    "social": ("SNS", "social network"),
    "meeting": ("ミーティング", "meeting"),
    "mail_reply": ("メールの返信", "reply to a mail"),
    "note": ("メモ", "note"),
}


def _activity(doings: Doings, word: str) -> str:
    return doings.speech.both(*_ACTIVITIES[word])


def promises(doings: Doings) -> Part | None:
    """The promises that a rep keeps."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (
            speech.of(clock.label, clock.id),
            both(
                f"{doings.events(clock.starts)}から{doings.events(clock.stops)}まで",
                f"from when {doings.events(clock.starts)} until {doings.events(clock.stops)}",
            ),
            speech.within(clock.limit),
            speech.department(clock.owed_by),
        )
        for clock in speech.policy.clocks.values()
    ]
    heads = (
        both("約束", "Promise"),
        both("いつからいつまで", "From when to when"),
        both("期限", "Limit"),
        both("守る部門", "Kept by"),
    )
    return part(both("守る期限(SLA)", "Promises to keep (SLA)"), table(heads, rows))


def absence(doings: Doings) -> Part | None:
    """Who gets what, and what happens when somebody is away or leaves."""
    speech, both, routing = doings.speech, doings.speech.both, doings.speech.policy.routing
    if routing is None:
        return None
    rows = [
        (
            speech.of(rule.label, rule.id),
            _routed(doings, rule.on, speech.condition(rule.when)),
            doings.assign(rule.assign),
        )
        for rule in routing.rules
    ]
    facts = []
    if routing.keep_for is not None:
        also = (
            both("同じ会社の担当者も同様。", " The owner of another lead of the company too.")
            if routing.keep_same_company
            else ""
        )
        facts.append(
            (
                both("前の担当者", "Former owner"),
                both(
                    f"{speech.span(routing.keep_for)}以内に受け持った人を優先する。",
                    f"Preferred for {speech.span(routing.keep_for)}.",
                )
                + also,
            )
        )
    if routing.absent_skip:
        facts.append(
            (both("不在の人", "Away"), both("新しいリードは渡らない。", "Gets no new leads.") + _handed_on(doings))
        )
    facts.append((both("退職した人", "Left"), _left(speech, routing.left_tasks_to)))
    facts += [
        (both(f"時間外の{speech.pool(one.id)}", f"{speech.pool(one.id)} out of hours"), _out_of_hours(speech, one))
        for one in routing.pools.values()
        if one.outside_hours is not None
    ]
    if routing.nobody_free is not None:
        pool = speech.pool(routing.nobody_free)
        facts.append(
            (both("誰も空いていないとき", "Nobody is free"), both(f"「{pool}」が受ける。", f"“{pool}” takes it."))
        )
    heads = (both("規則", "Rule"), both("いつ", "When"), both("担当", "Who"))
    return part(both("割り当てと不在", "Who gets what; absence"), table(heads, rows), Facts(rows=tuple(facts)))


def _out_of_hours(speech: Speech, pool: Pool) -> str:
    hours = speech.hours(pool.calendar or speech.policy.calendar)
    if pool.outside_hours == WAIT:
        then = speech.both(
            "全員が時間外なら、最初に始業する人を待つ。", "If nobody works, the lead waits for the first who begins."
        )
    else:
        then = speech.both("全員が時間外なら、ほかのプールが受ける。", "If nobody works, another pool takes the lead.")
    return speech.both(f"新しいリードは渡らない。{then}({hours})", f"Nobody gets new leads then. {then} ({hours})")


def _routed(doings: Doings, events: tuple[Event, ...], condition: str) -> str:
    words = doings.events(events)
    return doings.speech.both(f"{words}(条件: {condition})", f"{words} (if {condition})") if condition else words


def _handed_on(doings: Doings) -> str:
    speech, routing = doings.speech, doings.speech.policy.routing
    if routing is None or routing.absent_tasks_after is None:
        return speech.both("開いているタスクはそのまま残る。", " Open tasks stay.")
    after = speech.span(routing.absent_tasks_after)
    if routing.absent_tasks_to == "nobody":
        return speech.both(
            f"開いているタスクは{after}後に担当者なしになる。", f" Open tasks lose their owner after {after}."
        )
    return speech.both(
        f"開いているタスクは{after}後に同じプールの人へ移る。", f" Open tasks go to the same pool after {after}."
    )


def _left(speech: Speech, to: str) -> str:
    if to == "nobody":
        return speech.both("開いているタスクは担当者なしになる。", "Open tasks lose their owner.")
    return speech.both("開いているタスクは同じプールの人へ移る。", "Open tasks go to the same pool.")


def never(doings: Doings) -> Part | None:
    """What outranks every rule."""
    speech, both = doings.speech, doings.speech.both
    rows = [
        (
            speech.of(rule.label, rule.id),
            speech.condition(rule.when),
            speech.joined(doings.kind(word) for word in rule.what),
        )
        for rule in speech.policy.never
    ]
    heads = (both("決まり", "Rule"), both("相手", "For leads with"), both("しないこと", "Not done"))
    return part(both("決してしないこと", "What is never done"), table(heads, rows))
