"""`tasuki up`: the whole product on the sandbox, kept running to play with."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from connector import log
from connector.cli.shipped import shipped_policy
from connector.cli.stack import FORM_SOURCE, STARTING, Stack, clear_home, role_of, running


@click.command(name="up")
@click.option("--policy", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Policy folder.")
@click.option("--home", type=click.Path(path_type=Path), default=Path("var/up"), show_default=True, help="Data folder.")
@click.option("--port", default=8080, show_default=True, help="Port of the webhook service; 0 takes a free one.")
@click.option("--contacts", default=300, show_default=True, help="Contacts in the sandbox's world.")
@click.option("--latency-ms", default=80, show_default=True, help="Milliseconds that every call to the CRM takes.")
def command(policy: Path | None, home: Path, port: int, contacts: int, latency_ms: int) -> None:
    """Run sandbox, webhook service, worker and PostgreSQL until Ctrl-C. Every start begins with a fresh world."""
    log.configure("warning")
    console = Console()
    clear_home(home)
    options = ["--contacts", str(contacts), "--latency-ms", str(latency_ms)]
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    folder = policy or shipped_policy("b2b-ja")
    with ExitStack() as open_parts:
        with console.status(STARTING):
            stack = open_parts.enter_context(running(home, folder, sandbox_options=options, port=port, workers=2))
        _show(console, stack)
        while not stopped.wait(1.0):
            dead = [name for name, process in stack.processes.items() if process.poll() is not None]
            for name in dead:
                console.print(f"[yellow]{name} ended; starting it again (log: {home / name}.log)[/]")
                stack.start(name, [role_of(name)])
        console.print("Stopping. / 終了しています。")


def _show(console: Console, stack: Stack) -> None:
    table = Table(title="Tasuki is running / 起動しました", show_header=False)
    table.add_row("Webhook service", stack.url)
    table.add_row("HubSpot sandbox", stack.sandbox.base_url)
    table.add_row("Sandbox token", stack.sandbox.token)
    table.add_row("Logs", str(stack.home))
    console.print(table)
    base = stack.sandbox.base_url
    form = '{"form": "お問い合わせ", "values": {"email": "taro@example.co.jp", "lastname": "試験"}}'
    console.print("\nSubmit a form / フォームを送る:", markup=False)
    console.print(f"  curl -s -X POST {base}/control/submit -d '{form}'", markup=False, soft_wrap=True)
    console.print("See why / 理由を見る:", markup=False)
    console.print(
        f"  TASUKI_HOME={stack.home} .venv/bin/tasuki explain taro@example.co.jp", markup=False, soft_wrap=True
    )
    console.print(
        f"Own website's forms / 自社サイトのフォーム: POST {stack.url}/webhooks/forms/{FORM_SOURCE} (docs/webhooks.md)"
    )
    console.print("Ctrl-C stops everything. / Ctrl-C で終了します。")
