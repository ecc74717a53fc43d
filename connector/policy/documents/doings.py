"""Events and actions in words: when something happens, and what is done then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.policy.documents.speech import Speech
from connector.policy.model import (
    Action,
    Again,
    Assign,
    AssignAction,
    EnrolAction,
    EnrolPlace,
    Event,
    EventKind,
    NotifyAction,
    SetAction,
    StartAction,
    StopAction,
    TaskAction,
)
from connector.policy.phrases import time_words
from connector.policy.templates import Template

_KINDS = {
    "call": ("電話", "call"),
    "mail": ("メール", "mail"),
    "social": ("SNSでの接触", "contact on a social network"),
    "todo": ("作業", "to-do"),
    "task": ("タスク", "task"),
    "enrol": ("自動配信への登録", "enrolment"),
    "notify": ("通知", "notice"),
    "assign": ("割り当て", "assignment"),
}
_PRIORITIES = {"high": ("高", "high"), "medium": ("中", "medium"), "low": ("低", "low")}
_CHOICE_OF_OWNER = {
    "round_robin": ("順番に", "in turn"),
    "least_loaded": ("手の空いている順に", "whoever has least"),
    "priority": ("優先順位で", "by priority"),
}
_OWNED = {"lead": ("", ""), "deal": ("商談", "the deal"), "company": ("会社", "the company")}
_PLACES = {
    "hubspot_sequence": ("HubSpotのシーケンス", "HubSpot sequence"),
    "hubspot_list": ("HubSpotのリスト", "HubSpot list"),
    "salesforce_campaign": ("Salesforceのキャンペーン", "Salesforce campaign"),
}


@dataclass(frozen=True, slots=True)
class Doings:
    """Events and actions of one policy in one language."""

    speech: Speech

    def events(self, events: Sequence[Event]) -> str:
        """Several moments, of which the first counts: `MQLになった時`."""
        return self.speech.either(dict.fromkeys(self.event(event) for event in events))

    def event(self, event: Event) -> str:
        """One moment."""
        speech, name = self.speech, event.name or ""
        if event.kind is EventKind.BECOMES:
            said = speech.condition(event.condition)
            return speech.both(f"「{said}」となった時", said)
        if event.kind in (EventKind.ENTERS, EventKind.LEAVES):
            return self._stage(event, name)
        if event.kind is EventKind.REACHES:
            return self._date(event, name)
        words = {
            EventKind.MOVES: (f"「{self._transition(name)}」で移った時", f"“{self._transition(name)}” moves it"),
            EventKind.SIGNAL: (f"「{speech.signal(name)}」があった時", f"“{speech.signal(name)}” occurs"),
            EventKind.CHANGES: (f"{speech.name(name)}が変わった時", f"{speech.name(name)} changes"),
            EventKind.BREACHES: (f"「{speech.clock(name)}」の期限切れの時", f"“{speech.clock(name)}” is overdue"),
            EventKind.DONE: (f"「{speech.rule(name)}」が終わった時", f"“{speech.rule(name)}” is done"),
        }
        return speech.both(*words[event.kind])

    def _stage(self, event: Event, name: str) -> str:
        stage = self.speech.stage(name)
        deal = name.startswith("deal.")
        if event.kind is EventKind.ENTERS:
            return self.speech.both(
                f"{'商談が' if deal else ''}{stage}になった時",
                f"{'the deal' if deal else 'the lead'} enters {stage}",
            )
        return self.speech.both(
            f"{'商談が' if deal else ''}{stage}を出た時", f"{'the deal' if deal else 'the lead'} leaves {stage}"
        )

    def _date(self, event: Event, name: str) -> str:
        speech = self.speech
        what = speech.both("来期の始まり", "the next fiscal year") if name == "next_fiscal_year" else speech.name(name)
        if event.early is None:
            return speech.both(f"{what}が来た時", f"{what} is reached")
        early = time_words(event.early, speech.language)
        return speech.both(f"{what}の{early}前", f"{early} before {what}")

    def _transition(self, key: str) -> str:
        for transition in self.speech.policy.transitions:
            if transition.id == key:
                return self.speech.of(transition.label, key)
        return key

    def actions(self, actions: Sequence[Action]) -> tuple[str, ...]:
        """What is done, a line each."""
        return tuple(self.action(action) for action in actions)

    def action(self, action: Action) -> str:
        """One thing that is done."""
        speech = self.speech
        if isinstance(action, TaskAction):
            return self._task(action)
        if isinstance(action, NotifyAction):
            to, text = speech.joined(self.receiver(one) for one in action.to), self.text(action.text)
            said = speech.quoted(text) if text else ""
            return speech.both(f"{to}に通知{said}", f"notice to {to}{' ' + said if said else ''}")
        if isinstance(action, AssignAction):
            return self.assign(action.assign)
        if isinstance(action, SetAction):
            value = speech.choice(action.field, str(action.value))
            return speech.both(
                f"{speech.name(action.field)}に「{value}」を書く", f"set {speech.name(action.field)} to “{value}”"
            )
        if isinstance(action, EnrolAction):
            places = speech.either(self._place(one) for one in action.places)
            return speech.both(f"CRMが自動で送る({places}に登録)", f"the CRM sends ({places})")
        return self._cadence(action)

    def _place(self, place: EnrolPlace) -> str:
        kind = self.speech.both(*_PLACES[place.kind])
        return self.speech.both(f"{kind}「{place.name}」", f"{kind} “{place.name}”")

    def _cadence(self, action: StartAction | StopAction) -> str:
        name = self.speech.cadence(action.cadence)
        if isinstance(action, StartAction):
            return self.speech.both(f"ケイデンス「{name}」を始める", f"start the cadence “{name}”")
        return self.speech.both(f"ケイデンス「{name}」を止める", f"stop the cadence “{name}”")

    def _task(self, task: TaskAction) -> str:
        speech = self.speech
        to = self.receiver(f"pool:{task.to_pool}" if task.to_pool else task.to)
        details = [speech.both("期限: 発生から", "due ") + speech.within(task.due)]
        if task.due.business and task.due.unit == "days":
            details = [speech.both("期限: ", "due ") + speech.within(task.due)]
        if task.priority is not None:
            level = speech.both(*_PRIORITIES[task.priority])
            details.append(speech.both(f"優先度{level}", f"priority {level}"))
        title, kind = self.text(task.title), self.kind(task.kind)
        return speech.both(
            f"{to}に{kind}のタスク「{title}」({'、'.join(details)})",
            f"{kind} task for {to}: “{title}” ({', '.join(details)})",
        )

    def assign(self, assign: Assign) -> str:
        """Whom a pool gives."""
        speech, how = self.speech, _CHOICE_OF_OWNER[assign.by]
        owned, pool = speech.both(*_OWNED[assign.owner_of]), speech.pool(assign.pool)
        return speech.both(
            f"「{pool}」から{how[0]}{owned + 'の' if owned else ''}担当者を決める",
            f"an owner{' of ' + owned if owned else ''} from “{pool}”, {how[1]}",
        )

    def kind(self, kind: str) -> str:
        """What sort of task or action it is."""
        return self.speech.both(*_KINDS[kind])

    def receiver(self, key: str) -> str:
        """Who gets a task or a notice."""
        kind, _, name = key.partition(":")
        if kind == "pool":
            return self.speech.pool(name)
        if kind == "channel":
            return self.speech.channel(name)
        owners = {"owner": ("担当者", "the owner"), "deal_owner": ("商談の担当者", "the owner of the deal")}
        return self.speech.both(*owners[kind])

    def text(self, template: Template) -> str:
        """A text with the names of its values in place of them."""
        return template.render(
            lambda name: self.speech.both(f"〔{self.speech.name(name)}〕", f"[{self.speech.name(name)}]")
        )

    def again(self, again: Again | None) -> str:
        """When a recycled lead comes again."""
        speech = self.speech
        if again is None:
            return speech.both("戻さない", "never by itself")
        if again.on is None:
            length = time_words(again.after, speech.language) if again.after is not None else ""
            return speech.both(f"{length}後", f"after {length}")
        said = self.event(again.on)
        if again.at_latest is None:
            return said
        latest = time_words(again.at_latest, speech.language)
        return speech.both(f"{said}(遅くとも{latest}後)", f"{said} (after {latest} at the latest)")
