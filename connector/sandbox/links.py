"""Associations between records: HubSpot's type ids, both sides kept, primaries unique."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.record import Record
from connector.sandbox.wire import Actor, Json, refusal

if TYPE_CHECKING:
    from connector.sandbox.portal import Portal

#: (from, to) -> (type id there, type id back)
_PLAIN: dict[tuple[str, str], tuple[int, int]] = {
    ("contacts", "companies"): (279, 280),
    ("deals", "contacts"): (3, 4),
    ("deals", "companies"): (341, 342),
    ("contacts", "contacts"): (449, 449),
    ("tasks", "contacts"): (204, 203),
    ("tasks", "companies"): (192, 191),
    ("tasks", "deals"): (216, 215),
    ("notes", "contacts"): (202, 201),
    ("notes", "companies"): (190, 189),
    ("notes", "deals"): (214, 213),
    ("calls", "contacts"): (194, 193),
    ("calls", "companies"): (182, 181),
    ("calls", "deals"): (206, 205),
    ("emails", "contacts"): (198, 197),
    ("emails", "companies"): (186, 185),
    ("emails", "deals"): (210, 209),
    ("communications", "contacts"): (81, 82),
    ("communications", "companies"): (87, 88),
    ("communications", "deals"): (85, 86),
    ("meetings", "contacts"): (200, 199),
    ("meetings", "companies"): (188, 187),
    ("meetings", "deals"): (212, 211),
}
#: unlabelled default of a pair, both directions
DEFAULT: dict[tuple[str, str], int] = {pair: ids[0] for pair, ids in _PLAIN.items()} | {
    (to, frm): ids[1] for (frm, to), ids in _PLAIN.items()
}
#: primary type of a pair; a record has one primary company
PRIMARY: dict[tuple[str, str], int] = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("deals", "companies"): 5,
    ("companies", "deals"): 6,
}


def _pairs_of_type() -> dict[int, list[tuple[str, str]]]:
    found: dict[int, list[tuple[str, str]]] = {}
    for table in (DEFAULT, PRIMARY):
        for pair, type_id in table.items():
            found.setdefault(type_id, []).append(pair)
    return found


PAIRS_OF_TYPE = _pairs_of_type()
INVERSE: dict[int, int] = {
    type_id: table[(to, frm)] for table in (DEFAULT, PRIMARY) for (frm, to), type_id in table.items()
}


def default_type(frm: ObjectType, to: ObjectType) -> int:
    """The unlabelled type of a pair; 400 for a pair that HubSpot does not know."""
    found = DEFAULT.get((frm.name, to.name))
    if found is None:
        raise refusal(400, f"No association type exists between {frm.singular} and {to.singular}")
    return found


def check_types(portal: Portal, frm: ObjectType, to_id: int, types: list[Json]) -> Record:
    """The record that the types point to; 400 when a type does not belong to the pair (204 is task→contact only)."""
    if not types:
        raise refusal(400, "Association types must not be empty")
    candidates: list[Record] | None = None
    for one in types:
        number = int(one.get("associationTypeId", 0))
        pairs = portal.pairs_of_type(number)
        targets = [to for origin, to in pairs if origin == frm.name]
        if not targets:
            raise refusal(
                400,
                f"Invalid association type id {number} for object type {frm.singular}",
                subCategory="crm.associations.INVALID_ASSOCIATION_TYPE",
            )
        found = [
            record
            for to in targets
            if (record := portal.find(object_type(to), to_id)) is not None and not record.archived
        ]
        candidates = found if candidates is None else [record for record in candidates if record in found]
    if not candidates:
        raise refusal(
            400,
            f"One or more associations are not valid: object {to_id} does not exist or has another type",
            subCategory="crm.associations.INVALID_OBJECT_ID",
            context={"toObjectId": [str(to_id)]},
        )
    return candidates[0]


def link(portal: Portal, frm: Record, to: Record, type_ids: set[int], actor: Actor) -> bool:
    """Associate two records (both sides); gives whether anything changed."""
    pair = (frm.kind.name, to.kind.name)
    wanted = {DEFAULT[pair], *type_ids} if pair in DEFAULT else set(type_ids)
    primary = PRIMARY.get(pair)
    if primary is not None and (primary in wanted or not _primary_of(portal, frm, to.kind.name)):
        wanted.add(primary)
        if pair[0] != "companies":
            _demote(portal, frm, to)
    if primary is not None and pair[0] == "companies" and primary in wanted:
        _demote(portal, to, frm)
    there = frm.links.setdefault(to.kind.name, {}).setdefault(to.id, set())
    new = wanted - there
    if not new:
        return False
    there |= wanted
    to.links.setdefault(frm.kind.name, {}).setdefault(frm.id, set()).update(portal.inverse(one) for one in wanted)
    portal.linked(frm, to, new, actor, removed=False)
    return True


def unlink(portal: Portal, frm: Record, to: Record, actor: Actor, type_ids: set[int] | None = None) -> bool:
    """Remove the named types, or all; gives whether anything changed."""
    there = frm.links.get(to.kind.name, {}).get(to.id)
    if not there:
        return False
    default = DEFAULT.get((frm.kind.name, to.kind.name))
    gone = set(there) if type_ids is None or default in type_ids else there & type_ids
    if not gone:
        return False
    back = to.links[frm.kind.name][frm.id]
    there -= gone
    back -= {portal.inverse(one) for one in gone}
    if not there:
        del frm.links[to.kind.name][to.id]
    if not back:
        del to.links[frm.kind.name][frm.id]
    portal.linked(frm, to, gone, actor, removed=True)
    return True


def primary_company(record: Record) -> int | None:
    """The id of the primary company of a contact or deal."""
    wanted = PRIMARY.get((record.kind.name, "companies"))
    for company, types in record.links.get("companies", {}).items():
        if wanted in types:
            return company
    return None


def _primary_of(portal: Portal, frm: Record, to_type: str) -> int | None:
    if frm.kind.name == "companies":
        return -1  # a company may be primary of many: never made so by default from its side
    return primary_company(frm) if to_type == "companies" else None


def _demote(portal: Portal, record: Record, company: Record) -> None:
    """Take the primary mark from the present primary company, if it is another."""
    present = primary_company(record)
    if present is None or present == company.id:
        return
    mark = PRIMARY[(record.kind.name, "companies")]
    record.links["companies"][present].discard(mark)
    other = portal.find(company.kind, present)
    if other is not None:
        other.links[record.kind.name][record.id].discard(portal.inverse(mark))
