"""Sends a text to a channel's address through apprise: Slack, Teams, Google Chat, mail, webhooks and many more.

An address is what the service itself gives (`https://hooks.slack.com/services/…`) or an apprise URL; no error tells it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit

import apprise

from connector.errors import RejectedError, UsageError
from connector.texts import say
from connector.vendors.fence import Fence, Network

INNER = "inner_address"
_PLAIN_WEBHOOK = {"http": "json", "https": "jsons"}
_SILENT = logging.CRITICAL + 1
_ASSET = apprise.AppriseAsset(
    http_redirects=False, app_id="Tasuki", app_desc="Tasuki", app_url="", image_url_mask="", image_url_logo=""
)
"""We sign as ourselves, and show no picture that a reader's program would fetch from elsewhere."""

logging.getLogger("apprise").setLevel(_SILENT)  # its log lines hold addresses, which are secrets


def send(address: str, text: str, *, title: str = "", networks: Sequence[Network] = ()) -> bool:
    """True when the service took it. False: an address that nothing understands, or a service that does not answer.

    Raises `RejectedError` when the address leads into a network that is neither public nor one of `networks`.
    """
    messenger = apprise.Apprise(asset=_ASSET)
    if not messenger.add(_understood(address)):
        return False
    with Fence(networks).around() as fence:
        took = bool(messenger.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT))
    if fence.refused and not took:
        raise RejectedError(_leads_inwards(fence.refused[0]), reason=INNER)
    return took


def understands(address: str) -> bool:
    """True when some service belongs to this address."""
    return bool(apprise.Apprise().add(_understood(address)))


def refuse_inner(address: str, networks: Sequence[Network]) -> None:
    """Raise `UsageError` when the address names a host of an inner network that is not one of `networks`."""
    service = apprise.Apprise.instantiate(_understood(address))
    if "host" not in getattr(service, "template_tokens", {}):
        return  # the service's own, the same for everybody
    host = getattr(service, "smtp_host", None) or getattr(service, "host", None)
    found = Fence(networks).refuses(host) if host else None
    if found is not None:
        raise UsageError(_leads_inwards(found), reason=INNER)


def _leads_inwards(found: str) -> str:
    return say(
        "The address leads to {found}, within your own network. If it is meant to, name its network in"
        " TASUKI_NOTICE_NETWORKS, such as 10.1.2.0/24.",
        found=found,
    )


def _understood(address: str) -> str:
    """A plain web address that belongs to no service takes JSON."""
    parts = urlsplit(address)
    if parts.scheme in _PLAIN_WEBHOOK and not apprise.Apprise().add(address):
        return address.replace(parts.scheme, _PLAIN_WEBHOOK[parts.scheme], 1)
    return address
