"""Bring an org to what a policy needs: look first (`plan`), then do it (`apply`). Doing it twice changes nothing.

Created over the Tooling API: missing custom fields that begin with `Tasuki`, missing values of their picklists, and a
permission set that lets our user see and edit them. Never: a standard field, a field of the company's own, a record
type, a stage. What cannot be mended is a problem that names the field and the remedy. An admin who does not let our
user customise the org deploys the same fields as a package (`package.py`) and connects again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connector.errors import AuthError, UsageError
from connector.policy.model import Policy
from connector.texts import listing, say
from connector.vendors.base import Lane, PropertyInfo
from connector.vendors.provisioning import READ_ONLY, Problem, Provisioned, ProvisionPlan, Step, enrolments
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import protocol
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.protocol import CAMPAIGN
from connector.vendors.salesforce.wanted import (
    HOLDS,
    OWN_PREFIX,
    Wanted,
    keyed_types,
    value_set,
    wanted_fields,
    wanted_pipeline,
)

PERMISSION_SET: Final = "Tasuki"
_EXISTS: Final = ("conflict", "duplicate_developer_name")


@dataclass(slots=True)
class _Org:
    """Describes as read, by object and field."""

    objects: dict[str, Mapping[str, PropertyInfo]] = field(default_factory=dict)


def plan(policy: Policy, vendor: SalesforceVendor) -> ProvisionPlan:
    """Compare the org with the policy; reads only."""
    wanted = wanted_fields(policy)
    org = _Org({one: vendor.describe(one) for one in sorted({one.object_type for one in wanted})})
    steps: list[Step] = []
    problems: list[Problem] = []
    for one in wanted:
        info = org.objects[one.object_type].get(one.name)
        if info is None:
            steps += _creation(one, steps, problems)
        else:
            steps += _extension(one, info, problems)
    problems += [*_pipeline_problems(policy, vendor), *_campaign_problems(policy, vendor)]
    return ProvisionPlan(
        steps=tuple(steps),
        problems=tuple(problems),
        stage_values={},
        keyed=keyed_types(policy),
        asked=tuple(f"{one.object_type}.{one.name}" for one in wanted),
    )


def apply(found: ProvisionPlan, vendor: SalesforceVendor) -> Provisioned:
    """Carry the plan out. Raises `UsageError` when it has errors, or when the org refuses a step."""
    if found.errors:
        listed = listing(problem.message for problem in found.errors)
        raise UsageError(say("Salesforce does not fit the policy:\n{listed}", listed=listed), reason="org_unfit")
    fresh = [one for one in found.steps if one.action == "create_property"]
    for step in found.steps:
        _perform(step, vendor)
    if fresh:
        _grant(vendor, fresh)
    _check(vendor, fresh)
    keyed = [one for one in found.keyed if protocol.KEY_PROPERTY in vendor.describe(one)]
    return Provisioned(stage_values=found.stage_values, capabilities={"unique_keys": keyed, "unavailable": []})


# ── what lacks ───────────────────────────────────────────────────────────────────────────────────────────────
def _creation(wanted: Wanted, steps: Sequence[Step], problems: list[Problem]) -> list[Step]:
    place = f"{wanted.object_type}.{wanted.name}"
    if not wanted.ours:
        message = say(
            "Salesforce shows our user no field {place} (field {field}): mend the name, give the user access to it, "
            "or begin it with {own_prefix} and end it with __c to have it created.",
            place=place,
            field=wanted.field,
            own_prefix=OWN_PREFIX,
        )
        problems.append(_problem(wanted, "error" if wanted.written else "warning", "property_missing", message))
        return []
    says = say("create the field {place} ({label})", place=place, label=wanted.label)
    body = {"FullName": wanted.full_name, "Metadata": wanted.metadata()}
    step = Step(action="create_property", object_type=wanted.object_type, name=wanted.name, body=body, says=says)
    known = any(one.body.get("FullName") == wanted.full_name for one in steps)  # of tasks and events: made once
    return [] if known else [step]


def _extension(wanted: Wanted, info: PropertyInfo, problems: list[Problem]) -> list[Step]:
    """Values that an existing picklist lacks, and what is wrong with the field."""
    place = f"{wanted.object_type}.{wanted.name}"
    if info.type not in HOLDS[wanted.kind]:
        message = say(
            "{place} is of type {type}, which cannot hold {field} ({kind}).",
            place=place,
            type=info.type,
            field=wanted.field,
            kind=wanted.kind.value,
        )
        problems.append(_problem(wanted, "error", "property_type", message))
        return []
    if wanted.written and info.read_only:
        message = say(
            "{place} may only be read by our user: give the integration user edit access to it, or {field} is never "
            "written.",
            place=place,
            field=wanted.field,
        )
        problems.append(_problem(wanted, "error" if wanted.computed else "warning", READ_ONLY, message))
        return []
    missing = {value: label for value, label in wanted.options.items() if value not in info.options}
    if not missing or not wanted.written or info.type not in ("enumeration", "multi_enumeration"):
        return []
    if not wanted.ours:
        message = say(
            "{place} lacks the values {missing}: add them in Salesforce's setup, or map {field} to others.",
            place=place,
            missing=", ".join(missing),
            field=wanted.field,
        )
        problems.append(_problem(wanted, "error" if wanted.computed else "warning", "options_missing", message))
        return []
    says = say("add the options {missing} to {place}", missing=", ".join(missing), place=place)
    body = {"FullName": wanted.full_name, "options": {**info.options, **missing}}
    return [Step(action="add_options", object_type=wanted.object_type, name=wanted.name, body=body, says=says)]


def _pipeline_problems(policy: Policy, vendor: SalesforceVendor) -> Iterator[Problem]:
    """Record types and stages are the company's own to make: a sales process stands behind them."""
    wanted = wanted_pipeline(policy)
    if wanted is None:
        return
    pipelines = vendor.pipelines()
    found = next((one for one in pipelines if wanted.name in (one.label, one.id)), None)
    if found is None:
        message = say(
            "Opportunities have no record type {name}: make it in Salesforce's setup and give it to the integration "
            "user's profile, or name one of {known} in handoff.yaml.",
            name=wanted.name,
            known=", ".join(one.label for one in pipelines),
        )
        yield _of("error", "Opportunity", "RecordTypeId", "record_type_missing", message)
    stages = {name for one in pipelines for stage in one.stages for name in (stage.id, stage.label)}
    missing = [one for one in wanted.stages if one not in stages]
    if missing:
        message = say(
            "Opportunities have no stages {missing}: add them in Salesforce's setup, or name others in handoff.yaml.",
            missing=", ".join(missing),
        )
        yield _of("error", "Opportunity", "StageName", "stages_missing", message)


def _campaign_problems(policy: Policy, vendor: SalesforceVendor) -> Iterator[Problem]:
    for name in enrolments(policy, CAMPAIGN):
        found = vendor.enroller.find_list(name, lane=Lane.BACKGROUND)
        if found is None or not found.static:
            message = say("There is no active campaign {name}: nobody is put on it until you make one.", name=name)
            yield _of("warning", "Campaign", name, "campaign_missing", message)


# ── doing it ─────────────────────────────────────────────────────────────────────────────────────────────────
def _perform(step: Step, vendor: SalesforceVendor) -> None:
    try:
        if step.action == "create_property":
            _create(step.body, vendor)
        else:
            _extend(step, vendor)
    except (RefusedError, AuthError) as error:
        raise UsageError(
            say(
                "Salesforce refuses to {says}: {message} Let the integration user customise the application, or have "
                "an admin deploy what `tasuki connect salesforce --package` writes, then run this again.",
                says=step.says,
                message=error.message,
            ),
            reason="provisioning_refused",
        ) from error


def _create(body: Mapping[str, Any], vendor: SalesforceVendor) -> None:
    """A field of activities that may not be unique gets along without: our key is looked up by query anyway."""
    try:
        vendor.api.call("POST", "tooling/sobjects/CustomField", body, lane=Lane.BACKGROUND)
    except RefusedError as error:
        if error.reason in _EXISTS:  # somebody else was faster, or an earlier answer was lost
            return
        if not body["Metadata"].get("unique"):
            raise
        plain = {name: value for name, value in body["Metadata"].items() if name not in ("unique", "caseSensitive")}
        vendor.api.call("POST", "tooling/sobjects/CustomField", {**body, "Metadata": plain}, lane=Lane.BACKGROUND)


def _extend(step: Step, vendor: SalesforceVendor) -> None:
    object_type, _, name = str(step.body["FullName"]).partition(".")
    where = (
        f"TableEnumOrId = {protocol.quoted(object_type)} AND DeveloperName = "
        f"{protocol.quoted(name.removesuffix('__c'))}"
    )
    soql = protocol.select(["Id", "Metadata"], "CustomField", where)
    answer = vendor.api.call("GET", f"tooling/query?q={protocol.in_address(soql)}", lane=Lane.BACKGROUND)
    for raw in answer["records"]:
        metadata = {**raw["Metadata"], "valueSet": value_set(step.body["options"])}
        vendor.api.call(
            "PATCH", f"tooling/sobjects/CustomField/{raw['Id']}", {"Metadata": metadata}, lane=Lane.BACKGROUND
        )


def _grant(vendor: SalesforceVendor, fresh: Sequence[Step]) -> None:
    """What is made over the API is visible to nobody: our permission set shows it to our user."""
    set_id = _permission_set(vendor)
    objects = {"Activity": ("Task", "Event")}
    for step in fresh:
        object_type, _, name = str(step.body["FullName"]).partition(".")
        for one in objects.get(object_type, (object_type,)):
            body = {
                "ParentId": set_id,
                "SobjectType": one,
                "Field": f"{one}.{name}",
                "PermissionsRead": True,
                "PermissionsEdit": True,
            }
            _made(vendor, "FieldPermissions", body)


def _permission_set(vendor: SalesforceVendor) -> str:
    """The id of our permission set, which our user has."""
    soql = protocol.select(["Id"], "PermissionSet", f"Name = {protocol.quoted(PERMISSION_SET)}")
    known = [str(raw["Id"]) for raw in vendor.api.query(soql, lane=Lane.BACKGROUND)]
    body = {"Name": PERMISSION_SET, "Label": "Tasuki"}
    set_id = known[0] if known else _made(vendor, "PermissionSet", body)
    if set_id is None or vendor.user_id is None:
        raise UsageError(
            say("The permission set Tasuki cannot be made: have an admin make it and give it to the integration user."),
            reason="permission_set",
        )
    _made(vendor, "PermissionSetAssignment", {"PermissionSetId": set_id, "AssigneeId": vendor.user_id})
    return set_id


def _made(vendor: SalesforceVendor, object_type: str, body: Mapping[str, Any]) -> str | None:
    """The id of a new setup record; None: it is there already."""
    try:
        answer = vendor.api.call("POST", f"sobjects/{object_type}", body, lane=Lane.BACKGROUND)
    except RefusedError as error:
        if error.reason in _EXISTS:
            return None
        raise
    return str(answer["id"])


def _check(vendor: SalesforceVendor, fresh: Sequence[Step]) -> None:
    """Made is not visible: what our user still does not see is told."""
    seen = {one: vendor.describe(one) for one in dict.fromkeys(step.object_type for step in fresh)}
    hidden = [f"{step.object_type}.{step.name}" for step in fresh if step.name not in seen[step.object_type]]
    if hidden:
        raise UsageError(
            say(
                "Our user does not see {fields} yet: give it the permission set Tasuki, or access to these fields, "
                "then run this again.",
                fields=", ".join(hidden),
            ),
            reason="field_access",
        )


def _problem(wanted: Wanted, severity: str, reason: str, message: str) -> Problem:
    return _of(severity, wanted.object_type, wanted.name, reason, message)


def _of(severity: str, object_type: str, name: str, reason: str, message: str) -> Problem:
    return Problem(severity=severity, object_type=object_type, property_name=name, reason=reason, message=message)
