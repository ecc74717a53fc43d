"""One change of a portal that provisioning makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`action`: create_group, create_property, add_options, create_stages, create_list, create_pipeline or
    create_deal_stage."""

    action: str
    object_type: str
    name: str
    body: Mapping[str, Any]
    says: str  #: For people: what will be done.
