"""How HubSpot writes things down: the `Dialect` over `fields.py`, with its names for what every CRM has. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from connector.domain.state import WorkState
from connector.domain.value import Value
from connector.policy.model import FieldDef, FieldType, Home
from connector.vendors.base import Record, Submission
from connector.vendors.hubspot import fields, protocol
from connector.vendors.hubspot.workflow import form_title
from connector.vendors.moments import to_moment
from connector.vendors.text import truncated

_TASK_TYPES: Final = {"call": "CALL", "mail": "EMAIL", "social": "TODO", "todo": "TODO"}
_PRIORITIES: Final = {"high": "HIGH", "medium": "MEDIUM", "low": "LOW"}
_OPEN, _DONE = "NOT_STARTED", "COMPLETED"
_FORM_TIME, _FORM_NAME = "recent_conversion_date", "recent_conversion_event_name"


class HubSpotDialect:
    """HubSpot's words. `zone` (the policy's) dates a `date` field that is kept in a date-and-time property."""

    vendor = "hubspot"
    person_type = "contact"
    company_type = "company"
    task_type = "task"
    owner_property = "hubspot_owner_id"
    created_property = "createdate"
    email_property = "email"
    company_property = "associatedcompanyid"
    key_property = protocol.KEY_PROPERTY
    forward_only: frozenset[str] = frozenset({"lifecyclestage"})
    person_properties: tuple[str, ...] = (
        email_property,
        owner_property,
        created_property,
        company_property,
        _FORM_TIME,
        _FORM_NAME,
    )
    task_properties: tuple[str, ...] = (
        "hs_timestamp",
        "hs_task_subject",
        "hs_task_body",
        "hs_task_status",
        "hs_task_priority",
        "hs_task_type",
        owner_property,
        key_property,
    )

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def to_canonical(self, definition: FieldDef, home: Home, raw: str | None) -> Value:
        """The canonical value of HubSpot's string; BLANK for None, UNREADABLE for what is none of its type."""
        return fields.to_canonical(raw, definition.type, home, tidy=definition.tidy, zone=self._zone)

    def to_vendor(self, definition: FieldDef, home: Home, value: Value) -> str:
        """The string to write; "" clears."""
        return fields.to_vendor(value, definition, home)

    def same(self, definition: FieldDef | None, one: str | None, other: str | None) -> bool:
        """True when HubSpot means the same by both strings; without a field, as text."""
        return fields.same(one, other, definition.type if definition else FieldType.TEXT)

    def moment(self, raw: str | None) -> datetime | None:
        """A date-time string (ISO, or milliseconds as in webhooks) in UTC."""
        return to_moment(raw)

    def task_content(self, desired: Mapping[str, Any], state: str) -> dict[str, str]:
        """A task's properties. The text is escaped (HubSpot shows it as HTML); a closed task counts as completed."""
        due_at = datetime.fromisoformat(desired["due_at"])
        text = escape(str(desired["text"]), quote=False).replace("\n", "<br>")
        return {
            "hs_timestamp": fields.moment_text(due_at),
            "hs_task_subject": truncated(str(desired["title"]), fields.TITLE_LIMIT),
            "hs_task_body": truncated(text, fields.TEXT_LIMIT),
            "hs_task_status": _OPEN if state == WorkState.OPEN.value else _DONE,
            "hs_task_priority": _PRIORITIES.get(desired["priority"] or "", "NONE"),
            "hs_task_type": _TASK_TYPES[desired["kind"]],
            self.owner_property: desired["owner"] or "",
        }

    def task_report(self, record: Record) -> str:
        """`done` when HubSpot shows the task as completed, else `open`."""
        return "done" if record.properties.get("hs_task_status") == _DONE else "open"

    def submission(self, record: Record) -> Submission | None:
        """The latest form submission that a contact tells of (`recent_conversion_*`); None when there was none."""
        submitted_at = to_moment(record.properties.get(_FORM_TIME))
        name = form_title(record.properties.get(_FORM_NAME))
        if submitted_at is None or name is None:
            return None
        email = record.properties.get(self.email_property)
        return Submission(
            form_id=None,
            form_name=name,
            submitted_at=submitted_at,
            email=email.lower() if email else None,
            contact_id=record.id,
        )
