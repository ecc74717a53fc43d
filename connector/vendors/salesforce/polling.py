"""What has changed since we last asked, by a (SystemModstamp, Id) cursor: resumable page by page, with an overlap.

A row is stamped when it is saved and seen when its transaction commits, which may be minutes later: a cursor that only
went forward would miss it. So every round begins `OVERLAP_SECONDS` before the last one ended and tells those minutes
again; what the mirror has seen already says nothing new. Many rows share one second, so a page ends between two ids and
not between two moments. Deleted and merged rows are told as `archived`, which only `queryAll` knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from connector.vendors.base import Lane, Record
from connector.vendors.moments import to_moment
from connector.vendors.salesforce import protocol, records
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.describing import Fields
from connector.vendors.salesforce.protocol import MODIFIED

OVERLAP_SECONDS: Final = 300.0
PAGE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything up to this moment and, within its second, up to this id has been told."""

    at: datetime
    id: str = ""

    def rewound(self) -> Cursor:
        """Where the next round begins."""
        return Cursor(at=self.at - timedelta(seconds=OVERLAP_SECONDS))

    def text(self) -> str:
        """The form in which it is kept."""
        return f"{protocol.moment_text(self.at)}|{self.id}"

    @classmethod
    def of(cls, text: str) -> Cursor | None:
        """The cursor that was kept as this text; None for what is none."""
        moment, _, last = text.partition("|")
        at = to_moment(moment)
        return None if at is None or (last and not protocol.is_id(last)) else cls(at=at, id=last)


def changes(
    api: Api, fields: Fields, object_type: str, properties: Sequence[str], cursor: Cursor, *, lane: Lane
) -> Iterator[tuple[tuple[Record, ...], Cursor]]:
    """Pages of changed records, oldest first, each with the cursor that stands behind it. Ends at the last one."""
    names = fields.visible(object_type, ["Id", *properties, MODIFIED, "IsDeleted", "MasterRecordId"], lane=lane)
    while True:
        at = protocol.moment_text(cursor.at)
        where = f"{MODIFIED} >= {at}"
        if cursor.id:
            where = f"{MODIFIED} > {at} OR ({MODIFIED} = {at} AND Id > {protocol.quoted(cursor.id)})"
        soql = protocol.select(names, object_type, where, order=f"{MODIFIED}, Id", limit=PAGE)
        page = tuple(records.record(raw, object_type) for raw in api.query(soql, lane=lane, deleted=True))
        if not page:
            return
        last = page[-1]
        cursor = Cursor(at=last.modified_at or cursor.at, id=last.id)
        yield page, cursor
        if len(page) < PAGE:
            return
