"""Every rule has an id, unique in the policy: it is what explanations, history and reports name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.policy.build.context import Context
from connector.policy.document import Document, Where
from connector.texts import say


def check_ids(context: Context) -> None:
    """Note every `id:` that stands twice, whatever the file."""
    first: dict[str, Where] = {}
    for document in context.documents.values():
        for id_, where in _ids(document):
            if id_ in first:
                line = first[id_].position[0]
                message = say(
                    "the id `{name}` stands already in {file}, line {line}", name=id_, file=first[id_].file, line=line
                )
                context.report.error(where, message, reason="duplicate_id")
            first.setdefault(id_, where)


def _ids(document: Document) -> Iterator[tuple[str, Where]]:
    waiting: list[tuple[Any, Where]] = [(document.data, Where(document))]
    while waiting:
        data, where = waiting.pop()
        if isinstance(data, dict):
            id_ = data.get("id")
            if isinstance(id_, str) and not _is_slot(data):
                yield id_, where / "id"
            waiting += [(value, where / key) for key, value in reversed(data.items())]
        elif isinstance(data, list):
            waiting += [(value, where / index) for index, value in reversed(list(enumerate(data)))]


def _is_slot(data: dict[str, Any]) -> bool:
    """An action's `id` only tells it from others of its rule."""
    return any(word in data for word in ("task", "notify", "set", "start", "stop", "enrol")) or (
        "assign" in data and "on" not in data
    )
