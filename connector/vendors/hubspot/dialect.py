"""How HubSpot writes things down: object types, standard properties, tasks, and what its strings mean. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from connector.domain.effects import WorkState
from connector.domain.value import Value
from connector.policy.model import FieldDef, FieldType, Home
from connector.vendors.base import Activity, InboundEvent, Record, Submission
from connector.vendors.dialect import DealWords
from connector.vendors.hubspot import fields
from connector.vendors.hubspot.activities import ACTIVITIES, activity
from connector.vendors.hubspot.protocol import MERGED_PROPERTY, TYPE_IDS, UI_DOMAIN
from connector.vendors.hubspot.workflow import form_title
from connector.vendors.moments import to_moment
from connector.vendors.text import truncated, units

_TASK_TYPES = {"call": "CALL", "mail": "EMAIL", "social": "TODO", "todo": "TODO"}
_PRIORITIES = {"high": "HIGH", "medium": "MEDIUM", "low": "LOW"}
_CONVERSION_NAME = "recent_conversion_event_name"
_DONE = "COMPLETED"
_CLOSED_NOTE = {"ja": "(Tasuki: 状況が変わったため終了しました)", "en": "(Tasuki: closed, the situation has changed)"}


SALESFORCE_IDS = ("salesforcecontactid", "salesforceleadid")
"""Where HubSpot's own Salesforce integration keeps whom it has linked."""


class HubSpotDialect:
    """Implements `vendors.dialect.Dialect`. `zone` and `language` are the policy's.

    `task_queues`: the policy's queue → the id of HubSpot's task queue, which only people can make. `portal_id` and
    `ui_domain` say where people open the portal's records. With `native_sync`, its own Salesforce integration runs.
    """

    vendor = "hubspot"
    person_type = "contact"
    company_type = "company"
    task_type = "task"
    note_type = "note"
    note_kind = "note"
    deal = DealWords(
        object_type="deal",
        title="dealname",
        stage="dealstage",
        pipeline="pipeline",
        amount="amount",
        owner="hubspot_owner_id",
        created="createdate",
        closed="hs_is_closed",
        person_count="num_associated_deals",
        merged=MERGED_PROPERTY,
    )
    activities = ACTIVITIES
    person_properties: tuple[str, ...] = (
        "email",
        "createdate",
        "hubspot_owner_id",
        "associatedcompanyid",
        "recent_conversion_event_name",
        "recent_conversion_date",
        MERGED_PROPERTY,
    )
    task_properties: tuple[str, ...] = (
        "hs_task_status",
        "hs_task_subject",
        "hs_task_body",
        "hs_task_type",
        "hs_task_priority",
        "hs_timestamp",
        "hs_task_completion_date",
        "hubspot_owner_id",
        "tasuki_key",
    )
    task_done_property = "hs_task_completion_date"
    task_due_property = "hs_timestamp"
    owner_property = "hubspot_owner_id"
    created_property = "createdate"
    email_property = "email"
    company_property = "associatedcompanyid"
    merged_property: str | None = MERGED_PROPERTY
    key_property = "tasuki_key"
    forward_only = frozenset({"lifecyclestage"})
    converts = False
    stamps = timedelta()

    def __init__(
        self,
        *,
        zone: ZoneInfo,
        language: str,
        task_queues: Mapping[str, str] | None = None,
        portal_id: str | None = None,
        ui_domain: str = UI_DOMAIN,
        native_sync: bool = False,
    ) -> None:
        if native_sync:
            self.person_properties = (*type(self).person_properties, *SALESFORCE_IDS)
        self._zone = zone
        self._language = language
        self._task_queues = task_queues or {}
        self._portal_id = portal_id
        self._ui_domain = ui_domain

    def names_no_company(self, vendor_id: str) -> bool:
        """See `Dialect.names_no_company`: contacts are associated with companies, by HubSpot itself where it may."""
        return False

    def homes(self, definition: FieldDef) -> Sequence[Home]:
        """See `Dialect.homes`."""
        return [home for home in definition.homes if home.vendor == self.vendor]

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
        """See `Dialect.moment`."""
        return to_moment(raw)

    def activity(self, record: Record, *, now: datetime) -> Activity | None:
        """See `Dialect.activity` and `activities.py`."""
        return activity(record, now=now)

    def task_content(self, desired: Mapping[str, Any], state: str) -> dict[str, str]:
        """The task's properties. What we close is completed, with a line that says who closed it."""
        body = _html(str(desired["text"] or ""))
        closed = state == WorkState.CLOSED.value
        if closed:
            note = _CLOSED_NOTE.get(self._language, _CLOSED_NOTE["en"])
            body = f"{body}<br>{note}" if body else note
        due = datetime.fromisoformat(desired["due_at"])
        queue = self._task_queues.get(str(desired["queue"]))
        return {
            "hs_task_subject": str(desired["title"]),
            "hs_task_body": body,
            "hs_task_type": _TASK_TYPES.get(str(desired["kind"]), "TODO"),
            "hs_task_priority": _PRIORITIES.get(str(desired["priority"]), "NONE"),
            "hs_task_status": _DONE if closed else "NOT_STARTED",
            "hs_timestamp": fields.moment_text(due),
            "hubspot_owner_id": desired["owner"] or "",
            **({"hs_queue_membership_ids": queue} if queue is not None else {}),
        }

    def deal_content(self, desired: Mapping[str, Any], *, pipeline: str | None, stage: str | None) -> dict[str, str]:
        """See `Dialect.deal_content`. What is not known is left to the portal's own defaults."""
        amount = desired["amount"]
        wanted = {
            self.deal.title: truncated(str(desired["title"]), fields.TITLE_LIMIT),
            self.deal.pipeline: pipeline,
            self.deal.stage: stage,
            self.deal.amount: fields.number_text(amount) if amount is not None else None,
            self.deal.owner: desired["owner"],
        }
        return {name: value for name, value in wanted.items() if value}

    def note_content(self, desired: Mapping[str, Any]) -> dict[str, str]:
        """See `Dialect.note_content`. HubSpot takes HTML, and no more than a text property's characters of it."""
        return {
            "hs_note_body": _fitting(str(desired["text"])),
            "hs_timestamp": fields.moment_text(datetime.fromisoformat(desired["at"])),
        }

    def partner_record(self, vendor_id: str, properties: Mapping[str, str | None]) -> str | None:
        """See `Dialect.partner_record`: its integration keeps Salesforce's ids, the contact's if there is one."""
        return next((told for name in SALESFORCE_IDS if (told := properties.get(name))), None)

    def owner(self, raw: str | None) -> str | None:
        """See `Dialect.owner`."""
        return raw or None

    def record_link(self, object_type: str, vendor_id: str) -> str | None:
        """See `Dialect.record_link`."""
        kind = TYPE_IDS.get(object_type)
        if self._portal_id is None or kind is None:
            return None
        return f"https://{self._ui_domain}/contacts/{self._portal_id}/record/{kind}/{vendor_id}"

    def task_report(self, record: Record) -> str:
        """See `Dialect.task_report`."""
        return "done" if record.properties.get("hs_task_status") == _DONE else "open"

    def submission_told(self, event: InboundEvent) -> Submission | None:
        """A change of `recent_conversion_event_name` is a submission at the time of the change."""
        name = form_title(event.value) if event.property_name == _CONVERSION_NAME else None
        if event.object_type != self.person_type or event.object_id is None or name is None:
            return None
        return Submission(
            form_id=None, form_name=name, submitted_at=event.occurred_at, email=None, contact_id=event.object_id
        )

    def came_in(self, record: Record) -> datetime | None:
        """HubSpot's forms are told as submissions."""
        return None

    def submission(self, record: Record) -> Submission | None:
        """The latest submission, from the two `recent_conversion_*` properties that every form sets."""
        submitted_at = to_moment(record.properties.get("recent_conversion_date"))
        name = form_title(record.properties.get("recent_conversion_event_name"))
        if submitted_at is None or name is None:
            return None
        return Submission(
            form_id=None,
            form_name=name,
            submitted_at=submitted_at,
            email=record.properties.get("email"),
            contact_id=record.id,
        )


def _html(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _fitting(text: str) -> str:
    """The text as HTML within HubSpot's limit: it is the text that is cut, never a tag or an entity."""
    limit = fields.TEXT_LIMIT
    while (size := units(html := _html(truncated(text, limit)))) > fields.TEXT_LIMIT:
        limit = min(limit - 1, limit * fields.TEXT_LIMIT // size)
    return html
