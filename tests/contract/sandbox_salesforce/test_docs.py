"""docs/sandbox-salesforce.md tells every action and switch, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.sandbox.salesforce.outbound import MessageSettings
from connector.sandbox.salesforce.settings import OrgSettings

TEXT = (Path(__file__).parents[3] / "docs" / "sandbox-salesforce.md").read_text(encoding="utf-8")


def test_every_action_is_told(sandbox: SalesforceHandle) -> None:
    actions = sandbox.control("GET", "")["actions"]
    paths = {action.split("/control", 1)[1] for action in actions} - {""}
    assert len(paths) > 25
    assert [path for path in paths if not re.search(rf"`(?:[A-Z/]+ )?{re.escape(path)}[`?]", TEXT)] == []


def test_every_switch_of_messages_is_told_and_every_switch_that_is_told_exists() -> None:
    assert [name for name in vars(MessageSettings()) if name not in TEXT] == []
    row = next(line for line in TEXT.splitlines() if line.startswith("| `GET/PATCH /settings`"))
    named = set(re.findall(r"`([a-z_]+)`", row.split("|")[2]))
    assert len(named) > 10
    assert named <= set(OrgSettings().as_json())


def test_the_example_runs() -> None:
    example = re.search(r"## From Python\n```python\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    exec(compile(example[1], "docs/sandbox-salesforce.md", "exec"), {})
