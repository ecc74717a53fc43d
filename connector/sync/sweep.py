"""First sight of an account: every person and company is read once by list pages, in the background, resumably.

What is found is mirrored and made due; nothing is an event (a new connection starts no work for old leads). A policy
that reads more properties than were read begins anew: a quiet lead would keep them unread for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from connector.store import connections, leads, links, mirrors, tombstones
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync import mirror
from connector.sync.activate import have_walked
from connector.sync.context import Line
from connector.sync.facts import same_on
from connector.sync.found_companies import CompanyRule, keep_companies
from connector.vendors.base import Lane, Record

log = structlog.get_logger()

PAGES_A_SLICE = 5
_KIND = "sweep"
_DONE = "done"


def sweep_wanted(line: Line) -> bool:
    """True until every page has been seen once with every property that the policy reads."""
    with line.tenant.database.transaction(line.tenant.installation_id) as conn:
        position, _ = connections.cursor(conn, line.connection_id, _KIND)
    return position is None or position["type"] != _DONE or not _covers(position, line)


def sweep_due(line: Line) -> bool:
    """True when a slice may be read now: nobody is met before it can be told who of another CRM they are."""
    return sweep_wanted(line) and not waits_for_names(line)


def waits_for_names(line: Line) -> bool:
    """True while the people of a CRM that was met before have not been looked at beside this one, which is new.

    Until then they have no names by which `identifying` could find them, and their other halves would be decided alone.
    """
    tenant = line.tenant
    others = [one for one in tenant.bindings if one != line.connection_id]
    with tenant.database.transaction(tenant.installation_id) as conn:
        begun, _ = connections.cursor(conn, line.connection_id, _KIND)
        if begun is not None:
            return False
        met = [position for one in others if (position := connections.cursor(conn, one, _KIND)[0]) is not None]
        if not any(position["type"] == _DONE for position in met):
            return False
        return not have_walked(tenant, conn)


def sweep_slice(line: Line) -> int:
    """Read a few pages: companies first, then people; returns how many records were seen."""
    tenant = line.tenant
    with tenant.database.transaction(tenant.installation_id) as conn:
        position, _ = connections.cursor(conn, line.connection_id, _KIND)
    if position is not None and not _covers(position, line):
        position = None
    object_type = position["type"] if position else line.dialect.company_type
    after = position["after"] if position else None
    read = position["properties"] if position else _read(line)
    seen = 0
    for _ in range(PAGES_A_SLICE):
        if object_type == _DONE:
            break
        page = line.vendor.page(object_type, _properties(line, object_type), after=after, lane=Lane.BACKGROUND)
        seen += len(page.records)
        after = page.after
        following = object_type if after is not None else _next(line, object_type)
        with tenant.database.transaction(tenant.installation_id) as conn:
            _store(line, conn, object_type, page.records, tenant.now(conn))
            connections.put_cursor(
                conn,
                tenant.installation_id,
                line.connection_id,
                kind=_KIND,
                position={"type": following, "after": after, "properties": read},
                again_seconds=0.0,
            )
        object_type = following
    return seen


def _read(line: Line) -> list[str]:
    """What this policy reads of people and companies, as the position remembers it, and by what it finds companies."""
    kinds = (line.dialect.company_type, line.dialect.person_type)
    properties = [f"{kind}.{name}" for kind in kinds for name in _properties(line, kind)]
    return sorted([*properties, *CompanyRule(line.reading).marks])


def _covers(position: Mapping[str, Any], line: Line) -> bool:
    """Keys of companies that another rule made, or that nobody kept for a while, are made anew."""
    seen, marks = set(position["properties"]), {*CompanyRule(line.reading).marks}
    return seen.issuperset(_read(line)) and marks == {one for one in seen if "=" in one}


def _properties(line: Line, object_type: str) -> tuple[str, ...]:
    if object_type == line.dialect.company_type:
        return line.binding.company_properties or ("name",)
    return line.binding.person_properties


def _next(line: Line, object_type: str) -> str:
    return line.dialect.person_type if object_type == line.dialect.company_type else _DONE


def _store(line: Line, conn: Connection, object_type: str, records: Sequence[Record], now: datetime) -> None:
    ids = [record.id for record in records]
    erased = tombstones.among(conn, line.connection_id, object_type, ids)
    records = [record for record in records if record.id not in erased]
    rows = mirrors.load(conn, line.connection_id, object_type, ids, lock=True)
    same = same_on(line.binding, object_type)
    for record in records:
        row = rows.setdefault(record.id, MirrorRow(object_type=object_type, vendor_id=record.id))
        mirror.absorb(row, record, now=now, same=same)
    mirrors.put(conn, line.tenant.installation_id, line.connection_id, list(rows.values()))
    if object_type == line.dialect.person_type:
        _meet(line, conn, records, now)
    else:
        due = keep_companies(line.tenant, conn, line.connection_id, list(rows.values()))
        leads.mark_due(
            conn, line.tenant.installation_id, sorted(due), at=now, why="company", lane=Lane.BACKGROUND.value
        )


def _meet(line: Line, conn: Connection, records: Sequence[Record], now: datetime) -> None:
    """People become leads, each once; their links start with nothing wanted."""
    installation_id, person_type = line.tenant.installation_id, line.dialect.person_type
    ids = [record.id for record in records]
    known = leads.identities(conn, line.connection_id, person_type, ids)
    new = [record for record in records if record.id not in known]
    created = [line.dialect.moment(record.properties.get(line.dialect.created_property)) or now for record in new]
    fresh = leads.new_leads(conn, installation_id, created)
    leads.identify(
        conn,
        installation_id,
        line.connection_id,
        person_type,
        [(record.id, lead_id) for record, lead_id in zip(new, fresh, strict=True)],
    )
    found = leads.identities(conn, line.connection_id, person_type, ids)
    links.ensure(
        conn, installation_id, line.connection_id, {found[one][0]: one for one in ids if found[one][1] is None}
    )
    due = [lead_id for lead_id, gone in found.values() if gone is None]
    leads.mark_due(conn, installation_id, due, at=now, why="sweep", lane=Lane.BACKGROUND.value)
