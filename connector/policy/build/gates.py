"""The gates of handoff.yaml: what must be known before a lead is handed over."""

from __future__ import annotations

from collections.abc import Iterable

from connector.policy.build.actions import build_actions
from connector.policy.build.context import Context, label_of
from connector.policy.document import Where
from connector.policy.files.handoff import GateModel
from connector.policy.model import Gate


def build_gates(context: Context) -> dict[str, Gate]:
    """Every gate by id."""
    handoff = context.files.handoff
    if handoff is None:
        return {}
    where = context.at("handoff") / "gates"
    return {key: _gate(context, key, model, where / key) for key, model in handoff.gates.items()}


def _gate(context: Context, key: str, model: GateModel, where: Where) -> Gate:
    _check(context, model.required, where / "required")
    _check(context, model.wanted, where / "wanted")
    for index, group in enumerate(model.required_any):
        _check(context, group, where / "required_any" / index)
    if model.wanted:
        context.put_off(f"handoff.yaml: {key}.wanted")
    if model.if_missing is not None:
        build_actions(context, model.if_missing.do, where / "if_missing" / "do", key)
        context.put_off(f"handoff.yaml: {key}.if_missing")
    return Gate(
        id=key,
        label=label_of(model.label, key),
        required=tuple(model.required),
        required_any=tuple(tuple(group) for group in model.required_any),
    )


def _check(context: Context, names: Iterable[str], where: Where) -> None:
    for index, name in enumerate(names):
        context.field(name, where / index)
