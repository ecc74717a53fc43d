"""The shape of a control action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
#: the last value of each query parameter
Query = dict[str, str]
Action = Callable[[Json, Query], Any]
Actions = dict[tuple[str, str], Action]
