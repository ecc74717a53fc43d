"""Single-record endpoints: list, get, create, update, archive, merge, gdpr-delete."""

from __future__ import annotations

from urllib.parse import quote

from connector.sandbox import links, merging
from connector.sandbox.inputs import body_object, check_required, check_stage, check_unique, checked_properties
from connector.sandbox.object_types import ObjectType, object_type
from connector.sandbox.portal import FREE_MAIL, Portal
from connector.sandbox.record import Record
from connector.sandbox.wire import Actor, Call, Json, Reply, not_found_html, not_found_json, refusal

PAGE_MAX = 100


def shown_names(portal: Portal, kind: ObjectType, asked: list[str]) -> list[str]:
    """The properties of a read, sorted as HubSpot prints them; unknown names are ignored."""
    known = portal.definitions[kind.name]
    names = [name for name in asked if name in known] if asked else list(kind.shown)
    return sorted({*names, *kind.always})


def associations_of(portal: Portal, record: Record, asked: list[str]) -> Json:
    """The `associations` key of a read: `{"companies": {"results": [{"id", "type"}]}}`."""
    shown: Json = {}
    for name in asked:
        to = object_type(name)
        results: list[Json] = []
        for other_id, types in record.links.get(to.name, {}).items():
            other = portal.find(to, other_id)
            if other is None or other.archived:
                continue
            stem = f"{record.kind.singular}_to_{to.singular}"
            primary = links.PRIMARY.get((record.kind.name, to.name))
            if primary in types:
                results.append({"id": str(other_id), "type": stem})
            results.append({"id": str(other_id), "type": f"{stem}_unlabeled" if primary else stem})
        if results:
            shown[to.name] = {"results": results}
    return shown


def list_records(call: Call) -> Reply:
    """GET /crm/v3/objects/{type}"""
    portal, kind = call.portal, object_type(call.args[0])
    limit = int(call.one("limit", "10"))
    histories = call.many("propertiesWithHistory")
    if not 1 <= limit <= (50 if histories else PAGE_MAX):
        raise refusal(400, f"Invalid limit {limit}: must be between 1 and {50 if histories else PAGE_MAX}")
    after = call.one("after", "0")
    if not after.isdigit():
        raise refusal(400, f"Invalid paging offset {after}")
    names = shown_names(portal, kind, [*call.many("properties"), *histories])
    rows, following = portal.page(kind, int(after), limit, call.flag("archived"))
    asked = call.many("associations")
    results = [_with_associations(portal, row, row.as_json(names, histories), asked) for row in rows]
    call.records = len(results)
    body: Json = {"results": results}
    if following is not None:
        query = f"limit={limit}&after={following}"
        wanted = call.many("properties")
        if wanted:
            query = f"properties={quote(','.join(wanted), safe='')}&{query}"
        body["paging"] = {"next": {"after": str(following), "link": f"{call.base_url}{call.raw_path}?{query}"}}
    return Reply(body=body)


def _with_associations(portal: Portal, record: Record, row: Json, asked: list[str]) -> Json:
    if asked:
        shown = associations_of(portal, record, asked)
        if shown:
            row["associations"] = shown
    return row


def get_record(call: Call) -> Reply:
    """GET /crm/v3/objects/{type}/{id}: 404 is an HTML page."""
    portal, kind = call.portal, object_type(call.args[0])
    record = portal.find_by(kind, call.one("idProperty"), call.args[1])
    if record is None or record.archived != call.flag("archived"):
        raise not_found_html()
    histories = call.many("propertiesWithHistory")
    names = shown_names(portal, kind, [*call.many("properties"), *histories])
    call.records = 1
    return Reply(body=_with_associations(portal, record, record.as_json(names, histories), call.many("associations")))


def written(record: Record, values: dict[str, str]) -> Json:
    """A record as writes print it: what was written and what HubSpot always adds; a cleared value is ""."""
    extra = ("hs_object_source", "hs_object_source_id", "hs_object_source_label", "hs_pipeline", "lifecyclestage")
    names = {*values, *record.kind.always, *(name for name in extra if name in record.props)}
    row = record.as_json(sorted(names))
    properties = row["properties"]
    for name, value in values.items():
        if value == "" and properties[name] is None:
            properties[name] = ""
    return row


def made(record: Record) -> Json:
    """A record as creates print it: every property that has a value."""
    return record.as_json(sorted(record.props))


def checked_links(portal: Portal, kind: ObjectType, given: Json) -> list[tuple[Record, set[int]]]:
    """The `associations` of a create: targets and their types, checked before anything is written."""
    wanted: list[tuple[Record, set[int]]] = []
    for one in given.get("associations") or []:
        to_id = str(one.get("to", {}).get("id", ""))
        types = one.get("types") or []
        if not to_id.isdigit():
            raise refusal(400, f"Invalid association target id {to_id!r}")
        target = links.check_types(portal, kind, int(to_id), types)
        wanted.append((target, {int(one_type["associationTypeId"]) for one_type in types}))
    return wanted


def after_create(portal: Portal, record: Record, wanted: list[tuple[Record, set[int]]], actor: Actor) -> None:
    """Associations of a new record, and the portal's own habit of finding a contact's company by domain."""
    for target, types in wanted:
        links.link(portal, record, target, types, actor)
    company = record.props.get("associatedcompanyid") if record.kind.name == "contacts" else None
    if company is not None and not record.links.get("companies"):
        link_company(portal, record, company, actor)
    elif record.kind.name == "contacts" and not record.links.get("companies"):
        auto_associate(portal, record)


def auto_associate(portal: Portal, contact: Record) -> None:
    """Associate by mail domain, as `settings.auto_associate` says; free-mail domains never."""
    mode = portal.settings.auto_associate
    domain = contact.props.get("email", "").partition("@")[2]
    if mode == "off" or not domain or domain in FREE_MAIL:
        return
    companies = object_type("companies")
    found = portal.company_by_domain.get(domain)
    actor = Actor(source="COMPANY_INSIGHTS", source_id="auto-associate", label="sandbox")
    if found is None and mode == "create":
        found = portal.create(companies, {"domain": domain, "name": domain.split(".")[0]}, actor).id
    company = None if found is None else portal.find(companies, found)
    if company is not None:
        links.link(portal, contact, company, set(), actor)


def link_company(portal: Portal, contact: Record, company_id: str, actor: Actor) -> None:
    """Writing `associatedcompanyid` sets the primary company; an unknown id is ignored."""
    company = portal.find(object_type("companies"), int(company_id)) if company_id.isdigit() else None
    if company is not None:
        links.link(portal, contact, company, {links.PRIMARY[("contacts", "companies")]}, actor)


def create_record(call: Call) -> Reply:
    """POST /crm/v3/objects/{type}"""
    portal, kind = call.portal, object_type(call.args[0])
    given = body_object(call.body)
    values = checked_properties(portal, kind, given.get("properties", {}))
    check_required(kind, values)
    check_unique(portal, kind, values)
    check_stage(portal, kind, values)
    wanted = checked_links(portal, kind, given)
    record = portal.create(kind, values, call.actor)
    after_create(portal, record, wanted, call.actor)
    call.records = 1
    location = f"{call.base_url}{call.raw_path}/{record.id}"
    return Reply(status=201, body=made(record), headers={"Location": location})


def update_record(call: Call) -> Reply:
    """PATCH /crm/v3/objects/{type}/{id}"""
    portal, kind = call.portal, object_type(call.args[0])
    record = portal.find_by(kind, call.one("idProperty"), call.args[1])
    if record is None or record.archived:
        raise not_found_json()
    values = checked_properties(portal, kind, body_object(call.body).get("properties", {}))
    check_unique(portal, kind, values, record)
    check_stage(portal, kind, values, record)
    write_values(portal, record, values, call.actor)
    call.records = 1
    return Reply(body=written(record, values))


def write_values(portal: Portal, record: Record, values: dict[str, str], actor: Actor) -> None:
    """Write, and follow `associatedcompanyid`."""
    changes = portal.write(record, values, actor)
    if record.kind.name == "contacts" and changes.get("associatedcompanyid", [None, None])[1]:
        link_company(portal, record, str(changes["associatedcompanyid"][1]), actor)


def archive_record(call: Call) -> Reply:
    """DELETE /crm/v3/objects/{type}/{id}: 204 whether or not it was there."""
    portal, kind = call.portal, object_type(call.args[0])
    record = portal.find_by(kind, "", call.args[1])
    if record is not None and not record.archived:
        portal.archive(record, call.actor)
    call.records = 1
    return Reply(status=204)


def merge_records(call: Call) -> Reply:
    """POST /crm/v3/objects/{type}/merge {primaryObjectId, objectIdToMerge}"""
    portal, kind = call.portal, object_type(call.args[0])
    given = body_object(call.body)
    pair = [portal.find_by(kind, "", str(given.get(key, ""))) for key in ("primaryObjectId", "objectIdToMerge")]
    primary, other = pair
    if primary is None or other is None or primary.archived or other.archived or primary is other:
        raise refusal(400, "Unable to merge: both objects must exist and differ")
    call.records = 2
    winner = merging.merge(portal, primary, other, call.actor)
    return Reply(body=made(winner))


def gdpr_delete(call: Call) -> Reply:
    """POST /crm/v3/objects/contacts/gdpr-delete {objectId, idProperty}: for ever, unlike archive."""
    portal, kind = call.portal, object_type(call.args[0])
    given = body_object(call.body)
    record = portal.find_by(kind, str(given.get("idProperty") or ""), str(given.get("objectId", "")))
    if record is not None:
        merging.forget(portal, record, call.actor)
    call.records = 1
    return Reply(status=204)
