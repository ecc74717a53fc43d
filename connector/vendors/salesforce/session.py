"""The `requests.Session` that simple-salesforce is given: time-outs, bounded answers, headers that survive.

simple-salesforce sets no time-outs, follows redirects, hard-codes https and drops per-call headers when it logs in
again; so none of that is left to it. Safety headers stand on the session and so on every request.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

from connector.errors import RetryableError, UncertainError
from connector.texts import say
from connector.vendors.http import CHUNK_BYTES, Timeouts, gathered, refuse_insecure
from connector.vendors.salesforce.protocol import CALL_OPTIONS

#: A write must not run the org's assignment rules: a score would give the lead another owner.
SAFETY_HEADERS: Final[Mapping[str, str]] = {"Sforce-Auto-Assign": "FALSE", "Sforce-Call-Options": CALL_OPTIONS}
DUPLICATE_HEADER: Final = "Sforce-Duplicate-Rule-Header"
_UNSENT = (NewConnectionError, ConnectTimeoutError, SSLError, NameResolutionError)


class Session(requests.Session):
    """Every request of one connection. Safe to share between threads: nothing of it changes once it is made."""

    def __init__(self, base_url: str, *, timeouts: Timeouts, most_connections: int, allow_duplicates: bool) -> None:
        super().__init__()
        address = urlsplit(refuse_insecure(base_url))
        self.trust_env = False  # no .netrc that replaces the token, no proxy that is not ours
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers.update({"User-Agent": "tasuki", "Accept": "application/json", **safety_headers(allow_duplicates)})
        self._timeouts = timeouts
        adapter = _Adapter(pool_connections=2, pool_maxsize=most_connections, max_retries=0)
        if address.scheme == "http":  # `refuse_insecure` has seen to it that this is on this machine
            adapter.plain_host = address.netloc
        self.mount("https://", adapter)

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """One request, no redirect, no retry, the body read whole within the time.

        Raises `RetryableError` when the request cannot have reached the vendor, and `UncertainError` when it may have.
        """
        kwargs |= {"timeout": (self._timeouts.connect_seconds, self._timeouts.read_seconds), "stream": True}
        kwargs["allow_redirects"] = False
        began = time.monotonic()
        try:
            response = super().request(method, url, *args, **kwargs)
        except (requests.RequestException, HTTPError, OSError) as error:
            if _never_sent(error):
                raise RetryableError(say("The CRM cannot be reached."), reason="not_connected") from error
            raise UncertainError("The connection broke before an answer came.", reason="connection_lost") from error
        try:
            deadline = began + self._timeouts.total_seconds
            content = gathered(response.iter_content(CHUNK_BYTES), response.close, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            response.close()
            raise UncertainError("The connection broke within the answer.", reason="connection_lost") from error
        response._content = content
        response._content_consumed = True  # type: ignore[attr-defined]
        response.encoding = "utf-8"
        return response


def safety_headers(allow_duplicates: bool) -> dict[str, str]:
    """The headers that every write carries; those of a Composite call must stand in each of its subrequests too."""
    headers = dict(SAFETY_HEADERS)
    if allow_duplicates:
        headers[DUPLICATE_HEADER] = "allowSave=true"
    return headers


class _Adapter(HTTPAdapter):
    """Sends https requests, for a sandbox on this machine over plain http: simple-salesforce knows https only."""

    plain_host = ""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if self.plain_host and request.url is not None and urlsplit(request.url).netloc == self.plain_host:
            request.url = "http" + request.url.removeprefix("https")
        return super().send(request, *args, **kwargs)


def _never_sent(error: BaseException) -> bool:
    """True when no byte of the request can have arrived."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _UNSENT):
            return True
        inner = seen.args[0] if seen.args else None
        if isinstance(inner, MaxRetryError):
            return isinstance(inner.reason, _UNSENT)
        seen = inner if isinstance(inner, BaseException) else None
    return False
