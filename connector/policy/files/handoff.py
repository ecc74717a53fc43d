"""`handoff.yaml`: gates, the deal to create, its packet, the pipeline. Checked, not run yet."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connector.policy.files.actions import DoModel
from connector.policy.files.base import Condition, Events, FileModel, Id, Label, Percent, Words, YesNo
from connector.policy.files.ranges import Amount


class GateModel(FileModel):
    """What must be known before a lead is handed over."""

    label: Label | None = None
    required: Words = ()
    required_any: list[Words] = []
    wanted: Words = ()
    if_missing: DoModel | None = None


class Conversion(FileModel):
    """How a Salesforce lead is converted."""

    convert_lead: YesNo = False
    account: Literal["same_domain", "same_name", "new"] = "same_domain"


class CreateDeal(FileModel):
    """The deal or opportunity that a hand-over makes."""

    on: Events
    title: str
    stage: str
    amount: Amount | None = None
    salesforce: Conversion | None = None
    associate: list[Literal["contact", "company"]] = []
    if_open_deal: Literal["reuse", "create", "refuse"] = "reuse"
    packet: Words = ()


class PipelinePlace(FileModel):
    """The pipeline's name in HubSpot."""

    pipeline: str


class RecordTypePlace(FileModel):
    """The record type's name in Salesforce."""

    record_type: str


class PipelineStored(FileModel):
    """Where the pipeline lives."""

    hubspot: PipelinePlace | None = None
    salesforce: RecordTypePlace | None = None


class PipelineStage(FileModel):
    """One stage of a deal; `required` is what a deal must hold to be there."""

    label: Label
    owner: str | None = None
    probability: Percent
    required: Words = ()
    salesforce: str | None = None
    hubspot: str | None = None


class Also(FileModel):
    """More that is required while a condition holds."""

    id: Id
    when: Condition
    required: Words
    renamed_from: Id | None = None


class Pipeline(FileModel):
    """The stages of a deal, in order."""

    label: Label | None = None
    stored_as: PipelineStored | None = None
    stages: Annotated[dict[Id, PipelineStage], Field(min_length=1)]
    also: list[Also] = []
    if_missing: DoModel | None = None


class HandoffFile(FileModel):
    """handoff.yaml"""

    gates: dict[Id, GateModel] = {}
    create_deal: CreateDeal | None = None
    pipeline: Pipeline | None = None
