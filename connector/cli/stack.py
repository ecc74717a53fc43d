"""The whole product on this machine as processes of its own: sandbox, webhook service, worker, embedded PostgreSQL."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from connector.bootstrap import Runtime, open_store
from connector.bootstrap_hubspot import connect_hubspot
from connector.errors import RetryableError, UsageError
from connector.policy.loader import load_policy
from connector.policy.model import Policy
from connector.policy.source import read_folder
from connector.sandbox.handle import SandboxHandle, connect_sandbox
from connector.settings import Settings
from connector.store import policies
from connector.store.database import Database
from connector.store.embedded import embedded_database
from connector.sync.activate import activate
from connector.texts import say

STARTING = "PostgreSQL, sandbox, webhook service, worker: starting / 起動中"
START_SECONDS = 40.0
STOP_SECONDS = 15.0
FORM_SECRET = "demo-form-secret-of-the-website"  # noqa: S105 - the demo's own, on loopback
FORM_SOURCE = "site"
APP_SECRET = "sandbox-app-secret"  # noqa: S105 - the sandbox's own, known to all


@dataclass(slots=True, kw_only=True)
class Stack:
    """What runs: addresses, the sandbox's controls and the store."""

    home: Path
    url: str
    sandbox: SandboxHandle
    settings: Settings
    environment: Mapping[str, str]
    policy: Policy
    database: Database
    installation_id: int
    connection_id: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start (or start again) one `tasuki` process; its log goes to a file below the home."""
        self.processes[name] = begin(self.home, self.environment, name, arguments)
        return self.processes[name]

    def stop(self, name: str) -> None:
        """End one process and wait until it has gone."""
        process = self.processes.pop(name)
        process.terminate()
        process.wait(timeout=30)

    def runtime(self) -> Runtime:
        """The product's parts in this process, to look with."""
        return Runtime(self.database, self.settings)


@contextlib.contextmanager
def running(
    home: Path,
    policy: Path,
    *,
    sandbox_options: Sequence[str] = (),
    port: int = 0,
    workers: int = 1,
    database: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Start everything, connected and with the policy active; stop it all at the end. A worker uses one core.

    `database`: the variables of a PostgreSQL server that runs already, where none of its own shall be started.
    """
    make_home(home)
    if port:
        refuse_taken(port)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    # each of them takes its time to start, so none waits for another that it does not need
    server = embedded_database(home / "postgres") if database is None else contextlib.nullcontext()
    with _sandbox(home, url, sandbox_options) as await_sandbox, server:
        sandbox = await_sandbox()
        environment = _environment(home, url, port, sandbox) | dict(database or {})
        settings = Settings.from_environ(environment)
        with open_store(settings) as store:
            processes = {"serve": begin(home, environment, "serve", ["serve"])}
            try:
                stack = _prepare(home, url, sandbox, settings, environment, store, policy, processes)
                for number in range(workers):
                    stack.start("work" if number == 0 else f"work-{number + 1}", ["work"])
                wait_for(f"{url}/readyz", processes["serve"], home / "serve.log")
                yield stack
            finally:
                stop(list(processes.values()))


def role_of(name: str) -> str:
    """The command of a process of ours: the second worker is `work-2`."""
    return name.partition("-")[0]


def refuse_taken(port: int) -> None:
    """Raise `UsageError` for a port that somebody listens on: nobody need wait for the service to give up."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                say(
                    "Port {port} cannot be used ({strerror}); take another one with --port, or 0 for a free one.",
                    port=port,
                    strerror=error.strerror,
                ),
                reason="port_taken",
            ) from error


def clear_home(home: Path) -> None:
    """Remove what an earlier run beside a sandbox left. Raises `UsageError` for a folder that holds anything else: it
    may be a real installation's, or somebody's own.
    """
    if home.is_dir() and any(home.iterdir()) and not any(home.glob("sandbox*.log")):
        raise UsageError(
            say(
                "{home} holds something else than a sandbox's run, and stays as it is; name a new folder with --home.",
                home=home,
            ),
            reason="home_not_ours",
        )
    shutil.rmtree(home, ignore_errors=True)


def make_home(home: Path) -> None:
    """The folder of everything that runs. Raises `UsageError` where none can be made."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            say(
                "The data folder {home} cannot be made ({strerror}); name another one with --home.",
                home=home,
                strerror=error.strerror,
            ),
            reason="home_unusable",
        ) from error


def begin(home: Path, environment: Mapping[str, str], name: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start one `tasuki` process; its log goes to a file below the home."""
    command = [sys.executable, "-m", "connector.cli.begin", *arguments]
    with (home / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, env=dict(environment), stdout=log, stderr=log)  # noqa: S603


def _prepare(
    home: Path,
    url: str,
    sandbox: SandboxHandle,
    settings: Settings,
    environment: Mapping[str, str],
    database: Database,
    folder: Path,
    processes: dict[str, subprocess.Popen[bytes]],
) -> Stack:
    policy = load_policy(folder)
    assert settings.hubspot is not None
    installation_id, connection_id = connect_hubspot(database, settings.hubspot, policy)
    with database.transaction(installation_id) as conn:
        others = [one.name for one in policies.running(conn) if one.name != policy.name]
    activate(database, installation_id, policy, read_folder(folder), instead=others)
    stack = Stack(
        home=home,
        url=url,
        sandbox=sandbox,
        settings=settings,
        environment=environment,
        policy=policy,
        database=database,
        installation_id=installation_id,
        connection_id=connection_id,
        processes=processes,
    )
    subscribe(stack)
    return stack


def subscribe(stack: Stack) -> None:
    """Let the sandbox send what the policy needs to hear of: what a portal's app settings would list."""
    runtime = stack.runtime()
    tenant = runtime.tenant(stack.installation_id)
    assert tenant is not None
    binding = tenant.bindings[stack.connection_id]
    stack.sandbox.subscribe(
        {
            "contacts": sorted({*binding.person_properties, "lastname", "firstname"}),
            "companies": sorted(binding.company_properties),
            "deals": sorted(binding.deal_properties),
            "tasks": ["hs_task_status", "hs_timestamp", "hubspot_owner_id"],
        }
        | {one: sorted(binding.dialect.activities[one].properties) for one in binding.activity_types}
    )
    runtime.close()


@contextlib.contextmanager
def _sandbox(home: Path, url: str, options: Sequence[str]) -> Iterator[Callable[[], SandboxHandle]]:
    """The sandbox's process, and what waits until it answers."""
    command = [sys.executable, "-m", "connector.cli.begin", "sandbox", "--json", "--port", "0", *options]
    hooks = ["--webhook-url", f"{url}/webhooks/hubspot", "--app-secret", APP_SECRET]
    with (home / "sandbox.log").open("ab") as log:
        process = subprocess.Popen([*command, *hooks], stdout=subprocess.PIPE, stderr=log)  # noqa: S603
    try:
        yield lambda: connect_sandbox(orjson.loads(first_line(process, home / "sandbox.log"))["base_url"])
    finally:
        stop([process])


def first_line(process: subprocess.Popen[bytes], log: Path) -> bytes:
    """What a sandbox says of itself once it runs; `RetryableError` with the log's place when it does not."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line:
        raise RetryableError(say("The sandbox did not start; see {log}.", log=log), reason="sandbox_not_started")
    return line


def _environment(home: Path, url: str, port: int, sandbox: SandboxHandle) -> dict[str, str]:
    portal = sandbox.settings()
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TASUKI_")}
    return mine | {
        "TASUKI_HOME": str(home),
        "TASUKI_PORT": str(port),
        "TASUKI_PUBLIC_URL": url,
        "TASUKI_FORMS_POLL_SECONDS": "5",
        "TASUKI_FORM_SECRETS": f"{FORM_SOURCE}={FORM_SECRET}",
        "TASUKI_HUBSPOT_BASE_URL": sandbox.base_url,
        "TASUKI_HUBSPOT_ACCESS_TOKEN": sandbox.token,
        "TASUKI_HUBSPOT_CLIENT_SECRET": APP_SECRET,
        "TASUKI_HUBSPOT_PORTAL_ID": str(portal["portal_id"]),
        "TASUKI_HUBSPOT_APP_ID": str(portal["app_id"]),
    }


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the address answers 200; `RetryableError` with the log's place when the process gives up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            if answer.status == 200:
                return
        time.sleep(0.05)
    raise RetryableError(say("The service did not start; see {log}.", log=log), reason="service_not_started")


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End these processes: politely, then by force."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on, and that the kernel gives to nobody else for a minute, who did not ask for it.

    A connection to it is ended from its side: until the kernel forgets that one (TIME_WAIT), it chooses other ports,
    while servers, which reuse addresses, may listen there at once.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)):
            probe.accept()[0].close()
    return port
