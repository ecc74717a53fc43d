"""What a portal says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass

from connector.domain.zones import zone_names
from connector.errors import UsageError
from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.protocol import UI_DOMAIN
from connector.vendors.refusal import RefusedError

_UI_DOMAIN = re.compile(r"app[a-z0-9-]*\.hubspot\.com")
_UTC = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where people open this portal (each data centre has an address of its own), and whose midnight begins its day.

    `portal_id` is None where the portal does not tell.
    """

    portal_id: str | None = None
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
        portal_id=str(told["portalId"]) if told.get("portalId") else None,
        ui_domain=domain if _UI_DOMAIN.fullmatch(domain) else UI_DOMAIN,
        time_zone=zone if zone in zone_names() else _UTC,
    )


def refuse_another(vendor: HubSpotVendor) -> None:
    """Raise `UsageError` when the access token opens another portal than the one that is set.

    Everything would be written there, and no event of it would be known as ours.
    """
    opened = account_of(vendor).portal_id
    if opened not in (None, vendor.account_id):
        raise UsageError(
            say(
                "The access token is portal {opened}'s, and TASUKI_HUBSPOT_PORTAL_ID says {said}: mend one of them.",
                opened=opened,
                said=vendor.account_id,
            ),
            reason="another_portal",
        )
