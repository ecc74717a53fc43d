"""HubSpot's addresses and numbers: paths of both API families, object types, association types, batch sizes.

Date-versioned paths (`2026-03`) are current; v3 and v4 end in 2027 and are kept as the switchable fallback. Sources:
HubSpot's public API specification collection and `association_type.py` of the official client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from connector.errors import UsageError

BATCH_SIZE: Final = 100
HISTORY_BATCH_SIZE: Final = 50
ASSOCIATIONS_BATCH_SIZE: Final = 1_000
ASSOCIATE_BATCH_SIZE: Final = 2_000
SUBMISSIONS_PAGE: Final = 50
OWNERS_PAGE: Final = 500

#: Our object type → HubSpot's name in paths.
OBJECTS: Final[Mapping[str, str]] = {
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "task": "tasks",
    "note": "notes",
    "call": "calls",
    "email": "emails",
    "meeting": "meetings",
    "communication": "communications",
}

#: Our object type → HubSpot's type id, which stands in the addresses of its pages.
TYPE_IDS: Final[Mapping[str, str]] = {"contact": "0-1", "company": "0-2", "deal": "0-3"}

#: Where people open a portal, unless its account details name another data centre's address (`app-eu1.hubspot.com`).
UI_DOMAIN: Final = "app.hubspot.com"

#: Our object type → the property that holds when a record was last modified, where it is not the usual one.
MODIFIED: Final[Mapping[str, str]] = {"contact": "lastmodifieddate"}
MODIFIED_USUALLY: Final = "hs_lastmodifieddate"

#: (from, to) → HubSpot's own association type id.
ASSOCIATION_TYPES: Final[Mapping[tuple[str, str], int]] = {
    ("task", "contact"): 204,
    ("task", "company"): 192,
    ("task", "deal"): 216,
    ("note", "contact"): 202,
    ("note", "company"): 190,
    ("note", "deal"): 214,
    ("call", "contact"): 194,
    ("email", "contact"): 198,
    ("meeting", "contact"): 200,
    ("deal", "contact"): 3,
    ("deal", "company"): 5,  # the primary one
    ("contact", "company"): 279,
}

#: The property of a record that lists those that were merged into it, by id with `;` between.
MERGED_PROPERTY: Final = "hs_merged_object_ids"

#: The property that holds our key on records that we create.
KEY_PROPERTY: Final = "tasuki_key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Path templates of one API family. `{object}`, `{source}` and `{target}` are HubSpot's plural names."""

    objects: str
    properties: str
    property_groups: str
    pipelines: str
    owners: str
    associations: str
    lists: str
    sequences: str
    forms: str
    account: str
    #: These two were only ever published under v1.
    dispositions: str = "/calling/v1/dispositions"
    submissions: str = "/form-integrations/v1/submissions/forms/{form}"

    def association(self, from_type: str, to_type: str, verb: str) -> str:
        """The path of a batch of associations; `verb` is `read` or `associate/default`."""
        return self.associations.format(source=object_name(from_type), target=object_name(to_type), verb=verb)

    def object(self, object_type: str, tail: str = "") -> str:
        """The path of an object type, with `tail` (such as `/batch/read`) behind it."""
        return self.objects.format(object=object_name(object_type)) + tail


FAMILIES: Final[Mapping[str, Paths]] = {
    "2026-03": Paths(
        objects="/crm/objects/2026-03/{object}",
        properties="/crm/properties/2026-03/{object}",
        property_groups="/crm/properties/2026-03/{object}/groups",
        pipelines="/crm/pipelines/2026-03/{object}",
        owners="/crm/owners/2026-03",
        associations="/crm/associations/2026-03/{source}/{target}/batch/{verb}",
        lists="/crm/lists/2026-03",
        sequences="/automation/sequences/2026-03",
        forms="/marketing/forms/2026-03",
        account="/account-info/2026-03/details",
    ),
    "v3": Paths(
        objects="/crm/v3/objects/{object}",
        properties="/crm/v3/properties/{object}",
        property_groups="/crm/v3/properties/{object}/groups",
        pipelines="/crm/v3/pipelines/{object}",
        owners="/crm/v3/owners",
        associations="/crm/v4/associations/{source}/{target}/batch/{verb}",
        lists="/crm/v3/lists",
        sequences="/automation/v4/sequences",
        forms="/marketing/v3/forms",
        account="/account-info/v3/details",
    ),
}


def family(version: str) -> Paths:
    """The paths of an API family; `UsageError` for one that does not exist."""
    if version not in FAMILIES:
        raise UsageError(
            f"HubSpot's API family is one of {', '.join(FAMILIES)}; mend TASUKI_HUBSPOT_API_VERSION.",
            reason="unknown_api_version",
        )
    return FAMILIES[version]


def object_name(object_type: str) -> str:
    """HubSpot's name of one of our object types; `UsageError` for a type that we do not sync."""
    if object_type not in OBJECTS:
        raise UsageError(
            f"There is no object type {object_type!r}; use one of {', '.join(OBJECTS)}.", reason="unknown_object_type"
        )
    return OBJECTS[object_type]


def segment(text: str) -> str:
    """`text` as one path segment: no slash, dot or line break of it means anything."""
    quoted = quote(text, safe="")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def association_type(object_type: str, other_type: str) -> int:
    """HubSpot's id of the plain association between two types; `UsageError` for a pair that we never create."""
    if (object_type, other_type) not in ASSOCIATION_TYPES:
        raise UsageError(
            f"A {object_type} is not associated with a {other_type} by this product.", reason="unknown_association"
        )
    return ASSOCIATION_TYPES[object_type, other_type]
