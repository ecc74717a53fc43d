"""`examples.yaml`: given this lead and these signals, expect this. `tasuki check` runs them."""

# ruff: noqa: RUF012  (pydantic copies a model's default)
from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Field, WithJsonSchema, model_validator

from connector.policy.files.actions import Kind, Priority
from connector.policy.files.base import Duration, FileModel, Id, Label, Scalar, Words, fault
from connector.texts import say

Expect: TypeAlias = Annotated[dict[str, Any], WithJsonSchema({"type": "object"})]
"""Names with what they must be, as in a condition, and by, reason, owner, undecided, task, notice, deal."""


class Happening(FileModel):
    """A signal, `ago` or `at` a moment."""

    signal: str
    ago: Duration | None = None
    at: str | None = None


class TaskModel(FileModel):
    """An open task that there must be."""

    kind: Kind | None = None
    due: str | None = None
    owner: str | None = None
    rule: str | None = None
    priority: Priority | None = None
    queue: str | None = None
    title: str | None = None


class ThenModel(FileModel):
    """What happens next, and what is expected then."""

    wait: Duration | None = None
    signal: str | None = None
    set_: Annotated[dict[str, Scalar] | None, Field(alias="set", min_length=1)] = None
    done: str | None = None
    moves: str | None = None
    expect: Expect

    @model_validator(mode="after")
    def _one(self) -> ThenModel:
        happens = (self.wait, self.signal, self.set_, self.done, self.moves)
        if sum(value is not None for value in happens) != 1:
            words = ("wait", "signal", "set", "done", "moves")
            raise fault(say("one thing happens at a time"), reason="then", allowed=words)
        return self


class ExampleModel(FileModel):
    """One example."""

    id: Id
    label: Label | None = None
    given: dict[str, Scalar] = {}
    and_: Annotated[list[Happening], Field(alias="and")] = []
    expect: Expect | None = None
    then: list[ThenModel] = []
    renamed_from: Id | None = None


class ExamplesFile(FileModel):
    """examples.yaml"""

    now: str | None = None
    people: dict[Id, Words] = {}
    examples: list[ExampleModel]
