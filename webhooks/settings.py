"""What the receiver is told once at start: its public address, the secrets of its senders, its limits."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from connector.errors import UsageError
from connector.settings import Settings
from connector.settings_salesforce import SalesforceSettings
from connector.vendors.fence import Network
from connector.vendors.hubspot.inbound import SignatureVersion

MAX_BODY_BYTES = 2 * 1024 * 1024
SHORTEST_SECRET = 24
"""Of an address that is all the proof there is."""
ORG = "org"
"""The name of the Salesforce connection in its addresses."""
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceSender:
    """One org whose outbound messages are taken in: nothing signs them, so all of this must hold.

    `secrets` stand in the address that the org calls, newest first; `actions` are the ids of its outbound messages
    (empty: any); `networks` where they may come from, such as `13.108.0.0/14` (empty: anywhere). `proxies` are those in
    front of us: for whom they speak (`X-Forwarded-For`) is believed, and nobody else's word.
    """

    organization_id: str
    secrets: tuple[str, ...] = field(repr=False)
    actions: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = ()

    def may_come_from(self, address: str | None, forwarded: str = "") -> bool:
        """True for an address in one of the networks, or when there are none. `forwarded`: X-Forwarded-For, to which
        each proxy has added at the end from whom it had the request."""
        if not self.networks:
            return True
        hops = [*(one for one in forwarded.split(",") if one.strip()), address or ""]
        places = (_place(one) for one in reversed(hops))
        sender = next((one for one in places if one is None or not _lies_in(one, self.proxies)), None)
        return sender is not None and _lies_in(sender, self.networks)


def _place(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found  # as one that listens on IPv6 too sees IPv4


def _lies_in(place: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(place in one for one in networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSettings:
    """Frozen settings of the webhook service.

    `public_url` is the address that senders call (scheme, host, any path prefix), without a slash at the end: signed
    URLs are built from it, never from proxy headers. Each sender has one secret, or several while one is rotated.
    """

    public_url: str
    hubspot_secrets: tuple[str, ...] = ()
    hubspot_versions: frozenset[SignatureVersion] = frozenset({SignatureVersion.V3})
    #: A workflow's webhook is signed with v2 unless the portal offers more.
    workflow_versions: frozenset[SignatureVersion] = frozenset({SignatureVersion.V2, SignatureVersion.V3})
    form_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Whose websites these are: `vendor:account` of the company's first CRM.
    company: str | None = None
    #: Connection's name → the org; the address is /webhooks/salesforce/<name>/<secret>.
    salesforce: Mapping[str, SalesforceSender] = field(default_factory=dict)
    max_body_bytes: int = MAX_BODY_BYTES
    metrics_token: str | None = None
    #: Processes that share the database: together they wake the worker at most 20 times a second.
    processes: int = 1

    def __post_init__(self) -> None:
        address = urlsplit(self.public_url)
        if address.scheme not in ("http", "https") or not address.netloc or address.query or address.fragment:
            raise UsageError(
                "TASUKI_PUBLIC_URL must be the address that HubSpot calls, such as https://crm.example.co.jp",
                reason="public_url_malformed",
            )
        for name, org in self.salesforce.items():
            if not SOURCE_NAME.fullmatch(name) or not org.secrets or min(map(len, org.secrets)) < SHORTEST_SECRET:
                raise UsageError(
                    f"The Salesforce connection {name!r} needs a name of a-z, 0-9, - and _, and secrets of at least "
                    f"{SHORTEST_SECRET} characters.",
                    reason="salesforce_sender_malformed",
                )
        if not self.hubspot_secrets and not self.form_secrets and not self.salesforce:
            raise UsageError(
                "No sender has a secret: set TASUKI_HUBSPOT_CLIENT_SECRET, TASUKI_SALESFORCE_WEBHOOK_SECRET, or "
                "TASUKI_FORM_SECRETS.",
                reason="no_secret_configured",
            )
        for source, secrets in self.form_secrets.items():
            if not SOURCE_NAME.fullmatch(source) or not all(secrets) or not secrets:
                raise UsageError(
                    f"The form source {source!r} needs a name of a-z, 0-9, - and _, and a secret.",
                    reason="form_source_malformed",
                )


def from_settings(settings: Settings) -> ReceiverSettings:
    """What the receiver needs out of the product's settings. Raises `UsageError` when no sender has a secret."""
    hubspot = settings.hubspot
    versions = frozenset({SignatureVersion.V3})
    if hubspot is not None and hubspot.accept_v1:
        versions |= {SignatureVersion.V1}
    return ReceiverSettings(
        public_url=settings.public_url,
        hubspot_secrets=hubspot.client_secrets if hubspot is not None else (),
        hubspot_versions=versions,
        form_secrets=settings.form_secrets,
        company=_company(settings),
        salesforce=_senders(settings.salesforce),
        metrics_token=settings.metrics_token,
        processes=settings.serve_processes,
    )


def _company(settings: Settings) -> str | None:
    if settings.hubspot is not None:
        return f"hubspot:{settings.hubspot.portal_id}"
    org_id = settings.salesforce.org_id if settings.salesforce is not None else None
    return f"salesforce:{org_id}" if org_id is not None else None


def _senders(org: SalesforceSettings | None) -> dict[str, SalesforceSender]:
    """The org whose messages and callouts are taken in, if it has a secret for them."""
    if org is None or org.org_id is None or not org.webhook_secrets:
        return {}
    sender = SalesforceSender(
        organization_id=org.org_id,
        secrets=org.webhook_secrets,
        actions=frozenset(org.message_actions),
        networks=org.networks,
        proxies=org.proxies,
    )
    return {ORG: sender}
