"""What every builder shares: the files as read, the vocabulary, the compiler and the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.domain.value import Scalar
from connector.policy.compile import Compiler
from connector.policy.document import Document, Where, empty
from connector.policy.files.examples import ExamplesFile
from connector.policy.files.fields import FieldsFile
from connector.policy.files.handoff import HandoffFile
from connector.policy.files.kpi import KpiFile
from connector.policy.files.lifecycle import LifecycleFile
from connector.policy.files.recycle import RecycleFile
from connector.policy.files.routing import RoutingFile
from connector.policy.files.scoring import ScoringFile
from connector.policy.files.settings import PolicyFile
from connector.policy.files.signals import SignalModel, SignalsFile
from connector.policy.files.sla import SlaFile
from connector.policy.files.work import WorkFile
from connector.policy.model import FieldType, Label
from connector.policy.operands import YES_NO, date_of, moment_in, number_of
from connector.policy.problems import Report
from connector.policy.templates import Template, TemplateFault
from connector.policy.vocabulary import Name, Vocabulary, plain_label
from connector.texts import said, say

TEMPLATE_NAMES = ("reasons", "missing", "signals", "history", "owner", "due", "link", "stage")
"""What a text may take beside fields, scores and `recycle.reason`."""
_DOUBLED = re.compile(r"\{\{\s*([a-z_][a-z0-9_.]*)\s*\}\}")
"""How marketing mails name a value; here doubled braces are braces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The models of one policy's files; None: the file is not there and its part is off."""

    policy: PolicyFile = PolicyFile()  # noqa: RUF009 - frozen
    fields: FieldsFile = FieldsFile(lead={})  # noqa: RUF009 - frozen
    signals: SignalsFile | None = None
    scoring: ScoringFile = ScoringFile()  # noqa: RUF009 - frozen
    lifecycle: LifecycleFile | None = None
    work: WorkFile | None = None
    routing: RoutingFile | None = None
    sla: SlaFile | None = None
    handoff: HandoffFile | None = None
    recycle: RecycleFile | None = None
    kpi: KpiFile | None = None
    examples: ExamplesFile | None = None


@dataclass(slots=True, kw_only=True)
class Context:
    """One policy being built."""

    files: Files
    documents: Mapping[str, Document]
    vocabulary: Vocabulary
    report: Report
    compiler: Compiler = field(init=False)
    later: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.compiler = Compiler(self.vocabulary, self.report)

    def at(self, stem: str) -> Where:
        """The root of a file, `fields` for fields.yaml."""
        return Where(self.documents.get(stem) or empty(f"{stem}.yaml"))

    def signals(self) -> Iterable[tuple[str, SignalModel, Where]]:
        """Every signal of signals.yaml and scoring.yaml with its place."""
        if self.files.signals is not None:
            for key, model in self.files.signals.signals.items():
                yield key, model, self.at("signals") / "signals" / key
        for key, model in self.files.scoring.signals.items():
            yield key, model, self.at("scoring") / "signals" / key

    def put_off(self, what: str) -> None:
        """Note a part that is checked for form but not run in this release."""
        if what not in self.later:
            self.later.append(what)

    def known(self, word: str, allowed: Iterable[str], what: str, where: Where) -> bool:
        """True when `word` is one of `allowed`; else a dangling reference is noted."""
        options = tuple(allowed)
        if word in options:
            return True
        self.report.unknown(where, what, word, options)
        return False

    def field(self, name: str, where: Where) -> Name | None:
        """The field of this name (built-in names are not fields)."""
        found = self.vocabulary.names.get(name)
        if found is not None and is_field(name):
            return found
        self.report.unknown(where, "field", name, tuple(filter(is_field, self.vocabulary.names)))
        return None

    def template(self, text: str, where: Where) -> Template:
        """A parsed text; an unknown name in it is noted."""
        try:
            template = Template.parse(text)
        except TemplateFault as fault:
            name = fault.near.strip("{}")
            self.report.error(
                where,
                said(fault),
                reason="bad_template",
                got=name,
                allowed=tuple(self.template_names()) if name else (),
            )
            return Template(())
        doubled = _DOUBLED.search(text)
        if doubled is not None:
            message = say(
                "`{token}` prints a name in braces and no value: write `{{{name}}}`", token=doubled[0], name=doubled[1]
            )
            self.report.warn(where, message, reason="doubled_braces")
        for name in template.names:
            if name not in TEMPLATE_NAMES and not (name in self.vocabulary.names and _is_told(name)):
                self.report.error(
                    where,
                    say("there is no `{{{name}}}` to put into a text", name=name),
                    reason="unknown_template_name",
                    got=name,
                    allowed=tuple(self.template_names()),
                )
        return template

    def template_names(self) -> Iterable[str]:
        """Every name that a text may take."""
        yield from TEMPLATE_NAMES
        yield from filter(_is_told, self.vocabulary.names)

    def scalar(self, name: Name, raw: Any, where: Where) -> Scalar | None:
        """A value that may stand in this field; None after noting why not."""
        value = self._scalar(name, raw)
        if value is None:
            kind = name.type.value if name.type is not None else "signal"
            self.report.error(
                where,
                say("`{raw}` is no value of `{name}` ({kind})", raw=str(raw)[:80], name=name.name, kind=kind),
                reason="unknown_choice" if name.choices else "bad_value",
                got=str(raw),
                allowed=tuple(name.choices),
            )
        return value

    def _scalar(self, name: Name, raw: Any) -> Scalar | None:
        if not isinstance(raw, str) or name.type in (None, FieldType.PERSON):
            return None
        if name.type in (FieldType.CHOICE, FieldType.CHOICES):
            return raw if raw in name.choices or name.free_choice else None
        if name.type in (FieldType.NUMBER, FieldType.MONEY):
            return number_of(raw)
        if name.type is FieldType.YES_NO:
            return YES_NO.get(raw.lower())
        if name.type is FieldType.DATE:
            return date_of(raw)
        if name.type is FieldType.MOMENT:
            return moment_in(raw, self.vocabulary.zone)
        return raw


_BUILT_IN = ("score.", "signal.", "cadence.", "clock.", "gate.", "recycle.", "company.", "owner.")
BUILT_IN_NAMES = ("stage", "stage_entered_at", "owner", "deal.stage")
RESERVED = (*BUILT_IN_NAMES, "any", "all", "none", *TEMPLATE_NAMES)
"""Words that cannot name a field."""


def is_field(name: str) -> bool:
    """True for a field of fields.yaml or a rating; False for built-in names."""
    return name not in BUILT_IN_NAMES and not name.startswith(_BUILT_IN)


def _is_told(name: str) -> bool:
    """True for what a text may tell of a lead: fields, ratings, scores, and where it stands."""
    return is_field(name) or name.startswith("score.") or name in ("recycle.reason", "deal.stage")


def label_of(label: Label | None, id_: str) -> Label:
    """The label as written, or the id."""
    return label if label is not None else plain_label(id_)
