"""Does HubSpot's own Salesforce integration work in this portal? It leaves its marks on whom it has linked."""

from __future__ import annotations

from connector.vendors.base import Lane
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.hubspot.dialect import SALESFORCE_IDS


def linked_people(vendor: HubSpotVendor) -> int:
    """How many contacts it has linked with a lead or contact of Salesforce; one search."""
    known = [name for name in SALESFORCE_IDS if name in vendor.describe("contact")]
    if not known:
        return 0
    body = {
        "filterGroups": [{"filters": [{"propertyName": name, "operator": "HAS_PROPERTY"}]} for name in known],
        "properties": [],
        "limit": 1,
    }
    path = vendor.paths.object("contact", "/search")
    return int(vendor.api.call("POST", path, body, lane=Lane.BACKGROUND, kind="search")["total"])
