"""HubSpot's webhook event types in our words.

Source: the `subscriptionType` enum of HubSpot's webhooks specification (48 types), the generic `object.*` types
with `objectTypeId` among them.
"""

from __future__ import annotations

from typing import Final

from connector.vendors.base import EventKind

#: The part after the dot.
_VERBS: Final = {
    "creation": EventKind.CREATED,
    "propertyChange": EventKind.CHANGED,
    "deletion": EventKind.DELETED,
    "restore": EventKind.RESTORED,
    "merge": EventKind.MERGED,
    "associationChange": EventKind.ASSOCIATED,
    "privacyDeletion": EventKind.ERASED,
    "newMessage": EventKind.CHANGED,
}

#: The part before the dot → our object type; `object` takes it from `objectTypeId`.
_NOUNS: Final = {
    "contact": "contact",
    "company": "company",
    "deal": "deal",
    "ticket": "other",
    "product": "other",
    "line_item": "other",
    "conversation": "other",
}

_CRM_VERBS: Final = ("creation", "deletion", "merge", "propertyChange", "restore")

_ALL_NAMES: Final = frozenset(
    [f"{noun}.{verb}" for noun in (*_NOUNS, "object") if noun != "conversation" for verb in _CRM_VERBS]
    + [f"{noun}.associationChange" for noun in ("contact", "company", "deal", "ticket", "line_item", "object")]
    + [f"conversation.{verb}" for verb in ("creation", "deletion", "newMessage", "privacyDeletion", "propertyChange")]
    + ["contact.privacyDeletion"]
)

#: Type name → kind. A name that is not here becomes UNKNOWN: kept and counted.
EVENT_KINDS: Final = {name: _VERBS[name.split(".")[1]] for name in _ALL_NAMES} | {
    "event.completed": EventKind.UNKNOWN,  # in the enum, documented nowhere
}

#: HubSpot's ids of its standard object types → ours.
OBJECT_TYPE_IDS: Final = {
    "0-1": "contact",
    "0-2": "company",
    "0-3": "deal",
    "0-18": "communication",
    "0-27": "task",
    "0-46": "note",
    "0-47": "meeting",
    "0-48": "call",
    "0-49": "email",
}

#: `changeSource` words behind which a person stands: the CRM's screens, imports, and workflows that act for one.
PERSON_SOURCES: Final = frozenset(
    {
        "CRM_UI", "CRM_UI_BULK_ACTION", "CONTACTS_WEB", "CONTACTS", "COMPANIES", "DEALS", "TASKS", "MOBILE_IOS",
        "MOBILE_ANDROID", "IMPORT", "SALES", "SALES_MESSAGES", "EXTENSION", "BATCH_UPDATE", "MERGE_OBJECTS",
        "MERGE_CONTACTS", "AUTOMATION_PLATFORM", "WORKFLOWS", "WORKFLOW",
    }
)  # fmt: skip

#: A person merged two records; the values that the winner took over say so.
MERGE_SOURCES: Final = frozenset({"MERGE_OBJECTS", "MERGE_CONTACTS", "MERGE_COMPANIES"})

#: `changeSource` words of API writers; ours when `sourceId` is our app's id.
INTEGRATION_SOURCES: Final = frozenset({"INTEGRATION", "API", "INTEGRATIONS_PLATFORM"})


#: Changes that come by the thousand and that nobody waits for: imports, and what programs write (our own echo too).
BULK_SOURCES: Final = INTEGRATION_SOURCES | {"IMPORT", "BATCH_UPDATE", "MIGRATION", "DATA_ENRICHMENT"}


def object_type(type_name: str, type_id: str | None) -> str:
    """Our object type for an event: from the type's own name, else from `objectTypeId`."""
    noun = type_name.partition(".")[0]
    if noun == "object":
        return OBJECT_TYPE_IDS.get(type_id or "", "other")
    return _NOUNS.get(noun, "other")
