"""Read-back proof: every answer of a write is compared with what was sent; why something was not stored is asked for.

The answers come anyway, so all of them are compared. Only for what was accepted and kept as it had been, and is not
told yet, two more calls are made for a whole slice: how the CRM defines these properties, and who wrote them last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.domain.drift import DriftClass, FieldFacts, likely_cause
from connector.errors import RetryableError
from connector.sync.context import Line
from connector.sync.drifting import version
from connector.sync.facts import same_on
from connector.sync.parcel import Parcel
from connector.vendors.base import Lane, Outcome, PropertyInfo, Record

MOST = 50
"""Of so many records a slice the history is read: one call."""

_SEVERAL = "multi_enumeration"


def prove(line: Line, parcels: Sequence[Parcel], lane: Lane) -> None:
    """Fill in the likely causes of what these parcels' answers show to be accepted and not stored."""
    open_questions = [(parcel, missing) for parcel in parcels if (missing := _not_stored(line, parcel))]
    if not open_questions:
        return
    names = sorted({name for _, missing in open_questions for name in missing})
    asked = open_questions[:MOST]
    try:
        fields = line.vendor.describe(line.dialect.person_type)
        records = line.vendor.read(
            line.dialect.person_type, [one.person.vendor_id for one, _ in asked], names, lane=lane, history=names
        )
    except RetryableError:
        return  # the writes stand; the cause is asked for when it is found again
    for parcel, missing in open_questions:
        record = records.get(parcel.person.vendor_id)
        for name, (sent, stored) in missing.items():
            parcel.causes[name] = _cause(line, fields, record, name, sent, stored)


def _cause(
    line: Line,
    fields: Mapping[str, PropertyInfo],
    record: Record | None,
    name: str,
    sent: str | None,
    stored: str | None,
) -> str:
    info = fields.get(name)
    facts = None
    if info is not None:
        facts = FieldFacts(
            read_only=info.read_only,
            choices=frozenset(info.options),
            several=info.type == _SEVERAL,
            forward_only=name in line.dialect.forward_only,
        )
    history = tuple(map(version, record.history.get(name, ()))) if record is not None else ()
    return likely_cause(sent, stored, facts, history=history).value


def _not_stored(line: Line, parcel: Parcel) -> dict[str, tuple[str | None, str | None]]:
    """Property → (sent, what stands), of what the answers show as it was before and that nobody was told of."""
    found: dict[str, tuple[str | None, str | None]] = {}
    same = same_on(line.binding, line.dialect.person_type)
    for sent, result in parcel.results:
        if result.outcome is not Outcome.APPLIED or result.record is None:
            continue
        for name, value in sent.items():
            stored = result.record.properties.get(name, value) or None
            if stored == (value or None) or same(name, stored, value or None) or name == parcel.clear:
                continue
            told = parcel.person.meta.get(name, {}).get("drift", ())
            if same(name, stored, parcel.person.properties.get(name)) and DriftClass.NOT_STORED.value not in told:
                found[name] = (value or None, stored)
    return found
