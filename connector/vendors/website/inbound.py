"""Signed submissions of the company's own website, without I/O.

The site's server (never the browser: it would give the secret away) posts JSON and two headers:

    X-Tasuki-Timestamp: 1767225600            seconds since 1970
    X-Tasuki-Signature: hex HMAC-SHA256 of "<timestamp>.<raw body>", keyed by the source's secret

    {"id": "…", "form": "inquiry", "occurred_at": "2026-01-01T00:00:00Z", "email": "…", "page": "…", "fields": {…}}

`event` in the place of `form` names a page event (`website_event` of a policy). `id` is the site's own key: the same
one sent again counts once.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Any

from connector.vendors.base import EventKind, InboundEvent, Submission
from connector.vendors.moments import to_moment
from connector.vendors.signed import FRESH_SECONDS, SIGNATURE_HEADER, SIGNATURE_HEADERS, TIMESTAMP_HEADER, sign, verify
from connector.vendors.wire import is_name, load_json, text_of

__all__ = [
    "FORM",
    "FRESH_SECONDS",
    "PAGE_EVENT",
    "SIGNATURE_HEADER",
    "SIGNATURE_HEADERS",
    "TIMESTAMP_HEADER",
    "parse",
    "sign",
    "verify",
]

FORM, PAGE_EVENT = "website_form", "website_event"


def parse(body: bytes, *, source: str, received_at: datetime) -> list[InboundEvent]:
    """The submissions or page events of one delivery (an object, or a list of them); `InboundError` (400) if not JSON.

    `account_id` is `website:<source>`; `type_name` is `website_form` or `website_event`, and the form's or event's
    name stands in `submission.form_name`. What lacks a name or an e-mail address is UNKNOWN: kept and shown.
    """
    raw = load_json(body)
    items = raw if isinstance(raw, list) else [raw]
    return [_event(item, source, received_at) for item in items]


def _event(raw: Any, source: str, received_at: datetime) -> InboundEvent:
    members = raw if isinstance(raw, dict) else {}
    name = _name(members.get("form")) or _name(members.get("event"))
    email = _name(members.get("email"))
    occurred_at = to_moment(text_of(members.get("occurred_at"))) or received_at
    known = name is not None and email is not None
    submission = Submission(
        form_id=None,
        form_name=name,
        submitted_at=occurred_at,
        email=email.lower() if email else None,
        submission_id=_name(members.get("id")),
        page=text_of(members.get("page")),
        values=_fields(members.get("fields")),
    )
    return InboundEvent(
        key=_key(submission, source, raw),
        kind=EventKind.SUBMITTED if known else EventKind.UNKNOWN,
        account_id=f"website:{source}",
        object_type="contact",
        object_id=None,
        occurred_at=occurred_at,
        source="WEBSITE",
        source_id=source,
        type_name=PAGE_EVENT if _name(members.get("form")) is None else FORM,
        submission=submission if known else None,
    )


def _fields(raw: Any) -> dict[str, str]:
    if not isinstance(raw, dict):
        return {}
    pairs = ((text_of(name), text_of(value)) for name, value in raw.items())
    return {name: value for name, value in pairs if name is not None and value is not None}


def _name(value: Any) -> str | None:
    text = text_of(value)
    return text if text is not None and is_name(text) else None


def _key(submission: Submission, source: str, raw: Any) -> bytes:
    named = submission.submission_id or repr(raw)
    return blake2b(f"website|{source}|{named}".encode("utf-8", "replace"), digest_size=16).digest()
