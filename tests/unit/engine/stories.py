"""One lead's story for tests of the engine: things happen, the policy decides, and what always holds is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from hypothesis import settings

from connector.domain.codec import decode_state, encode_state
from connector.domain.decision import Decision
from connector.domain.effects import EffectKey, Grant, Task, WorkState
from connector.domain.lead import Account, Actor, FieldFact, Lead, StageReport
from connector.domain.runs import ClockRun
from connector.domain.signal import Signal
from connector.domain.state import LeadState, StageEntry
from connector.domain.value import BLANK, Value
from connector.engine.decide import decide
from connector.engine.explain import Explanation, explain
from connector.engine.plan import Plan, prepare
from connector.policy.loader import load_policy_from

NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)  # Friday, 10:00 in Tokyo
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LONG_AGO = NOW - 400 * DAY

FIELDS = """\
lead:
  last_name: {label: 姓, type: text, hubspot: contact.lastname}
  email: {label: メール, type: email, hubspot: contact.email}
  need: {label: 課題, type: long_text, hubspot: contact.need}
  timeline: {label: 時期, type: choice, choices: {soon: すぐ, later: いずれ}, hubspot: contact.timeline}
  renewal_on: {label: 更新日, type: date, hubspot: contact.renewal}
  no_mail: {label: 配信停止, type: yes_no, hubspot: contact.optout}
  decision:
    label: 判断
    type: choice
    answer: true
    choices: {accepted: 受け入れ, returned: 差し戻し}
    hubspot: contact.decision
  recycle_reason:
    label: 差し戻し理由
    type: choice
    answer: true
    choices: {reasons: return}
    hubspot: contact.recycle
  discard_reason:
    label: 対象外の理由
    type: choice
    answer: true
    choices: {reasons: discard}
    hubspot: contact.discard
  noted: {label: メモ, type: text, hubspot: contact.noted}
company:
  employees: {label: 従業員数, type: number, hubspot: company.numberofemployees}
  industry: {label: 業種, type: choice, choices: {it: IT, retail: 小売}, hubspot: company.industry}
"""
PLAIN_FIELDS = FIELDS[: FIELDS.index("  recycle_reason:")] + FIELDS[FIELDS.index("  noted:") :]
"""Without reasons, for policies that have no recycle.yaml."""
SIGNALS = """\
signals:
  inquiry: {label: 問い合わせ, from: [{website_form: inquiry}]}
  visit: {label: 訪問, from: [{website_event: visit}]}
  reply: {label: 返信, from: [{activity: mail_reply}]}
  contacted: {label: 接触, from: [{activity: call}]}
  attempted: {label: 試み, from: [{activity: mail}]}
  touch: {label: 接点, of: [inquiry, visit]}
  anything: {label: 何か, of: [touch, visit, reply]}
"""
SCORING = """\
scores:
  fit:
    cap: 50
    rules:
      - {id: large, label: 大きい, when: {employees: {at_least: 100}}, points: 30}
      - {id: it, label: IT企業, when: {industry: it}, points: 30}
      - {id: student, when: {email: {domain_in: [ac.jp]}}, points: -40}
  behaviour:
    cap: 50
    decay: {half_life: 10d}
    rules:
      - {id: b_inquiry, signal: inquiry, points: 40}
      - {id: b_visit, signal: visit, points: 10, up_to: {times: 2, within: 7d}}
ratings:
  band:
    choices: {hot: ホット, low: 低}
    rules:
      - {id: band_hot, when: {score.total: {at_least: 60}}, value: hot}
      - {id: band_low, value: low}
    hubspot: contact.band
"""
LIFECYCLE = """\
stages:
  lead: {label: リード}
  mql: {label: MQL}
  sal: {label: SAL}
  sql: {label: SQL}
  recycled: {label: リサイクル, side: true}
  discarded: {label: 対象外, side: true}
transitions:
  - {id: to_mql_hot, from: [lead], to: mql, when: {band: hot}}
  - {id: to_mql_act, from: [lead], to: mql, when: {signal.inquiry: {at_least: 1, since: stage_entered}}}
  - {id: accept, from: [mql], to: sal, when: {decision: accepted}}
  - {id: qualify, from: [sal], to: sql, when: {timeline: known}, gate: handoff}
  - {id: return, from: [mql, sal], to: recycled, when: {recycle_reason: known}}
  - {id: discard, from: [lead, mql, sal, recycled], to: discarded, when: {discard_reason: known}}
  - {id: wake, from: [recycled], to: lead, when: {recycle.due: yes}}
manual_moves:
  forward: allowed
  backward: {needs: recycle_reason}
  to_side: {needs: reason}
  refused: restore_and_tell_owner
"""
RECYCLE = """\
reasons:
  timing: {label: 時期, used_for: [return], again: {after: 90d}}
  price: {label: 価格, used_for: [return], again: {on: {signal: reply}, at_latest: 365d}}
  contract: {label: 契約中, used_for: [return], again: {on: {reaches: renewal_on, early: 60d}, at_latest: 365d}}
  budget: {label: 予算, used_for: [return], again: {on: {reaches: next_fiscal_year}}}
  never: {label: 見込みなし, used_for: [return]}
  student: {label: 学生, used_for: [discard]}
on_wake: {do: [{task: {kind: call, to: owner, due: 1d, title: "掘り起こし {recycle.reason}"}}]}
limits: {times: 2, within: 730d, then: discarded}
"""
HANDOFF = """\
gates:
  handoff: {label: 引き渡し, required: [need], required_any: [[email, noted]]}
"""
WORK = """\
rules:
  - id: call
    on: {enters: mql}
    do: [{task: {kind: call, to: owner, due: 1d, priority: high, title: "{last_name}様に電話",
                  text: "{reasons} / {stage}"}}]
"""
POLICY = """\
policy: test
time_zone: Asia/Tokyo
language: ja
fiscal_year_starts: 4
sync: {hold_edits: 7d, fresh_for: 24h}
"""
BASE = {
    "policy.yaml": POLICY,
    "fields.yaml": FIELDS,
    "signals.yaml": SIGNALS,
    "scoring.yaml": SCORING,
    "lifecycle.yaml": LIFECYCLE,
    "recycle.yaml": RECYCLE,
    "handoff.yaml": HANDOFF,
    "work.yaml": WORK,
}


def cases(few: int, most: int = 2_000) -> int:
    """So many cases of a law that takes long; in the soak more by as much as of all others, up to `most`."""
    return min(few * settings.default.max_examples // 50, most)


@cache
def _plan(files: tuple[tuple[str, str], ...]) -> Plan:
    return prepare(load_policy_from({path: text.encode() for path, text in files}))


def plan_of(**files: str | None) -> Plan:
    """The base policy with some files replaced (`work="…"`), or left out (None)."""
    merged: dict[str, str | None] = {**BASE, **{f"{stem}.yaml": text for stem, text in files.items()}}
    return _plan(tuple((path, text) for path, text in merged.items() if text is not None))


@dataclass
class Story:
    """A lead that things happen to. Every `decide` is checked for what must hold whatever the policy says."""

    plan: Plan = field(default_factory=plan_of)
    now: datetime = NOW
    since: datetime = LONG_AGO
    created_at: datetime = NOW - DAY
    owner: str | None = "sato"
    fields: dict[str, FieldFact] = field(default_factory=dict)
    signals: list[Signal] = field(default_factory=list)
    report: StageReport | None = None
    state: LeadState = field(default_factory=LeadState)
    decision: Decision | None = None
    history: list[StageEntry] = field(default_factory=list)
    opened: dict[EffectKey, datetime] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    runs: dict[tuple[str, int], ClockRun] = field(default_factory=dict)
    deal_owner: str | None = None
    speaks_for_deal: bool = True
    enrolled_by: str | None = None
    account: Account | None = None

    def __post_init__(self) -> None:
        for name, definition in self.plan.policy.fields.items():
            if not definition.computed:
                self.fields.setdefault(name, FieldFact(value=BLANK))

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────
    def given(self, **values: Value) -> Story:
        """Values that stood there when we first looked."""
        for name, value in values.items():
            self.fields[name.replace("__", ".")] = FieldFact(value=value)
        return self

    def change(self, *, actor: Actor = Actor.PERSON, at: datetime | None = None, **values: Value) -> Story:
        """Somebody changes fields, now or at `at`."""
        for name, value in values.items():
            self.fields[name] = FieldFact(value=value, changed_at=at or self.now, actor=actor)
        return self

    def happens(self, kind: str, *, at: datetime | None = None, learnt: datetime | None = None) -> Story:
        """A signal, now or at `at`; learnt at once or later."""
        occurred = at or self.now
        number = len(self.signals) + 1
        self.signals.append(Signal(id=number, kind=kind, occurred_at=occurred, learnt_at=learnt or self.now))
        return self

    def moved(self, stage: str, *, at: datetime | None = None, first_sight: bool = False) -> Story:
        """A person moves the lead in the CRM."""
        self.report = StageReport(stages=(stage,), moved_at=at or self.now, actor=Actor.PERSON, first_sight=first_sight)
        return self

    def wait(self, length: timedelta) -> Story:
        """Time passes, without an evaluation."""
        self.now += length
        return self

    # ── what is decided ──────────────────────────────────────────────────────────────────────────────────────
    @property
    def lead(self) -> Lead:
        return Lead(
            id=7,
            fields=dict(self.fields),
            owner=self.owner,
            deal_owner=self.deal_owner,
            speaks_for_deal=self.speaks_for_deal,
            account=self.account,
            enrolled_by=self.enrolled_by,
            created_at=self.created_at,
            stage_report=self.report,
            grants=tuple(self.grants),
        )

    def decide(self) -> Decision:
        """Evaluate now, check what always holds, and remember the result."""
        decision = decide(self.plan, self.lead, self.signals, self.state, self.now, since=self.since)
        closely = decide(self.plan, self.lead, self.signals, self.state, self.now, since=self.since, closely=True)
        assert decision == closely, "the short way for a lead at rest comes to something else"
        asked = decide(self.plan, self.lead, self.signals, self.state, self.now, since=self.since, asking=True)
        if asked.is_cut_short:
            wanted = {one.key for one in asked.state.requests}
            assert wanted
            assert wanted <= {one.key for one in (*decision.requests, *self.state.requests)}
        else:
            assert asked == decision, "nobody was asked, and it comes to something else"
        self.signals = [replace(one, seen=one.seen or one.occurred_at <= self.now) for one in self.signals]
        self._check(decision)
        self.decision, self.state = decision, decision.state
        self.history += decision.entries
        return decision

    def pass_time(self, length: timedelta) -> Story:
        """Time passes; the lead is evaluated at every wake and at the end."""
        end, wakes = self.now + length, 0
        while (wake := self.last.wake) is not None and wake.at <= end:
            self.now, wakes = wake.at, wakes + 1
            self.decide()
            assert wakes <= 40 + 12 * (length / DAY), "Zeno: too many wakes"
        self.now = end
        self.decide()
        return self

    def _check(self, decision: Decision) -> None:
        """Twice changes nothing, wakes lie ahead, keys are used once, entries count on, states survive the store, and
        what is told of clocks is their whole history."""
        again = decide(self.plan, self.lead, self.signals, decision.state, self.now, since=self.since)
        assert again.state == decision.state
        assert (again.entries, again.tasks_changed, again.fired, again.overruled) == ((), (), (), ())
        assert (again.requests, again.deals_changed, again.notes, again.notices, again.enrolments, again.shadowed) == (
            (), (), (), (), (), (),
        )  # fmt: skip
        assert (again.desired, again.stage_desired, again.scores) == (
            decision.desired,
            decision.stage_desired,
            decision.scores,
        )
        assert again.wake == decision.wake
        assert decision.wake is None or decision.wake.at > self.now
        assert decode_state(encode_state(decision.state)) == decision.state
        before = self.state.entry.seq if self.state.entry else 0
        assert [entry.seq for entry in decision.entries] == [before + n + 1 for n in range(len(decision.entries))]
        for task in decision.tasks_changed:
            assert self.opened.setdefault(task.key, task.opened_at) == task.opened_at, "one key for two causes"
            assert len(task.key.text()) <= 255
        for effect in (*decision.requests, *decision.notes, *decision.notices, *decision.enrolments):
            assert effect.key not in self.opened, "one key for two causes"
            self.opened[effect.key] = self.now
            assert len(effect.key.text()) <= 255
        assert again.clocks == ()
        self.runs |= {(name, run.number): run for name, run in decision.clocks}
        for name, run in decision.state.clocks.items():
            assert self.runs[name, run.number] == run, "every change of a run is told, for its history"

    # ── what is to be seen ───────────────────────────────────────────────────────────────────────────────────
    @property
    def last(self) -> Decision:
        assert self.decision is not None
        return self.decision

    @property
    def stage(self) -> str | None:
        return self.state.entry.stage if self.state.entry else None

    @property
    def stages(self) -> list[str]:
        return [entry.stage for entry in self.history]

    @property
    def by(self) -> str | None:
        return self.state.entry.transition if self.state.entry else None

    def tasks(self, state: WorkState = WorkState.OPEN) -> list[Task]:
        return [task for task in self.state.tasks if task.state is state]

    def rules(self, state: WorkState = WorkState.OPEN) -> list[str]:
        return [task.key.rule for task in self.tasks(state)]

    def person_did(self, rule: str, state: WorkState) -> Story:
        """A person completes or deletes the open task of a rule."""
        self.state = replace(
            self.state,
            tasks=tuple(
                replace(task, state=state) if task.key.rule == rule and task.state is WorkState.OPEN else task
                for task in self.state.tasks
            ),
        )
        return self

    def explain(self) -> Explanation:
        return explain(self.plan, self.lead, self.signals, self.state, self.now)

    def under(self, plan: Plan, *, since: datetime | None = None) -> Story:
        """Another policy is activated (now, or at `since`)."""
        self.plan, self.since = plan, since or self.now
        return self


def started(plan: Plan | None = None, **fields: Value) -> Story:
    """A lead that the policy has known for a day."""
    story = Story(plan=plan or plan_of(), now=NOW - DAY, created_at=NOW - DAY).given(**fields)
    story.decide()
    story.now = NOW
    return story


def scores(story: Story) -> Mapping[str, float]:
    """The last scores, rounded to a thousandth."""
    return {name: round(value, 3) for name, value in story.last.scores.items()}
