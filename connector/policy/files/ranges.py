"""How large a number and how long a time may be: each error tells the whole range, and the JSON Schema says it too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from connector.domain.calendar import Span
from connector.policy.files.base import (
    DURATION_SCHEMA,
    PERCENT_SCHEMA,
    PLAIN_SCHEMA,
    Duration,
    Percent,
    PlainDuration,
    fault,
)
from connector.texts import Text, say

MOST_NUMBER = 1_000_000_000_000_000
"""Below it a number is exact wherever it is kept: here, in the database, in HubSpot and in Salesforce."""


@dataclass(frozen=True, slots=True)
class Within:
    """From `low` to `high`: `Annotated[int, Within(1, 12)]`; with `above`, `low` itself is too little."""

    low: int
    high: int
    above: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Checked after the number has been read, and told as it was written."""
        return core_schema.no_info_wrap_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The same for editors."""
        return handler(schema) | {"exclusiveMinimum" if self.above else "minimum": self.low, "maximum": self.high}

    def _checked(self, raw: Any, read: Callable[[Any], Any]) -> Any:
        return self.kept(read(raw), str(raw))

    def kept(self, number: float, written: str) -> float:
        """The number; the error of one that is out of range says what may be written."""
        if self.low < number <= self.high or (number == self.low and not self.above):
            return number
        raise fault(say("`{got}` is out of range: {remedy}", got=written[:40], remedy=self.remedy), reason="range")

    @property
    def remedy(self) -> Text:
        """What may be written."""
        if self.above:
            return say("write a number above {low:,}, up to {high:,}", low=self.low, high=self.high)
        return say("write a number from {low:,} to {high:,}", low=self.low, high=self.high)


def _some(span: Span) -> Span:
    if span.amount or (span.business and span.unit == "days"):
        return span
    message = say("this is no time at all: write 1 or more, such as 1d, or `0 business days` for today's closing time")
    raise fault(message, reason="range")


def _period(length: Span | timedelta) -> Span | timedelta:
    if length.amount if isinstance(length, Span) else length:
        return length
    raise fault(say("this is no time at all: write 1 or more, such as 1d"), reason="range")


def _share(share: float) -> float:
    if share > 0:
        return share
    raise fault(say("0% is no share: write more than 0%, up to 100%"), reason="range")


def _without(zero: str, schema: Mapping[str, Any]) -> WithJsonSchema:
    """The schema of a text, less those that begin with this form of nothing."""
    return WithJsonSchema({**schema, "pattern": f"^(?!{zero})" + str(schema["pattern"]).removeprefix("^")})


Points: TypeAlias = Annotated[float, Within(-1_000_000, 1_000_000)]
Amount: TypeAlias = Annotated[float, Within(0, MOST_NUMBER)]
Goal: TypeAlias = Annotated[float, Within(0, MOST_NUMBER, above=True)]
Times: TypeAlias = Annotated[int, Within(1, 10_000)]
Heads: TypeAlias = Annotated[int, Within(0, 1_000_000)]

Lasting: TypeAlias = Annotated[
    Duration, AfterValidator(_some), _without(r"0+ *([mhdw]|business +(minute|hour))", DURATION_SCHEMA)
]
Period: TypeAlias = Annotated[Duration, AfterValidator(_period), _without("0+ *[a-z]", DURATION_SCHEMA)]
PlainPeriod: TypeAlias = Annotated[PlainDuration, AfterValidator(_period), _without("0+[a-z]", PLAIN_SCHEMA)]
Share: TypeAlias = Annotated[Percent, AfterValidator(_share), _without(r"0+(\.0+)? *%", PERCENT_SCHEMA)]
