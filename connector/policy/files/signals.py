"""`signals.yaml` (or `signals:` in scoring.yaml): which behaviour is learnt from where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.policy.files.base import FileModel, Id, Label, Words, YesNo, fault
from connector.policy.files.ranges import PlainPeriod, Within
from connector.texts import say

Activity = Literal["call", "mail", "social", "meeting", "mail_reply", "note"]
KINDS = (
    "hubspot_form", "website_form", "website_event", "hubspot_counter", "hubspot_list", "activity", "import",
    "web_to_lead", "salesforce_campaign",
)  # fmt: skip


class SourceModel(FileModel):
    """One line of `from:`: exactly one kind of source, and for activities their `outcome` and length."""

    hubspot_form: Words | None = None
    website_form: Words | None = None
    website_event: Words | None = None
    hubspot_counter: Annotated[str, Field(pattern=r"^(contact|company)\.[A-Za-z0-9_]+$")] | None = None
    hubspot_list: Words | None = None
    activity: Words | None = None
    import_: Annotated[Words | None, Field(alias="import")] = None
    web_to_lead: dict[str, Words] | None = None
    salesforce_campaign: dict[Literal["type", "status", "name"], Words] | None = None
    outcome: Words | None = None
    lasting: PlainPeriod | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> SourceModel:
        said = [kind for kind in KINDS if getattr(self, "import_" if kind == "import" else kind) is not None]
        if len(said) != 1:
            raise fault(say("a source is of exactly one kind"), reason="source_kind", allowed=KINDS)
        if self.activity is None and (self.outcome is not None or self.lasting is not None):
            raise fault(say("`outcome` and `lasting` belong to `activity`"), reason="source_kind")
        return self


class SignalModel(FileModel):
    """A behaviour: learnt `from` sources, a union `of` signals, or `announced` by the company."""

    label: Label | None = None
    from_: Annotated[list[SourceModel] | None, Field(alias="from")] = None
    of: Words | None = None
    announced: YesNo = False
    about: str | None = None
    per_day: Annotated[int, Within(1, 1_000_000)] | None = None
    renamed_from: Id | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> SignalModel:
        if sum((bool(self.from_), bool(self.of), self.announced)) != 1:
            raise fault(say("a signal has exactly one of `from`, `of` and `announced: true`"), reason="signal_origin")
        if self.about is not None and not self.announced:
            raise fault(say("`about` belongs to an announced signal"), reason="signal_origin")
        if self.per_day is not None and not self.announced:
            raise fault(say("`per_day` belongs to an announced signal"), reason="signal_origin")
        return self


class SignalsFile(FileModel):
    """signals.yaml"""

    signals: dict[Id, SignalModel]
