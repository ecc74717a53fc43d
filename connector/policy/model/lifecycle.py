"""Stages, the ways between them, and where the stage is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.policy.conditions import Condition
from connector.policy.model.fields import Home, Label


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDef:
    """One stage; `side` stages stand outside the main line."""

    id: str
    label: Label
    owner: str | None
    side: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Moves a lead from one of `sources` to `target` when `when` is true. `reason` is a reason id or a field name."""

    id: str
    label: Label
    sources: tuple[str, ...]
    target: str
    when: Condition
    reason: str | None  #: A reason id.
    reason_field: str | None  #: A field whose value is the reason.
    gate: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStore:
    """One place where the stage is stored. `values`: stage id → vendor value; a stage that is absent is not stored.

    `create`: stage id → label of a custom stage to be provisioned (its vendor id is remembered by the connection).
    """

    vendor: str
    homes: tuple[Home, ...]
    values: Mapping[str, str]
    create: Mapping[str, str]
    labels: bool  #: `values: labels`: the stage's label in the policy's language is stored.
    read_back: bool  #: False for `sync: to_hubspot` and the like.


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualMoves:
    """What a person's move needs: `allowed`, `refused`, or the name of the field/reason that must be given."""

    forward: str
    backward_needs: str | None
    to_side_needs: str | None
    backward_allowed: bool
    to_side_allowed: bool
    refused: str  #: restore_and_tell_owner | restore | keep
