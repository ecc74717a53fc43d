"""Webhook events: which subscriptions a change meets, and the payloads HubSpot makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.errors import UsageError
from connector.sandbox.clock import SandboxClock
from connector.sandbox.definitions import PropertyDefinition
from connector.sandbox.dice import seeded
from connector.sandbox.object_types import ObjectType
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.values import webhook_value
from connector.sandbox.webhook_sender import WebhookSender
from connector.sandbox.webhook_settings import (
    EVENTS,
    MAX_SUBSCRIPTIONS,
    Subscription,
    WebhookSettings,
    check_subscription,
)
from connector.sandbox.wire import Actor, Json

if TYPE_CHECKING:
    from connector.sandbox.record import Record

_CONVERSIONS = ("recent_conversion_", "first_conversion_", "num_conversion_events")


class Webhooks:
    """Turns changes into events and hands them to the sender. Guarded by the portal's lock."""

    def __init__(self, settings: SandboxSettings, clock: SandboxClock) -> None:
        self.portal_settings = settings
        self.settings = WebhookSettings()
        self.subscriptions: dict[int, Subscription] = {}
        self._by_key: dict[tuple[str, str, str], list[Subscription]] = {}
        self._rng = seeded(settings.seed + 1)
        self._next_id = 2_100_000
        self.sender = WebhookSender(self.settings, clock, settings.seed)
        #: events by subscription type, since the start
        self.emitted: dict[str, int] = {}

    # ------------------------------------------------------------------ subscriptions

    def subscribe(self, event_type: str, property_name: str = "", object_type_id: str = "") -> Subscription:
        """Add a subscription, or give the one that exists."""
        check_subscription(event_type, property_name, object_type_id)
        made = Subscription(
            id=self._next_id + 1,
            event_type=event_type,
            property_name=property_name,
            object_type_id=object_type_id,
        )
        for one in self._by_key.get(made.key(), ()):
            if one.event_type == event_type:
                return one
        if len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            raise UsageError("An app has at most 1,000 subscriptions.", reason="too_many_subscriptions")
        self._next_id += 1
        self.subscriptions[made.id] = made
        self._by_key.setdefault(made.key(), []).append(made)
        return made

    def subscribe_type(self, kind: ObjectType, properties: list[str]) -> None:
        """Every event of an object type, with changes of the named properties."""
        own = kind.singular in ("contact", "company", "deal")
        stem, type_id = (kind.singular, "") if own else ("object", kind.type_id)
        for event in EVENTS:
            if event == "propertyChange" or (event == "privacyDeletion" and kind.singular != "contact"):
                continue
            self.subscribe(f"{stem}.{event}", "", type_id)
        for name in properties:
            self.subscribe(f"{stem}.propertyChange", name, type_id)

    def unsubscribe(self, subscription_id: int) -> bool:
        """Remove one; False when it is not there."""
        gone = self.subscriptions.pop(subscription_id, None)
        if gone is None:
            return False
        self._by_key[gone.key()].remove(gone)
        return True

    def clear(self) -> None:
        """Remove all subscriptions."""
        self.subscriptions.clear()
        self._by_key.clear()

    # ------------------------------------------------------------------ events

    def value(self, definition: PropertyDefinition | None, value: str | None) -> str:
        """A property value as webhooks carry it."""
        return webhook_value(definition, value)

    def created(self, record: Record, shown: dict[str, str], actor: Actor, at: int) -> None:
        """Creation and the first values: one moment, a property change before the creation."""
        events = [event for name, value in shown.items() for event in self._property(record, name, value, actor, at)]
        creation = self._events(record, "creation", "", actor, at, {"objectId": record.id})
        for event in creation:
            event["changeFlag"] = self._rng.choice(("CREATED", "NEW"))
        events[1:1] = creation
        self._send(events)

    def changed(
        self,
        record: Record,
        changes: dict[str, list[str | None]],
        actor: Actor,
        at: int,
        definitions: dict[str, PropertyDefinition],
    ) -> None:
        """Property changes of one write."""
        events = [
            event
            for name, (_, after) in changes.items()
            if (record.kind.name, "propertyChange", name) in self._by_key
            for event in self._property(record, name, webhook_value(definitions.get(name), after), actor, at)
        ]
        self._send(events)

    def simple(self, record: Record, event: str, actor: Actor, at: int) -> None:
        """deletion, restore, privacyDeletion."""
        events = self._events(record, event, "", actor, at, {"objectId": record.id})
        if event == "deletion":
            for one in events:
                one["changeFlag"] = "DELETED"
        self._send(events)

    def merged(self, winner: Record, primary: int, losers: list[int], moved: int, actor: Actor, at: int) -> None:
        """A merge; `newObjectId` names the record that lives on, which may be neither of the two."""
        extra: Json = {
            "objectId": winner.id,
            "primaryObjectId": primary,
            "mergedObjectIds": losers,
            "newObjectId": winner.id,
            "numberOfPropertiesMoved": moved,
        }
        self._send(self._events(winner, "merge", "", actor, at, extra))

    def associated(self, frm: Record, to: Record, type_ids: set[int], actor: Actor, at: int, *, removed: bool) -> None:
        """Both sides of an association; a primary one may yield two messages."""
        primary_marks = {1, 2, 5, 6} & type_ids
        events: list[Json] = []
        for one, other in ((frm, to), (to, frm)):
            for is_primary in (False, True) if primary_marks else (False,):
                extra: Json = {
                    "associationType": f"{one.kind.singular}_TO_{other.kind.singular}".upper(),
                    "fromObjectId": one.id,
                    "toObjectId": other.id,
                    "associationRemoved": removed,
                    "isPrimaryAssociation": is_primary,
                }
                made = self._events(one, "associationChange", "", actor, at, extra)
                if self._rng.random() < 0.5:
                    for event in made:
                        del event["subscriptionId"]
                events += made
        self._send(events)

    # ------------------------------------------------------------------ inside

    def _property(self, record: Record, name: str, value: str, actor: Actor, at: int) -> list[Json]:
        if not self.portal_settings.conversion_events and name.startswith(_CONVERSIONS):
            return []
        extra: Json = {"objectId": record.id, "propertyName": name, "propertyValue": value}
        return self._events(record, "propertyChange", name, actor, at, extra)

    def _events(self, record: Record, event: str, name: str, actor: Actor, at: int, extra: Json) -> list[Json]:
        found = self._by_key.get((record.kind.name, event, name), ())
        return [self._payload(one, record, actor, at, extra) for one in found if one.active]

    def _payload(self, subscription: Subscription, record: Record, actor: Actor, at: int, extra: Json) -> Json:
        event_id = 100 if self.settings.same_event_id else self._rng.randrange(1, 4_294_967_295)
        payload: dict[str, Any] = {
            "eventId": event_id,
            "subscriptionId": subscription.id,
            "portalId": self.portal_settings.portal_id,
            "appId": self.portal_settings.app_id,
            "occurredAt": at,
            "subscriptionType": subscription.event_type,
            "attemptNumber": 0,
            "changeSource": actor.source,
            "sourceId": actor.source_id,
        }
        if subscription.object_type_id:
            payload["objectTypeId"] = record.kind.type_id
        payload.update(extra)
        return payload

    def _send(self, events: list[Json]) -> None:
        for event in events:
            kind = event["subscriptionType"]
            self.emitted[kind] = self.emitted.get(kind, 0) + 1
        if events:
            self.sender.enqueue(events)
