"""`tasuki demo --crm salesforce`: the relay on a Salesforce org alone, shown, and proved by simple-salesforce.

Web-to-Lead forms and the website's own come in, reps work and hand over, a person converts a lead. Then the org is read
by simple-salesforce's own client, and every lead is compared with what the policy says of it, worked out from what
people did: the proof knows nothing of the product's store.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console
from rich.table import Table

from connector.cli.demo_proof import Difference, print_differences, rule_of
from connector.cli.demo_settling import is_busy, settle
from connector.cli.demo_traffic import post_form
from connector.cli.org_reading import OrgReader
from connector.cli.org_stack import OrgStack, running_org
from connector.domain.decision import Decision
from connector.domain.effects import NotEnrolled, WorkState
from connector.domain.lead import Account, FieldFact, Lead
from connector.domain.same_company import choose
from connector.domain.signal import Signal
from connector.domain.state import LeadState
from connector.domain.value import BLANK
from connector.engine.decide import decide
from connector.policy.loader import load_policy
from connector.sandbox import behaviour
from connector.sandbox.world import FORMS
from connector.store.clock import BusinessClock
from connector.store.mirrors import MirrorRow
from connector.sync.context import Tenant
from connector.sync.found_companies import CompanyRule
from connector.vendors.provisioning import enrolments
from connector.vendors.salesforce.enrolling import NOT_AVAILABLE
from connector.vendors.salesforce.protocol import CAMPAIGN, KEY_PROPERTY, VENDOR

FORMS_A_SECOND: Final = 10
WEBSITE_FORMS: Final = 3
CALLS: Final = 2
SCORE_TOLERANCE: Final = 1.0
"""Scores fade while they are looked at."""

_FORM: Final = {"email": "Email", "lastname": "LastName", "firstname": "FirstName", "company": "Company",
                "jobtitle": "Title", "phone": "Phone"}  # fmt: skip
_SOURCES: Final = {"お問い合わせ": "Web", "デモ依頼": "Web", "資料請求": "資料請求"}
_ACCEPTED: Final = {"TasukiRepDecision__c": "accepted", "TasukiAuthority__c": "influences"}
_HEARD: Final = {
    "TasukiNeed__c": "受発注を一元化したい",
    "TasukiTimeline__c": "within_3m",
    "TasukiBackground__c": "来期の全社プロジェクト",
    "TasukiExpectations__c": "他社事例と概算",
    "TasukiCompetitors__c": "A社",
    "TasukiDecisionMaker__c": "鈴木本部長",
}
_SHOWN: Final = ("TasukiStage__c", "Status", "TasukiBand__c", "TasukiTrack__c", "TasukiChannel__c")


@dataclass(slots=True)
class _Truth:
    """What people did, by record."""

    forms: list[str] = field(default_factory=list)  #: leads of Web-to-Lead forms
    website: list[str] = field(default_factory=list)  #: addresses
    accepted: list[str] = field(default_factory=list)
    handed_over: list[str] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)  #: by a person, without an opportunity
    called: list[str] = field(default_factory=list)  #: whose call was ticked off

    @property
    def untouched(self) -> list[str]:
        """The forms' leads on which nobody has worked."""
        worked = {*self.accepted, *self.handed_over, *self.converted, *self.called}
        return [one for one in self.forms if one not in worked]


def run(
    console: Console, home: Path, policy: Path, *, contacts: int, forms: int, latency_ms: int, as_json: bool
) -> bool:
    """Everything, printed; True when the org is as the policy says."""
    options = ["--contacts", str(contacts), "--latency-ms", str(latency_ms)]
    starting = "PostgreSQL, sandbox, webhook service, worker / 起動中"
    with console.status(starting), running_org(home, policy, sandbox_options=options) as stack:
        demo = _Demo(stack, enrolments(load_policy(policy), CAMPAIGN))
        demo.settle()
        console.print("Forms come in / フォームが届いています")
        demo.visitors(forms)
        demo.settle()
        console.print("Reps work and hand over / 担当者の作業と引き渡し")
        demo.reps()
        demo.settle()
        console.print("The org is read and compared / 組織と方針を照合中")
        proof = _Proof(stack, demo.truth)
        unlike = list(proof.differences())
        _print(console, proof, unlike, as_json)
    return not unlike


class _Demo:
    """The steps of the demo on a running stack."""

    def __init__(self, stack: OrgStack, campaigns: Sequence[str]) -> None:
        self._stack = stack
        self._campaigns = campaigns
        self._org = stack.org
        self.truth = _Truth()

    def visitors(self, forms: int) -> None:
        """Web-to-Lead forms of people whom nobody knows, into the queue; and forms of the own website."""
        for name in self._campaigns:
            self._org.create("Campaign", {"Name": name, "IsActive": True})
        queue = next(one["id"] for one in self._org.records("Group") if one["fields"]["Type"] == "Queue")
        names = {guid: name for guid, name, _ in FORMS}
        seen: set[str] = set()
        for one in behaviour.submissions(forms, 7, []):
            values = {there: one.values[here] for here, there in _FORM.items() if one.values.get(here)}
            if values.get("Email", "") in seen:
                continue
            seen.add(values.get("Email", ""))
            values = {"LastName": "-", "Company": "-", "OwnerId": queue} | values
            values["LeadSource"] = _SOURCES.get(names[one.form], "Other")
            self.truth.forms.append(self._org.create("Lead", values, web=True))
            time.sleep(1 / FORMS_A_SECOND)
        for number in range(WEBSITE_FORMS):
            email = f"web{number}@kanda-seisakusho.example.co.jp"
            told = {"form": "inquiry", "email": email, "id": f"web-{number}", "fields": {"last_name": "神田"}}
            post_form(self._stack.url, orjson.dumps(told | {"occurred_at": datetime.now(UTC).isoformat()}))
            self.truth.website.append(email)

    def reps(self) -> None:
        """Reps accept, hand over and tick calls off; one converts a lead by hand."""
        mql = iter([one for one in self.truth.forms if self._stage(one) == "MQL"])
        for name, count in (("accepted", 3), ("handed_over", 2), ("converted", 1)):
            for lead in [one for _, one in zip(range(count), mql, strict=False)]:
                getattr(self.truth, name).append(lead)
        for lead in (*self.truth.accepted, *self.truth.handed_over):
            self._org.edit(lead, _ACCEPTED | {"TasukiNeed__c": "課題"})
        self.settle()
        for lead in self.truth.handed_over:
            self._org.edit(lead, _HEARD)
        for lead in self.truth.converted:
            self._org.convert(lead, no_opportunity=True)
        untouched = set(self.truth.untouched)
        calls = [one for one in self._org.records("Task") if one["fields"].get("TaskSubtype") == "Call"]
        for call in [one for one in calls if one["fields"].get("WhoId") in untouched][:CALLS]:
            self._org.edit(call["id"], {"Status": "Completed"})
            self.truth.called.append(call["fields"]["WhoId"])

    def settle(self) -> None:
        """Return when nothing is left to do."""
        settle(self._busy)

    def _stage(self, lead: str) -> str:
        return str(self._org.record(lead)["fields"].get("TasukiStage__c"))

    def _busy(self) -> bool:
        if not self._org.wait_messages(5.0):
            return True
        return is_busy(self._stack.database, self._stack.installation_id, self._stack.connection_id)


class _Proof:
    """The org as simple-salesforce reads it, against the policy."""

    def __init__(self, stack: OrgStack, truth: _Truth) -> None:
        self._stack, self._truth = stack, truth
        runtime = stack.runtime()
        tenant = runtime.tenant(stack.installation_id)
        assert tenant is not None
        self._tenant: Tenant = tenant
        self._binding = tenant.bindings[stack.connection_id]
        with stack.database.transaction(stack.installation_id) as conn:
            self._now = BusinessClock.now(conn)
        runtime.close()
        reader = OrgReader(stack.org)
        self.leads, self.contacts = reader.all("Lead"), reader.all("Contact")
        self.deals, self.tasks = reader.all("Opportunity"), reader.all("Task")
        self._accounts = reader.all("Account")
        campaigns = {one["Id"]: one["Name"] for one in reader.all("Campaign").values()}
        self._joined = [(one["LeadId"], campaigns[one["CampaignId"]]) for one in reader.all("CampaignMember").values()]
        members = reader.client.query_all("SELECT UserOrGroupId, Group.Name FROM GroupMember")["records"]
        self._members = [(str(one["Group"]["Name"]), str(one["UserOrGroupId"])) for one in members]
        self._us = stack.org.user_id

    def differences(self) -> Iterator[Difference]:
        """Everything that is not as the policy says."""
        for lead in self._truth.untouched:
            yield from self._as_decided(lead)
        for email in self._truth.website:
            yield from self._came_in(email)
        for lead in self._truth.accepted:
            yield from _same(lead, "stage", "SAL", self.leads[lead]["TasukiStage__c"])
        for lead in self._truth.called:
            yield from _same(lead, "TasukiAttempts__c", "1", self.leads[lead]["TasukiAttempts__c"])
        for lead in self._truth.handed_over:
            yield from self._handed_over(lead)
        for lead in self._truth.converted:
            contact = self.leads[lead]["ConvertedContactId"] or ""
            yield from _same(contact, "stage", "MQL", self.contacts[contact]["TasukiStage__c"])
        keys = Counter(one[KEY_PROPERTY] for one in (*self.tasks.values(), *self.deals.values()) if one[KEY_PROPERTY])
        for key, count in keys.items():
            yield from _same(str(key), "records with this key", "1", str(count))

    def _as_decided(self, lead_id: str) -> Iterator[Difference]:
        """Stage, status, scores and tasks of a lead on which nobody has worked: what the policy makes of its form."""
        shown = self.leads[lead_id]
        binding = self._binding
        made = binding.dialect.moment(shown["CreatedDate"])
        assert made is not None
        signals = [
            Signal(id=number, kind=kind, occurred_at=made, learnt_at=made)
            for number, kind in enumerate(binding.arrivals.signals(shown), start=1)
        ]
        decision, campaigns = self._decided(self._lead(shown, made), signals)
        wanted = binding.project(decision.desired, decision.stage_desired)
        for name in _SHOWN:
            if name in wanted:
                yield from _same(lead_id, name, wanted[name], shown[name] or "")
        score, found = float(wanted["TasukiScore__c"]), float(shown["TasukiScore__c"] or 0)
        if abs(score - found) > SCORE_TOLERANCE:
            yield Difference(record=lead_id, what="TasukiScore__c", expected=str(score), found=str(found))
        rules = sorted(one.key.rule for one in decision.state.tasks if one.state is WorkState.OPEN)
        mine = [one for one in self.tasks.values() if one["WhoId"] == lead_id and one[KEY_PROPERTY]]
        made_by = sorted(rule_of(one[KEY_PROPERTY] or "") for one in mine)
        yield from _same(lead_id, "tasks", ", ".join(rules), ", ".join(made_by))
        joined = sorted(str(name) for lead, name in self._joined if lead == lead_id)
        yield from _same(lead_id, "campaigns", ", ".join(campaigns), ", ".join(joined))
        if decision.state.entry is not None and decision.state.entry.stage == "mql":
            yield from self._owned(lead_id, shown["OwnerId"] or "", "インサイドセールスSDR", "インサイドセールスBDR")

    def _decided(self, lead: Lead, signals: Sequence[Signal]) -> tuple[Decision, Sequence[str]]:
        """What the policy says, and the campaigns that it wants; what names none is left to a person, by a task."""
        plan, since = self._binding.plan, self._tenant.policy.activated_at
        decision = decide(plan, lead, signals, LeadState(), self._now, since=since)
        refused = tuple(
            NotEnrolled(key=one.key, place=one.place, name=one.name, at=one.at, why=NOT_AVAILABLE)
            for one in decision.enrolments
            if one.place != CAMPAIGN
        )
        campaigns = sorted(one.name for one in decision.enrolments if one.place == CAMPAIGN)
        if refused:
            lead = replace(lead, not_enrolled=refused)
            decision = decide(plan, lead, signals, decision.state, self._now, since=since)
        return decision, campaigns

    def _came_in(self, email: str) -> Iterator[Difference]:
        """A form of the own website made one lead, which is an MQL."""
        found = [one for one in self.leads.values() if one["Email"] == email]
        yield from _same(email, "leads", "1", str(len(found)))
        for one in found:
            yield from _same(email, "stage", "MQL", one["TasukiStage__c"])

    def _handed_over(self, lead_id: str) -> Iterator[Difference]:
        """Converted once, with one opportunity of ours and the packet as a note on it; the contact has the stage."""
        shown = self.leads[lead_id]
        contact, deal = shown["ConvertedContactId"] or "", shown["ConvertedOpportunityId"] or ""
        yield from _same(lead_id, "converted", "true", shown["IsConverted"])
        if deal not in self.deals or contact not in self.contacts:
            return
        yield from _same(contact, "stage", "SQL", self.contacts[contact]["TasukiStage__c"])
        yield from _same(deal, "StageName", "Prospecting", self.deals[deal]["StageName"])
        yield from _same(deal, "has our key", "True", str(bool(self.deals[deal][KEY_PROPERTY])))
        notes = [one for one in self.tasks.values() if one["WhatId"] == deal and one["Status"] == "Completed"]
        yield from _same(deal, "packets", "1", str(len(notes)))

    def _owned(self, record: str, owner: str, *groups: str) -> Iterator[Difference]:
        if not any((group, owner) in self._members for group in groups):
            yield Difference(record=record, what="owner", expected=" / ".join(groups), found=owner)

    def _lead(self, shown: Mapping[str, str | None], made: datetime) -> Lead:
        """A lead that fits one account belongs to it, which speaks where the lead itself says nothing."""
        binding, dialect = self._binding, self._binding.dialect
        own = self._facts(dialect.person_type, shown)
        account = self._account_of(shown)
        company = self._facts(dialect.company_type, account) if account is not None else binding.no_company
        said = {name: one for name, one in own.items() if one.value is not BLANK or name not in company}
        return Lead(
            id=1,
            fields={**company, **said, **binding.no_deal},
            owner=dialect.owner(shown["OwnerId"]),
            created_at=made,
            enrolled_by=VENDOR,
            account=Account(id=account["Id"] or "", owner=dialect.owner(account["OwnerId"])) if account else None,
        )

    def _facts(self, object_type: str, shown: Mapping[str, str | None]) -> dict[str, FieldFact]:
        to_canonical = self._binding.dialect.to_canonical
        return {
            definition.name: FieldFact(value=to_canonical(definition, home, shown[home.name]))
            for definition, home in self._binding.fields_on(object_type)
            if not definition.computed and definition.shows is None and home.name in shown
        }

    def _account_of(self, shown: Mapping[str, str | None]) -> Mapping[str, str | None] | None:
        """The account that a lead belongs to, looked for among all that the org has."""
        rule, companies = CompanyRule(self._binding), defaultdict[bytes, set[str]](set)
        for account_id, row in self._accounts.items():
            stands = MirrorRow(object_type="Account", vendor_id=account_id, properties=dict(row))
            for one in rule.of_company(stands):
                companies[one.key].add(account_id)
        return self._accounts.get(choose(rule.of_person(shown), companies).company or "")

    def rows(self) -> list[tuple[str, ...]]:
        """A few leads and contacts to show."""
        chosen = [*self._truth.handed_over, *self._truth.accepted, *self._truth.converted, *self._truth.untouched][:14]
        found = []
        for one in chosen:
            lead = self.leads[one]
            shown = self.contacts.get(lead["ConvertedContactId"] or "", lead)
            what = "Contact" if shown is not lead else "Lead"
            tasks = [task for task in self.tasks.values() if task["WhoId"] == shown["Id"] and task[KEY_PROPERTY]]
            told = (what, lead["Company"], shown["LastName"], shown["TasukiStage__c"], shown["TasukiScore__c"])
            found.append((*(one or "" for one in told), str(len(tasks))))
        return found


def _same(record: str, what: str, expected: str, found: str | None) -> Iterator[Difference]:
    if expected != (found or ""):
        yield Difference(record=record, what=what, expected=expected, found=found or "")


def _print(console: Console, proof: _Proof, unlike: Sequence[Difference], as_json: bool) -> None:
    checked = len(proof.leads) + len(proof.contacts)
    if as_json:
        told = {"right": not unlike, "checked": checked, "differences": [asdict(one) for one in unlike]}
        click.echo(orjson.dumps(told).decode())
        return
    table = Table(title="Leads and what they have become / リードとその後", show_lines=False)
    for title in ("Is", "Company", "Name", "Stage", "Score", "Tasks"):
        table.add_column(title, overflow="fold")
    for row in proof.rows():
        table.add_row(*row)
    console.print(table)
    print_differences(console, unlike)
    if not unlike:
        console.print(
            f"[green]✓[/] {checked} leads and contacts read back by simple-salesforce: each that was worked on is as"
            " the policy says, nothing twice. / simple-salesforceで読み戻し、すべて方針どおり、重複なし。"
        )
