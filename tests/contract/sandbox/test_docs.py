"""docs/sandbox.md tells every action, fault and switch, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

from connector.sandbox.faults import EFFECTS
from connector.sandbox.handle import SandboxHandle
from connector.sandbox.service import SandboxService
from connector.sandbox.webhook_settings import WebhookSettings

TEXT = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_action_is_told(sandbox: SandboxHandle) -> None:
    actions = sandbox.control("GET", "")["actions"]
    paths = {action.split("/control", 1)[1] for action in actions} - {""}
    assert len(paths) > 30
    # told as "`POST /webhooks/flush`, `/webhooks/redeliver`" and the like
    assert [path for path in paths if not re.search(rf"`(?:[A-Z/]+ )?{re.escape(path)}[`?]", TEXT)] == []


def test_every_fault_and_webhook_switch_is_told() -> None:
    assert [name for name in [*EFFECTS, *WebhookSettings().as_json()] if name not in TEXT] == []


def test_every_switch_that_is_told_exists() -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith("| `GET/PATCH /settings`"))
    named = set(re.findall(r"`([a-z_]+)`", row.split("|")[2]))
    assert len(named) > 10
    assert named <= set(SandboxService().settings.as_json())


def test_the_example_runs() -> None:
    example = re.search(r"## From Python\n```python\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    code = example[1].replace('sandbox.webhooks(target_url="http://127.0.0.1:8720/webhooks/hubspot")', "")
    exec(compile(code, "docs/sandbox.md", "exec"), {})
