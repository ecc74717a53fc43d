"""How Salesforce writes things down: objects, standard fields, tasks, and what its strings mean. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.domain.effects import WorkState
from connector.domain.value import Value
from connector.policy.model import FieldDef, FieldType, Home
from connector.vendors.base import Activity, InboundEvent, Record, Submission
from connector.vendors.dialect import DealWords, RoleWords
from connector.vendors.moments import to_moment
from connector.vendors.salesforce import fields
from connector.vendors.salesforce.activities import ACTIVITIES, activity
from connector.vendors.salesforce.protocol import ACCOUNT, CONTACT, KEY_PROPERTY, MASTER_TYPE, PERSON, PREFIXES, VENDOR
from connector.vendors.text import truncated
from connector.vendors.values import number_text

NOTE: Final = "note"
"""Our word for the notes that we write: in Salesforce they are tasks that are done, see docs/decisions."""

OPEN, DONE = "Not Started", "Completed"
_PRIORITIES: Final[Mapping[str, str]] = {"high": "High", "medium": "Normal", "low": "Low"}
#: What the tasks that we make are set to: these picklists must have it.
TASK_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Status": (OPEN, DONE),
    "Priority": tuple(_PRIORITIES.values()),
}
_SUBTYPES: Final[Mapping[str, str]] = {"call": "Call", "mail": "Email"}
_CLOSED_NOTE: Final[Mapping[str, str]] = {
    "ja": "(Tasuki: 状況が変わったため終了しました)",
    "en": "(Tasuki: closed, the situation has changed)",
}
_NOTE_TITLE: Final[Mapping[str, str]] = {"ja": "引き継ぎメモ", "en": "Hand-over note"}
_TEXT_LIMIT: Final = 32_000
_DEAL_TITLE_LIMIT: Final = 120
_CLOSE_AFTER: Final = timedelta(days=90)
"""Opportunities need a close date; a new one's is a quarter ahead until somebody knows better."""


class SalesforceDialect:
    """Implements `vendors.dialect.Dialect`. `zone` and `language` are the policy's; `base_url` is where people open
    the org's records, `user_id` the user that we are there."""

    vendor = VENDOR
    person_type = PERSON
    company_type = "Account"
    task_type = "Task"
    note_type = "Task"
    note_kind = NOTE
    deal = DealWords(
        object_type="Opportunity",
        title="Name",
        stage="StageName",
        pipeline="RecordTypeId",
        amount="Amount",
        owner="OwnerId",
        created="CreatedDate",
        closed="IsClosed",
        person_count=None,
        merged=None,
        role=RoleWords(object_type="OpportunityContactRole", person="ContactId", deal="OpportunityId"),
    )
    activities = ACTIVITIES
    person_properties: tuple[str, ...] = ("Email", "CreatedDate", "OwnerId", ACCOUNT)
    task_properties: tuple[str, ...] = (
        "Status",
        "Subject",
        "Description",
        "TaskSubtype",
        "Priority",
        "ActivityDate",
        "CompletedDateTime",
        "IsClosed",
        "OwnerId",
        KEY_PROPERTY,
    )
    task_done_property = "CompletedDateTime"
    task_due_property = "ActivityDate"
    owner_property = "OwnerId"
    created_property = "CreatedDate"
    email_property = "Email"
    company_property = ACCOUNT
    merged_property: str | None = None  # a record that was merged away tells by itself
    key_property = KEY_PROPERTY
    forward_only: frozenset[str] = frozenset()
    converts = True
    stamps = timedelta(seconds=1)

    def __init__(
        self, *, zone: ZoneInfo, language: str, base_url: str | None = None, user_id: str | None = None
    ) -> None:
        self._zone = zone
        self._language = language
        self._base_url = base_url
        self._user_id = user_id

    def names_no_company(self, vendor_id: str) -> bool:
        """See `Dialect.names_no_company`: a lead has an account once it is converted, as a contact."""
        return vendor_id.startswith(PREFIXES[PERSON])

    def homes(self, definition: FieldDef) -> Sequence[Home]:
        """See `Dialect.homes`. A field of people lives on leads; one that only contacts have is read there under its
        own name."""
        mine = [home for home in definition.homes if home.vendor == VENDOR]
        on_leads = any(home.object_type == PERSON for home in mine)
        found = [home for home in mine if home.object_type != CONTACT]
        if not on_leads:
            found += [replace(home, object_type=PERSON) for home in mine if home.object_type == CONTACT]
        return found

    def to_canonical(self, definition: FieldDef, home: Home, raw: str | None) -> Value:
        """See `Dialect.to_canonical`."""
        return fields.to_canonical(definition.type, raw, home, tidy=definition.tidy, zone=self._zone)

    def to_vendor(self, definition: FieldDef, home: Home, value: Value) -> str:
        """See `Dialect.to_vendor`."""
        return fields.to_vendor(value, definition, home)

    def same(self, definition: FieldDef | None, one: str | None, other: str | None) -> bool:
        """See `Dialect.same`."""
        return fields.same(one, other, definition.type if definition else FieldType.TEXT)

    def moment(self, raw: str | None) -> datetime | None:
        """See `Dialect.moment`; a bare date is none."""
        return to_moment(raw) if raw is not None and "T" in raw else None

    def activity(self, record: Record, *, now: datetime) -> Activity | None:
        """See `Dialect.activity` and `activities.py`."""
        return activity(record, now=now)

    def task_content(self, desired: Mapping[str, Any], state: str) -> dict[str, str]:
        """The task's fields. What we close is completed, with a line that says who closed it. Tasks are due on a day
        in Salesforce; a task that nobody owns stays with the user that we are."""
        text = str(desired["text"] or "")
        closed = state == WorkState.CLOSED.value
        if closed:
            note = _CLOSED_NOTE.get(self._language, _CLOSED_NOTE["en"])
            text = f"{text}\n{note}" if text else note
        due = datetime.fromisoformat(desired["due_at"]).astimezone(self._zone).date()
        return {
            "Subject": truncated(str(desired["title"]), fields.TITLE_LIMIT),
            "Description": truncated(text, _TEXT_LIMIT),
            "TaskSubtype": _SUBTYPES.get(str(desired["kind"]), "Task"),
            "Priority": _PRIORITIES.get(str(desired["priority"]), "Normal"),
            "Status": DONE if closed else OPEN,
            "ActivityDate": due.isoformat(),
            **({"OwnerId": str(desired["owner"])} if desired["owner"] else {}),
        }

    def deal_content(self, desired: Mapping[str, Any], *, pipeline: str | None, stage: str | None) -> dict[str, str]:
        """See `Dialect.deal_content`. What is not known is left to the org's own defaults."""
        amount, opened = desired["amount"], datetime.fromisoformat(desired["opened_at"])
        wanted = {
            self.deal.title: truncated(str(desired["title"]), _DEAL_TITLE_LIMIT),
            self.deal.pipeline: pipeline if pipeline != MASTER_TYPE else None,
            self.deal.stage: stage,
            self.deal.amount: number_text(amount) if amount is not None else None,
            self.deal.owner: desired["owner"],
            "CloseDate": self._day(opened + _CLOSE_AFTER).isoformat(),
        }
        return {name: value for name, value in wanted.items() if value}

    def note_content(self, desired: Mapping[str, Any]) -> dict[str, str]:
        """See `Dialect.note_content`: a task that is done, on the day on which it was written."""
        return {
            "Subject": str(desired.get("title") or _NOTE_TITLE.get(self._language, _NOTE_TITLE["en"])),
            "Description": truncated(str(desired["text"]), _TEXT_LIMIT),
            "Status": DONE,
            "Priority": "Normal",
            "ActivityDate": self._day(datetime.fromisoformat(desired["at"])).isoformat(),
        }

    def partner_record(self, vendor_id: str, properties: Mapping[str, str | None]) -> str | None:
        """See `Dialect.partner_record`: HubSpot keeps our ids."""
        return vendor_id

    def owner(self, raw: str | None) -> str | None:
        """See `Dialect.owner`. Every lead has an owner in Salesforce: one that lies in a queue, or with us who made
        it, is nobody's."""
        if not raw or raw.startswith(PREFIXES["Group"]) or raw == self._user_id:
            return None
        return raw

    def record_link(self, object_type: str, vendor_id: str) -> str | None:
        """See `Dialect.record_link`."""
        return f"{self._base_url}/{vendor_id}" if self._base_url is not None else None

    def task_report(self, record: Record) -> str:
        """See `Dialect.task_report`."""
        told = record.properties
        return "done" if told.get("IsClosed") == "true" or told.get("Status") == DONE else "open"

    def submission_told(self, event: InboundEvent) -> Submission | None:
        """Salesforce keeps no submissions of forms."""
        return None

    def submission(self, record: Record) -> Submission | None:
        """None, see `submission_told`: a Web-to-Lead form makes a lead."""
        return None

    def came_in(self, record: Record) -> datetime | None:
        """A lead came in when it was made: by a form of the website, an import, by hand."""
        return self.moment(record.properties.get("CreatedDate")) if record.id.startswith(PREFIXES[PERSON]) else None

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()
