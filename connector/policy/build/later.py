"""Files that this release checks for form and references but does not run yet."""

from __future__ import annotations

from collections.abc import Iterable

from connector.policy.build.context import Context
from connector.policy.document import Where


def check_later(context: Context) -> None:
    """Check every file whose part comes with a later release, and say so."""
    files = context.files
    if files.fields.identity.same_lead:
        context.put_off("fields.yaml: identity.same_lead")
        for group, names in enumerate(files.fields.identity.same_lead):
            where = context.at("fields") / "identity" / "same_lead" / group
            _fields(context, names, where)
    if any(place is not None for _, place in files.policy.records_in):
        context.put_off("policy.yaml: records_in")


def _fields(context: Context, names: Iterable[str], where: Where) -> None:
    for index, name in enumerate(names):
        context.field(name, where / index)
