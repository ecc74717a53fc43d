"""Form submitted → score and task in the CRM, as the CRM saw it: `python -m bench.end_to_end [--import 20000]`.

The whole product runs as processes of its own (service, two workers as compose.yaml starts them, PostgreSQL, sandbox
with 80 ms of latency) while forms come in at a steady rate; with `--import`, a contact import runs through the
background lane beside them. The limit to hold it against: p95 under 2 s. A form cannot be faster than the calls behind
it, so their sum (one read, one update or create) is printed as the floor.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from connector.cli.latency import latencies, percentile
from connector.cli.shipped import shipped_policy
from connector.cli.stack import Stack, running

_OPEN = """
SELECT count(*) AS n FROM link WHERE read_wanted_at IS NOT NULL OR desired_revision > confirmed_revision
"""


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=50, help="forms a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--latency-ms", type=int, default=80)
    parser.add_argument("--import", dest="imported", type=int, default=0, help="contacts imported meanwhile")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="tasuki-bench-", dir="/tmp"))  # a socket path must be short
    home.chmod(0o755)
    flags = ["--contacts", "200", "--latency-ms", str(options.latency_ms)]
    try:
        with running(home, shipped_policy("b2b-ja"), sandbox_options=flags, workers=2) as stack:
            wait_swept(stack)
            _run(stack, options)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(stack: Stack, options: argparse.Namespace) -> None:
    sandbox = stack.sandbox
    sandbox.reset_calls()
    start = len(sandbox.ledger())
    importer = threading.Thread(target=_import, args=(stack, options.imported))
    importer.start()
    if options.imported:
        time.sleep(3.0)
    submitted: dict[str, list[float]] = {}
    before = processor_ticks()
    count = options.rate * options.seconds
    began = time.monotonic()

    def submit(number: int) -> None:
        time.sleep(max(0.0, began + number / options.rate - time.monotonic()))
        found = sandbox.submit(
            "お問い合わせ", {"email": f"bench{number}@kaisha{number % 97}.example.co.jp", "lastname": "山田"}
        )
        submitted[found["contact_id"]] = [found["submitted_at"] / 1000]

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(submit, range(count)))
    took = time.monotonic() - began
    total, stolen = (now - then for now, then in zip(processor_ticks(), before, strict=True))
    backlog = _outstanding(stack)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        rows = sandbox.ledger(since=start)
        tasks = {
            one["id"]: contact
            for one in sandbox.records("tasks")
            for contact in one["associations"].get("contacts", ())
        }
        found = latencies(rows, submitted, tasks)
        if len(found.task) == len(submitted):
            break
        time.sleep(0.5)
    floor = 2 * options.latency_ms / 1000
    print(f"taken by the host         {100 * stolen / max(total, 1):.0f} % of the processors' time meanwhile")
    print(f"forms                     {count} in {took:.1f} s ({count / took:.0f}/s), {len(submitted)} contacts")
    if options.imported:
        print(
            f"import beside them        {options.imported} contacts;"
            f" {backlog} links still outstanding when the last form came in"
        )
    for name, values in (("score", found.score), ("task", found.task)):
        figures = "  ".join(f"p{p} {percentile(values, p):.2f} s" for p in (50, 95, 99))
        print(
            f"form → {name:<6} in the CRM  {figures}"
            f"  ({len(values)} of {len(submitted)}; floor {floor:.2f} s, limit p95 2.00 s)"
        )
    calls = {kind: one["calls"] for kind, one in sandbox.calls().items() if one["calls"]}
    print("calls                     " + ", ".join(f"{kind} {number}" for kind, number in sorted(calls.items())))
    importer.join()


def processor_ticks() -> tuple[int, int]:
    """Of all processors, in ticks: in all, and what the host of a virtual machine took for others (Linux; else 0)."""
    try:
        ticks = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0, 0
    return sum(ticks), ticks[7]


def _import(stack: Stack, count: int) -> None:
    for begin in range(0, count, 1000):
        stack.sandbox.import_rows(
            [
                {"email": f"import{n}@yunyu{n % 500}.example.co.jp", "lastname": "輸入", "jobtitle": "部長"}
                for n in range(begin, min(begin + 1000, count))
            ]
        )


def _outstanding(stack: Stack) -> int:
    with stack.database.transaction(stack.installation_id) as conn:
        row = conn.execute(_OPEN).fetchone()
    return int(row["n"]) if row else 0


def wait_swept(stack: Stack) -> None:
    """Wait until the first sweep is through and nothing is outstanding."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with stack.database.transaction(stack.installation_id) as conn:
            row = conn.execute("SELECT position ->> 'type' AS t FROM poll_cursor WHERE kind = 'sweep'").fetchone()
        if row is not None and row["t"] == "done" and _outstanding(stack) == 0:
            return
        time.sleep(0.2)


if __name__ == "__main__":
    main()
