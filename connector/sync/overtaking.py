"""What our writes go over: people's values are recorded, and those that we had not seen are decided about again.

Between the look that a write was planned on and the write itself somebody may edit the record. Where the CRM can be
asked in the call of the write what stood right before it, that edit is found out here; elsewhere its event tells of it
(`mirror.hear`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from connector.domain.codec_work import moment_text
from connector.domain.lead import Actor
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.context import Tenant
from connector.sync.unanswered import NOTHING_SENT, Same, Unanswered, may_stand
from connector.vendors.base import Record


def known_at(row: MirrorRow) -> datetime | None:
    """The record's last change that we know of, in the vendor's time: of the last read, or by a write of ours since."""
    if row.modified_at is None:
        return None
    ours = [datetime.fromisoformat(meta["sent_at"]) for meta in row.meta.values() if "sent_at" in meta]
    return max([row.modified_at, *ours])


def overtaken(row: MirrorRow) -> dict[str, str | None]:
    """The properties whose change by somebody else our write overtook, with their value."""
    return {name: meta["overtaken"]["v"] for name, meta in row.meta.items() if "overtaken" in meta}


def standing_over(row: MirrorRow, name: str) -> str | None:
    """What we wrote over an overtaken change, also when we know of our write by its event alone."""
    meta = row.meta[name]
    value: str | None = meta["hint"]["v"] if mirror.is_written_over(meta) else meta.get("sent")
    return value


def give_up_overtaken(row: MirrorRow, name: str) -> None:
    """A rule has decided against the overtaken change: it no longer counts as standing."""
    lost = row.meta[name].pop("overtaken", None)
    if lost is not None:
        row.meta[name]["past"] = lost["at"]


def persons_values(row: MirrorRow, sent: Mapping[str, str], same: Same) -> dict[str, str | None]:
    """The values of people that this write of ours replaces: they are recorded, never gone without trace."""
    found: dict[str, str | None] = {}
    for name, value in sent.items():
        meta = row.meta.get(name, {})
        standing = meta.get("overtaken") or meta.get("seen")
        if standing is None or standing["by"] != Actor.PERSON.value or same(name, standing["v"], value or None):
            continue
        if "overtaken" in meta or same(name, standing["v"], row.properties.get(name)):
            found[name] = standing["v"]
    return found


def unseen(
    known: MirrorRow,
    sent: Mapping[str, str],
    before: Record | None,
    same: Same,
    unanswered: Unanswered = NOTHING_SENT,
) -> dict[str, str | None]:
    """The properties that stood otherwise right before our write than was `known` when it was planned.

    What is as we wanted it, or as we wrote it ourselves (an answer was lost), was nobody's edit.
    """
    if before is None:
        return {}
    return {
        name: value
        for name, wish in sent.items()
        if name in before.properties and name in known.properties
        for value in [before.properties[name] or None]
        if not same(name, value, known.properties[name])
        and not same(name, value, wish or None)
        and not mirror.is_ours(known, name, value, same)
        and not may_stand(unanswered, name, value, known.modified_at, same)
    }


def note_overtaken(
    row: MirrorRow, known: MirrorRow, found: Mapping[str, str | None], before: Record, *, now: datetime, same: Same
) -> None:
    """Take these edits into the mirror as overtaken: the rules decide again. Call it before `mirror.wrote`.

    Nothing else of `before` is taken over, its modification time neither: it shows only what we sent.
    """
    at = before.modified_at or now
    for name, value in found.items():
        meta = row.meta.setdefault(name, {})
        seen = meta.pop("seen", None)
        if seen is None or not same(name, seen["v"], value):  # else a read has shown it meanwhile, or who it was
            seen = {"v": value, "at": moment_text(at), "by": Actor.PERSON.value, "src": None}
            if known.modified_at is not None:
                seen["since"] = moment_text(min(known.modified_at, at))
        meta["overtaken"] = {part: one for part, one in seen.items() if part != "noted"}


def tell_overtaken(
    tenant: Tenant, conn: Connection, lead_id: int, row: MirrorRow, names: Iterable[str], *, now: datetime
) -> None:
    """A person's change that our write overtook is never gone without trace, whatever the rules decide now."""
    for name in sorted(names):
        meta = row.meta[name]
        tenant.keep_value(
            conn,
            lead_id=lead_id,
            at=now,
            field=name,
            rule="overtaken",
            actor=meta["overtaken"]["by"],
            values={"kept": standing_over(row, name), "lost": meta["overtaken"]["v"]},
        )


def tell_lost(
    tenant: Tenant,
    conn: Connection,
    lead_id: int,
    sent: Mapping[str, str],
    lost: Mapping[str, str | None],
    *,
    now: datetime,
    rule: str = "written_over",
    named: Callable[[str], str] = str,
) -> None:
    """People's values that our write replaced. `named` says how the properties of other records are called."""
    for name, value in lost.items():
        tenant.keep_value(
            conn,
            lead_id=lead_id,
            at=now,
            field=named(name),
            rule=rule,
            actor=Actor.PERSON.value,
            values={"kept": sent[name], "lost": value},
        )
