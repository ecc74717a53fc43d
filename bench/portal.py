"""A portal of any size that costs nothing: contacts made up as they are asked for, with HubSpot's latency and limit.

`main` prints the address and serves until it is killed; `bench.sweep` starts it in a process of its own.
One process, one thread: bytes are put together from a template, a record is never held. The limit is HubSpot's: so
many calls in any ten seconds, then 429. It lists by id, reads by id with history, and tells what it served.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections import deque
from urllib.parse import parse_qs, urlsplit

import orjson

FIRST, STEP = 50_000_000_000, 3
WINDOW_SECONDS = 10.0
PROPERTIES = (
    "email", "lastname", "firstname", "jobtitle", "company", "phone", "city", "state", "zip", "industry",
    "numemployees", "annualrevenue", "website", "lifecyclestage", "hubspot_owner_id", "associatedcompanyid",
    "recent_conversion_event_name", "recent_conversion_date", "createdate", "hs_analytics_num_page_views",
    "hs_analytics_num_visits", "hs_analytics_last_timestamp", "hs_email_open", "hs_email_click", "hs_lead_status",
    "notes_last_contacted", "num_notes", "num_associated_deals", "message", "twitterhandle",
)  # fmt: skip
"""Thirty properties."""

MODIFIED = "2026-04-01T00:00:00.000Z"
LATER = "2026-10-01T00:00:00.000Z"


def values_of(number: int) -> dict[str, str | None]:
    """What contact `number` holds: most is alike, as in a real portal."""
    return {
        "email": f"p{number}@example.co.jp",
        "lastname": "山田",
        "firstname": "太郎",
        "jobtitle": f"課長{number % 100}",
        "company": f"株式会社サンプル{number // 5}",
        "phone": f"+8135550{number % 10_000:04}",
        "city": "千代田区",
        "state": "東京都",
        "zip": "100-0001",
        "industry": "manufacturing",
        "numemployees": str(number % 5_000),
        "annualrevenue": None,
        "website": "https://www.example.co.jp/",
        "lifecyclestage": "lead",
        "hubspot_owner_id": None,
        "associatedcompanyid": None,
        "recent_conversion_event_name": None,
        "recent_conversion_date": None,
        "createdate": MODIFIED,
        "hs_analytics_num_page_views": str(number % 50),
        "hs_analytics_num_visits": str(number % 10),
        "hs_analytics_last_timestamp": MODIFIED,
        "hs_email_open": None,
        "hs_email_click": None,
        "hs_lead_status": "NEW",
        "notes_last_contacted": None,
        "num_notes": "0",
        "num_associated_deals": None,
        "message": "資料を拝見し、導入事例について詳しく伺いたくご連絡しました。",
        "twitterhandle": None,
        "hs_object_id": str(vendor_id(number)),
        "lastmodifieddate": MODIFIED,
    }


def vendor_id(number: int) -> int:
    """The id of contact `number`."""
    return FIRST + number * STEP


class Portal:
    """The contacts; every `drift_every`-th has another title than it had."""

    def __init__(self, records: int, drift_every: int, latency_seconds: float, calls: int) -> None:
        self.records = records
        self.drift_every = drift_every
        self.latency_seconds = latency_seconds
        self.calls = calls
        self.recent: deque[float] = deque()
        self.served = 0
        self.refused = 0
        body = orjson.dumps(
            {
                "id": "@ID@",
                "properties": {**values_of(7), "email": "p@N@@example.co.jp", "jobtitle": "@TITLE@",
                               "company": "株式会社サンプル@FIFTH@", "phone": "+8135550@PHONE@",
                               "numemployees": "@STAFF@", "hs_analytics_num_page_views": "@VIEWS@",
                               "hs_analytics_num_visits": "@VISITS@", "lastmodifieddate": "@AT@",
                               "hs_object_id": "@ID@"},
                "createdAt": MODIFIED, "updatedAt": "@AT@", "archived": False,
            }
        )  # fmt: skip
        text = body.replace(b"%", b"%%")
        for name in ("ID", "N", "TITLE", "FIFTH", "PHONE", "STAFF", "VIEWS", "VISITS", "AT"):
            text = text.replace(f"@{name}@".encode(), f"%({name})s".encode())
        self._template = text.decode()

    def drifted(self, number: int) -> bool:
        """True for a contact whose title was changed and of which no event told."""
        return self.drift_every > 0 and number % self.drift_every == self.drift_every // 2

    def row(self, number: int) -> str:
        """Contact `number` as HubSpot prints it."""
        drifted = self.drifted(number)
        return self._template % {
            "ID": vendor_id(number),
            "N": number,
            "TITLE": "部長" if drifted else f"課長{number % 100}",
            "FIFTH": number // 5,
            "PHONE": f"{number % 10_000:04}",
            "STAFF": number % 5_000,
            "VIEWS": number % 50,
            "VISITS": number % 10,
            "AT": LATER if drifted else MODIFIED,
        }

    def page(self, after: int, limit: int) -> bytes:
        """A page of the list, from this id on."""
        first = max(0, -(-(after - FIRST) // STEP))
        last = min(self.records, first + limit)
        rows = ",".join(map(self.row, range(first, last)))
        following = vendor_id(last - 1) + 1
        paging = f',"paging":{{"next":{{"after":"{following}"}}}}' if last < self.records else ""
        return f'{{"results":[{rows}]{paging}}}'.encode()

    def read(self, body: bytes) -> bytes:
        """Contacts by id; a changed title brings its history where that is asked for."""
        asked = orjson.loads(body)
        found = [(int(one["id"]) - FIRST) // STEP for one in asked["inputs"]]
        return f'{{"status":"COMPLETE","results":[{",".join(map(self.row, found))}]}}'.encode()

    async def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of one call."""
        address = urlsplit(target)
        if address.path == "/served":
            return 200, orjson.dumps({"calls": self.served, "refused": self.refused})
        now = asyncio.get_running_loop().time()
        while self.recent and self.recent[0] <= now - WINDOW_SECONDS:
            self.recent.popleft()
        if self.calls and len(self.recent) >= self.calls:
            self.refused += 1
            return 429, b'{"status":"error","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}'
        self.recent.append(now)
        self.served += 1
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        if method == "POST" and address.path.endswith("/batch/read"):
            return 200, self.read(body)
        query = parse_qs(address.query)
        return 200, self.page(int(query.get("after", ["0"])[0]), int(query.get("limit", ["10"])[0]))


_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


async def serve(portal: Portal) -> None:
    """Answer on a free port of loopback until cancelled."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                status, answer = await portal.answer(method, target, body)
                reason = "OK" if status == 200 else "Too Many Requests"
                writer.write(
                    f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 20)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--drift-every", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--calls", type=int, default=0, help="calls in any ten seconds; 0: no limit")
    options = parser.parse_args()
    portal = Portal(options.records, options.drift_every, options.latency_ms / 1000, options.calls)
    asyncio.run(serve(portal))
