"""`tasuki sandbox`: a stand-in HubSpot on loopback, until Ctrl-C."""

from __future__ import annotations

import gc
import signal
import threading

import click
import orjson

from connector.sandbox.handle import start_sandbox


@click.command(name="sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8710, show_default=True, help="Port; 0 takes a free one.")
@click.option("--seed", default=20260401, show_default=True, help="Seed of the world and of every random choice.")
@click.option("--contacts", default=200, show_default=True, help="Contacts in the world.")
@click.option("--companies", default=None, type=int, help="Companies in the world  [default: a quarter of contacts]")
@click.option("--latency-ms", default=0.0, show_default=True, help="Milliseconds that every API call takes.")
@click.option("--unlimited", is_flag=True, help="No rate limits.")
@click.option("--search-lag", default=5.0, show_default=True, help="Seconds until search sees a write.")
@click.option("--webhook-url", default="", help="Where webhooks go; without it none are sent.")
@click.option("--workflow-url", default="", help="Where a workflow posts the contact of every form submission.")
@click.option("--app-secret", default="", help="Client secret that signs webhooks  [default: sandbox-app-secret]")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON for programs.")
def command(
    host: str,
    port: int,
    seed: int,
    contacts: int,
    companies: int | None,
    latency_ms: float,
    unlimited: bool,
    search_lag: float,
    webhook_url: str,
    workflow_url: str,
    app_secret: str,
    as_json: bool,
) -> None:
    """Run a stand-in HubSpot with a seeded Japanese B2B world, for trying policies and for tests."""
    # hundreds of thousands of records live as long as the process: looking through them again and again for
    # garbage would cost more than serving them
    gc.set_threshold(200_000, 50, 1000)
    sandbox = start_sandbox(
        port,
        host=host,
        contacts=contacts,
        companies=companies,
        seed=seed,
        latency_ms=latency_ms,
        limits_enabled=not unlimited,
        search_lag_seconds=search_lag,
    )
    gc.freeze()
    changes = {"target_url": webhook_url, "workflow_url": workflow_url, "app_secret": app_secret}
    sandbox.webhooks(**{name: value for name, value in changes.items() if value})
    _announce(sandbox.base_url, sandbox.token, app_secret or sandbox.app_secret, as_json)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    sandbox.close()


def _announce(base_url: str, token: str, secret: str, as_json: bool) -> None:
    facts = {"base_url": base_url, "token": token, "control_url": f"{base_url}/control", "app_secret": secret}
    if as_json:
        click.echo(orjson.dumps(facts).decode())
        return
    click.echo("HubSpot sandbox / HubSpotのサンドボックス")
    for name, value in facts.items():
        click.echo(f"  {name:<12} {value}")
    click.echo("Ctrl-C stops it. / Ctrl-C で終了します。")
