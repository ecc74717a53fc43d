"""The policy's pipeline in the portal: created when it is missing, completed by the stages that it lacks.

A pipeline is known by its label (or id), a stage by the name that the policy stores it under, its label or its id.
What the portal has beyond the policy stays; nothing is renamed, moved or removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.protocol import object_name, segment
from connector.vendors.hubspot.wanted import WantedDealStage, WantedPipeline
from connector.vendors.provisioning import Step

_TYPE = "deal"


def pipeline_steps(wanted: WantedPipeline, vendor: HubSpotVendor) -> list[Step]:
    """What is missing; reads only."""
    answer = vendor.api.get(vendor.paths.pipelines.format(object=object_name(_TYPE)), {}, lane=Lane.BACKGROUND)
    found = next((raw for raw in answer["results"] if wanted.name in (raw.get("label"), raw["id"])), None)
    if found is None:
        return [_creation(wanted, answer["results"])]
    return _additions(wanted, found)


def perform(step: Step, vendor: HubSpotVendor) -> None:
    """Carry out one of these steps; `RefusedError` as the call gives it."""
    path = vendor.paths.pipelines.format(object=object_name(_TYPE))
    if step.action == "create_deal_stage":
        path += f"/{segment(step.name)}/stages"
    vendor.api.call("POST", path, step.body, lane=Lane.BACKGROUND)


def _creation(wanted: WantedPipeline, others: Sequence[Mapping[str, Any]]) -> Step:
    stages = [_stage(stage, order) for order, stage in enumerate(wanted.stages)]
    order = max((int(raw.get("displayOrder") or 0) for raw in others), default=-1) + 1
    body = {"label": wanted.name, "displayOrder": order, "stages": stages}
    listed = ", ".join(f"{stage.name} {stage.probability:.0%}" for stage in wanted.stages)
    says = say("create the deal pipeline {name} with the stages {listed}", name=wanted.name, listed=listed)
    return Step(action="create_pipeline", object_type=_TYPE, name=wanted.name, body=body, says=says)


def _additions(wanted: WantedPipeline, raw: Mapping[str, Any]) -> list[Step]:
    """A missing stage comes right behind the stage that precedes it in the policy."""
    orders = {
        name: int(stage.get("displayOrder") or 0)
        for stage in raw.get("stages") or ()
        for name in (str(stage.get("label")), str(stage["id"]))
    }
    steps: list[Step] = []
    behind = -1
    for stage in wanted.stages:
        if stage.name in orders:
            behind = orders[stage.name]
            continue
        behind += 1
        says = say(
            "add the stage {name} {probability:.0%} to the deal pipeline {pipeline}",
            name=stage.name,
            probability=stage.probability,
            pipeline=wanted.name,
        )
        body = _stage(stage, behind)
        steps.append(Step(action="create_deal_stage", object_type=_TYPE, name=str(raw["id"]), body=body, says=says))
    return steps


def _stage(stage: WantedDealStage, order: int) -> dict[str, Any]:
    """HubSpot wants a probability as text between 0.0 and 1.0; these two close the deal."""
    metadata = {"probability": str(round(float(stage.probability), 4))}
    return {"label": stage.name, "displayOrder": order, "metadata": metadata}
