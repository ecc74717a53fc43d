"""Inserts, updates and deletes of single rows, with every reason that Salesforce has to refuse one.

What cannot be read at all (an unknown field, a date that is none) refuses the whole request with 400; everything else
is a problem of its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.sandbox.salesforce.ids import eighteen
from connector.sandbox.salesforce.org import Org, Row, Values
from connector.sandbox.salesforce.schema import FieldInfo, ObjectInfo
from connector.sandbox.salesforce.values import ValueProblemError, read_value
from connector.sandbox.salesforce.wire import Actor, Headers, Problem, refusal

#: fields through which a child locks its parent
_PARENTS = ("AccountId", "CampaignId", "OpportunityId")
_IGNORED = ("attributes", "type")


class RowRefusedError(Exception):
    """One row is refused; the others of the batch are not."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


def insert(org: Org, info: ObjectInfo, given: Mapping[str, Any], actor: Actor, headers: Headers) -> Row:
    """Make a row, or raise `RowRefusedError`."""
    values = _read(org, info, given, actor, create=True)
    missing = [one.name for one in info.fields.values() if one.required and values.get(one.name) is None]
    if missing:
        raise _refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
    values = _assigned(org, info, values, values, headers)
    _check(org, info, values, values, None, headers)
    return org.create(info, values, actor)


def update(org: Org, row: Row, given: Mapping[str, Any], actor: Actor, headers: Headers) -> Row:
    """Change a row, or raise `RowRefusedError`."""
    _check_alive(row)
    if row.get("IsConverted") and actor.source == "API":
        raise _refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    values = _read(org, row.info, given, actor, create=False)
    cleared = [name for name, value in values.items() if value is None and _is_needed(row.info, name)]
    if cleared:
        raise _refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(cleared)}]", *cleared)
    _check_lock(org, row, values)
    after = {**row.values, **values}
    values = _assigned(org, row.info, values, after, headers)
    _check(org, row.info, values, {**after, **values}, row, headers)
    org.write(row, values, actor)
    return row


def remove(org: Org, row: Row, actor: Actor) -> None:
    """Delete a row, or raise `RowRefusedError`."""
    _check_alive(row)
    _check_lock(org, row, {})
    org.delete(row, actor)


def lookup(org: Org, record_id: Any, info: ObjectInfo | None = None) -> Row:
    """The row behind an id that a caller gave; raises `RowRefusedError` for none."""
    try:
        wanted = eighteen(str(record_id))
    except ValueError as error:
        raise _refused("MALFORMED_ID", f"id value of incorrect type: {record_id}", "Id") from error
    found = org.find(wanted)
    if found is None or (info is not None and found.info is not info):
        raise _refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    return found


# ── reading what was sent ────────────────────────────────────────────────────────────────────────────────────


def _read(org: Org, info: ObjectInfo, given: Mapping[str, Any], actor: Actor, *, create: bool) -> Values:
    """The values to keep, by field name. People at their screens (`source` UI) are under no field-level security."""
    values: Values = {}
    problems: list[Problem] = []
    locked: list[str] = []
    for name, raw in given.items():
        if name in _IGNORED or name.lower() == "id":
            continue
        found = _field(org, info, name, actor)
        if not _is_writeable(org, info, found, actor, create=create):
            locked.append(found.name)
            continue
        try:
            values[found.name] = read_value(found, raw)
        except ValueProblemError as error:
            problems.append(error.problem)
    if locked:
        message = (
            f"Unable to create/update fields: {', '.join(locked)}. Please check the security settings of this field "
            "and verify that it is read/write for your profile or permission set."
        )
        raise _refused("INVALID_FIELD_FOR_INSERT_UPDATE", message, *locked)
    if problems:
        raise RowRefusedError(*problems)
    return values


def _field(org: Org, info: ObjectInfo, name: str, actor: Actor) -> FieldInfo:
    found = info.find(name)
    if found is None or (actor.source == "API" and org.hidden(info, found.name)):
        raise refusal(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {info.name}")
    return found


def _is_writeable(org: Org, info: ObjectInfo, found: FieldInfo, actor: Actor, *, create: bool) -> bool:
    if actor.source == "SYSTEM":
        return True
    if actor.source == "API" and found.name in org.settings.readonly_fields.get(info.name, ()):
        return False
    return found.createable if create else found.updateable


def _is_needed(info: ObjectInfo, name: str) -> bool:
    return not info.fields[name].nillable and info.fields[name].type != "boolean"


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────


def _check_alive(row: Row) -> None:
    if row.deleted:
        raise _refused("ENTITY_IS_DELETED", "entity is deleted")


def _check_lock(org: Org, row: Row, values: Mapping[str, Any]) -> None:
    """Somebody else holds the row, or a parent that a child's write locks too."""
    wanted = {row.id, *(str(row.get(name)) for name in _PARENTS), *(str(values.get(name)) for name in _PARENTS)}
    held = sorted(wanted & org.locked)
    if held:
        message = f"unable to obtain exclusive access to this record or 1 records: {held[0]}"
        raise _refused("UNABLE_TO_LOCK_ROW", message)


def _assigned(org: Org, info: ObjectInfo, values: Values, after: Mapping[str, Any], headers: Headers) -> Values:
    """The active assignment rule takes the owner over, unless the header says FALSE: on creates and on updates."""
    rule = org.rules.assignment.get(info.name)
    if rule is None or not rule.active or not headers.auto_assign:
        return values
    owner = rule.owner(after)
    return values if owner is None else {**values, "OwnerId": owner}


def _check(
    org: Org, info: ObjectInfo, values: Values, after: Mapping[str, Any], row: Row | None, headers: Headers
) -> None:
    _check_references(org, info, values)
    _check_activity(org, info, after)
    _check_member(org, info, after, row)
    for name, value in values.items():
        if value is None or not (info.fields[name].unique and org.enforces(info, name)):
            continue
        holder = org.holder(info.name, name, value)
        if holder is not None and holder is not row:
            message = f"duplicate value found: {name} duplicates value on record with id: {holder.id}"
            raise _refused("DUPLICATE_VALUE", message, name)
    for rule in org.rules.validation:
        if rule.object == info.name and rule.strikes(after):
            raise _refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, *([rule.field] if rule.field else []))
    check_duplicates(org, info, values, after, row, headers)


def _check_references(org: Org, info: ObjectInfo, values: Values) -> None:
    for name, value in values.items():
        found = info.fields[name]
        if value is None or found.type != "reference":
            continue
        kind, target = org.object_of(value), org.find(value)
        if kind is None or (found.refers and kind.name not in found.refers):
            raise _refused("FIELD_INTEGRITY_EXCEPTION", f"{found.label}: id value of incorrect type: {value}", name)
        if target is None:
            raise _refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if target.deleted:
            raise _refused("ENTITY_IS_DELETED", "entity is deleted")
        if name == "OwnerId" and kind.name == "User" and not target.get("IsActive"):
            raise _refused(
                "INACTIVE_OWNER_OR_USER", "operation performed with inactive user [" + value + "] as owner", name
            )
        if name in ("WhoId", "LeadId") and target.get("IsConverted"):
            raise _refused("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


def _check_activity(org: Org, info: ObjectInfo, after: Mapping[str, Any]) -> None:
    who = org.object_of(str(after.get("WhoId") or ""))
    if info.name in ("Task", "Event") and who is not None and who.name == "Lead" and after.get("WhatId"):
        message = "Related To ID: must be blank when the name is a lead"
        raise _refused("FIELD_INTEGRITY_EXCEPTION", message, "WhatId")


def _check_member(org: Org, info: ObjectInfo, after: Mapping[str, Any], row: Row | None) -> None:
    if info.name != "CampaignMember" or row is not None:
        return
    who = after.get("LeadId") or after.get("ContactId")
    if who is None:
        raise _refused("REQUIRED_FIELD_MISSING", "Required fields are missing: [LeadId or ContactId]", "LeadId")
    for other in org.rows("CampaignMember"):
        if other.get("CampaignId") == after.get("CampaignId") and other.get("LeadOrContactId") == who:
            raise _refused("DUPLICATE_VALUE", f"Already a campaign member. {other.id}")


def check_duplicates(
    org: Org, info: ObjectInfo, values: Values, after: Mapping[str, Any], row: Row | None, headers: Headers
) -> None:
    """Raise `RowRefusedError` where a duplicate rule knows another row like this one."""
    for rule in org.rules.duplicates:
        touched = row is None or any(name in values for name in rule.fields)
        if rule.object != info.name or not touched or (rule.action == "alert" and headers.allow_duplicates):
            continue
        wanted = [str(after.get(name) or "").lower() for name in rule.fields]
        if not all(wanted):
            continue
        for other in org.rows(info.name):
            if other is row or other.get("IsConverted"):
                continue
            if [str(other.get(name) or "").lower() for name in rule.fields] == wanted:
                raise _refused("DUPLICATES_DETECTED", "Use one of these records?")


def _refused(code: str, message: str, *fields: str) -> RowRefusedError:
    return RowRefusedError(Problem(code=code, message=message, fields=fields))
