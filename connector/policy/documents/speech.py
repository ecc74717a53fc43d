"""A policy's words in one language: labels, departments, metrics, lengths of time, opening hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from itertools import groupby

from connector.domain.calendar import Calendar, Span
from connector.domain.hours import Hours
from connector.policy.conditions import Condition
from connector.policy.model import Figure, Label, Policy
from connector.policy.phrases import language_of, span_words
from connector.policy.sentences import language as sentences

_DEPARTMENTS: Mapping[str, Label] = {
    "marketing": {"ja": "マーケティング", "en": "Marketing"},
    "inside_sales": {"ja": "インサイドセールス", "en": "Inside sales"},
    "field_sales": {"ja": "フィールドセールス", "en": "Field sales"},
    "customer_success": {"ja": "カスタマーサクセス", "en": "Customer success"},
}
_METRICS: Mapping[str, Label] = {
    "leads": {"ja": "リード数", "en": "leads"},
    "mqls": {"ja": "MQL数", "en": "MQLs"},
    "sqls": {"ja": "SQL数", "en": "SQLs"},
    "wins": {"ja": "受注数", "en": "won deals"},
    "revenue": {"ja": "受注額", "en": "revenue"},
    "calls": {"ja": "架電数", "en": "calls"},
    "mails": {"ja": "メール数", "en": "mails"},
    "conversations": {"ja": "会話数", "en": "conversations"},
    "meetings": {"ja": "商談数", "en": "meetings"},
    "new_account_meetings": {"ja": "新規企業との商談数", "en": "meetings with new accounts"},
    "mql_to_sql": {"ja": "MQLからSQLへの率", "en": "MQL to SQL"},
    "approach_to_meeting": {"ja": "アプローチからの商談化率", "en": "approach to meeting"},
    "meeting_rate": {"ja": "商談化率", "en": "meeting rate"},
    "tasks_done_in_time": {"ja": "タスクの期限内完了率", "en": "tasks done in time"},
    "reject_rate": {"ja": "リジェクト率", "en": "reject rate"},
    "win_rate": {"ja": "成約率", "en": "win rate"},
}
_REPORTS: Mapping[str, Label] = {
    "activity": {"ja": "活動量", "en": "activity"},
    "queue": {"ja": "タスクの列", "en": "queue"},
    "sla_now": {"ja": "SLAの今", "en": "promises now"},
    "handoffs_today": {"ja": "今日の引き渡し", "en": "hand-overs today"},
    "process": {"ja": "プロセス指標", "en": "process figures"},
    "reject_reasons": {"ja": "リジェクト理由", "en": "reasons of rejects"},
    "bottleneck": {"ja": "ボトルネック", "en": "bottleneck"},
    "outcome": {"ja": "成果", "en": "outcome"},
    "sla": {"ja": "SLAの達成", "en": "promises kept"},
    "lost_reasons": {"ja": "失注理由", "en": "reasons of losses"},
    "funnel_by_source": {"ja": "経路別ファネル", "en": "funnel by source"},
    "contribution": {"ja": "ISの貢献", "en": "contribution of inside sales"},
    "calibration": {"ja": "スコアの答え合わせ", "en": "scores against results"},
}
_PER: Mapping[str, Label] = {
    "person": {"ja": "1人あたり", "en": "per person"},
    "team": {"ja": "チーム", "en": "team"},
    "pool": {"ja": "プール", "en": "pool"},
}
_DAYS: Mapping[str, str] = {"ja": "月火水木金土日", "en": "MTWTFSS"}
_DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_COUNTRIES: Mapping[str, Label] = {
    "JP": {"ja": "日本の祝日", "en": "Japanese holidays"},
    "US": {"ja": "米国の祝日", "en": "US holidays"},
}
VENDORS = {"hubspot": "HubSpot", "salesforce": "Salesforce"}
_EVERY: Mapping[tuple[int, str], Label] = {
    (1, "days"): {"ja": "毎日", "en": "daily"},
    (1, "weeks"): {"ja": "毎週", "en": "weekly"},
    (1, "months"): {"ja": "毎月", "en": "monthly"},
    (3, "months"): {"ja": "四半期ごと", "en": "quarterly"},
    (12, "months"): {"ja": "毎年", "en": "yearly"},
}


@dataclass(frozen=True, slots=True)
class Speech:
    """How one policy is spoken of in one language."""

    policy: Policy
    language: str

    def both(self, ja: str, en: str) -> str:
        """The text in this document's language."""
        return ja if language_of(self.language) == "ja" else en

    def of(self, label: Label | None, otherwise: str) -> str:
        """The label in this language, else in any, else the id."""
        if not label:
            return otherwise
        return label.get(language_of(self.language)) or next(iter(label.values()))

    def joined(self, words: Iterable[str]) -> str:
        """Several things of one kind."""
        return self.both("、", ", ").join(words)

    def either(self, words: Iterable[str]) -> str:
        """Several things of which one is enough."""
        return self.both("、または", " or ").join(words)

    def quoted(self, text: str) -> str:
        """A name or a text as it is written elsewhere."""
        return self.both(f"「{text}」", f"“{text}”")

    def stage(self, key: str) -> str:
        """A stage of the lead, or with `deal.` of a deal."""
        kind, _, deal_stage = key.partition(".")
        if kind == "deal" and self.policy.pipeline is not None and deal_stage in self.policy.pipeline.stages:
            return self.of(self.policy.pipeline.stages[deal_stage].label, deal_stage)
        return self.of(self.policy.stages[key].label, key) if key in self.policy.stages else key

    def signal(self, key: str) -> str:
        """A behaviour."""
        return self.of(self.policy.signals[key].label, key) if key in self.policy.signals else key

    def name(self, name: str) -> str:
        """A field, a score or a word that texts may take, as people call it."""
        policy, (kind, _, key) = self.policy, name.partition(".")
        if name in policy.fields:
            return self.of(policy.fields[name].label, name)
        if kind == "score" and key in policy.scores:
            return self.of(policy.scores[key].label, key)
        if kind == "signal":
            return self.signal(key)
        built_in = {
            "score.total": self.both("スコア合計", "total score"),
            "deal.stage": self.both("商談のステージ", "stage of the deal"),
            "reasons": self.both("スコアの理由", "reasons of the score"),
            "signals": self.both("最近の行動", "latest behaviour"),
            "history": self.both("これまでの経緯", "history"),
            "link": self.both("CRMへのリンク", "link to the CRM"),
            "missing": self.both("不足項目", "what is missing"),
            "owner": self.both("担当者", "owner"),
            "due": self.both("期限", "due time"),
            "stage": self.both("ステージ", "stage"),
            "recycle.reason": self.both("前回の理由", "reason of last time"),
        }
        return built_in.get(name, name)

    def names(self, names: Iterable[str]) -> str:
        """Several fields."""
        return self.joined(self.name(name) for name in names)

    def condition(self, condition: Condition | None) -> str:
        """A condition in words; nothing for none."""
        return condition.describe(self.language) if condition is not None else ""

    def department(self, key: str | None) -> str:
        """A department by the agreement's name for it."""
        if key is None:
            return ""
        agreement = self.policy.agreement
        if agreement is not None and key in agreement.parties:
            return self.of(agreement.parties[key], key)
        return self.of(_DEPARTMENTS.get(key), key.replace("_", " "))

    def pool(self, key: str) -> str:
        """A pool of people."""
        routing = self.policy.routing
        return self.of(routing.pools[key].label, key) if routing is not None and key in routing.pools else key

    def channel(self, key: str) -> str:
        """A place for notices."""
        return self.of(self.policy.channels[key].label, key) if key in self.policy.channels else key

    def cadence(self, key: str) -> str:
        """A cadence."""
        return self.of(self.policy.cadences[key].label, key) if key in self.policy.cadences else key

    def clock(self, key: str) -> str:
        """A promise."""
        return self.of(self.policy.clocks[key].label, key) if key in self.policy.clocks else key

    def rule(self, key: str) -> str:
        """A rule of work.yaml, a recall, or a cadence."""
        labels = {rule.id: rule.label for rule in self.policy.rules}
        labels |= {recall.id: recall.label for recall in self.policy.recalls}
        return self.of(labels.get(key), "") or self.cadence(key)

    def reason(self, key: str) -> str:
        """A reason of recycle.yaml."""
        recycle = self.policy.recycle
        return self.of(recycle.reasons[key].label, key) if recycle is not None and key in recycle.reasons else key

    def choice(self, field: str, value: str) -> str:
        """A choice of a field."""
        choices = self.policy.fields[field].choices if field in self.policy.fields else {}
        return self.of(choices.get(value), value)

    def metric(self, key: str) -> str:
        """What a target measures."""
        kind, _, clock = key.partition(".")
        if kind == "clock":
            return self.both(f"「{self.clock(clock)}」を守った割合", f"“{self.clock(clock)}” kept in time")
        return self.of(_METRICS.get(key), key.replace("_", " "))

    def report(self, key: str) -> str:
        """A part of a review."""
        return self.of(_REPORTS.get(key), key.replace("_", " "))

    def per(self, key: str) -> str:
        """For whom a target holds."""
        return self.of(_PER.get(key), key)

    def shown(self, key: str) -> str:
        """What the product writes into a field with `shows:`."""
        words = sentences()["shows"]
        kind, _, rest = key.partition(".")
        pattern = {"score": "score.<id>", "gate": "gate.<id>.missing"}.get(kind, key)
        if kind == "score" and key != "score.total":
            return self.name(key)
        return self.both(words[pattern]["ja"], words[pattern]["en"]).rstrip("。.") if rest == "" else self._named(key)

    def _named(self, key: str) -> str:
        kind, _, rest = key.partition(".")
        if kind == "gate":
            gate = self.policy.gates.get(rest.removesuffix(".missing"))
            label = self.of(gate.label, gate.id) if gate is not None else rest
            return self.both(f"「{label}」の不足項目", f"what “{label}” still lacks")
        return self.name(key)

    def span(self, span: Span) -> str:
        """A length of time."""
        if span.business and span.unit == "days" and span.amount == 0:
            return self.both("当日中", "the same working day")
        return span_words(span, self.language)

    def within(self, span: Span) -> str:
        """A limit: `within 5 business minutes`, with what working days mean."""
        if span.business and span.unit == "days":
            if span.amount == 0:
                return self.both("当日中(終業まで)", "the same working day (until closing time)")
            after = {1: ("翌営業日", "the next working day"), 2: ("翌々営業日", "the second working day after")}
            if span.amount in after:
                ja, en = after[span.amount]
                return self.both(
                    f"{span.amount}営業日以内({ja}の終業まで)", f"within {self.span(span)} (closing time of {en})"
                )
        return self.both(f"{self.span(span)}以内", f"within {self.span(span)}")

    def every(self, span: Span) -> str:
        """A rhythm."""
        found = _EVERY.get((span.amount, span.unit)) if not span.business else None
        return self.of(found, "") or self.both(f"{self.span(span)}ごと", f"every {self.span(span)}")

    def figure(self, figure: Figure) -> str:
        """A number or a share."""
        return f"{figure.value * 100:g}%" if figure.share else f"{figure.value:,g}"

    def money(self, amount: float) -> str:
        """An amount in the policy's currency."""
        return (
            f"{amount:,.0f}{self.both('円', ' JPY')}"
            if self.policy.currency == "JPY"
            else (f"{amount:,.0f} {self.policy.currency}")
        )

    def hours(self, calendar: Calendar) -> str:
        """Opening hours with what is closed: `Mon–Fri 9:00–18:00 (Asia/Tokyo); closed on Japanese holidays`."""
        week = [(day, calendar.hours.get(day, ())) for day in range(7)]
        open_days = [
            (tuple(day for day, _ in days), hours)
            for hours, days in ((hours, list(days)) for hours, days in groupby(week, key=lambda one: one[1]))
            if hours
        ]
        shown = self.joined(f"{self._days(days)} {_hours(hours)}" for days, hours in open_days)
        closed = self._closed(calendar)
        zone = f"({calendar.zone.key})"
        if not closed:
            return f"{shown} {zone}"
        return self.both(f"{shown}{zone}、休み: {closed}", f"{shown} {zone}; closed: {closed}")

    def _days(self, days: tuple[int, ...]) -> str:
        japanese = language_of(self.language) == "ja"
        names = _DAYS["ja"] if japanese else _DAY_NAMES
        if len(days) < 3:
            return self.both("・", ", ").join(names[day] for day in days)
        return f"{names[days[0]]}{'〜' if japanese else '–'}{names[days[-1]]}"

    def _closed(self, calendar: Calendar) -> str:
        words = []
        if calendar.country is not None:
            holidays = {"ja": f"祝日({calendar.country})", "en": f"public holidays ({calendar.country})"}
            words.append(self.of(_COUNTRIES.get(calendar.country, holidays), calendar.country))
        yearly = sorted(day for day in calendar.closed if isinstance(day, tuple))
        words += [self.both(f"{month}月{day}日", f"{month:02}-{day:02}") for month, day in yearly]
        words += [day.isoformat() for day in sorted(day for day in calendar.closed if isinstance(day, date))]
        return self.joined(words)


def _hours(hours: Hours) -> str:
    return ", ".join(f"{_clock(start)}–{_clock(end) if end != time() else '24:00'}" for start, end in hours)


def _clock(moment: time) -> str:
    return f"{moment.hour}:{moment.minute:02}"
