"""What a portal says of itself."""

from __future__ import annotations

import re

from connector.vendors.base import Lane
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.protocol import UI_DOMAIN
from connector.vendors.refusal import RefusedError

_UI_DOMAIN = re.compile(r"app[a-z0-9-]*\.hubspot\.com")


def ui_domain(vendor: HubSpotVendor) -> str:
    """Where people open this portal: each data centre has an address of its own."""
    try:
        found = str(vendor.api.get(vendor.paths.account, {}, lane=Lane.BACKGROUND).get("uiDomain"))
    except RefusedError:  # an app that may not read account details; the usual address leads on to the right one
        return UI_DOMAIN
    return found if _UI_DOMAIN.fullmatch(found) else UI_DOMAIN
