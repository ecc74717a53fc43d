"""Where two versions of a policy differ, if that is in formulas alone: how values come about, what rules wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any

from connector.policy.document import read
from connector.policy.source import FILES

_UNREAD = ("examples", "kpi")
"""The files that no decision reads."""

_Parts = dict[str, Any]
"""Formulas by name, as the file has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """The formulas that are others in the newer version: of computed fields, of scores; and the work rules that differ,
    new ones and those that are gone included.
    """

    fields: frozenset[str]
    scores: frozenset[str]
    rules: frozenset[str]


def apart(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Apart | None:
    """The formulas in which two versions differ, ways out of stages left aside; None: they differ in something else.

    Both are files of policies that load. What else they say is compared as it is written, so that it means the same.
    """
    before, after = _Formulas(old), _Formulas(new)
    if before.frame != after.frame:
        return None
    return Apart(
        fields=_others(before.fields, after.fields),
        scores=_others(before.scores, after.scores),
        rules=_others(before.rules, after.rules),
    )


def _others(before: _Parts, after: _Parts) -> frozenset[str]:
    return frozenset(name for name in before | after if before.get(name) != after.get(name))


class _Formulas:
    """A version taken apart: its formulas, and the `frame` that is left without them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        data = {path: read(path, content).data for path, content in files.items() if path in FILES}
        self.fields = dict(_values(data.get("fields.yaml", {}), data.get("scoring.yaml", {})))
        self.scores: _Parts = dict(data.get("scoring.yaml", {}).get("scores") or {})
        self.rules: _Parts = {one["id"]: one for one in data.get("work.yaml", {}).get("rules") or []}
        named = {spec.get("file") for spec in (data.get("policy.yaml", {}).get("lists") or {}).values() if spec}
        lists = {path: content for path, content in files.items() if path in named}
        rest = {path: _rest(path, one) for path, one in data.items() if path.removesuffix(".yaml") not in _UNREAD}
        steps = [(key, _steps(one)) for key, one in self.scores.items()]
        self.frame = (dumps([rest, sorted(self.fields), steps]), lists)  # as text: the order of names means something


def _values(fields: _Parts, scoring: _Parts) -> Iterator[tuple[str, object]]:
    """Each computed field (ratings are some) with what decides it."""
    for scope, defined in fields.items():
        for name, one in (defined or {}).items():
            if isinstance(one, dict) and one.get("rules") is not None:
                yield f"deal.{name}" if scope == "deal" else name, _decides(one)
    for name, one in (scoring.get("ratings") or {}).items():
        yield name, _decides(one)


def _decides(one: _Parts) -> object:
    return [(rule.get("when"), rule.get("value")) for rule in one["rules"]]


def _steps(score: _Parts) -> object:
    """How far a score moves before it is written again: no formula."""
    return score.get("publish_step")


def _rest(path: str, data: _Parts) -> object:
    """A file without its formulas."""
    if path == "lifecycle.yaml":
        return {key: part for key, part in data.items() if key != "transitions"}
    if path == "work.yaml":
        return {key: part for key, part in data.items() if key != "rules"}
    if path == "scoring.yaml":
        kept = {key: part for key, part in data.items() if key not in ("scores", "calibrate")}
        return kept | {"ratings": _without_rules(data.get("ratings"))}
    if path == "fields.yaml":
        return {scope: _without_rules(defined) for scope, defined in data.items()}
    return data


def _without_rules(defined: _Parts | None) -> object:
    return {
        name: {key: part for key, part in one.items() if key != "rules"} if isinstance(one, dict) else one
        for name, one in (defined or {}).items()
    }
