"""How webhooks are sent, and what is subscribed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connector.errors import UsageError
from connector.sandbox.object_types import OBJECT_TYPES
from connector.sandbox.switches import Switches

#: changes of these never reach a webhook
NOT_SUBSCRIBABLE = frozenset(("num_unique_conversion_events", "hs_lastmodifieddate", "lastmodifieddate"))
EVENTS = ("creation", "deletion", "propertyChange", "merge", "restore", "associationChange", "privacyDeletion")
MAX_SUBSCRIPTIONS = 1000


@dataclass(kw_only=True)
class WebhookSettings(Switches):
    """The app's webhook target and the sender's manners."""

    #: where deliveries go; "" = nowhere, events are dropped
    target_url: str = ""
    #: the URI that is signed, when a proxy stands before the service; "" = target_url
    signed_url: str = ""
    app_secret: str = "sandbox-app-secret"  # noqa: S105 the sandbox's own, known to all
    #: any of v1, v2, v3; HubSpot sends v1 and v3 side by side
    signature_versions: list[str] = field(default_factory=lambda: ["v1", "v3"])
    batch_size: int = 100
    concurrency: int = 10
    #: machine seconds that events wait for company
    linger_seconds: float = 0.05
    timeout_seconds: float = 5.0
    max_attempts: int = 10
    #: sandbox seconds before attempt 1, 2, …; the last repeats; each is varied by ± retry_jitter
    retry_seconds: list[float] = field(
        default_factory=lambda: [10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0]
    )
    retry_jitter: float = 0.2
    #: shuffle the events of a window and hold some back for the next
    reorder: bool = False
    #: share of events that are delivered a second time
    duplicate_rate: float = 0.0
    #: share of events that are never delivered
    drop_rate: float = 0.0
    #: every event carries the same eventId (HubSpot: "not guaranteed to be unique")
    same_event_id: bool = False
    #: events queue up but nothing is sent
    paused: bool = False
    #: a customer's workflow that posts the contact here at every form submission; "" = none
    workflow_url: str = ""


@dataclass(kw_only=True, slots=True)
class Subscription:
    """One webhook subscription."""

    id: int
    #: `contact.creation`, `object.propertyChange` …
    event_type: str
    property_name: str = ""
    #: only of `object.*`
    object_type_id: str = ""
    active: bool = True

    def as_json(self) -> dict[str, Any]:
        """As the control API and `/webhooks/v3/{appId}/subscriptions` print it."""
        row: dict[str, Any] = {"id": str(self.id), "eventType": self.event_type, "active": self.active}
        if self.property_name:
            row["propertyName"] = self.property_name
        if self.object_type_id:
            row["objectTypeId"] = self.object_type_id
        return row

    def key(self) -> tuple[str, str, str]:
        """(object type, event, property): what a change is looked up by."""
        stem, _, event = self.event_type.partition(".")
        for kind in OBJECT_TYPES:
            if stem == kind.singular or (stem == "object" and self.object_type_id == kind.type_id):
                return kind.name, event, self.property_name
        return stem, event, self.property_name


def check_subscription(event_type: str, property_name: str, object_type_id: str) -> None:
    """A UsageError when HubSpot has no such subscription."""
    stem, _, event = event_type.partition(".")
    stems = {"contact", "company", "deal", "object"}
    if stem not in stems or event not in EVENTS or (event == "privacyDeletion" and stem != "contact"):
        raise UsageError(
            f"No webhook subscription {event_type}; "
            "tasks, notes, calls, e-mails and meetings use object.* with objectTypeId.",
            reason="unknown_subscription",
        )
    if (stem == "object") != bool(object_type_id):
        raise UsageError("objectTypeId belongs to object.* subscriptions, and only there.", reason="object_type_id")
    if (event == "propertyChange") != bool(property_name):
        raise UsageError("propertyName belongs to propertyChange, and only there.", reason="property_name")
    if property_name in NOT_SUBSCRIBABLE or "*" in property_name:
        raise UsageError(f"Changes of {property_name} cannot be subscribed to.", reason="not_subscribable")
