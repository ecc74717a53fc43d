"""The body of a workflow's "Send a webhook" action, read as a form submission.

HubSpot sends one contact: the default body has `vid`, `portal-id`, `properties` (name → {value, versions}) and
`form-submissions`; a customised body is flat (name → value) with the keys that the customer chose, usually
`hs_object_id`, `email`, `recent_conversion_event_name` and `recent_conversion_date`. The action is how a portal
tells us at once of a form: forms have no webhook of their own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from connector.vendors.base import EventKind, InboundEvent, Submission
from connector.vendors.moments import to_moment
from connector.vendors.wire import is_name, load_json, text_of

_ID_NAMES = ("hs_object_id", "objectId", "vid", "canonical-vid", "contact_id", "id")
_PORTAL_NAMES = ("portal-id", "portalId", "hub_id")
_FORM_NAMES = ("recent_conversion_event_name", "form_name", "form-name")
_TIME_NAMES = ("recent_conversion_date", "submitted_at", "submittedAt")
_FORM_ID_NAMES = ("form_id", "form-id", "formId")
_CONVERSION_NAMES = ("conversion-id", "conversionId", "conversion_id")
_TYPE_NAME = "workflow.webhook"


def parse_workflow(body: bytes, *, account_id: str, received_at: datetime) -> list[InboundEvent]:
    """The submission that this delivery tells of; one event of kind UNKNOWN when no contact can be read from it.

    `account_id` is the connection's, for bodies that name no portal. Raises `InboundError` (400) for what is not JSON.
    """
    raw = load_json(body)
    items = raw if isinstance(raw, list) else [raw]
    return [_submitted(item, account_id, received_at) for item in items]


def _submitted(raw: Any, account_id: str, received_at: datetime) -> InboundEvent:
    values = _flatten(raw) if isinstance(raw, dict) else {}
    contact_id = _name(values, _ID_NAMES)
    contact_id = contact_id if contact_id and contact_id.isascii() and contact_id.isdigit() else None
    email = _name(values, ("email",))
    last = _latest_form(raw) if isinstance(raw, dict) else {}
    submitted_at = to_moment(_first(last, ("timestamp",)) or _first(values, _TIME_NAMES)) or received_at
    submission = Submission(
        form_id=_first(last, _FORM_ID_NAMES) or _first(values, _FORM_ID_NAMES),
        form_name=_first(last, ("title",)) or form_title(_first(values, _FORM_NAMES)),
        submitted_at=submitted_at,
        email=email.lower() if email else None,
        submission_id=_name(last, _CONVERSION_NAMES) or _name(values, _CONVERSION_NAMES),
        contact_id=contact_id,
        page=_first(last, ("page-url", "pageUrl")),
        values=values,
    )
    known = contact_id is not None or email is not None
    return InboundEvent(
        key=_key(submission, raw),
        kind=EventKind.SUBMITTED if known else EventKind.UNKNOWN,
        account_id=_name(values, _PORTAL_NAMES) or account_id,
        object_type="contact",
        object_id=contact_id,
        occurred_at=submitted_at,
        source="WORKFLOWS",
        type_name=_TYPE_NAME,
        submission=submission if known else None,
    )


def form_title(conversion_name: str | None) -> str | None:
    """The form's name out of `recent_conversion_event_name`, which reads "page title: form name"."""
    if conversion_name is None:
        return None
    return conversion_name.rpartition(": ")[2].strip() or None


def _flatten(raw: Mapping[str, Any]) -> dict[str, str]:
    """Scalars of the body by name; `properties` (either shape) win over members beside them."""
    found: dict[str, str] = {}
    properties = raw.get("properties")
    nested = properties if isinstance(properties, Mapping) else {}
    for source in (raw, nested):
        for name, value in source.items():
            inner = value.get("value") if isinstance(value, Mapping) else value
            text = text_of(inner)
            if text is not None and text_of(name) is not None:
                found[name] = text
    return found


def _latest_form(raw: Mapping[str, Any]) -> dict[str, str]:
    """The newest entry of `form-submissions`, flattened."""
    entries = raw.get("form-submissions")
    if not isinstance(entries, list):
        return {}
    flat = [_flatten(entry) for entry in entries if isinstance(entry, Mapping)]
    epoch = datetime.fromtimestamp(0, tz=UTC)
    return max(flat, key=lambda entry: to_moment(entry.get("timestamp")) or epoch, default={})


def _first(values: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((values[name] for name in names if values.get(name)), None)


def _name(values: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    """What somebody or something is found by."""
    found = _first(values, names)
    return found if found is not None and is_name(found) else None


def _key(submission: Submission, raw: Any) -> bytes:
    """A retry repeats the contact with other properties changed meanwhile: the submission is what is named."""
    who = submission.contact_id or submission.email
    what = submission.submission_id or submission.form_id or submission.form_name
    if who is None or what is None:
        return blake2b(json.dumps(raw, sort_keys=True, default=str).encode(), digest_size=16).digest()
    text = f"{_TYPE_NAME}|{who}|{what}|{submission.submitted_at.isoformat()}"
    return blake2b(text.encode(), digest_size=16).digest()
