"""Where the shipped policies lie."""

from __future__ import annotations

from pathlib import Path

import mappings
from connector.errors import UsageError
from connector.texts import say


def shipped_policy(name: str) -> Path:
    """The folder of a shipped policy; `UsageError` that lists them for any other name."""
    root = Path(mappings.__file__).parent
    found = sorted(path.parent.name for path in root.glob("*/fields.yaml"))
    if name not in found:
        raise UsageError(
            say("No policy {name!r} is shipped; there are: {found}.", name=name, found=", ".join(found)),
            reason="unknown_policy",
        )
    return root / name
