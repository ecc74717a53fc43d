"""What a portal says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connector.domain.zones import zone_names
from connector.vendors.base import Lane
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.protocol import UI_DOMAIN
from connector.vendors.refusal import RefusedError

_UI_DOMAIN = re.compile(r"app[a-z0-9-]*\.hubspot\.com")
_UTC = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where people open this portal (each data centre has an address of its own), and whose midnight begins its day."""

    ui_domain: str = UI_DOMAIN
    time_zone: str = _UTC


def account_of(vendor: HubSpotVendor) -> Account:
    """What the portal tells; the usual address leads on to the right one where it tells nothing."""
    try:
        told = vendor.api.get(vendor.paths.account, {}, lane=Lane.BACKGROUND)
    except RefusedError:  # an app that may not read account details
        return Account()
    domain, zone = str(told.get("uiDomain")), str(told.get("timeZone"))
    return Account(
        ui_domain=domain if _UI_DOMAIN.fullmatch(domain) else UI_DOMAIN,
        time_zone=zone if zone in zone_names() else _UTC,
    )
