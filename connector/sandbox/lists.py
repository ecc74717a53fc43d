"""Lists: by name, created, filled, and read in the order in which members joined."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

from connector.sandbox.clock import iso
from connector.sandbox.inputs import body_object
from connector.sandbox.lists_data import STATIC, RecordList
from connector.sandbox.object_types import object_type
from connector.sandbox.portal import Portal
from connector.sandbox.wire import Actor, Call, Json, Reply, not_found_json, refusal

PAGE_MAX, ADD_MAX = 250, 100_000


def create(call: Call) -> Reply:
    """POST /crm/v3/lists {name, objectTypeId, processingType}: names are unique in the portal"""
    given = body_object(call.body)
    name, kind = str(given.get("name") or ""), str(given.get("processingType") or "")
    if not name or kind not in (*STATIC, "DYNAMIC"):
        raise refusal(400, "Some required fields were not set or invalid: [name, processingType]")
    if any(one.name == name for one in call.portal.lists.values()):
        raise refusal(400, f"A list with name '{name}' already exists", subCategory="ILS.DUPLICATE_LIST_NAMES")
    made = make(call.portal, name, kind, object_type(str(given.get("objectTypeId") or "0-1")).type_id)
    return Reply(body={"list": made.as_json()})


def make(portal: Portal, name: str, kind: str, type_id: str = "0-1") -> RecordList:
    """A new, empty list."""
    made = RecordList(id=str(len(portal.lists) + 1), name=name, kind=kind, type_id=type_id, created=portal.now())
    portal.lists[made.id] = made
    return made


def get(call: Call) -> Reply:
    """GET /crm/v3/lists/{id}"""
    return Reply(body={"list": _list(call).as_json()})


def by_name(call: Call) -> Reply:
    """GET /crm/v3/lists/object-type-id/{type}/name/{name}"""
    kind = object_type(call.args[0]).type_id
    found = next((one for one in call.portal.lists.values() if (one.type_id, one.name) == (kind, call.args[1])), None)
    if found is None:
        raise not_found_json()
    return Reply(body={"list": found.as_json()})


def add(call: Call) -> Reply:
    """PUT /crm/v3/lists/{id}/memberships/add ["id", …]: those who are in it stay as they are, the unknown are told."""
    found = _list(call)
    if found.kind not in STATIC:
        raise refusal(
            400,
            f"List {found.id} has processing type {found.kind}: memberships cannot be changed by hand",
            subCategory="ILS.INVALID_LIST_PROCESSING_TYPE",
        )
    if not isinstance(call.body, list) or len(call.body) > ADD_MAX:
        raise refusal(400, f"The body must be an array of at most {ADD_MAX} record ids")
    ids = [str(one) for one in call.body]
    call.records = len(ids)
    added, missing = join(call.portal, found, ids, call.actor)
    return Reply(body={"recordsIdsAdded": added, "recordIdsMissing": missing, "recordIdsRemoved": []})


def join(portal: Portal, found: RecordList, ids: list[str], actor: Actor) -> tuple[list[str], list[str]]:
    """Put records on a list; gives (added, unknown)."""
    kind = object_type(found.type_id)
    added: list[str] = []
    missing: list[str] = []
    for one in ids:
        record = portal.find_by(kind, "", one)
        if record is None or record.archived:
            missing.append(one)
        elif record.id not in found.members:
            found.members[record.id] = portal.now()
            added.append(str(record.id))
            portal.ledger.add(
                at=portal.now(), method="join", actor=actor, type=kind.name, id=record.id, detail={"list": found.name}
            )
    return added, missing


def join_order(call: Call) -> Reply:
    """GET /crm/v3/lists/{id}/memberships/join-order?after=&limit=: oldest first; the cursor is opaque"""
    found = _list(call)
    limit = int(call.one("limit", "100"))
    if not 1 <= limit <= PAGE_MAX:
        raise refusal(400, f"Invalid limit {limit}: must be between 1 and {PAGE_MAX}")
    after = _position(call.one("after"))
    rest = [row for row in found.joined() if row > after]
    page = rest[:limit]
    call.records = len(page)
    body: Json = {
        "results": [{"recordId": str(record_id), "membershipTimestamp": iso(at)} for at, record_id in page],
        "total": len(found.members),
    }
    if len(rest) > limit:
        body["paging"] = {"next": {"after": _cursor(page[-1])}}
    return Reply(body=body)


def _list(call: Call) -> RecordList:
    found = call.portal.lists.get(call.args[0])
    if found is None:
        raise not_found_json()
    return found


def _cursor(row: tuple[int, int]) -> str:
    return urlsafe_b64encode(f"{row[0]}:{row[1]}".encode()).decode()


def _position(cursor: str) -> tuple[int, int]:
    if not cursor:
        return (-1, -1)
    at, _, record_id = urlsafe_b64decode(cursor.encode()).decode().partition(":")
    return int(at), int(record_id)
