"""Every switch of the sandbox, with HubSpot's behaviour as the default; changed over `PATCH /control/settings`."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.switches import Switches


@dataclass(kw_only=True)
class SandboxSettings(Switches):
    """Mutable on purpose: a test turns a switch in the middle of a run."""

    #: seeds every random choice of the sandbox (order of batches, webhooks, names)
    seed: int = 20260401
    portal_id: int = 40012345
    #: the app behind the private-app token; also `sourceId` of its writes
    app_id: int = 4169410
    #: where people open the portal: each data centre has an address of its own
    ui_domain: str = "app.hubspot.com"
    #: the portal's zone, for the midnight at which the daily limit starts again
    time_zone: str = "Asia/Tokyo"
    currency: str = "JPY"

    #: milliseconds that every API call takes besides the work itself (half before, half after applying)
    latency_ms: float = 0.0
    #: False: no limit is enforced and no window header is wrong, for benchmarks of something else
    limits_enabled: bool = True
    burst_max: int = 190
    burst_window_seconds: float = 10.0
    #: of OAuth apps; they get no daily headers
    oauth_burst_max: int = 110
    search_per_second: int = 5
    associations_max: int = 150
    daily_max: int = 650_000

    #: seconds (sandbox clock) until a write is seen by search
    search_lag_seconds: float = 5.0
    shuffle_batches: bool = True
    #: False: a unique property on tasks can be made but duplicates pass and look-up by it is refused
    tasks_enforce_unique: bool = True
    #: True: making a unique property on tasks is refused with 400
    tasks_refuse_unique: bool = False
    #: a duplicate of a custom unique property is 400 CONFLICTING_UNIQUE_VALUE instead of 409
    unique_conflict_as_400: bool = False
    #: True: the winner of a merge is a NEW record, both inputs become aliases
    merge_creates_new: bool = False
    #: whether changes of `recent_conversion_*` and other calculated form properties fire property-change events
    conversion_events: bool = True
    #: associate a new contact with the company of its mail domain: "off" | "existing" | "create"
    auto_associate: str = "existing"
    #: lifecycle stage of contacts and companies that are created without one ("" = none)
    default_lifecycle: str = "lead"
    #: object type -> property -> what the vendor does to values, in order:
    #: "lower", "upper", "strip", "digits", "nfkc", "title", "truncate:N", "prefix:X"
    normalisers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    #: False: nobody has a seat that includes sequences (403)
    sequences_available: bool = True
    #: refresh tokens change at every refresh and the old one dies
    rotate_refresh_tokens: bool = False
    access_token_seconds: int = 1800
    #: tokens need the scope of what they call
    enforce_scopes: bool = True
