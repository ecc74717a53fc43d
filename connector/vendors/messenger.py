"""Sends a text to a channel's address through apprise: Slack, Teams, Google Chat, mail, webhooks and many more.

An address is what the service itself gives (`https://hooks.slack.com/services/…`) or an apprise URL; no error tells it.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import apprise

_PLAIN_WEBHOOK = {"http": "json", "https": "jsons"}
_SILENT = logging.CRITICAL + 1


def send(address: str, text: str, *, title: str = "") -> bool:
    """True when the service took it. False: an address that nothing understands, or a service that does not answer."""
    logging.getLogger("apprise").setLevel(_SILENT)  # its log lines hold addresses, which are secrets
    messenger = apprise.Apprise()
    if not messenger.add(_understood(address)):
        return False
    return bool(messenger.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT))


def understands(address: str) -> bool:
    """True when some service belongs to this address."""
    return bool(apprise.Apprise().add(_understood(address)))


def _understood(address: str) -> str:
    """A plain web address that belongs to no service takes JSON."""
    parts = urlsplit(address)
    if parts.scheme in _PLAIN_WEBHOOK and not apprise.Apprise().add(address):
        return address.replace(parts.scheme, _PLAIN_WEBHOOK[parts.scheme], 1)
    return address
