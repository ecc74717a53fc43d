"""What all switches of the stand-ins have in common: how they are set and shown."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from connector.errors import UsageError


@dataclass(kw_only=True)
class Switches:
    """Mutable on purpose: a test turns a switch in the middle of a run."""

    def update(self, changes: dict[str, Any]) -> None:
        """Set the named switches; an unknown name or a wrong type is a UsageError that lists what exists."""
        known = {one.name for one in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise UsageError(
                f"Unknown sandbox settings {', '.join(unknown)}; known: {', '.join(sorted(known))}.",
                reason="unknown_setting",
            )
        for name, given in changes.items():
            now = getattr(self, name)
            whole = isinstance(given, int) and not isinstance(given, bool)
            value = float(given) if whole and isinstance(now, float) else given
            if type(value) is not type(now):
                raise UsageError(
                    f"Sandbox setting {name} needs a {type(now).__name__}, not {type(value).__name__}.",
                    reason="wrong_setting_type",
                )
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """All switches with their present values."""
        return asdict(self)
