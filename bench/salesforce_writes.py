"""What 20,000 changed records cost in Salesforce: calls beside the least possible, records a second, peak memory.

    python -m bench.salesforce_writes [--records 20000] [--latency-ms 80]

The sandbox runs in a process of its own, so that the memory is ours alone. The least possible is one call for 200
records (Collections), or the six calls of one Bulk job; what describes and sessions cost is counted too. Limits: 10 %
above the least, 300 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import orjson

from connector.sandbox.salesforce.handle import SalesforceHandle, connect_salesforce
from connector.vendors.base import Lane, Outcome, Update, WriteResult
from connector.vendors.http import MemoryTokens
from connector.vendors.salesforce.bulk import BulkWriter
from connector.vendors.salesforce.client import SalesforceVendor
from connector.vendors.salesforce.oauth import ClientCredentials, Grant, SessionTokens

BULK_CALLS = 6
"""Create, upload, close, one look at the state, two results."""
RUN = "from connector.cli.sandbox import command; command()"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--latency-ms", type=float, default=80.0)
    arguments = parser.parse_args()
    with _sandbox(arguments.latency_ms) as sandbox:
        rows = [{"LastName": "山田", "Company": "株式会社サンプル"} for _ in range(arguments.records)]
        ids = [
            one
            for start in range(0, len(rows), 2_000)
            for one in sandbox.import_rows("Lead", rows[start : start + 2_000])
        ]
        del rows
        vendor = _vendor(sandbox)
        collections = math.ceil(arguments.records / vendor.batch_size)
        # the hot lane never uses Bulk
        _measure(sandbox, "Collections", ids, collections, lambda rows: vendor.update("Lead", rows, lane=Lane.HOT))
        bulk = BulkWriter(vendor.api, sleep=lambda _: None)
        _measure(sandbox, "Bulk 2.0", ids, BULK_CALLS, lambda rows: bulk.update("Lead", rows, lane=Lane.BACKGROUND))
        vendor.close()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, limit 300 MB")


def _measure(
    sandbox: SalesforceHandle,
    name: str,
    ids: Sequence[str],
    least: int,
    write: Callable[[Sequence[Update]], list[WriteResult]],
) -> None:
    updates = [Update(id=one, properties={"Title": name, "Rating": "Hot"}) for one in ids]
    sandbox.reset_calls()
    began = time.monotonic()
    results = write(updates)
    seconds = time.monotonic() - began
    assert {one.outcome for one in results} == {Outcome.APPLIED}
    calls = sandbox.calls()["total"]["calls"]
    share = (calls / least - 1) * 100
    print(f"{name}: {calls} calls, the least is {least} (+{share:.0f} %); {len(ids) / seconds:,.0f} records/s")


def _vendor(sandbox: SalesforceHandle) -> SalesforceVendor:
    kept: list[Grant | None] = [None]
    lock = threading.Lock()
    tokens = SessionTokens(
        ClientCredentials(base_url=sandbox.base_url, client_id=sandbox.client_id, client_secret=sandbox.client_secret),
        load=lambda: kept[0],
        save=lambda grant: kept.__setitem__(0, grant),
        lock=lambda: lock,
        clock=lambda: datetime.now(UTC),
    )
    return SalesforceVendor(
        account_id=sandbox.organization_id, base_url=sandbox.base_url, credentials=tokens, tokens=MemoryTokens()
    )


@contextlib.contextmanager
def _sandbox(latency_ms: float) -> Iterator[SalesforceHandle]:
    command = [sys.executable, "-c", RUN, "--vendor", "salesforce", "--port", "0", "--contacts", "0", "--unlimited"]
    command += ["--latency-ms", str(latency_ms), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield connect_salesforce(orjson.loads(process.stdout.readline())["base_url"])
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(10)


if __name__ == "__main__":
    main()
