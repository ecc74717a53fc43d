"""`tasuki plan` over a large base: `python -m bench.plan [--leads 1000000]`. Goal: 1,000,000 leads in 120 s and 1 GB.

The sandbox's leads are given a past (four of ten none, one of ten fourteen signals), brought to rest by the product
itself and copied within the database (`--copies 62`: so many of each lead, in companies of their own); then a policy
with one changed threshold is planned, by the clock. Beside our figure stand what it costs, by whom, and the limit:
reading the same rows out of the database with nothing done to them. Nothing of a lead is kept for its copies.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.base import behave, multiply, rests
from bench.end_to_end import processor_ticks, wait_swept
from bench.leads import COUNTS, KINDS, RARE
from bench.sweep import database_cpu
from connector.bootstrap_bindings import bindings_of
from connector.cli.forecasting import forecast_base
from connector.cli.session import installation
from connector.cli.shipped import shipped_policy
from connector.cli.stack import running
from connector.engine.plan import prepare
from connector.policy.loader import load_policy_from
from connector.policy.source import read_folder
from connector.store import connections
from connector.store.database import Database
from connector.sync.cases import load_cases
from connector.sync.forecast import SLICE

_LOWER = (b"score.total: {at_least: 80}", b"score.total: {at_least: 60}")


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--contacts", type=int, default=2_000, help="leads of the sandbox that are copied")
    parser.add_argument("--copies", type=int, help="copies of each lead, in place of --leads")
    parser.add_argument("--all", action="store_true", help="a version that differs in more: everybody is decided")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="tasuki-bench-", dir="/tmp"))  # a socket path must be short
    home.chmod(0o755)
    try:
        with running(home, shipped_policy("b2b-ja"), sandbox_options=["--contacts", str(options.contacts)]) as stack:
            wait_swept(stack)
            behave(stack.database, installation(stack.database), (*KINDS, *RARE), COUNTS)
            while not rests(stack.database, installation(stack.database)):
                time.sleep(0.5)
            wait_swept(stack)
            stack.stop("work")
            leads = options.contacts * (1 + options.copies) if options.copies is not None else options.leads
            _measure(stack.database, leads, everybody=options.all)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _measure(database: Database, wanted: int, *, everybody: bool) -> None:
    installation_id, began = installation(database), time.monotonic()
    leads = multiply(database, installation_id, wanted)
    print(f"copied                {leads:,} leads there after {time.monotonic() - began:.0f} s", flush=True)
    files = read_folder(shipped_policy("b2b-ja"))
    files["scoring.yaml"] = files["scoring.yaml"].replace(*_LOWER)
    reading = _read_only(database, installation_id, files, min(leads, 20_000))
    if everybody:  # a label is no formula
        files["fields.yaml"] = files["fields.yaml"].replace(b"en: Last name", b"en: Surname")
    served, ticks = database_cpu(database.dsn), processor_ticks()
    began, spent = time.monotonic(), _spent()
    found, _ = forecast_base(database, installation_id, files)
    took, spent = time.monotonic() - began, _spent() - spent
    served = database_cpu(database.dsn) - served
    passed, stolen = (now - was for now, was in zip(processor_ticks(), ticks, strict=True))
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"leads decided         {found.leads:,} of {leads:,} ({found.changed:,} would change)")
    print(f"plan                  {took:.1f} s, {found.leads / took:,.0f} leads/s, largest process {memory:.0f} MB")
    print(f"CPU of our processes  {spent / found.leads * 1e6:.0f} µs a lead, their start included")
    print(f"CPU of the database   {served / found.leads * 1e6:.0f} µs a lead")
    print(f"the host took         {stolen / max(1, passed):.0%} of the processors")
    print(f"a million would take  {took / found.leads * 1e6:.0f} s (goal 120 s)")
    print(f"limit: reading alone  {reading:,.0f} leads/s in one process")


def _spent() -> float:
    """CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_only(database: Database, installation_id: int, files: dict[str, bytes], leads: int) -> float:
    plan, after, read = prepare(load_policy_from(files)), 0, 0
    began = time.monotonic()
    while read < leads:
        with database.transaction(installation_id) as conn:
            bindings = bindings_of(plan, connections.listed(conn))
            rows = conn.execute("SELECT id FROM lead WHERE id > %s ORDER BY id LIMIT %s", [after, SLICE]).fetchall()
            load_cases([bindings], conn, [row["id"] for row in rows], now=datetime.now(UTC), results=False)
        after, read = rows[-1]["id"], read + len(rows)
    return read / (time.monotonic() - began)


if __name__ == "__main__":
    main()
