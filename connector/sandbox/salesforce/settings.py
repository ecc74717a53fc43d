"""Every switch of the Salesforce stand-in, with Salesforce's behaviour as the default; `PATCH /control/settings`."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.sandbox.switches import Switches


@dataclass(kw_only=True)
class OrgSettings(Switches):
    """Mutable on purpose: a test turns a switch in the middle of a run."""

    #: seeds every random choice of the sandbox
    seed: int = 20260401
    #: milliseconds that every API call takes besides the work itself (half before, half after applying)
    latency_ms: float = 0.0
    #: calls a day (a rolling 24 hours on the sandbox clock); 0 refuses everything
    daily_max: int = 15_000
    #: False: the daily limit is counted and told, and not enforced
    limits_enabled: bool = True
    #: seconds (sandbox clock) that a session lives after its last use
    session_seconds: int = 7200
    #: refresh tokens change at every refresh, and using an old one revokes everything
    rotate_refresh_tokens: bool = True
    #: oldest and newest API versions that are served
    oldest_version: int = 31
    newest_version: int = 68
    #: records a page of a query; the caller may ask for 200 to 2,000
    page_size: int = 2000
    #: seconds (sandbox clock) until a query locator is forgotten
    locator_seconds: int = 172_800
    #: seconds (sandbox clock) that a Bulk job takes
    bulk_seconds: float = 0.0
    #: object -> fields that the integration user's profile does not see at all
    hidden_fields: dict[str, list[str]] = field(default_factory=dict)
    #: object -> fields that it sees and cannot write
    readonly_fields: dict[str, list[str]] = field(default_factory=dict)
    #: object -> fields whose history is kept (at most 20 an object)
    tracked_fields: dict[str, list[str]] = field(
        default_factory=lambda: {
            "Lead": ["Email", "LastName", "Title", "Status", "OwnerId", "Company", "Phone", "Rating"],
            "Contact": ["Email", "LastName", "Title", "OwnerId", "AccountId", "Phone"],
            "Account": ["Name", "OwnerId", "Industry"],
            "Opportunity": ["StageName", "Amount", "CloseDate", "OwnerId"],
        }
    )
    #: custom fields of activities that were made unique refuse duplicates; False: they never do
    activities_enforce_unique: bool = True
