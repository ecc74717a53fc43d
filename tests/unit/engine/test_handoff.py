"""The hand-off: one deal an attempt, a packet that says what is known, gaps told once, an accept or reject loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.domain.effects import Deal, Grant, Note, WorkState
from connector.domain.lead import Actor, FieldFact
from connector.domain.value import BLANK, UNREAD
from connector.engine.packet import MOST_CHARACTERS
from connector.engine.plan import Plan
from tests.unit.engine.stories import BASE, DAY, LIFECYCLE, NOW, Story, plan_of, started

SECOND = timedelta(seconds=1)
DEAL_FIELDS = """\
deal:
  amount: {label: 金額, type: money, hubspot: deal.amount}
  meeting_at: {label: 商談日時, type: moment, hubspot: deal.meeting_at}
  proposal_on: {label: 提案日, type: date, hubspot: deal.proposal_on}
  answer: {label: 判断, type: choice, answer: true, choices: {taken: 受け入れ, rejected: リジェクト}, hubspot: deal.fs}
  why: {label: リジェクト理由, type: choice, answer: true, choices: {reasons: return}, hubspot: deal.why}
  lost_reason: {label: 失注理由, type: choice, answer: true, choices: {reasons: return}, hubspot: deal.lost}
  lost_note: {label: 失注の補足, type: text, hubspot: deal.lost_note}
  made_by: {label: 作った人, type: person, shows: sender, hubspot: deal.made_by}
  gaps: {label: 不足, type: long_text, shows: pipeline.missing, hubspot: deal.gaps}
"""
LEAD_GAPS = "  gaps_of_lead: {label: 不足, type: long_text, shows: gate.handoff.missing, hubspot: contact.gaps}\n"
HANDOFF = """\
gates:
  handoff:
    label: 引き渡し
    required: [need]
    required_any: [[email, noted]]
    wanted: [renewal_on]
    if_missing: {do: [{task: {kind: todo, to: owner, due: 1d, title: "不足: {missing}"}}]}
create_deal:
  on: {enters: sql}
  title: "{last_name}様 {need}"
  stage: appointment
  amount: 3000000
  associate: [contact, company]
  packet: [need, timeline, renewal_on, industry, history, signals, score.total, reasons, stage]
pipeline:
  stages:
    appointment: {label: アポ, probability: 10%, required: [deal.meeting_at]}
    proposal: {label: 提案, probability: 40%, required: [deal.proposal_on, need]}
    quote: {label: 見積, probability: 60%, required: [deal.amount]}
    won: {label: 受注, probability: 100%, required: [deal.amount]}
    lost: {label: 失注, probability: 0%, required: [deal.lost_reason]}
  also:
    - {id: other_needs_note, when: {deal.lost_reason: price}, required: [deal.lost_note]}
  if_missing: {do: [{task: {kind: todo, to: deal_owner, due: 1d, title: "{deal.stage}: {missing}"}}]}
"""
WAYS = """\
  - {id: won, from: [sql, opportunity], to: customer, when: {deal.stage: won}}
  - {id: lost, from: [sql, opportunity], to: recycled, when: {deal.stage: lost, deal.lost_reason: known},
     reason: deal.lost_reason}
  - {id: taken, from: [sql], to: opportunity, when: {deal.answer: taken}}
  - {id: rejected, from: [sql], to: sal, when: {deal.answer: rejected, deal.why: known}}
  - {id: more, from: [customer], to: mql, when: {signal.visit: {at_least: 1, since: stage_entered}}}
manual_moves:
"""
STAGES = """\
  sql: {label: SQL}
  opportunity: {label: 商談}
  customer: {label: 顧客}
"""
WORK = """\
rules:
  - id: re_examine
    on: {moves: rejected}
    do: [{task: {kind: todo, to: owner, due: 1d, title: "再精査 {deal.why}"}}]
"""
ROUTING = """\
pools: {fs: {members: {hubspot_team: FS}}}
rules: [{id: to_fs, on: {enters: sql}, assign: {pool: fs, by: round_robin, owner_of: deal}}]
"""


def _plan(**files: str | None) -> Plan:
    fields = BASE["fields.yaml"].replace("company:\n", f"{LEAD_GAPS}company:\n") + DEAL_FIELDS
    lifecycle = LIFECYCLE.replace("  sql: {label: SQL}\n", STAGES).replace("manual_moves:\n", WAYS)
    given: dict[str, str | None] = {"fields": fields, "lifecycle": lifecycle, "handoff": HANDOFF, "work": WORK}
    return plan_of(**(given | files))


PLAN = _plan()


def _sal(plan: Plan = PLAN, **values: object) -> Story:
    """A lead that inside sales has accepted."""
    story = started(plan, deal__stage=BLANK, **values)  # type: ignore[arg-type]
    story.happens("inquiry").decide()
    story.wait(SECOND).change(decision="accepted").decide()
    assert story.stage == "sal"
    return story.wait(SECOND)


def _sql(plan: Plan = PLAN, **values: object) -> Story:
    """A lead that has just been handed over."""
    story = _sal(plan, last_name="山田", email="a@example.com", need="手作業", **values)
    story.change(timeline="soon").decide()
    assert story.stage == "sql"
    return story


def _deal_stands(story: Story, stage: str = "appointment", owner: str | None = "ito") -> Story:
    """The CRM shows the deal."""
    story.wait(SECOND)
    for name, definition in story.plan.policy.fields.items():
        if definition.scope == "deal":
            story.fields.setdefault(name, FieldFact(value=BLANK))
    story.fields["deal.stage"] = FieldFact(value=stage, changed_at=story.now, actor=Actor.TASUKI)
    story.deal_owner = owner
    story.decide()
    return story.wait(SECOND)


def _made(story: Story) -> Deal:
    (deal,) = story.last.deals_changed
    return deal


def _note(story: Story) -> Note:
    (note,) = story.last.notes
    return note


# ── the deal ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_hand_over_makes_one_deal_with_the_sender_on_it() -> None:
    story = _sql()
    deal = _made(story)
    assert (deal.title, deal.stage, deal.amount) == ("山田様 手作業", "appointment", 3_000_000.0)
    assert (deal.associate, deal.owner, deal.sender) == (("contact", "company"), None, "sato")
    assert deal.key.text() == "stage_entry:4:create_deal:deal"
    assert _note(story).deal == deal.key
    story.pass_time(10 * DAY)
    assert story.state.deals == (deal,)
    assert story.last.deals_changed == ()


def test_the_pool_gives_the_deal_its_owner() -> None:
    story = _sql(_plan(routing=ROUTING))
    deal = _made(story)
    (request,) = story.last.requests
    assert (request.owner_of, request.pool) == ("deal", "fs")
    story.wait(SECOND)
    story.grants.append(
        Grant(request=request.key.text(), pool="fs", owner_of="deal", person="ito", granted_at=story.now)
    )
    story.decide()
    assert [(one.key, one.owner) for one in story.last.deals_changed] == [(deal.key, "ito")]
    assert story.last.owners == {}, "it is made with its owner; the one that is found instead may be a colleague's"
    _deal_stands(story, owner="ito")
    assert story.last.owners == {}


def test_the_sender_stands_on_an_open_deal_and_whoever_stands_there_stays() -> None:
    story = _sql()
    assert "deal.made_by" not in story.last.desired, "the deal does not stand yet"
    _deal_stands(story)
    assert story.last.desired["deal.made_by"] == "sato"
    story.change(**{"deal.made_by": "suzuki"}).decide()
    assert "deal.made_by" not in story.last.desired
    story.wait(SECOND).change(**{"deal.made_by": BLANK, "deal.stage": "won"}).decide()
    assert story.stage == "customer"
    assert "deal.made_by" not in story.last.desired, "a closed deal is left alone"


def test_a_policy_that_does_not_act_makes_no_deal() -> None:
    plan = _plan(policy=BASE["policy.yaml"] + "applies_to: {industry: it}\n")
    story = _sql(plan, industry="retail")
    assert (story.last.deals_changed, story.last.notes) == ((), ())
    assert "create_deal" in story.last.shadowed
    assert story.state.deals == ()


# ── the packet ───────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_packet_names_what_is_known_and_what_is_not() -> None:
    story = started(PLAN, deal__stage=BLANK, last_name="山田", email="a@example.com", need="手作業", industry="it")
    story.fields["renewal_on"] = FieldFact(value=UNREAD)
    story.happens("visit").happens("inquiry").decide()
    story.wait(DAY).happens("attempted").happens("contacted").decide()
    story.change(decision="accepted").decide()
    story.wait(SECOND).change(timeline="soon").decide()
    assert _note(story).text == (
        "課題: 手作業\n"
        "時期: すぐ\n"
        "更新日: 不明\n"
        "業種: IT\n"
        "これまでの経緯:\n"
        "- 2026-11-19 10:00 リード\n"
        "- 2026-11-20 10:00 MQL(to_mql_hot)\n"
        "- 2026-11-21 10:00 SAL(accept)\n"
        "- 2026-11-21 10:00 接触・試み\n"
        "- 2026-11-21 10:00 SQL(qualify)\n"
        "反応した内容:\n"
        "- 問い合わせ 1回(最終 2026-11-20)\n"
        "- 訪問 1回(最終 2026-11-20)\n"
        "スコア合計: 77\n"
        "スコアの理由:\n"
        "- 問い合わせ +37点\n"
        "- IT企業 +30点\n"
        "- 訪問 +9点\n"
        "ステージ: SQL"
    )


def test_the_packet_says_not_confirmed_and_speaks_english() -> None:
    plan = _plan(
        policy=BASE["policy.yaml"].replace("language: ja", "language: en"),
        handoff=HANDOFF.replace("packet: [", "packet: [employees, signals, reasons, "),
    )
    lines = _note(_sql(plan)).text.splitlines()
    assert lines[0] == "従業員数: not confirmed"
    assert lines[1:3] == ["Reacted to:", "- 問い合わせ ×1 (last 2026-11-20)"]


def test_a_packet_is_cut_with_a_remark() -> None:
    story = _sal(last_name="山田", email="a@example.com", need="あ" * 70_000)
    story.change(timeline="soon").decide()
    text = _note(story).text
    assert len(text) == MOST_CHARACTERS
    assert text.endswith("…(長いため以降を省略)")


def test_a_long_history_tells_how_much_lies_before() -> None:
    story = _sal(last_name="山田", email="a@example.com", need="手作業")
    for number in range(60):
        story.happens("attempted", at=story.now - timedelta(hours=number + 1))
    story.change(timeline="soon").decide()
    text = _note(story).text
    assert "- (これより前に24件)" in text
    assert text.count(" 試み") == 36


# ── the gate ─────────────────────────────────────────────────────────────────────────────────────────────────────
def test_what_the_gate_lacks_is_tasked_once_a_stage_entry() -> None:
    story = _sal(email="a@example.com")
    assert story.rules() == [], "the lead lacks more than the gate"
    assert story.last.desired["gaps_of_lead"] == "課題 / あるとなお良い: 更新日"
    story.change(timeline="soon").decide()
    (task,) = story.tasks()
    assert (task.key.rule, task.title) == ("gate.handoff", "不足: 課題 / あるとなお良い: 更新日")
    story.wait(SECOND).person_did("gate.handoff", WorkState.DONE).decide()
    story.wait(SECOND).change(timeline=BLANK).decide()
    story.wait(SECOND).change(timeline="later").decide()
    assert story.rules() == [], "told in this stay already"
    story.wait(SECOND).change(need="手作業").decide()
    assert story.stage == "sql"
    assert story.last.desired["gaps_of_lead"] == "あるとなお良い: 更新日"


def test_what_nobody_has_read_is_not_missing() -> None:
    story = _sal(email="a@example.com")
    story.fields["need"] = FieldFact(value=UNREAD)
    story.change(timeline="soon").decide()
    assert story.rules() == []
    assert story.stage == "sal"


def test_a_person_whom_the_gate_refuses_is_told_what_is_missing() -> None:
    story = _sal(email="a@example.com")
    story.moved("sql").decide()
    assert story.stage == "sal"
    assert [task.title for task in story.tasks()] == ["不足: 課題 / あるとなお良い: 更新日"]


def test_gaps_that_stood_when_the_policy_came_are_not_told() -> None:
    story = _sal(
        _plan(handoff=HANDOFF.replace("    if_missing: {do: [{task: {kind: todo, to: owner", "    #")), email="a@b.jp"
    )
    story.change(timeline="soon").decide()
    story.under(PLAN, since=story.now + SECOND).wait(2 * SECOND).decide()
    assert story.rules() == []
    story.wait(SECOND).change(noted="x").decide()
    assert story.rules() == []


# ── accept, reject, again ────────────────────────────────────────────────────────────────────────────────────────
def test_a_reject_comes_back_is_examined_and_handed_over_again_as_another_attempt() -> None:
    story = _deal_stands(_sql())
    story.change(**{"deal.answer": "rejected"}).decide()
    assert story.stage == "sql", "a reject needs a reason"
    story.wait(SECOND).change(**{"deal.why": "timing"}).decide()
    assert (story.stage, story.state.entry and story.state.entry.reason) == ("sal", "timing")
    assert [task.title for task in story.tasks() if task.key.rule == "re_examine"] == ["再精査 時期"]
    story.wait(DAY).decide()
    assert story.stage == "sal", "nothing new has been found out"
    story.change(need="課題を聞き直した").decide()
    assert story.stage == "sql"
    assert (story.last.desired["deal.answer"], story.last.desired["deal.why"]) == (BLANK, BLANK)
    assert _made(story).key.cause_id == "6"
    assert len(story.state.deals) == 2
    story.wait(SECOND).change(actor=Actor.TASUKI, **{"deal.answer": BLANK, "deal.why": BLANK}).decide()
    story.wait(SECOND).change(**{"deal.answer": "taken"}).decide()
    assert story.stage == "opportunity"


def test_a_reject_is_recycled_by_inside_sales() -> None:
    story = _deal_stands(_sql())
    story.change(**{"deal.answer": "rejected", "deal.why": "price"}).decide()
    story.wait(SECOND).change(recycle_reason="timing").decide()
    assert (story.stage, story.history[-1].reason) == ("recycled", "timing")
    assert story.rules() == ["pipeline"], "whoever has the open deal still owes it what its stage asks for"


def test_an_answer_given_before_the_hand_over_does_not_count() -> None:
    story = _sal(last_name="山田", email="a@example.com", need="手作業")
    story.fields["deal.answer"] = FieldFact(value="taken", changed_at=story.now - DAY, actor=Actor.PERSON)
    story.change(timeline="soon").decide()
    assert story.stage == "sql"


# ── the pipeline ─────────────────────────────────────────────────────────────────────────────────────────────────
def _tasks_of_deal(story: Story) -> list[tuple[str, str | None]]:
    return [(task.title, task.owner) for task in story.tasks() if task.key.rule == "pipeline"]


def test_a_stage_asks_for_what_the_skipped_ones_ask_for() -> None:
    story = _deal_stands(_sql())
    assert _tasks_of_deal(story) == [("アポ: 商談日時", "ito")]
    assert story.last.desired["deal.gaps"] == "商談日時"
    story.change(**{"deal.stage": "quote"}).decide()
    assert _tasks_of_deal(story) == [("見積: 商談日時、提案日、金額", "ito")], "one task, the later one"
    story.wait(SECOND).change(**{"deal.meeting_at": NOW, "deal.amount": 5_000_000}).decide()
    assert _tasks_of_deal(story) == [("見積: 商談日時、提案日、金額", "ito")], "fewer gaps are no news"
    assert story.last.desired["deal.gaps"] == "提案日"
    story.wait(SECOND).change(**{"deal.proposal_on": NOW.date()}).decide()
    assert _tasks_of_deal(story) == [], "nothing is left to ask for"
    assert story.last.desired["deal.gaps"] is BLANK
    story.wait(SECOND).change(**{"deal.proposal_on": BLANK}).decide()
    assert _tasks_of_deal(story) == [], "told in this stay already"


def test_a_new_gap_in_the_same_stage_is_told() -> None:
    story = _deal_stands(_sql(), "proposal")
    assert _tasks_of_deal(story) == [("提案: 商談日時、提案日", "ito")]
    story.change(need=BLANK).decide()
    assert _tasks_of_deal(story) == [("提案: 商談日時、提案日、課題", "ito")]


def test_a_lost_deal_needs_its_reason_and_nothing_else() -> None:
    story = _deal_stands(_sql())
    story.change(**{"deal.stage": "lost"}).decide()
    assert story.stage == "sql"
    assert _tasks_of_deal(story) == [("失注: 失注理由", "ito")]
    story.wait(SECOND).change(**{"deal.lost_reason": "price"}).decide()
    assert (story.stage, story.history[-1].reason) == ("recycled", "price")
    assert _tasks_of_deal(story) == [("失注: 失注の補足", "ito")], "and with this reason a note"
    story.wait(SECOND).change(**{"deal.lost_note": "高い"}).decide()
    assert _tasks_of_deal(story) == []
    assert story.last.desired["deal.gaps"] is BLANK


def test_what_a_lost_deal_says_stays_on_it_when_the_lead_comes_again() -> None:
    story = _deal_stands(_sql())
    story.change(**{"deal.stage": "lost", "deal.lost_reason": "timing", "deal.lost_note": "来年"}).decide()
    assert story.stage == "recycled"
    story.pass_time(91 * DAY)
    assert story.stage == "lead"
    assert "deal.lost_reason" not in story.last.desired


def test_another_lead_tells_what_a_shared_deal_lacks() -> None:
    story = _sql()
    story.speaks_for_deal = False
    _deal_stands(story)
    assert _tasks_of_deal(story) == []
    assert "deal.gaps" not in story.last.desired


# ── another round ────────────────────────────────────────────────────────────────────────────────────────────────
def test_a_customer_who_wants_more_gets_a_second_deal_and_the_first_says_nothing_of_it() -> None:
    story = _deal_stands(_sql())
    story.change(
        **{"deal.stage": "won", "deal.meeting_at": NOW, "deal.proposal_on": NOW.date(), "deal.amount": 1}
    ).decide()
    assert story.stage == "customer"
    story.wait(100 * DAY).happens("visit").decide()
    assert story.stage == "mql"
    story.wait(SECOND).change(decision="accepted").decide()
    assert story.stage == "sql", "what was known stays known; the deal that is won does not end this round"
    deal = _made(story)
    assert len(story.state.deals) == 2
    assert deal.owner is None, "whose the first one was says nothing"
    _deal_stands(story, "proposal")
    story.change(**{"deal.stage": "won"}).decide()
    assert story.stage == "customer"


@pytest.mark.parametrize("stage", ["won", "lost"])
def test_a_deal_closed_after_the_hand_over_counts_also_when_it_is_learnt_late(stage: str) -> None:
    story = _deal_stands(_sql())
    story.change(**{"deal.answer": "taken", "deal.stage": stage, "deal.lost_reason": "timing"})
    story.wait(DAY).decide()
    assert story.stage == {"won": "customer", "lost": "recycled"}[stage]


def test_entries_and_rounds_survive_a_long_life() -> None:
    story = _sql()
    for _ in range(12):
        story.wait(SECOND).moved("mql").change(recycle_reason="timing").decide()
        story.wait(SECOND).change(decision="accepted").decide()
        story.wait(SECOND).decide()
    assert len(story.state.trail) == 24
    assert story.state.trail[-1] == story.state.entry
