"""Bring a portal to what a policy needs: look first (`plan`), then do it (`apply`). Doing it twice changes nothing.

Created: the property group `tasuki`, missing `tasuki_*` properties, missing options, custom lifecycle stages, the deal
pipeline with its missing stages. Never: a standard property, or the definition of anything that exists beyond its
options. What cannot be mended is a problem that names the property and the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import groupby
from typing import Any

from connector.errors import UsageError
from connector.policy.model import Policy
from connector.texts import listing, say
from connector.vendors.base import Lane
from connector.vendors.hubspot import pipeline_steps
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.enrolling import LIST, SEQUENCE
from connector.vendors.hubspot.probe import enforced_keys
from connector.vendors.hubspot.problems import (
    NO_SEQUENCES,
    list_problems,
    outcome_problems,
    sequence_problems,
)
from connector.vendors.hubspot.protocol import object_name
from connector.vendors.hubspot.records import property_info
from connector.vendors.hubspot.wanted import (
    GROUP,
    HOLDS,
    OWN_PREFIX,
    Wanted,
    WantedStages,
    keyed_types,
    wanted_pipeline,
    wanted_properties,
    wanted_stages,
)
from connector.vendors.provisioning import READ_ONLY, Problem, Provisioned, ProvisionPlan, Step, enrolments
from connector.vendors.refusal import RefusedError

#: Standard properties whose options a portal may extend.
_EXTENSIBLE = ("lifecyclestage", "hs_lead_status", "industry")


@dataclass(slots=True)
class _Portal:
    """Property definitions as read, by object type and name."""

    properties: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)


def plan(policy: Policy, vendor: HubSpotVendor) -> ProvisionPlan:
    """Compare the portal with the policy; reads only."""
    wanted, stages = wanted_properties(policy), wanted_stages(policy)
    portal = _look(vendor, sorted({one.object_type for one in wanted}))
    problems: list[Problem] = []
    steps: list[Step] = []
    for one in wanted:
        found = portal.properties[one.object_type].get(one.name)
        if found is None:
            steps += _creation(one, portal, problems)
        else:
            steps += _extension(one, found, stages, problems)
    stage_values: dict[str, str] = {}
    for store in stages:
        steps += _new_stages(store, portal, stage_values)
    for look in (outcome_problems, list_problems, sequence_problems):
        problems += look(policy, vendor)
    steps += _new_lists(policy, vendor)
    pipeline = wanted_pipeline(policy)
    if pipeline is not None:
        steps += pipeline_steps.pipeline_steps(pipeline, vendor)
    return ProvisionPlan(
        steps=tuple(steps),
        problems=tuple(problems),
        stage_values=stage_values,
        keyed=keyed_types(policy),
        enrols=bool(enrolments(policy, SEQUENCE)),
        asked=tuple(f"{one.object_type}.{one.name}" for one in wanted),
    )


def apply(found: ProvisionPlan, vendor: HubSpotVendor, *, probe_id: str, now: datetime) -> Provisioned:
    """Carry the plan out and probe what the portal enforces.

    `probe_id` names the short-lived tasks and notes of the probe. Raises `UsageError` when the plan has errors.
    """
    if found.errors:
        listed = listing(problem.message for problem in found.errors)
        raise UsageError(say("HubSpot does not fit the policy:\n{listed}", listed=listed), reason="portal_unfit")
    for action, steps in groupby(found.steps, lambda step: step.action):
        if action == "create_property":  # by the dozen, and none needs another; whatever else is created has its order
            vendor.flight.map(lambda step: _perform(step, vendor), steps)
        else:
            for step in steps:
                _perform(step, vendor)
    unique = enforced_keys(vendor, found.keyed, probe_id=probe_id, now=now)
    unavailable = [SEQUENCE for problem in found.problems if problem.reason == NO_SEQUENCES]
    capabilities = {"unique_keys": unique, "unavailable": unavailable}
    return Provisioned(stage_values=found.stage_values, capabilities=capabilities)


def _look(vendor: HubSpotVendor, object_types: Sequence[str]) -> _Portal:
    portal = _Portal()
    for object_type in object_types:
        place = object_name(object_type)
        properties = vendor.api.get(vendor.paths.properties.format(object=place), {}, lane=Lane.BACKGROUND)
        groups = vendor.api.get(vendor.paths.property_groups.format(object=place), {}, lane=Lane.BACKGROUND)
        portal.properties[object_type] = {raw["name"]: raw for raw in properties["results"]}
        portal.groups[object_type] = {raw["name"] for raw in groups["results"]}
    return portal


def _creation(wanted: Wanted, portal: _Portal, problems: list[Problem]) -> list[Step]:
    place = f"{wanted.object_type}.{wanted.name}"
    if not wanted.ours:
        severity = "error" if wanted.written else "warning"
        message = say(
            "HubSpot has no property {place} (field {field}): mend the name, or begin it with {own_prefix} to have it "
            "created.",
            place=place,
            field=wanted.field,
            own_prefix=OWN_PREFIX,
        )
        problems.append(_problem(wanted, severity, "property_missing", message))
        return []
    steps = []
    if GROUP not in portal.groups[wanted.object_type]:
        portal.groups[wanted.object_type].add(GROUP)
        body = {"name": GROUP, "label": "Tasuki"}
        says = say(
            "create the property group {group} on {object_name}",
            group=GROUP,
            object_name=object_name(wanted.object_type),
        )
        steps.append(Step(action="create_group", object_type=wanted.object_type, name=GROUP, body=body, says=says))
    says = say("create the property {place} ({label})", place=place, label=wanted.label)
    definition = wanted.definition()
    return [
        *steps,
        Step(
            action="create_property",
            object_type=wanted.object_type,
            name=wanted.name,
            body=definition,
            says=says,
        ),
    ]


def _extension(
    wanted: Wanted, raw: Mapping[str, Any], stages: Sequence[WantedStages], problems: list[Problem]
) -> list[Step]:
    """Options that an existing property lacks, and what is wrong with it."""
    info, place = property_info(raw), f"{wanted.object_type}.{wanted.name}"
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
        severity = "error" if wanted.computed else "warning"
        message = say(
            "{place} is read-only in HubSpot: {field} is read from it and never written.",
            place=place,
            field=wanted.field,
        )
        problems.append(_problem(wanted, severity, READ_ONLY, message))
        return []
    missing = {value: label for value, label in wanted.options.items() if value not in info.options}
    if not missing or not wanted.written or info.type not in ("enumeration", "multi_enumeration"):
        return []
    if not wanted.ours and wanted.name not in _EXTENSIBLE:
        message = say(
            "{place} lacks the options {missing}: add them in HubSpot, or map {field} to others.",
            place=place,
            missing=", ".join(missing),
            field=wanted.field,
        )
        problems.append(_problem(wanted, "error", "options_missing", message))
        return []
    if any(store.object_type == wanted.object_type and store.name == wanted.name for store in stages):
        # a standard stage that the portal deleted: adding it again would move nobody, but it is theirs to decide
        message = say(
            "{place} lacks the stages {missing}: add them in HubSpot, or mend stored_as.",
            place=place,
            missing=", ".join(missing),
        )
        problems.append(_problem(wanted, "error", "stages_missing", message))
        return []
    options = [*raw.get("options", ()), *_options(missing, start=len(raw.get("options", ())))]
    says = say("add the options {missing} to {place}", missing=", ".join(missing), place=place)
    body = {"options": [_option(one) for one in options]}
    return [Step(action="add_options", object_type=wanted.object_type, name=wanted.name, body=body, says=says)]


def _new_lists(policy: Policy, vendor: HubSpotVendor) -> list[Step]:
    """Static lists that the policy puts people on."""
    missing = [one for one in enrolments(policy, LIST) if vendor.enroller.find_list(one, lane=Lane.BACKGROUND) is None]
    return [
        Step(
            action="create_list",
            object_type="contact",
            name=name,
            body={},
            says=say("create the static list {name}", name=name),
        )
        for name in missing
    ]


def _new_stages(store: WantedStages, portal: _Portal, stage_values: dict[str, str]) -> list[Step]:
    """Custom stages, each behind its predecessor: HubSpot's stages move forward in display order only."""
    raw = portal.properties[store.object_type].get(store.name)
    if raw is None:
        return []
    options = sorted(map(_option, raw.get("options", ())), key=lambda option: option["displayOrder"])
    added: list[str] = []
    before: str | None = None
    for stage, fixed in store.order:
        if fixed is not None:
            before = fixed
            continue
        label = store.create[stage]
        known = next((one["value"] for one in options if one["label"] == label), None)
        if known is None:
            known = _stage_value(store, label)
            at = next((index for index, one in enumerate(options) if one["value"] == before), len(options) - 1)
            options.insert(at + 1, {"value": known, "label": label, "hidden": False, "displayOrder": 0})
            added.append(label)
        stage_values[stage] = before = known
    if not added:
        return []
    body = {"options": [{**one, "displayOrder": order} for order, one in enumerate(options)]}
    says = say(
        "add the stages {added} to {object_type}.{name}",
        added=", ".join(added),
        object_type=store.object_type,
        name=store.name,
    )
    return [Step(action="create_stages", object_type=store.object_type, name=store.name, body=body, says=says)]


def _stage_value(store: WantedStages, label: str) -> str:
    """A custom stage's internal value: a number, as HubSpot's own are, and the same one whenever it is asked for."""
    digest = blake2b(f"{store.name}:{label}".encode(), digest_size=4).digest()
    return str(1_000_000_000 + int.from_bytes(digest, "big"))


def _perform(step: Step, vendor: HubSpotVendor) -> None:
    place = object_name(step.object_type)
    properties = vendor.paths.properties.format(object=place)
    try:
        if step.action == "create_group":
            path = vendor.paths.property_groups.format(object=place)
            vendor.api.call("POST", path, step.body, lane=Lane.BACKGROUND)
        elif step.action == "create_property":
            _create_property(properties, step, vendor)
        elif step.action == "create_list":
            vendor.enroller.create_list(step.name)
        elif step.action in ("create_pipeline", "create_deal_stage"):
            pipeline_steps.perform(step, vendor)
        else:
            vendor.api.call("PATCH", f"{properties}/{step.name}", step.body, lane=Lane.BACKGROUND)
    except RefusedError as error:
        if error.status == 409:  # somebody else was faster, or an earlier answer was lost
            return
        raise UsageError(
            say(
                "HubSpot refuses to {says}: {message} Do it in HubSpot's settings, then run this again.",
                says=step.says,
                message=error.message,
            ),
            reason="provisioning_refused",
        ) from error


def _create_property(path: str, step: Step, vendor: HubSpotVendor) -> None:
    """A portal that refuses unique properties on a type gets an ordinary one: the probe will tell the difference."""
    try:
        vendor.api.call("POST", path, step.body, lane=Lane.BACKGROUND)
    except RefusedError as error:
        if error.status == 409 or not step.body["hasUniqueValue"]:
            raise
        vendor.api.call("POST", path, {**step.body, "hasUniqueValue": False}, lane=Lane.BACKGROUND)


def _options(missing: Mapping[str, str], *, start: int) -> list[dict[str, Any]]:
    return [
        {"value": value, "label": label, "hidden": False, "displayOrder": start + index}
        for index, (value, label) in enumerate(missing.items())
    ]


def _option(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an option that HubSpot takes back."""
    return {
        "value": raw["value"],
        "label": raw.get("label") or raw["value"],
        "hidden": raw.get("hidden") is True,
        "displayOrder": raw.get("displayOrder") or 0,
        "description": raw.get("description") or "",
    }


def _problem(wanted: Wanted, severity: str, reason: str, message: str) -> Problem:
    return Problem(
        severity=severity,
        object_type=wanted.object_type,
        property_name=wanted.name,
        reason=reason,
        message=message,
    )
