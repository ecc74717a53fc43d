"""`examples.yaml`: given this lead and these signals, expect this. Checked, not run yet."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema, model_validator

from connector.policy.files.base import Duration, FileModel, Id, Label, Scalar, Words, fault

Values = Annotated[dict[str, Scalar], Field(default_factory=dict)]


class Happening(FileModel):
    """A signal, `ago` or `at` a moment."""

    signal: str
    ago: Duration | None = None
    at: str | None = None


class ThenModel(FileModel):
    """What happens next, and what is expected then."""

    wait: Duration | None = None
    signal: str | None = None
    set_: Annotated[dict[str, Scalar] | None, Field(alias="set")] = None
    expect: Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]

    @model_validator(mode="after")
    def _one(self) -> ThenModel:
        if sum(value is not None for value in (self.wait, self.signal, self.set_)) != 1:
            raise fault("one thing happens at a time", reason="then", allowed=("wait", "signal", "set"))
        return self


class ExampleModel(FileModel):
    """One example."""

    id: Id
    label: Label | None = None
    given: dict[str, Scalar] = {}
    and_: Annotated[list[Happening], Field(alias="and")] = []
    expect: Annotated[dict[str, Any] | None, WithJsonSchema({"type": "object"})] = None
    then: list[ThenModel] = []
    renamed_from: Id | None = None


class ExamplesFile(FileModel):
    """examples.yaml"""

    now: str | None = None
    people: dict[Id, Words] = {}
    examples: list[ExampleModel]
