"""What people log in one CRM shows in the other, as a note: `records_in: {activities: both}`.

A note of ours, once for each activity and lead, and only of what happened under the running policy: a CRM's past is not
poured into the other one. Ours are no activities, so that nothing comes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.domain.codec_work import moment_text
from connector.domain.effects import WorkState
from connector.store import connections, links, managed
from connector.store.database import Connection
from connector.sync.context import Line
from connector.vendors.base import Activity, ActivityKind, Lane, Occurrence

BOTH = "both"
_VENDORS = {"hubspot": "HubSpot", "salesforce": "Salesforce"}
_KINDS: Mapping[ActivityKind, Mapping[str, str]] = {
    ActivityKind.CALL: {"ja": "電話", "en": "Call"},
    ActivityKind.MAIL: {"ja": "メール", "en": "Mail"},
    ActivityKind.MAIL_REPLY: {"ja": "メールの返信", "en": "Reply by mail"},
    ActivityKind.SOCIAL: {"ja": "SNSメッセージ", "en": "Social message"},
    ActivityKind.MEETING: {"ja": "ミーティング", "en": "Meeting"},
    ActivityKind.NOTE: {"ja": "メモ", "en": "Note"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An activity as it was read, with the leads that it is about."""

    name: str  #: The record: `1:call:62100000712`.
    activity: Activity
    lead_ids: Sequence[int]


def copy_activities(line: Line, conn: Connection, found: Sequence[Logged], *, lane: Lane) -> None:
    """Want a note of each in the other CRMs that have its leads."""
    tenant, policy = line.tenant, line.tenant.plan.policy
    if not line.binding.partners or policy.records_in.get("activities") != BOTH:
        return
    fresh = [(one, last) for one in found if (last := _last(one.activity, tenant.policy.activated_at)) is not None]
    ids = sorted({lead_id for one, _ in fresh for lead_id in one.lead_ids})
    if not ids:
        return
    elsewhere: dict[int, list[int]] = {}
    rows = conn.execute(
        "SELECT lead_id, connection_id FROM link WHERE lead_id = ANY(%s) AND connection_id <> %s AND vendor_id <> ''",
        [ids, line.connection_id],
    )
    for row in rows:
        elsewhere.setdefault(int(row["connection_id"]), []).append(int(row["lead_id"]))
    names = connections.owner_names(conn, line.connection_id)
    for connection_id, theirs in sorted(elsewhere.items()):
        kind = tenant.bindings[connection_id].dialect.note_kind
        managed.want(
            conn,
            tenant.installation_id,
            connection_id,
            [
                {
                    "key": f"copy:{one.name}:{lead_id}",
                    "lead_id": lead_id,
                    "kind": kind,
                    "desired": _note(line, one.activity, last, names, policy.zone),
                    "state": WorkState.OPEN.value,
                }
                for one, last in fresh
                for lead_id in one.lead_ids
                if lead_id in theirs
            ],
        )
    links.desire(conn, {lead_id: lane.value for theirs in elsewhere.values() for lead_id in theirs})


def _last(activity: Activity, since: datetime) -> Occurrence | None:
    """What it was in the end; None for what lies before our time."""
    last = max(activity.occurrences, key=lambda one: one.at, default=None)
    return last if last is not None and last.at >= since else None


def _note(
    line: Line, activity: Activity, last: Occurrence, names: Mapping[str, str], zone: ZoneInfo
) -> dict[str, object]:
    language = line.tenant.plan.policy.language
    kind = _KINDS[activity.kind].get(language, _KINDS[activity.kind]["en"])
    vendor = _VENDORS.get(line.dialect.vendor, line.dialect.vendor)
    labels = line.binding.outcomes.get(activity.kind, {})
    parts = [
        f"{kind} ({vendor})",
        last.at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        (labels.get(last.outcome, last.outcome) or "") if last.outcome else "",
        names.get(activity.owner or "", ""),
    ]
    text = " / ".join(part for part in parts if part)
    return {"text": text, "at": moment_text(last.at), "deal": None, "title": parts[0]}
