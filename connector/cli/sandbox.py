"""`tasuki sandbox`: a stand-in HubSpot or Salesforce on loopback, until Ctrl-C."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Mapping

import click
import orjson

from connector.errors import UsageError
from connector.sandbox.handle import start_sandbox
from connector.sandbox.handle_common import CommonHandle
from connector.sandbox.salesforce.handle import start_salesforce
from connector.texts import joined, say


@click.command(name="sandbox")
@click.option(
    "--vendor",
    type=click.Choice(["hubspot", "salesforce"]),
    default="hubspot",
    show_default=True,
    help="Whose place it takes; with one seed both hold the same people.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8710, show_default=True, help="Port; 0 takes a free one.")
@click.option("--seed", default=20260401, show_default=True, help="Seed of the world and of every random choice.")
@click.option("--contacts", default=200, show_default=True, help="People in the world.")
@click.option("--companies", default=None, type=int, help="Companies in the world  [default: a quarter of contacts]")
@click.option("--latency-ms", default=0.0, show_default=True, help="Milliseconds that every API call takes.")
@click.option("--unlimited", is_flag=True, help="No rate limits.")
@click.option("--search-lag", default=None, type=float, help="Seconds until search sees a write  [default: 5.0]")
@click.option("--webhook-url", default="", help="Where webhooks go; without it none are sent.")
@click.option("--workflow-url", default="", help="Where a workflow posts the contact of every form submission.")
@click.option("--app-secret", default="", help="Client secret that signs webhooks  [default: sandbox-app-secret]")
@click.option("--pubsub-port", default=None, type=int, help="Port of Salesforce's change events; 0 takes a free one.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for programs.")
def command(
    vendor: str,
    host: str,
    port: int,
    seed: int,
    contacts: int,
    companies: int | None,
    latency_ms: float,
    unlimited: bool,
    search_lag: float | None,
    webhook_url: str,
    workflow_url: str,
    app_secret: str,
    pubsub_port: int | None,
    as_json: bool,
) -> None:
    """Run a stand-in CRM with a seeded Japanese B2B world, for trying policies and for tests."""
    # hundreds of thousands of records live as long as the process: looking through them again and again for
    # garbage would cost more than serving them
    gc.set_threshold(200_000, 50, 1000)
    hubspot_only = {
        "--companies": companies,
        "--search-lag": search_lag,
        "--webhook-url": webhook_url,
        "--workflow-url": workflow_url,
        "--app-secret": app_secret,
    }
    if vendor == "salesforce":
        _only_hubspot(hubspot_only)
        org = start_salesforce(
            port, host=host, people=contacts, seed=seed, latency_ms=latency_ms, limits_enabled=not unlimited
        )
        facts = {"client_id": org.client_id, "client_secret": org.client_secret, "username": org.username}
        if pubsub_port is not None:
            facts["pubsub"] = org.start_changes(port=pubsub_port)
        _serve(org, "Salesforce", facts, as_json)
        return
    if pubsub_port is not None:
        raise UsageError(say("--pubsub-port belongs to Salesforce; leave it out."), reason="not_of_this_vendor")
    sandbox = start_sandbox(
        port,
        host=host,
        contacts=contacts,
        companies=companies,
        seed=seed,
        latency_ms=latency_ms,
        limits_enabled=not unlimited,
        search_lag_seconds=5.0 if search_lag is None else search_lag,
    )
    changes = {"target_url": webhook_url, "workflow_url": workflow_url, "app_secret": app_secret}
    sandbox.webhooks(**{name: value for name, value in changes.items() if value})
    _serve(sandbox, "HubSpot", {"token": sandbox.token, "app_secret": app_secret or sandbox.app_secret}, as_json)


def _only_hubspot(options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(
            say("{options} belong to HubSpot; leave them out.", options=joined(", ", given)),
            reason="not_of_this_vendor",
        )


def _serve(sandbox: CommonHandle, name: str, facts: Mapping[str, str], as_json: bool) -> None:
    """Say where it is, then stay until a signal."""
    gc.freeze()
    told = {"base_url": sandbox.base_url, "control_url": f"{sandbox.base_url}/control", **facts}
    if as_json:
        click.echo(orjson.dumps(told).decode())
    else:
        click.echo(f"{name} sandbox / {name}のサンドボックス")
        for word, value in told.items():
            click.echo(f"  {word:<13} {value}")
        click.echo("Ctrl-C stops it. / Ctrl-C で終了します。")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    sandbox.close()
