"""One call to Salesforce: token, limits, sending, meaning, bounded retries.

JSON calls and queries go through the `Salesforce` client of simple-salesforce, over our session (`session.py`). It is
given no credentials: it would log in again without a lock, and lose headers while doing so. Our token provider does.
CSV and XML, which the client has no calls for, go through the same session to the client's own addresses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
import requests
import stamina
import structlog
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError

from connector.errors import AuthError, QuotaError, RetryableError, UncertainError
from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.flight import Flight
from connector.vendors.http import Timeouts, TokenProvider, Tokens
from connector.vendors.salesforce.failures import failure
from connector.vendors.salesforce.protocol import checked_version
from connector.vendors.salesforce.session import Session, safety_headers
from connector.vendors.wire import storable_json

_log = structlog.get_logger(__name__)

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 2.5
RETRY_SECONDS = 12.0
_LIMIT_INFO = "sforce-limit-info"

Json = Any
Send = Callable[[str], Any]
"""Sends one request with this access token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the last answer said of the org's rolling day of API calls, ours and others'."""

    used: int
    allowed: int


class Api:
    """Calls of one connection. Safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        version: str,
        credentials: TokenProvider,
        tokens: Tokens,
        flight: Flight,
        timeouts: Timeouts,
        most_connections: int = 8,
        allow_duplicates: bool = False,
    ) -> None:
        self.version = checked_version(version)
        self.safety = safety_headers(allow_duplicates)
        self.usage: Usage | None = None
        self._credentials = credentials
        self._tokens = tokens
        self._flight = flight
        self._session = Session(
            base_url, timeouts=timeouts, most_connections=most_connections, allow_duplicates=allow_duplicates
        )
        self._session.hooks["response"].append(self._observe)
        # the session id is replaced on every call: the provider alone knows the present one
        self._client = Salesforce(
            session_id="none",
            instance_url=base_url,
            version=self.version,
            session=self._session,
            object_pairs_hook=dict,
        )
        self._root = "https://" + urlsplit(base_url).netloc

    @property
    def data_path(self) -> str:
        """The path of this API version, as Composite subrequests write it."""
        return f"/services/data/v{self.version}/"

    def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        lane: Lane,
        repeatable: bool = True,
        kind: str = "burst",
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """The JSON of a 2xx answer below the version's path (None for an empty one).

        A `repeatable` call (reading; setting values) is made again, at most `ATTEMPTS` times, when that may help. A
        create is made again only when it is known that it was not applied; otherwise it raises `UncertainError`.
        Raises `QuotaError`, `AuthError`, `RetryableError` and `RefusedError` as in `failures.py`.
        """
        content: dict[str, Any] = {} if body is None else {"data": orjson.dumps(body)}

        def send(token: str) -> Json:
            return self._client.restful(path, method=method, headers={**_bearer(token), **(headers or {})}, **content)

        return self._repeated(send, lane=lane, repeatable=repeatable, kind=kind)

    def query(self, soql: str, *, lane: Lane, deleted: bool = False) -> Iterator[Mapping[str, Any]]:
        """The records of a query, page by page as they are asked for; with `deleted`, those in the bin too."""

        def first(token: str) -> Json:
            return self._client.query(soql, include_deleted=deleted, headers=_bearer(token))

        answer = self._repeated(first, lane=lane)
        while True:
            yield from answer["records"]
            following = answer.get("nextRecordsUrl")
            if answer.get("done") is not False or not following:
                return
            answer = self._repeated(self._more(str(following)), lane=lane)

    def raw(
        self,
        method: str,
        path: str,
        *,
        lane: Lane,
        content: bytes | None = None,
        content_type: str = "text/csv",
        accept: str = "text/csv",
        repeatable: bool = True,
    ) -> requests.Response:
        """A call that speaks CSV; the path is below the version's."""

        def send(token: str) -> requests.Response:
            headers = {**_bearer(token), "Content-Type": f"{content_type}; charset=UTF-8", "Accept": accept}
            url = str(self._client.base_url) + path
            return self._session.request(method, url, data=content, headers=headers)

        answer: requests.Response = self._repeated(send, lane=lane, repeatable=repeatable)
        return answer

    def soap(self, envelope: Callable[[str], bytes], *, lane: Lane, repeatable: bool = False) -> bytes:
        """A SOAP call of the partner API; `envelope` is given the session id. Faults come back as they are, parsed by
        `soap.py`: an ended session is none of them, it is renewed here."""

        def send(token: str) -> bytes:
            url = f"{self._root}/services/Soap/u/{self.version}"
            headers = {"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""', "Accept": "text/xml"}
            response = self._session.request("POST", url, data=envelope(token), headers=headers)
            if response.status_code == 500 and b"INVALID_SESSION_ID" in response.content:
                raise _EndedError
            if response.status_code not in (200, 500) or b"Envelope" not in response.content:
                raise failure(response.status_code, response.content, repeatable=repeatable)
            return bytes(response.content)

        answer: bytes = self._repeated(send, lane=lane, repeatable=repeatable)
        return answer

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    # ── one attempt ──────────────────────────────────────────────────────────────────────────────────────────

    def _more(self, following: str) -> Send:
        return lambda token: self._client.query_more(following, identifier_is_url=True, headers=_bearer(token))

    def _repeated(self, send: Send, *, lane: Lane, repeatable: bool = True, kind: str = "burst") -> Any:
        for attempt in stamina.retry_context(
            on=_wait_before_retry,
            attempts=ATTEMPTS,
            timeout=RETRY_SECONDS,
            wait_initial=0.1,
            wait_max=LONGEST_WAIT_SECONDS,
            wait_jitter=0.2,
        ):
            with attempt:
                return self._once(send, lane=lane, repeatable=repeatable, kind=kind)
        raise AssertionError("the retry loop returns or raises")

    def _once(self, send: Send, *, lane: Lane, repeatable: bool, kind: str) -> Any:
        try:
            return self._authorised(send, lane=lane, repeatable=repeatable, kind=kind)
        except UncertainError as error:
            if not repeatable:
                raise
            raise RetryableError(
                say("Salesforce gave no usable answer; the call is made again."), reason=error.reason
            ) from error

    def _authorised(self, send: Send, *, lane: Lane, repeatable: bool, kind: str) -> Any:
        """Send with the access token; a session that has ended is renewed once (a 401 was never applied)."""
        token = self._credentials.token()
        try:
            return self._sent(send, token, lane=lane, repeatable=repeatable, kind=kind)
        except _EndedError:
            token = self._credentials.renew(token)
        try:
            return self._sent(send, token, lane=lane, repeatable=repeatable, kind=kind)
        except _EndedError as error:
            raise failure(401, None, repeatable=repeatable) from error

    def _sent(self, send: Send, token: str, *, lane: Lane, repeatable: bool, kind: str) -> Any:
        self._tokens.take(kind, lane)
        began = time.monotonic()
        try:
            answer = send(token)
        except SalesforceError as error:
            raise self._refusal(error.status, error.content, repeatable=repeatable, kind=kind) from error
        except ValueError as error:  # a gateway's HTML page, or half an answer
            raise UncertainError("The answer is not JSON.", reason="answer_not_json") from error
        self._flight.observe(time.monotonic() - began)
        if isinstance(answer, requests.Response) and answer.status_code >= 300:
            raise self._refusal(answer.status_code, answer.content, repeatable=repeatable, kind=kind)
        return answer

    def _refusal(self, status: int, content: Any, *, repeatable: bool, kind: str) -> Exception:
        if status == 401:
            return _EndedError()
        refusal = failure(status, content, repeatable=repeatable)
        if isinstance(refusal, QuotaError):
            limit = "day" if refusal.reason == "limit_day" else kind
            self._tokens.block(limit, refusal.retry_after_seconds or 1.0)
            _log.info("vendor_limit_hit", kind=limit, seconds=refusal.retry_after_seconds)
        return refusal

    def _observe(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        """Learn from `Sforce-Limit-Info`, which is on refusals too (`api-usage=18/5000`); make the answer storable."""
        response._content = storable_json(response.content)
        told = response.headers.get(_LIMIT_INFO, "")
        used, _, allowed = told.partition("api-usage=")[2].partition(";")[0].partition("/")
        if used.isdigit() and allowed.isdigit():
            self.usage = Usage(used=int(used), allowed=int(allowed))
            self._tokens.observe("burst", {_LIMIT_INFO: told})


class _EndedError(Exception):
    """401: the session has ended. Never leaves this module."""


def _bearer(token: str) -> dict[str, str]:
    # the client asks for indented JSON, which is half as large again
    return {"Authorization": f"Bearer {token}", "X-PrettyPrint": "0"}


def _wait_before_retry(error: Exception) -> bool | float:
    """Whether to make the call again here and now, and after how long. Long waits are the sync's business."""
    if isinstance(error, AuthError) or not isinstance(error, RetryableError):
        return False
    if error.retry_after_seconds is None:
        return True
    return error.retry_after_seconds if error.retry_after_seconds <= LONGEST_WAIT_SECONDS else False
