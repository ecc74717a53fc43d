"""The demo's proof: what the policy says of each lead, worked out from what people did, against what the CRM shows.

The CRM is read by HubSpot's official client. The expectation knows nothing of the product's store: it folds the
truth that the traffic remembered through the policy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hubspot import HubSpot
from rich.console import Console

from connector.cli.demo_traffic import Truth
from connector.cli.stack import Stack
from connector.domain.effects import Enrolment, NotEnrolled, OwnerRequest, WorkState
from connector.domain.lead import Account, Actor, FieldFact, Lead, StageReport
from connector.domain.signal import Signal
from connector.domain.state import LeadState
from connector.domain.value import BLANK
from connector.engine.by_hand import SEQUENCE
from connector.engine.decide import decide
from connector.sync.binding import Binding
from connector.vendors.base import ActivityKind

SHOWN = 20
"""So many differences are printed."""

TASK_PROPERTIES = ["tasuki_key", "hs_task_status", "hs_task_subject", "hs_timestamp", "hubspot_owner_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmTask:
    """A task as the CRM shows it; `rule` is the rule of ours that asked for it."""

    id: str
    key: str
    rule: str
    title: str
    open: bool
    due_at: str
    owner_id: str


@dataclass(slots=True, kw_only=True)
class CrmLead:
    """A contact as the CRM shows it."""

    id: str
    properties: Mapping[str, str | None]
    tasks: list[CrmTask] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in a CRM that is not as the policy says."""

    record: str
    what: str
    expected: str
    found: str


def print_differences(console: Console, found: Sequence[Difference]) -> None:
    """The first of them, in red."""
    for one in found[:SHOWN]:
        console.print(f"[red]{one.record}: {one.what} should be {one.expected!r}, is {one.found!r}[/]")


def read_crm(
    stack: Stack, properties: Sequence[str], company_properties: Sequence[str]
) -> tuple[dict[str, CrmLead], dict[str, Mapping[str, str | None]]]:
    """Every contact with its tasks, and every company, by the official client's list pages."""
    client = _client(stack)
    contacts = _pages(client.crm.contacts.basic_api, list(properties), None)
    people = {one.id: CrmLead(id=one.id, properties=one.properties) for one in contacts}
    for task in _pages(client.crm.objects.tasks.basic_api, TASK_PROPERTIES, ["contacts"]):
        linked = (task.associations or {}).get("contacts")
        for target in {one.id for one in linked.results} if linked else ():
            people[target].tasks.append(_task(task))
    companies = {
        one.id: one.properties for one in _pages(client.crm.companies.basic_api, list(company_properties), None)
    }
    return people, companies


def read_only(stack: Stack) -> frozenset[str]:
    """The properties of people that nobody but HubSpot writes, as the official client tells."""
    found = _client(stack).crm.properties.core_api.get_all("contacts").results
    return frozenset(one.name for one in found if one.modification_metadata.read_only_value)


def _client(stack: Stack) -> HubSpot:
    client = HubSpot(access_token=stack.sandbox.token)
    client.config["host"] = stack.sandbox.base_url
    return client


def _pages(api: Any, properties: list[str], associations: list[str] | None) -> Iterator[Any]:
    after = None
    while True:
        page = api.get_page(limit=100, after=after, properties=properties, associations=associations)
        yield from page.results
        if page.paging is None:
            return
        after = page.paging.next.after


def _task(raw: Any) -> CrmTask:
    key = raw.properties.get("tasuki_key") or ""
    return CrmTask(
        id=raw.id,
        key=key,
        rule=rule_of(key),
        title=raw.properties.get("hs_task_subject") or "",
        open=raw.properties.get("hs_task_status") != "COMPLETED",
        due_at=raw.properties.get("hs_timestamp") or "",
        owner_id=raw.properties.get("hubspot_owner_id") or "",
    )


def rule_of(key: str) -> str:
    """The rule that a task's key names: `<lead>:<cause>:<cause id>:<rule>:<slot>`."""
    parts = key.rsplit(":", 2)
    return parts[1] if len(parts) == 3 else ""


def twice(people: Mapping[str, CrmLead]) -> list[str]:
    """Keys of tasks that exist more than once."""
    counts = Counter(key for one in people.values() for key in {(task.id, task.key) for task in one.tasks})
    keys = Counter(key for (_, key), _ in counts.items() if key)
    return [key for key, count in keys.items() if count > 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the policy says of one contact: its state, and what the record is to show."""

    state: LeadState
    wanted: Mapping[str, str]
    asked: Sequence[OwnerRequest]  #: The pools that were to give the lead an owner, in order.


def _refused(enrolments: Sequence[Enrolment], started: Collection[str]) -> Iterator[NotEnrolled]:
    """The sequences that the CRM did not start, for want of an owner in whose name: each is left to a person."""
    for one in enrolments:
        if one.place == SEQUENCE and one.name not in started:
            yield NotEnrolled(key=one.key, place=one.place, name=one.name, at=one.at, why="not_available")


def uneven(turns: Sequence[tuple[str, str, str]], pools: Mapping[str, frozenset[str]]) -> Iterator[Difference]:
    """Pools whose turns (pool, whose owner, person) did not go round: nobody is two ahead of anybody in the pool."""
    for pool, owner_of in sorted({(pool, owner_of) for pool, owner_of, _ in turns}):
        share = Counter(dict.fromkeys(pools.get(pool, ()), 0))
        share.update(person for *which, person in turns if which == [pool, owner_of])
        if max(share.values()) - min(share.values()) > 1:
            found = ", ".join(f"{person}×{count}" for person, count in sorted(share.items()))
            yield Difference(record="-", what=f"turns of {pool}", expected="at most 1 apart", found=found)


def shown_stage(binding: Binding, person: CrmLead) -> str | None:
    """The policy's stage that the CRM shows of this contact; the raw value where it means none of ours."""
    raw = person.properties.get("lifecyclestage")
    for store, home in binding.stores:
        if home.name == "lifecyclestage" and raw:
            meant = binding.stages_meant(store, raw)
            return meant[0] if meant else raw
    return None


class Expectation:
    """What the policy says of each contact."""

    def __init__(
        self,
        binding: Binding,
        since: datetime,
        truth: Truth,
        form_names: Mapping[str, str],
        before: Mapping[str, CrmLead],
        pools: Mapping[str, frozenset[str]],
        started: Mapping[str, Collection[str]],
        people: Mapping[str, CrmLead],
    ) -> None:
        self._colleagues = self._by_company(binding, people)
        self._pools = pools  # pool → its people as the CRM shows them
        self._started = started  # contact → the sequences that the CRM started for it
        self._before = before
        self._binding = binding
        self._since = since
        self._truth = truth
        self._form_names = form_names

    def differences(
        self, person: CrmLead, company: Mapping[str, str | None] | None, now: datetime
    ) -> Iterator[Difference]:
        """Everything about this contact that is not as the policy says."""
        # Whether a visitor's doings are met at once or one after the other is the deliveries' affair: one of the
        # two histories must be the CRM's, whole.
        together = list(self._against(person, self._decide(person, company, now, one_by_one=False)))
        apart = list(self._against(person, self._decide(person, company, now, one_by_one=True))) if together else []
        yield from min(together, apart, key=len)

    def _against(self, person: CrmLead, said: _Said) -> Iterator[Difference]:
        for name, wanted in sorted(said.wanted.items()):
            definition, found = self._binding.definition_of(name), person.properties.get(name)
            shows_due = definition is not None and definition.shows == "next_task_due"
            value = (self._next_due(person, said) or "") if shows_due else wanted
            if not self._binding.dialect.same(definition, found, value or None):
                yield Difference(record=person.id, what=name, expected=value, found=found or "")
        open_tasks = [task for task in said.state.tasks if task.state is WorkState.OPEN]
        expected = Counter(task.key.rule for task in open_tasks)
        found_tasks = Counter(task.rule for task in person.tasks if task.open)
        if expected != found_tasks:
            yield Difference(record=person.id, what="tasks", expected=_counted(expected), found=_counted(found_tasks))
        owner = person.properties.get(self._binding.dialect.owner_property) or ""
        if said.asked and owner not in self._pools.get(said.asked[-1].pool, frozenset()):
            yield Difference(record=person.id, what="owner", expected=f"one of {said.asked[-1].pool}", found=owner)
        follow = {task.key.rule for task in open_tasks if task.follows_owner}
        for task in person.tasks:
            if task.open and task.rule in follow and task.owner_id != owner:
                yield Difference(record=person.id, what=f"owner of {task.rule}", expected=owner, found=task.owner_id)

    def _next_due(self, person: CrmLead, said: _Said) -> str | None:
        """The earliest due date of the lead's open tasks in the CRM, each no later than one made only now."""
        latest = {task.key.rule: task.due_at for task in said.state.tasks if task.state is WorkState.OPEN}
        dues = [
            task.due_at
            for task in person.tasks
            if task.open and task.rule in latest and self._due(task) <= latest[task.rule]
        ]
        return min(dues, default=None)

    def _due(self, task: CrmTask) -> datetime:
        at = self._binding.dialect.moment(task.due_at)
        return at if at is not None else datetime.max.replace(tzinfo=UTC)

    def _decide(
        self, person: CrmLead, company: Mapping[str, str | None] | None, now: datetime, *, one_by_one: bool
    ) -> _Said:
        """Fold what happened through the policy: first the visitors' doings, then each answer in its turn."""
        answers = sorted((one for one in self._truth.answers if one.contact_id == person.id), key=lambda one: one.at)
        signals = self._signals(person)
        state = LeadState()
        moments = [answers[0].at - timedelta(milliseconds=1)] if answers else []
        if one_by_one:
            moments = sorted(
                {*moments, *(one.occurred_at for one in signals if one.occurred_at < min([*moments, now]))}
            )
        given: dict[str, datetime] = {}
        refused: list[NotEnrolled] = []
        asked: list[OwnerRequest] = []
        for moment in [*moments, *sorted({one.at for one in answers}), now]:
            given |= {one.name: one.at for one in answers if one.at <= moment}
            lead = self._lead(person, company, given, {one.name for one in answers})
            lead = replace(lead, not_enrolled=tuple(refused))
            decision = decide(self._binding.plan, lead, signals, state, moment, since=self._since)
            state = decision.state
            refused += _refused(decision.enrolments, self._started.get(person.id, ()))
            asked += [one for one in decision.requests if one.owner_of == "lead"]
            signals = [replace(one, seen=one.seen or one.occurred_at <= moment) for one in signals]
        lead = replace(lead, not_enrolled=tuple(refused))
        decision = decide(self._binding.plan, lead, signals, state, now, since=self._since)
        handled = self._handled(decision.state, person)
        if handled is not decision.state:
            decision = decide(self._binding.plan, lead, signals, handled, now, since=self._since)
        return _Said(
            state=decision.state,
            wanted=self._binding.project(decision.desired, decision.stage_desired),
            asked=asked,
        )

    def _handled(self, state: LeadState, person: CrmLead) -> LeadState:
        """The state after people ticked tasks off or deleted them."""
        ends = {(one.contact_id, one.name): WorkState.DONE for one in self._truth.done_tasks}
        ends |= dict.fromkeys(self._truth.deleted_tasks, WorkState.SETTLED)
        if not any(contact_id == person.id for contact_id, _ in ends):
            return state
        tasks = tuple(
            replace(task, state=ends.get((person.id, task.key.rule), task.state))
            if task.state is WorkState.OPEN
            else task
            for task in state.tasks
        )
        return replace(state, tasks=tasks)

    def _stood(self, person: CrmLead) -> StageReport | None:
        """Where the CRM had the lead before Tasuki saw it first."""
        before = self._before.get(person.id)
        for store, home in self._binding.stores:
            raw = before.properties.get(home.name) if before is not None else None
            stages = self._binding.stages_meant(store, raw) if raw and store.read_back else ()
            if stages and before is not None:
                changed = self._binding.dialect.moment(before.properties.get("lastmodifieddate")) or self._since
                return StageReport(stages=stages, moved_at=changed, actor=Actor.VENDOR, first_sight=True)
        return None

    def _lead(
        self,
        person: CrmLead,
        company: Mapping[str, str | None] | None,
        given: Mapping[str, datetime],
        answered: set[str],
    ) -> Lead:
        dialect = self._binding.dialect
        fields: dict[str, FieldFact] = {}
        for (object_type, name), (definition, home) in self._binding.homes.items():
            source = (
                person.properties
                if object_type == dialect.person_type
                else company
                if object_type == dialect.company_type
                else None
            )
            if definition.computed:
                continue
            if object_type == dialect.company_type and not person.properties.get(dialect.company_property):
                fields[definition.name] = FieldFact(value=BLANK)
                continue
            if source is None or name not in source:
                continue
            raw = source[name] if name not in answered or name in given else None
            actor = Actor.PERSON if name in given else Actor.VENDOR
            fields[definition.name] = FieldFact(
                value=dialect.to_canonical(definition, home, raw), changed_at=given.get(name), actor=actor
            )
        created = dialect.moment(person.properties.get(dialect.created_property))
        assert created is not None
        owner = person.properties.get(dialect.owner_property) or None
        return Lead(
            id=int(person.id),
            fields=fields,
            owner=owner,
            created_at=created,
            stage_report=self._stood(person),
            account=self._account(person, company),
        )

    def _account(self, person: CrmLead, company: Mapping[str, str | None] | None) -> Account | None:
        dialect = self._binding.dialect
        company_id = person.properties.get(dialect.company_property)
        if not company_id:
            return None
        others = [one for one in self._colleagues.get(company_id, ()) if one.id != person.id]
        stages = frozenset(stage for one in others if (stage := shown_stage(self._binding, one)) is not None)
        # whose turn it is among people of one company is given under a lock: the CRM shows who has it
        mine, theirs = {task.rule for task in person.tasks}, {task.rule for one in others for task in one.tasks}
        return Account(
            id=company_id,
            owner=(company or {}).get(dialect.owner_property) or None,
            stages=stages,
            taken=frozenset(self._binding.plan.turns) & theirs - mine,
        )

    @staticmethod
    def _by_company(binding: Binding, people: Mapping[str, CrmLead]) -> Mapping[str, Sequence[CrmLead]]:
        found: dict[str, list[CrmLead]] = {}
        for person in people.values():
            if company_id := person.properties.get(binding.dialect.company_property):
                found.setdefault(company_id, []).append(person)
        return found

    def _signals(self, person: CrmLead) -> list[Signal]:
        found = [
            (kind, one.at)
            for one in self._truth.submissions
            if one.contact_id == person.id
            for kind in self._binding.form_signals("hubspot_form", self._form_names[one.name])
        ]
        found += [
            (kind, at)
            for email, at in self._truth.website
            if email == person.properties.get("email")
            for kind in self._binding.form_signals("website_form", "inquiry")
        ]
        latest = self._binding.dialect.moment(person.properties.get("lastmodifieddate")) or self._since
        found += [
            (kind, latest)
            for kind in self._binding.counters.get("hs_analytics_num_visits", ())
            for _ in range(self._truth.visits.get(person.id, 0))
        ]
        found += [
            (kind, one.at)
            for one in self._truth.done_tasks
            if one.contact_id == person.id
            for kind in self._binding.plain_signals(ActivityKind(one.value))
        ]
        return [
            Signal(id=number, kind=kind, occurred_at=at, learnt_at=at)
            for number, (kind, at) in enumerate(sorted(found, key=lambda pair: pair[1]), start=1)
        ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{rule}×{count}" for rule, count in sorted(counts.items())) or "none"
