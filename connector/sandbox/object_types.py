"""The CRM object types: names, ids, which properties are always shown, and what a create needs."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.wire import refusal


@dataclass(frozen=True, kw_only=True)
class ObjectType:
    """One type and HubSpot's habits with it."""

    name: str
    singular: str
    type_id: str
    #: ids of new records count up from here
    first_id: int
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"
    #: shown when a read names no property
    shown: tuple[str, ...] = ()
    #: a create without them is refused
    required: tuple[str, ...] = ()
    #: scope stem: `crm.objects.<scope>.read|write`
    scope: str = "contacts"

    @property
    def always(self) -> tuple[str, ...]:
        """Properties in every reply, asked for or not."""
        return (self.created, self.modified, "hs_object_id")


OBJECT_TYPES: tuple[ObjectType, ...] = (
    ObjectType(
        name="contacts",
        singular="contact",
        type_id="0-1",
        first_id=51_854_903_509,
        created="createdate",
        modified="lastmodifieddate",
        shown=("email", "firstname", "lastname"),
    ),
    ObjectType(
        name="companies",
        singular="company",
        type_id="0-2",
        first_id=22_816_780_518,
        created="createdate",
        shown=("domain", "name"),
        scope="companies",
    ),
    ObjectType(
        name="deals",
        singular="deal",
        type_id="0-3",
        first_id=18_733_500_120,
        created="createdate",
        shown=("amount", "closedate", "dealname", "dealstage", "pipeline"),
        scope="deals",
    ),
    ObjectType(name="notes", singular="note", type_id="0-46", first_id=60_100_000_311, required=("hs_timestamp",)),
    ObjectType(
        name="meetings", singular="meeting", type_id="0-47", first_id=61_100_000_511, required=("hs_timestamp",)
    ),
    ObjectType(name="calls", singular="call", type_id="0-48", first_id=62_100_000_711, required=("hs_timestamp",)),
    ObjectType(name="emails", singular="email", type_id="0-49", first_id=63_100_000_911, required=("hs_timestamp",)),
    ObjectType(
        name="communications",
        singular="communication",
        type_id="0-18",
        first_id=63_600_001_013,
        required=("hs_timestamp", "hs_communication_channel_type", "hs_communication_logged_from"),
    ),
    ObjectType(name="tasks", singular="task", type_id="0-27", first_id=64_100_001_113, required=("hs_timestamp",)),
    ObjectType(
        name="users",
        singular="user",
        type_id="0-115",
        first_id=168_371_669_198,
        shown=("hs_email", "hs_given_name", "hs_family_name"),
        scope="users",
    ),
)

_BY_NAME = {key: one for one in OBJECT_TYPES for key in (one.name, one.singular, one.type_id)}


def object_type(name: str) -> ObjectType:
    """The type by plural, singular (any case) or id like `0-1`; an unknown name is HubSpot's 400."""
    found = _BY_NAME.get(name) or _BY_NAME.get(name.lower())
    if found is None:
        raise refusal(
            400,
            f"Unable to infer object type from: {name}",
            subCategory="crm.objects.UNKNOWN_OBJECT_TYPE",
        )
    return found
