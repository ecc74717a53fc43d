"""Merging two records, and forgetting one for ever."""

from __future__ import annotations

from dataclasses import replace

from connector.sandbox import links
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.wire import Actor


def merge(portal: Portal, primary: Record, other: Record, actor: Actor, *, new_record: bool | None = None) -> Record:
    """The winner: `primary`, or a NEW record when the portal (or the caller) says so.

    The winner keeps the primary's values and takes the other's where it has none. The ids that were merged
    away answer as the winner from now on.
    """
    wants_new = portal.settings.merge_creates_new if new_record is None else new_record
    now = portal.now()
    filled = {
        name: value
        for name, value in other.props.items()
        if name not in primary.props and not name.startswith("hs_object_")
    }
    losers = [other]
    winner = primary
    if wants_new:
        winner = Record(
            kind=primary.kind,
            id=portal.new_id(primary.kind),
            props=dict(primary.props),
            created=primary.created,
            updated=now,
            origin=primary.origin,
            history=primary.history,
        )
        winner.props["hs_object_id"] = str(winner.id)
        losers = [primary, other]
    for loser in losers:
        _retire(portal, loser, winner)
    if wants_new:
        portal.insert(winner)
    merged = [primary.id, other.id] if wants_new else [other.id]
    winner.merged = [*primary.merged, *other.merged, *merged]
    if other.kind.name == "contacts":
        mails = _mails(primary) | _mails(other)
        mails.pop(primary.props.get("email") or other.props.get("email", ""), None)
        filled["hs_additional_emails"] = ";".join(mails)
    filled["hs_merged_object_ids"] = ";".join(str(one) for one in winner.merged)
    changes: dict[str, list[str | None]] = {
        name: [winner.props.get(name), value] for name, value in filled.items() if value
    }
    portal.ledger.add(
        at=now,
        method="merge",
        actor=actor,
        type=winner.kind.name,
        id=winner.id,
        changes=changes,
        detail={"merged": [str(one) for one in merged], "primary": str(primary.id)},
    )
    portal.apply(winner, changes, replace(actor, source="MERGE_OBJECTS"), now)
    portal.webhooks.merged(winner, primary.id, merged, len(filled), actor, now)
    for loser in losers:
        _move_links(portal, loser, winner, actor)
    return winner


def _mails(record: Record) -> dict[str, None]:
    listed = [record.props.get("email", ""), *record.props.get("hs_additional_emails", "").split(";")]
    return dict.fromkeys(mail for mail in listed if mail)


def _retire(portal: Portal, loser: Record, winner: Record) -> None:
    table = portal.tables[loser.kind.name]
    portal.unindex(loser)
    del table.records[loser.id]
    portal.aliases[(loser.kind.name, loser.id)] = winner.id


def _move_links(portal: Portal, loser: Record, winner: Record, actor: Actor) -> None:
    for type_name, found in list(loser.links.items()):
        kind = portal.type_named(type_name)
        for other_id, types in list(found.items()):
            other = portal.find(kind, other_id)
            if other is None or other is winner:
                continue
            other.links.get(loser.kind.name, {}).pop(loser.id, None)
            keep = set(types)
            if links.primary_company(winner) is not None:
                keep.discard(links.PRIMARY.get((loser.kind.name, type_name), 0))
            links.link(portal, winner, other, keep, actor)
    loser.links = {}


def forget(portal: Portal, record: Record, actor: Actor) -> None:
    """Privacy deletion: nothing stays; two events, in any order."""
    now = portal.now()
    for type_name, found in list(record.links.items()):
        kind = portal.type_named(type_name)
        for other_id in list(found):
            other = portal.find(kind, other_id)
            if other is not None:
                other.links.get(record.kind.name, {}).pop(record.id, None)
    portal.unindex(record)
    table = portal.tables[record.kind.name]
    del table.records[record.id]
    portal.ledger.add(at=now, method="forget", actor=actor, type=record.kind.name, id=record.id)
    events = ["privacyDeletion", "deletion"]
    portal.rng.shuffle(events)
    for event in events:
        portal.webhooks.simple(record, event, actor, now)
