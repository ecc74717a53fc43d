"""The shape of a control action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connector.sandbox.wire import Json

#: the last value of each query parameter
Query = dict[str, str]
Action = Callable[[Json, Query], Any]
Actions = dict[tuple[str, str], Action]
