"""`lifecycle.yaml`: stages, transitions, people's moves, and where the stage is stored."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from connector.policy.files.base import Condition, FileModel, Id, Label, Words, YesNo, fault
from connector.policy.files.fields import Direction
from connector.texts import say


class StageModel(FileModel):
    """One stage; `side` stages stand outside the main line."""

    label: Label | None = None
    owner: str | None = None
    side: YesNo = False
    renamed_from: Id | None = None


class TransitionModel(FileModel):
    """Moves a lead when `when` is true."""

    id: Id
    label: Label | None = None
    from_: Annotated[Words, Field(alias="from")]
    to: str
    when: Condition
    reason: str | None = None
    gate: str | None = None
    renamed_from: Id | None = None


class Needs(FileModel):
    """A move that is allowed when this is given."""

    needs: str


def _move(value: Any) -> Any:
    if isinstance(value, str) and value not in ("allowed", "refused"):
        raise fault(
            say("write allowed, refused or {{needs: field}}"), allowed=("allowed", "refused", "needs"), got=value
        )
    return value


Move: TypeAlias = Annotated[Literal["allowed", "refused"] | Needs, BeforeValidator(_move)]


class ManualMovesModel(FileModel):
    """What a person may do by moving the stage in the CRM."""

    forward: Literal["allowed", "refused"] = "allowed"
    backward: Move = "allowed"
    to_side: Move = "allowed"
    refused: Literal["restore_and_tell_owner", "restore", "keep"] = "restore_and_tell_owner"


class Create(FileModel):
    """`{create: SAL}`: a custom stage that is provisioned."""

    create: str


def _stored(value: Any) -> Any:
    if isinstance(value, str) and value != "labels":
        raise fault(say("values are `labels`, or `{{stage: value}}`"), allowed=("labels",), got=value)
    return value


class StoreModel(FileModel):
    """One place where the stage is stored."""

    hubspot: Words | None = None
    salesforce: Words | None = None
    values: Annotated[
        Literal["labels"] | dict[str, str | Create], Field(union_mode="left_to_right"), BeforeValidator(_stored)
    ]
    sync: Direction = "both"

    @model_validator(mode="after")
    def _one_vendor(self) -> StoreModel:
        if (self.hubspot is None) == (self.salesforce is None):
            raise fault(say("a place is in `hubspot` or in `salesforce`"), reason="store_vendor")
        return self


class LifecycleFile(FileModel):
    """lifecycle.yaml"""

    stages: Annotated[dict[Id, StageModel], Field(min_length=1)]
    transitions: list[TransitionModel] = []
    manual_moves: ManualMovesModel = ManualMovesModel()
    stored_as: list[StoreModel] = []
