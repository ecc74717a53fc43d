"""The contacts of `bench.portal` read by `dlt`, extraction alone: nothing is normalised, loaded, compared or judged.

Runs in an environment of its own (`make bench-peers` makes it), told by `bench.sweep`:
`bench/.peers/bin/python bench/others/reading.py ADDRESS PROPERTY,PROPERTY`. Prints JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator


def main() -> None:
    """Read every page."""
    address, properties = sys.argv[1:]
    client = RESTClient(
        base_url=address,
        paginator=JSONResponseCursorPaginator(cursor_path="paging.next.after", cursor_param="after"),
        data_selector="results",
    )
    began, before = time.monotonic(), time.process_time()
    count = 0
    params = {"limit": 100, "properties": properties, "archived": "false"}
    for page in client.paginate("/crm/objects/2026-03/contacts", params=params):
        count += len(page)
    found = {
        "records": count,
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time() - before,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
