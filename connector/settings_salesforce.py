"""An org's settings: `TASUKI_SALESFORCE_*` as `connector.settings` reads them, and what can be wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connector.texts import say
from connector.variables import DEFAULT_LOGIN_URL, DEFAULT_PUBSUB
from connector.vendors.fence import Network

SHORTEST_WEBHOOK_SECRET = 24
OLDEST_SALESFORCE = 65
_CENTRAL_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceSettings:
    """One org and the External Client App in it. Of the three ways in, one is given: `private_key` with `username`
    (JWT bearer), `refresh_token` (a person's consent), else the client credentials."""

    login_url: str = DEFAULT_LOGIN_URL  #: Of client credentials: the org's My Domain.
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    username: str | None = None
    private_key: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    org_id: str | None = None  #: Which org's messages are taken in; connecting to another one is refused.
    #: Of the address that outbound messages call, and of callouts; newest first.
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    message_actions: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = ()  #: In front of us: what they say of whom they speak for is believed.
    api_version: str = "66.0"
    allow_duplicates: bool = False  #: Duplicate rules that only alert do not refuse our writes.
    day_share: float = 0.5  #: The part of the org's calls of a day that we may use.
    poll_seconds: int = 60  #: How often people are looked through for what no message told.
    changes: str | None = None  #: The channel of change events that is followed; None: none is.
    pubsub: str = DEFAULT_PUBSUB  #: Where change events come from: host and port of the Pub/Sub API.


def faults(org: SalesforceSettings) -> tuple[tuple[bool, str], ...]:
    """What can be wrong with an org's settings, and whether it is."""
    secure = urlsplit(org.login_url).scheme == "https" or urlsplit(org.login_url).hostname in _LOOPBACK
    way_in = org.client_secret or org.private_key or org.refresh_token
    central = urlsplit(org.login_url).hostname in _CENTRAL_HOSTS
    return (
        (not org.client_id, say("TASUKI_SALESFORCE_CLIENT_ID is missing: the app's consumer key")),
        (
            not way_in,
            say(
                "Salesforce needs one way in: TASUKI_SALESFORCE_CLIENT_SECRET (client credentials), "
                "TASUKI_SALESFORCE_PRIVATE_KEY with TASUKI_SALESFORCE_USERNAME (JWT), or "
                "TASUKI_SALESFORCE_REFRESH_TOKEN"
            ),
        ),
        (
            org.private_key is not None and org.username is None,
            say("TASUKI_SALESFORCE_USERNAME is missing: the private key signs for the integration user"),
        ),
        (
            central and org.private_key is None and org.refresh_token is None,
            say(
                "TASUKI_SALESFORCE_LOGIN_URL must be the org's own address (https://acme.my.salesforce.com): client "
                "credentials are not taken at {login_url}",
                login_url=org.login_url,
            ),
        ),
        (not secure, say("TASUKI_SALESFORCE_LOGIN_URL must begin with https://: the app's secret travels with it")),
        (
            org.org_id is not None and not re.fullmatch(r"00D[A-Za-z0-9]{15}", org.org_id),
            say("TASUKI_SALESFORCE_ORG_ID must be an organisation's id of 18 characters, such as 00D5g000004abcdEAA"),
        ),
        (
            bool(org.webhook_secrets) and org.org_id is None,
            say("TASUKI_SALESFORCE_ORG_ID is missing: messages are only taken in from a known organisation"),
        ),
        (
            any(len(one) < SHORTEST_WEBHOOK_SECRET for one in org.webhook_secrets),
            say(
                "TASUKI_SALESFORCE_WEBHOOK_SECRET needs {least} characters or more: it is all that proves a message",
                least=SHORTEST_WEBHOOK_SECRET,
            ),
        ),
        (
            org.changes is not None and not re.fullmatch(r"[A-Za-z]\w*", org.changes, re.ASCII),
            say(
                "TASUKI_SALESFORCE_CHANGES must be a channel's name, such as ChangeEvents or Tasuki__chn: {channel!r}",
                channel=org.changes,
            ),
        ),
        (
            not re.fullmatch(r"[A-Za-z0-9.-]+:[0-9]{1,5}", org.pubsub),
            say("TASUKI_SALESFORCE_PUBSUB must be a host and a port, such as {address}", address=DEFAULT_PUBSUB),
        ),
        (
            not re.fullmatch(r"[0-9]{2,3}\.0", org.api_version) or float(org.api_version) < OLDEST_SALESFORCE,
            say("TASUKI_SALESFORCE_API_VERSION must be {oldest}.0 or later", oldest=OLDEST_SALESFORCE),
        ),
    )
