"""examples.yaml: every name, value and moment that the examples say, compiled; `engine/examples.py` runs them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from connector.domain.calendar import END_OF_TIME
from connector.domain.value import Scalar
from connector.policy.build.actions import computed_names
from connector.policy.build.context import Context, label_of
from connector.policy.document import Where
from connector.policy.files.examples import ExampleModel, TaskModel, ThenModel
from connector.policy.files.examples import Happening as HappeningModel
from connector.policy.model import Example, Examples, Expected, ExpectedTask, Given, Happening
from connector.policy.operands import moment_in
from connector.texts import say

_BUILT_IN = ("stage", "recycle.reason", "owner", "deal.stage")
_WORDS = ("by", "reason", "owner", "undecided", "task", "notice", "deal")


def build_examples(context: Context) -> Examples | None:
    """The examples; None when the file is not there."""
    file = context.files.examples
    if file is None:
        return None
    where = context.at("examples")
    for pool in file.people:
        context.known(pool, context.vocabulary.pools, "pool", where / "people" / pool)
    now = _moment(context, file.now, where / "now") if file.now is not None else None
    if now is None:
        if file.now is None:
            message = say("say when the examples begin: `now: 2026-11-20 10:00`")
            context.report.error(where, message, reason="missing_key", allowed=("now",))
        now = END_OF_TIME
    spot = where / "examples"
    return Examples(
        now=now,
        people={pool: tuple(people) for pool, people in file.people.items()},
        examples=tuple(_example(context, model, spot / index) for index, model in enumerate(file.examples)),
    )


def _example(context: Context, model: ExampleModel, where: Where) -> Example:
    return Example(
        id=model.id,
        label=label_of(model.label, model.id),
        line=where.position[0],
        given=_given(context, model.given, where / "given"),
        signals=tuple(_signal(context, one, where / "and" / place) for place, one in enumerate(model.and_)),
        expect=_expected(context, model.expect, where / "expect") if model.expect is not None else None,
        then=tuple(
            (
                _happening(context, then, where / "then" / place),
                _expected(context, then.expect, where / "then" / place / "expect"),
            )
            for place, then in enumerate(model.then)
        ),
    )


def _given(context: Context, values: Mapping[str, str], where: Where) -> Given:
    words = context.vocabulary
    if "stage" in values:
        context.known(values["stage"], words.stages, "stage", where / "stage")
    if "recycle.reason" in values:
        context.known(values["recycle.reason"], words.reasons, "reason", where / "recycle.reason")
    fields = {key: raw for key, raw in values.items() if key not in _BUILT_IN[:3]}
    return Given(
        stage=values.get("stage"),
        reason=values.get("recycle.reason"),
        owner=values.get("owner"),
        fields=_values(context, fields, where),
    )


def _values(context: Context, values: Mapping[str, str], where: Where) -> dict[str, Scalar]:
    """Values that a person or the CRM gives; what the product works out cannot be given."""
    found: dict[str, Scalar] = {}
    for key, raw in values.items():
        spot = where / key
        name = context.vocabulary.names[key] if key == "deal.stage" else context.field(key, spot)
        if name is None:
            continue
        if key in computed_names(context):
            message = say("`{key}` is computed; give what it is computed from", key=key)
            context.report.error(spot, message, reason="set_computed")
        value = context.scalar(name, raw, spot)
        if value is not None:
            found[key] = value
    return found


def _signal(context: Context, model: HappeningModel, where: Where) -> Happening:
    context.known(model.signal, context.vocabulary.signals, "signal", where / "signal")
    at = _moment(context, model.at, where / "at") if model.at is not None else None
    return Happening(signal=model.signal, at=at, ago=model.ago)


def _happening(context: Context, model: ThenModel, where: Where) -> Happening:
    words = context.vocabulary
    if model.signal is not None:
        context.known(model.signal, words.signals, "signal", where / "signal")
    if model.done is not None:
        context.known(model.done, _makers(context), "rule or cadence", where / "done")
    if model.moves is not None:
        context.known(model.moves, words.stages, "stage", where / "moves")
    return Happening(
        wait=model.wait,
        signal=model.signal,
        sets=_values(context, model.set_ or {}, where / "set"),
        done=model.done,
        moves=model.moves,
    )


def _expected(context: Context, values: Mapping[str, Any], where: Where) -> Expected:
    words = context.vocabulary
    conditions = []
    for key, raw in values.items():
        if key in _WORDS:
            continue
        if key not in words.names:
            if key == "stage":
                context.report.unknown(where / key, "stage", key, (*_WORDS, *words.names))
            else:
                context.report.unknown(where / key, "name", key, (*_WORDS, *words.names))
            continue
        condition = context.compiler.condition({key: raw}, where)
        if condition is not None:
            conditions.append((key, condition))
    task = values.get("task")
    return Expected(
        line=where.position[0],
        values=tuple(conditions),
        by=_known(context, values, "by", (*words.transitions, "person", "limits"), where),
        reason=_known(context, values, "reason", tuple(words.reasons), where),
        owner=_text(context, values, "owner", where),
        undecided=_undecided(context, values.get("undecided"), where / "undecided"),
        task=_task(context, task, where / "task") if task is not None and task != "none" else None,
        no_task=task == "none",
        notice=_text(context, values, "notice", where),
        deal=_known(context, values, "deal", words.deal_stages, where),
    )


def _known(context: Context, values: Mapping[str, Any], key: str, allowed: tuple[str, ...], where: Where) -> str | None:
    text = _text(context, values, key, where)
    if text is not None:
        context.known(text, allowed, {"by": "transition", "deal": "pipeline stage"}.get(key, key), where / key)
    return text


def _text(context: Context, values: Mapping[str, Any], key: str, where: Where) -> str | None:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        context.report.error(where / key, say("a word belongs here"), reason="bad_value")
        return None
    return value


def _undecided(context: Context, raw: Any, where: Where) -> tuple[str, ...]:
    if raw is None:
        return ()
    rules = [rule.id for score in context.files.scoring.scores.values() for rule in score.rules]
    names = raw if isinstance(raw, list) else [raw]
    for index, name in enumerate(names):
        context.known(str(name), rules, "score rule", where / index)
    return tuple(str(name) for name in names)


def _task(context: Context, raw: Any, where: Where) -> ExpectedTask | None:
    try:
        model = TaskModel.model_validate(raw)
    except ValidationError as error:
        for one in error.errors():
            spot = where
            for part in one["loc"]:
                spot = spot / part
            allowed = tuple(TaskModel.model_fields)
            context.report.error(
                spot,
                say("a task is expected by these words: {why}", why=one["msg"]),
                reason="bad_value",
                allowed=allowed,
            )
        return None
    if model.rule is not None:
        context.known(model.rule, _makers(context), "rule", where / "rule")
    return ExpectedTask(
        kind=model.kind,
        due=_moment(context, model.due, where / "due") if model.due is not None else None,
        owner=model.owner,
        rule=model.rule,
        priority=model.priority,
        queue=model.queue,
        title=model.title,
    )


def _makers(context: Context) -> tuple[str, ...]:
    """Everything that opens tasks, by the name that its tasks bear."""
    words = context.vocabulary
    gates = (f"gate.{one}" for one in words.gates)
    return (*words.rules, *words.cadences, *words.recalls, *words.clocks, *gates, "pipeline", "on_wake")


def _moment(context: Context, raw: str, where: Where) -> datetime | None:
    moment = moment_in(raw, context.vocabulary.zone)
    if moment is None:
        context.report.error(
            where, say("`{raw}` is no moment: write 2026-11-20 10:00", raw=raw[:40]), reason="bad_moment"
        )
    return moment
