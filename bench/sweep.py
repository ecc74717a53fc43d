"""Reconcile's full look over a large portal: `python -m bench.sweep [--records 100000] [--compare 1000000]`.

Two runs, each of the product's own way (`tasuki reconcile --full`, `sync.reconcile.looks`) in a process of its own:

1. 100,000 contacts of 30 properties from a stand-in with 80 ms of latency and 190 calls in ten seconds. Goals: 95 % of
   that limit (1,805 records/s), 1.5 s of CPU, 150 MB. Beside it, in the same minute: the same reading with urllib3 and
   orjson alone, four threads and nothing else done, and `dlt` where `make bench-peers` has installed it.
2. 1,000,000 mirrored contacts against 1,000,000 in the CRM, 1,000 of them drifted, no latency and no limit. Goals:
   found exactly, under 60 s and 500 MB.

CPU is user and system time of the reconciling process; the database's own is printed beside it.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import urllib3

from bench.portal import MODIFIED, PROPERTIES, STEP, values_of, vendor_id
from connector.bootstrap import INSTALLATION, Runtime
from connector.bootstrap_hubspot import HUBSPOT_LIMITS
from connector.domain.fingerprint import fingerprint
from connector.policy.loader import load_policy
from connector.policy.source import read_folder
from connector.settings import HubSpotSettings, Settings
from connector.store import connections
from connector.store.database import Connection, Database
from connector.store.embedded import embedded_database
from connector.store.migrate import migrate
from connector.store.reconcile_passes import Scope
from connector.sync.activate import activate
from connector.sync.reconcile import begin, looks
from connector.sync.tokens import configure
from connector.vendors.base import Lane
from connector.vendors.http import MemoryTokens

CALLS, WINDOW_SECONDS, PAGE = 190, 10.0, 100
LIMIT = CALLS / WINDOW_SECONDS * PAGE
PEERS = Path(__file__).with_name(".peers") / "bin" / "python"
OTHERS = Path(__file__).parent / "others" / "reading.py"
ALWAYS = ("email", "createdate", "hubspot_owner_id", "associatedcompanyid", "recent_conversion_event_name",
          "recent_conversion_date")  # fmt: skip
CHUNK = 100_000
UNLIMITED = dict.fromkeys(HUBSPOT_LIMITS, (1e9, 10.0))

_LOADED = """
CREATE TEMPORARY TABLE loaded (vendor_id text, properties jsonb, fingerprint bytea) ON COMMIT DROP
"""
_MIRROR = """
INSERT INTO mirror (installation_id, connection_id, object_type, vendor_id, properties, fingerprint, modified_at,
                    read_at)
SELECT %(installation_id)s, %(connection_id)s, 'contact', vendor_id, properties, fingerprint, %(modified)s, %(modified)s
FROM loaded
"""
_LEADS = (
    "INSERT INTO lead (installation_id, created_at)"
    " SELECT %(installation_id)s, now() FROM generate_series(1, %(n)s::int)",
    "INSERT INTO identity (installation_id, connection_id, object_type, vendor_id, lead_id)"
    " SELECT %(installation_id)s, %(connection_id)s, 'contact', (%(first)s + (id - 1) * %(step)s)::text, id FROM lead",
    "INSERT INTO link (installation_id, lead_id, connection_id, vendor_id)"
    " SELECT %(installation_id)s, lead_id, connection_id, vendor_id FROM identity",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of the look came to."""

    seconds: float
    cpu_seconds: float
    database_cpu_seconds: float
    peak_mb: float
    pages: int
    looked: int
    marked: int
    archived: int
    drifted: int


# ── the base ─────────────────────────────────────────────────────────────────────────────────────────────────
@contextmanager
def portal(records: int, *, drift_every: int = 0, latency_ms: float = 0.0, calls: int = 0) -> Iterator[str]:
    """A stand-in in a process of its own; gives its address."""
    flags = {"records": records, "drift-every": drift_every, "latency-ms": latency_ms, "calls": calls}
    command = [sys.executable, "-c", "from bench.portal import main; main()"]
    command += [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def fill(dsn: str, home: Path, address: str, records: int, *, limited: bool) -> None:
    """A base that holds every contact as it was, under a policy that reads thirty properties."""
    folder = home / "policy"
    folder.mkdir()
    others = [name for name in PROPERTIES if name not in ALWAYS]
    fields = "\n".join(f"  {name}: {{type: text, hubspot: contact.{name}, sync: no}}" for name in others)
    (folder / "fields.yaml").write_text(f"lead:\n{fields}\n", encoding="utf-8")
    (folder / "scoring.yaml").write_text("{}\n", encoding="utf-8")
    policy = load_policy(folder)
    database = Database.open(dsn, statement_timeout_seconds=600.0)
    installation_id = connections.ensure_installation(database, INSTALLATION)
    with database.transaction(installation_id) as conn:
        connection_id = connections.ensure(
            conn, installation_id, vendor="hubspot", account_id="1", base_url=address, settings={}
        )
        configure(conn, connection_id, HUBSPOT_LIMITS if limited else UNLIMITED)
    activate(database, installation_id, policy, read_folder(folder))
    ours = {"installation_id": installation_id, "connection_id": connection_id, "first": vendor_id(0), "step": STEP}
    for start in range(0, records, CHUNK):
        with database.transaction(installation_id) as conn:
            _mirror(conn, ours, range(start, min(records, start + CHUNK)))
    with database.transaction(installation_id) as conn:
        for statement in _LEADS:
            conn.execute(statement, {**ours, "n": records})
    with database.autocommit() as conn:
        conn.execute("VACUUM ANALYZE mirror, lead, identity, link")
    database.close()


def _mirror(conn: Connection, ours: Mapping[str, object], numbers: Iterable[int]) -> None:
    """These contacts as the product mirrors them, copied in."""
    conn.execute(_LOADED)
    with conn.cursor().copy("COPY loaded FROM STDIN") as copy:
        for number in numbers:
            values = values_of(number)
            copy.write_row((str(vendor_id(number)), orjson.dumps(values).decode(), fingerprint(values)))
    conn.execute(_MIRROR, {**ours, "modified": MODIFIED})


# ── the run, in a process of its own ─────────────────────────────────────────────────────────────────────────
def run(dsn: str, home: Path, address: str) -> None:
    """Look at every contact once, as `tasuki reconcile --full` does; prints what it came to."""
    hubspot = HubSpotSettings(portal_id=1, client_secrets=("x",), access_token="x", base_url=address)
    database = Database.open(dsn)
    runtime = Runtime(database, Settings(home=home, hubspot=hubspot))
    installation_id = connections.ensure_installation(database, INSTALLATION)
    tenant = runtime.tenant(installation_id)
    assert tenant is not None
    (line,) = runtime.lines(tenant).values()
    base = database_cpu(dsn)  # before ours begins to count: to ask is not the look's
    began, before = time.monotonic(), time.process_time()
    (one,) = begin(line, Scope.EVERYTHING, ["contact"])
    for looked in looks(line, one):
        one = looked
    found = Run(
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - before,
        database_cpu_seconds=database_cpu(dsn) - base,
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        pages=one.pages,
        looked=one.looked,
        marked=one.marked,
        archived=one.archived,
        drifted=one.drifted,
    )
    print(orjson.dumps(found).decode())
    runtime.close()
    database.close()


def database_cpu(dsn: str) -> float:
    """User and system seconds of every process of the server."""
    database = Database.open(dsn)
    with database.autocommit() as conn:
        row = conn.execute("SELECT pg_backend_pid() AS pid").fetchone()
    assert row is not None
    server = _fields(row["pid"])[1]
    found = sum((_fields(int(one))[11] + _fields(int(one))[12]) for one in os.listdir("/proc") if one.isdigit()
                and _alive(int(one)) and _fields(int(one))[1] == server)  # fmt: skip
    database.close()
    own = _fields(server)
    # what ended children used is the server's
    return (found + own[13] + own[14]) / os.sysconf("SC_CLK_TCK")


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def _fields(pid: int) -> list[int]:
    """The numbers of /proc/PID/stat behind the name: [0] is the state (as 0), [1] the parent."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return [0] * 20
    return [int(one) if one.lstrip("-").isdigit() else 0 for one in text.rpartition(")")[2].split()]


def measured(dsn: str, home: Path, address: str) -> Run:
    """Start `run` and read what it prints."""
    command = [sys.executable, "-m", "bench.sweep", "--run", dsn, str(home), address]
    return Run(**orjson.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


# ── peers ────────────────────────────────────────────────────────────────────────────────────────────────────
def bare(address: str, records: int) -> tuple[float, float]:
    """Seconds and CPU of reading the same pages with urllib3 and orjson on four threads, and nothing else."""
    pool = urllib3.PoolManager(maxsize=4)
    # shallow as the product's own bucket: a full one would let twice the limit through
    tokens = MemoryTokens(rates={"burst": (3.0, 3.0 / (CALLS / WINDOW_SECONDS * 0.98))}, max_wait_seconds=60.0)

    def read(start: int) -> int:
        tokens.take("burst", Lane.BACKGROUND)
        query = f"?limit={PAGE}&properties={','.join(PROPERTIES)}&after={vendor_id(start)}"
        answer = pool.request("GET", f"{address}/crm/objects/2026-03/contacts{query}", retries=False)
        assert answer.status == 200, answer.data
        return len(orjson.loads(answer.data)["results"])

    began, before = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(read, range(0, records, PAGE))) == records
    return time.monotonic() - began, time.process_time() - before


def beside_dlt(address: str) -> str:
    """What dlt makes of the same reading, where it is installed."""
    if not PEERS.exists():
        return "dlt: not installed (`make bench-peers` does that, once)"
    command = [str(PEERS), str(OTHERS), address, ",".join(PROPERTIES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"dlt: did not run ({done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no reason'})"
    found = orjson.loads(done.stdout)
    return (
        f"dlt, extract alone: {found['records'] / found['seconds']:,.0f} records/s,"
        f" CPU {found['cpu_seconds'] * 100_000 / found['records']:.2f} s for 100,000, {found['peak_mb']:.0f} MB"
    )


# ── what is printed ──────────────────────────────────────────────────────────────────────────────────────────
def at_the_limit(records: int, *, peers: bool) -> bool:
    """The first run; True when it meets its goals."""
    with based(records, latency_ms=80.0, calls=CALLS) as (dsn, home, address):
        found = measured(dsn, home, address)
        time.sleep(WINDOW_SECONDS)
        seconds, cpu = bare(address, records)
        time.sleep(WINDOW_SECONDS)
        told = beside_dlt(address) if peers else ""
    rate, hundred = found.looked / found.seconds, 100_000 / records
    print(
        f"{records:,} contacts, 30 properties, 80 ms, {CALLS} calls in {WINDOW_SECONDS:.0f} s: {LIMIT:,.0f} records/s"
    )
    print(
        f"  full look: {rate:,.0f} records/s ({rate / LIMIT:.1%} of the limit), CPU"
        f" {found.cpu_seconds * hundred:.2f} s for 100,000 (database {found.database_cpu_seconds * hundred:.2f} s),"
        f" {found.peak_mb:.0f} MB, {found.marked} marked, {found.archived} missing"
    )
    print(
        f"  urllib3 and orjson, four threads, nothing compared: {records / seconds:,.0f} records/s"
        f" ({records / seconds / LIMIT:.1%}), CPU {cpu * hundred:.2f} s for 100,000"
    )
    if told:
        print(f"  {told}")
    met = rate >= 0.95 * LIMIT and found.cpu_seconds * hundred <= 1.5 and found.peak_mb <= 150
    print(f"  goals (95 % of the limit, 1.5 s, 150 MB): {'met' if met else 'NOT MET'}")
    return met and found.marked == found.archived == 0 and found.looked == records


def against_the_mirror(records: int) -> bool:
    """The second run; True when it meets its goals."""
    every = records // 1_000
    with based(records, drift_every=every) as (dsn, home, address):
        found = measured(dsn, home, address)
        exact = _exactly_told(dsn, records, every)
    print(f"{records:,} mirrored against {records:,} in the CRM, {records // every:,} drifted")
    print(
        f"  {found.seconds:.1f} s, CPU {found.cpu_seconds:.1f} s (database {found.database_cpu_seconds:.1f} s),"
        f" {found.peak_mb:.0f} MB; {found.drifted} told, {found.marked} marked, exactly those: {exact}"
    )
    met = found.seconds < 60 and found.peak_mb < 500 and exact and found.marked == records // every
    print(f"  goals (exactly, 60 s, 500 MB): {'met' if met else 'NOT MET'}")
    return met


def _exactly_told(dsn: str, records: int, every: int) -> bool:
    expected = {str(vendor_id(number)) for number in range(records) if number % every == every // 2}
    database = Database.open(dsn)
    installation_id = connections.ensure_installation(database, INSTALLATION)
    with database.transaction(installation_id) as conn:
        told = [row["vendor_id"] for row in conn.execute("SELECT vendor_id FROM drift WHERE property = 'jobtitle'")]
        wanted = "SELECT vendor_id FROM link WHERE read_wanted_at IS NOT NULL"
        marked = {row["vendor_id"] for row in conn.execute(wanted)}
    database.close()
    return sorted(told) == sorted(expected) and marked == expected


@contextmanager
def based(
    records: int, *, drift_every: int = 0, latency_ms: float = 0.0, calls: int = 0
) -> Iterator[tuple[str, Path, str]]:
    """A portal and a base that holds it; gives the database, a home and the portal's address."""
    home = Path(tempfile.mkdtemp(prefix="tasuki-bench-", dir="/tmp"))  # a socket path must be short
    home.chmod(0o755)
    try:
        with (
            portal(records, drift_every=drift_every, latency_ms=latency_ms, calls=calls) as address,
            embedded_database(home / "postgres") as dsn,
        ):
            migrate(dsn)
            fill(dsn, home, address, records, limited=bool(calls))
            yield dsn, home, address
    finally:
        shutil.rmtree(home, ignore_errors=True)


def main() -> None:
    """Measure and print; ends with 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000, help="of the first run; 0 leaves it out")
    parser.add_argument("--compare", type=int, default=1_000_000, help="of the second run; 0 leaves it out")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--run", nargs=3, metavar=("DSN", "HOME", "ADDRESS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        dsn, home, address = options.run
        run(dsn, Path(home), address)
        return
    met = [at_the_limit(options.records, peers=not options.no_peers)] if options.records else []
    met += [against_the_mirror(options.compare)] if options.compare else []
    sys.exit(0 if all(met) else 1)


if __name__ == "__main__":
    main()
