"""handoff.yaml: gates, the deal, the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.policy.conditions import Condition
from connector.policy.model.actions import Action
from connector.policy.model.events import Event
from connector.policy.model.fields import Label
from connector.policy.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What must be known before a lead passes: every field of `required`, one of each group of `required_any`.

    `wanted` is told when missing and holds nobody up. `if_missing` is done when a lead has everything for the move but
    this gate.
    """

    id: str
    label: Label
    required: tuple[str, ...]
    required_any: tuple[tuple[str, ...], ...]
    wanted: tuple[str, ...] = ()
    if_missing: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDeal:
    """The deal or opportunity that a hand-over makes, and the packet that goes with it."""

    on: tuple[Event, ...]
    title: Template
    stage: str
    amount: float | None
    associate: tuple[str, ...]  #: contact, company
    if_open_deal: str  #: reuse | create | refuse
    packet: tuple[str, ...]  #: Names: fields, scores, and history, signals, reasons, link.
    convert_lead: bool  #: Salesforce: the hand-over converts the lead.
    account: str  #: Salesforce: same_domain | same_name | new


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStage:
    """One stage of a deal. `required` is what this stage adds to what the stages before it ask for."""

    id: str
    label: Label
    owner: str | None
    probability: float
    required: tuple[str, ...]
    stored: Mapping[str, str]  #: vendor → the stage's name there; absent: the label.


@dataclass(frozen=True, slots=True, kw_only=True)
class AlsoRequired:
    """More that a deal must hold while `when` is true."""

    id: str
    when: Condition
    required: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The stages of a deal, in order, and what is done when a deal lacks what its stage asks for."""

    label: Label
    stored: Mapping[str, str]  #: vendor → the pipeline's or record type's name there.
    stages: Mapping[str, PipelineStage]
    also: tuple[AlsoRequired, ...]
    if_missing: tuple[Action, ...]
