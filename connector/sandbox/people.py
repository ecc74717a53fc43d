"""What people (and other tools) do in the portal's screens: edits, finished tasks, visits, imports."""

from __future__ import annotations

from typing import Any

from connector.errors import UsageError
from connector.sandbox import links
from connector.sandbox.clock import iso
from connector.sandbox.crm_objects import after_create, write_values
from connector.sandbox.inputs import check_required, check_stage, check_unique, checked_properties
from connector.sandbox.object_types import object_type
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.wire import Actor, Json


def person(portal: Portal, owner_id: str = "", source: str = "CRM_UI") -> Actor:
    """The actor of a change on the screen; without an owner, the portal's administrator."""
    owner = portal.owners.get(owner_id)
    if owner_id and owner is None:
        raise UsageError(f"No owner {owner_id} in the sandbox.", reason="unknown_owner")
    user = owner.user_id if owner is not None else 1001
    if source == "CRM_UI":
        return Actor(source=source, source_id=f"userId:{user}", user_id=user, label="person")
    return Actor(source=source, source_id=source.lower(), label=source.lower())


def the_record(portal: Portal, type_name: str, record_id: str) -> Record:
    """The record; a UsageError when there is none."""
    found = portal.find_by(object_type(type_name), "", str(record_id))
    if found is None:
        raise UsageError(f"No {type_name} {record_id} in the sandbox.", reason="unknown_record")
    return found


def edit(
    portal: Portal, type_name: str, record_id: str, properties: Json, owner_id: str = "", source: str = "CRM_UI"
) -> Record:
    """A person edits a record. The screen may move a lifecycle stage backward: it clears and sets."""
    record = the_record(portal, type_name, record_id)
    actor = person(portal, owner_id, source)
    values = checked_properties(portal, record.kind, properties)
    check_unique(portal, record.kind, values, record)
    check_stage(portal, record.kind, values, record)
    if source == "CRM_UI" and values.get("lifecyclestage"):
        changes: dict[str, list[str | None]] = {}
        before = record.props.get("lifecyclestage")
        if before != values["lifecyclestage"]:
            changes["lifecyclestage"] = [before, values.pop("lifecyclestage")]
            now = portal.now()
            portal.ledger.add(
                at=now, method="update", actor=actor, type=record.kind.name, id=record.id, changes=changes
            )
            portal.apply(record, changes, actor, now)
    if values:
        write_values(portal, record, values, actor)
    return record


def create(
    portal: Portal,
    type_name: str,
    properties: Json,
    associations: list[Json],
    owner_id: str = "",
    source: str = "CRM_UI",
) -> Record:
    """A person makes a record; `associations` are {"type", "id"} with default association types."""
    kind = object_type(type_name)
    values = checked_properties(portal, kind, properties)
    check_required(kind, values)
    check_unique(portal, kind, values)
    check_stage(portal, kind, values)
    targets = [the_record(portal, str(one["type"]), str(one["id"])) for one in associations]
    actor = person(portal, owner_id, source)
    record = portal.create(kind, values, actor)
    after_create(portal, record, [(one, {links.default_type(kind, one.kind)}) for one in targets], actor)
    return record


def calculated(portal: Portal, type_name: str, record_id: str, properties: dict[str, str], source: str) -> Record:
    """HubSpot itself changes read-only properties (visits, mail opens, opt-outs)."""
    record = the_record(portal, type_name, record_id)
    known = portal.definitions[record.kind.name]
    unknown = sorted(set(properties) - set(known))
    if unknown:
        raise UsageError(f"No {type_name} properties {', '.join(unknown)}.", reason="unknown_property")
    changes: dict[str, list[str | None]] = {
        name: [record.props.get(name), value or None]
        for name, value in properties.items()
        if record.props.get(name, "") != value
    }
    if changes:
        portal.apply(record, changes, person(portal, "", source), portal.now())
    return record


def count_up(portal: Portal, contact_id: str, name: str, by: int, source: str, url: str = "") -> Record:
    """Raise a counter of a contact, e.g. `hs_analytics_num_visits` by one visit."""
    contact = the_record(portal, "contacts", contact_id)
    values = {name: str(int(contact.props.get(name, "0")) + by)}
    if name == "hs_analytics_num_visits":
        values["hs_analytics_last_visit_timestamp"] = iso(portal.now())
        if url:
            values["hs_analytics_last_url"] = url
    return calculated(portal, "contacts", contact_id, values, source)


def remove(portal: Portal, type_name: str, record_id: str, owner_id: str = "") -> None:
    """A person deletes a record."""
    record = the_record(portal, type_name, record_id)
    if not record.archived:
        portal.archive(record, person(portal, owner_id))


def dump(portal: Portal, record: Record) -> dict[str, Any]:
    """Everything about a record: properties, history, associations."""
    row = record.as_json(sorted(record.props), sorted(record.history))
    row["type"] = record.kind.name
    row["associations"] = {
        name: {str(other): sorted(types) for other, types in found.items()}
        for name, found in record.links.items()
        if found
    }
    return row
