"""Reads a policy: files → documents → models → compiled `Policy`, with every problem told at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from connector.policy.build.context import Context, Files
from connector.policy.build.examples import build_examples
from connector.policy.build.fields import build_fields
from connector.policy.build.handoff import build_create_deal, build_gates, build_pipeline
from connector.policy.build.identity import build_identity, build_new_employer
from connector.policy.build.ids import check_ids
from connector.policy.build.kpi import build_revenue_plan, build_reviews, build_targets
from connector.policy.build.lifecycle import build_manual_moves, build_stages, build_stores, build_transitions
from connector.policy.build.names import fill
from connector.policy.build.order import evaluation_order
from connector.policy.build.recycle import build_recycle
from connector.policy.build.routing import build_routing
from connector.policy.build.scoring import build_scores, total_of
from connector.policy.build.settings import (
    calendars_of,
    channels_of,
    drift_of,
    lists_of,
    records_in_of,
    tell_of,
    zone_of,
)
from connector.policy.build.signals import build_signals
from connector.policy.build.sla import build_agreement, build_clocks
from connector.policy.build.work import (
    build_cadences,
    build_contact_limits,
    build_never,
    build_queues,
    build_recalls,
    build_rules,
    build_scripts,
)
from connector.policy.conditions import Condition
from connector.policy.document import Document, DocumentFault, Where, empty, read
from connector.policy.files import MODELS
from connector.policy.meant import labels_of
from connector.policy.model import Policy, Trial
from connector.policy.problems import PolicyErrors, Problem, Report
from connector.policy.secrets import secret_places
from connector.policy.source import FILES, MOST_LIST_BYTES, content_hash, inside, read_folder
from connector.policy.validate import read_model
from connector.policy.vocabulary import Vocabulary
from connector.texts import said, say

_REQUIRED = ("fields", "scoring")


def load_policy(folder: Path) -> Policy:
    """The policy of a folder. Raises `PolicyErrors` with every problem in it."""
    return _loaded(*check(folder))


def load_policy_from(files: Mapping[str, bytes], *, name: str = "policy") -> Policy:
    """The same from memory: path within the policy → bytes, list files included (a stored version)."""
    return _loaded(*check_files(files, name=name))


def check(folder: Path) -> tuple[Policy | None, list[Problem]]:
    """The policy of a folder (None when it has errors) and all errors and warnings, in order."""
    return check_files(read_folder(folder), name=folder.resolve().name)


def check_files(files: Mapping[str, bytes], *, name: str = "policy") -> tuple[Policy | None, list[Problem]]:
    """The same from memory; `name` is the policy's when policy.yaml gives none."""
    report = Report()
    documents = _documents(files, report)
    unreadable = report.failed and any(path in FILES and path[:-5] not in documents for path in files)
    unreadable |= any(stem not in documents for stem in _REQUIRED)  # most of what is said elsewhere names it
    report.called = labels_of(document.data for document in documents.values())
    report.absent = frozenset(file for file in FILES if not (found := documents.get(file[:-5])) or not found.data)
    models = _models(documents, report)
    if unreadable:
        models = None
    if models is None:
        return None, report.in_order()
    context = _context(files, documents, models, report)
    policy = _build(context, name, content_hash(_used(files, models)))
    return (None if report.failed else policy), report.in_order()


def _loaded(policy: Policy | None, problems: list[Problem]) -> Policy:
    if policy is None:
        raise PolicyErrors(problems)
    return policy


def _documents(files: Mapping[str, bytes], report: Report) -> dict[str, Document]:
    """Every file of the language that is there, by stem; what else looks like one is an error."""
    documents: dict[str, Document] = {}
    for path in sorted(files):
        if path in FILES:
            try:
                documents[path.removesuffix(".yaml")] = read(path, files[path])
            except DocumentFault as fault:
                report.fault(path, fault.position, said(fault), fault.reason)
        elif path.endswith((".yaml", ".yml")):
            message = say("`{path}` is no file of a policy", path=path)
            report.error(Where(empty(path)), message, reason="unknown_file", got=path, allowed=FILES)
    for stem in _REQUIRED:
        if f"{stem}.yaml" not in files:
            report.error(Where(empty(f"{stem}.yaml")), say("{stem}.yaml is missing", stem=stem), reason="missing_file")
    for document in documents.values():
        for flaw in document.faults:
            report.fault(document.file, flaw.position, flaw.message, flaw.reason)
        if not document.data:
            report.warn(Where(document), say("the file is empty"), reason="empty_file")
        for where in secret_places(document.data, Where(document)):
            message = say("this looks like a secret; take it out and set it with `tasuki secret set`")
            report.error(where, message, reason="secret")
    return documents


def _models(documents: dict[str, Document], report: Report) -> Files | None:
    """The models; None when a file is so broken that every reference into it would be reported too.

    `documents` are replaced by what is left of them without their broken pieces.
    """
    models: dict[str, Any] = {}
    hidden: frozenset[str] = frozenset()
    for stem, document in documents.items():
        reading = read_model(MODELS[stem], document, report)
        if reading is not None:
            models[stem], documents[stem] = reading.model, reading.document
            hidden |= reading.hidden
            report.broken |= {document.file} if reading.hidden else set()
    report.hidden = hidden
    return Files(**models) if len(models) == len(documents) else None


def _context(files: Mapping[str, bytes], documents: Mapping[str, Document], models: Files, report: Report) -> Context:
    """Everything that the builders need: zone, calendars, lists, and every name of the policy."""
    settings, where = models.policy, Where(documents.get("policy") or empty("policy.yaml"))
    zone = zone_of(settings, where, report)
    vocabulary = Vocabulary(zone=zone)
    vocabulary.calendar, vocabulary.calendars = calendars_of(settings, zone, where, report)
    vocabulary.lists = lists_of(settings, _tables(files, models, where, report), where, report)
    context = Context(files=models, documents=documents, vocabulary=vocabulary, report=report)
    fill(context)
    check_ids(context)
    return context


def _build(context: Context, name: str, hash_: str) -> Policy:
    settings, words = context.files.policy, context.vocabulary
    fields, scores, total = build_fields(context), build_scores(context), total_of(context)
    order = evaluation_order(context, fields, scores, total)
    policy = Policy(
        hash=hash_,
        name=settings.policy or name,
        language=settings.language,
        zone=words.zone,
        currency=settings.currency,
        fiscal_year_starts=settings.fiscal_year_starts,
        calendar=words.calendar,
        calendars=MappingProxyType(dict(words.calendars)),
        check_every=settings.sync.check_every,
        hold_edits=settings.sync.hold_edits,
        fresh_for=settings.sync.fresh_for,
        applies_to=_applies_to(context),
        fields=MappingProxyType(fields),
        computed=tuple(fields[node] for node in order if node in fields and fields[node].rules),
        shows=tuple(definition for definition in fields.values() if definition.shows is not None),
        answers=tuple(name for name, definition in fields.items() if definition.answer),
        signals=MappingProxyType(build_signals(context)),
        scores=MappingProxyType(scores),
        total=total,
        stages=MappingProxyType(build_stages(context)),
        transitions=build_transitions(context),
        manual_moves=build_manual_moves(context),
        stored_as=build_stores(context),
        rules=build_rules(context),
        never=build_never(context),
        recycle=build_recycle(context),
        later=(),
        order=order,
        new_employer=build_new_employer(context),
        identity=build_identity(context),
        gates=MappingProxyType(build_gates(context)),
        cadences=MappingProxyType(build_cadences(context)),
        recalls=build_recalls(context),
        scripts=build_scripts(context),
        contact_limits=build_contact_limits(context),
        queues=MappingProxyType(build_queues(context)),
        routing=build_routing(context),
        clocks=MappingProxyType(build_clocks(context)),
        agreement=build_agreement(context),
        create_deal=build_create_deal(context),
        pipeline=build_pipeline(context),
        channels=MappingProxyType(channels_of(settings)),
        tell=tell_of(context),
        drift=MappingProxyType(drift_of(settings)),
        records_in=MappingProxyType(records_in_of(settings)),
        examples=build_examples(context),
        trial=_trial(context),
        targets=build_targets(context),
        reviews=build_reviews(context),
        revenue_plan=build_revenue_plan(context),
    )
    return replace(policy, later=tuple(sorted(context.later, key=_file_first)))


def _file_first(part: str) -> tuple[int, int]:
    """In the order of the files; a whole file before its pieces."""
    file, _, piece = part.partition(":")
    return (FILES.index(file) if file in FILES else len(FILES), bool(piece))


def _applies_to(context: Context) -> Condition | None:
    raw = context.files.policy.applies_to
    return None if raw == "all" else context.compiler.condition(raw, context.at("policy") / "applies_to")


def _trial(context: Context) -> Trial | None:
    model = context.files.policy.trial
    if model is None:
        return None
    return Trial(share=model.share, when=context.compiler.optional(model.when, context.at("policy") / "trial"))


def _tables(files: Mapping[str, bytes], models: Files, where: Where, report: Report) -> dict[str, bytes]:
    """The CSV files that the lists name."""
    found: dict[str, bytes] = {}
    for key, spec in models.policy.lists.items():
        if spec.file is None:
            continue
        spot = where / "lists" / key / "file"
        if not inside(spec.file):
            report.error(spot, say("a list stands inside the policy's folder"), reason="list_outside")
        elif spec.file not in files:
            tables = tuple(path for path in files if path.endswith(".csv"))
            report.unknown(spot, "file", spec.file, tables)
        elif len(files[spec.file]) > MOST_LIST_BYTES:
            report.error(
                spot,
                say("the list is larger than {most_list_bytes:,} bytes", most_list_bytes=MOST_LIST_BYTES),
                reason="too_large",
            )
        else:
            found[spec.file] = files[spec.file]
    return found


def _used(files: Mapping[str, bytes], models: Files) -> dict[str, bytes]:
    """The files that make this version: those of the language and the lists that they name."""
    lists = {spec.file for spec in models.policy.lists.values()}
    return {path: content for path, content in files.items() if path in FILES or path in lists}
