"""Query calls: pages under a locator that a later call may ask for, until it is forgotten."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.sandbox.salesforce import query, soql
from connector.sandbox.salesforce.ids import made_id
from connector.sandbox.salesforce.wire import Call, Json, Reply, refusal

_BATCH = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_LEAST = 200


@dataclass(slots=True)
class _Cursor:
    records: Sequence[Json]
    size: int
    forgotten_at: int


@dataclass
class Locators:
    """The queries that have further pages."""

    known: dict[str, _Cursor] = field(default_factory=dict)
    count: int = 0

    def run(self, call: Call, *, deleted: bool) -> Reply:
        """GET /query?q= and /queryAll?q="""
        text = call.one("q")
        total, records = query.run(call.org, soql.parse(text), call.version, deleted=deleted)
        call.records = total
        settings = call.org.settings
        asked = _BATCH.search(call.header("sforce-query-options"))
        size = settings.page_size if asked is None else min(2000, max(_LEAST, int(asked[1])))
        if len(records) <= size:
            return Reply(body={"totalSize": total, "done": True, "records": records})
        self.count += 1
        name = made_id("01g", self.count)
        self.known[name] = _Cursor(records, size, call.org.now() + settings.locator_seconds * 1000)
        return self._page(call, name, 0)

    def more(self, call: Call) -> Reply:
        """GET /query/{locator}-{offset}"""
        name, _, offset = call.args[0].rpartition("-")
        found = self.known.get(name)
        if found is None or not offset.isdigit() or call.org.now() >= found.forgotten_at:
            raise refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, name, int(offset))

    def _page(self, call: Call, name: str, offset: int) -> Reply:
        cursor = self.known[name]
        records = list(cursor.records[offset : offset + cursor.size])
        following = offset + len(records)
        body: Json = {"totalSize": len(cursor.records), "done": following >= len(cursor.records)}
        if not body["done"]:
            body["nextRecordsUrl"] = f"/services/data/v{call.version}/query/{name}-{following}"
        return Reply(body=body | {"records": records})
