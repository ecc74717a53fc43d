"""One call to HubSpot: token, limits, sending, meaning, bounded retries.

Built over the official client's `ApiClient`, kept for the connection's life (its typed APIs open a new pool for each
access). Its pool, TLS settings and user agent are used; requests go through the pool itself with orjson and bounded
reading, because the typed layer costs 9 ms per 100 contacts and reads error bodies without a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson
import stamina
import structlog
import urllib3
from hubspot.crm.objects import ApiClient, Configuration

from connector.errors import AuthError, QuotaError, RetryableError, UncertainError
from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.flight import Flight
from connector.vendors.http import Answer, Timeouts, TokenProvider, Tokens, refuse_insecure, send
from connector.vendors.hubspot.failures import failure
from connector.vendors.volley import Asked, Volley

_log = structlog.get_logger(__name__)

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 2.5
RETRY_SECONDS = 12.0
_USER_AGENT = "tasuki"

Json = Any


class Api:
    """Calls of one connection. Safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        credentials: TokenProvider,
        tokens: Tokens,
        flight: Flight,
        timeouts: Timeouts,
        most_connections: int = 8,
    ) -> None:
        configuration = Configuration(host=refuse_insecure(base_url))
        configuration.connection_pool_maxsize = most_connections
        self._client = ApiClient(configuration)
        self._client.user_agent = _USER_AGENT
        self._credentials = credentials
        self._tokens = tokens
        self._flight = flight
        self._timeouts = timeouts
        self._volley = Volley(self._pool, self._client.configuration.host, timeouts)

    def get(self, path: str, query: Mapping[str, str], *, lane: Lane) -> Json:
        """Read with GET."""
        return self.call("GET", target_of(path, query), None, lane=lane)

    def ask(self, targets: Sequence[str], *, lane: Lane) -> Round:
        """Send several GETs, one after the other as the limits allow, whose answers are taken together: of a long list
        a page costs half of what `get` costs."""
        sent = Round(lambda target, asked: self._answered(target, asked, lane=lane))
        granted = 0
        try:
            for at, target in enumerate(targets):
                if not granted:
                    granted = self._tokens.take_some("burst", lane, len(targets) - at)
                granted -= 1
                sent.reads.append((target, self._asked(target)))
        except BaseException:
            sent.drop()
            raise
        return sent

    def call(
        self, method: str, path: str, body: Json, *, lane: Lane, repeatable: bool = True, kind: str = "burst"
    ) -> Json:
        """The JSON of a 2xx answer (None for an empty one).

        A `repeatable` call (reading; setting values) is made again, at most `ATTEMPTS` times, when that may help. A
        create is made again only when it is known that it was not applied; otherwise it raises `UncertainError`.
        Raises `QuotaError`, `AuthError`, `RetryableError` and `RefusedError` as in `failures.py`.
        """
        content = None if body is None else orjson.dumps(body)
        for attempt in stamina.retry_context(
            on=_wait_before_retry,
            attempts=ATTEMPTS,
            timeout=RETRY_SECONDS,
            wait_initial=0.1,
            wait_max=LONGEST_WAIT_SECONDS,
            wait_jitter=0.2,
        ):
            with attempt:
                return self._once(method, path, content, lane=lane, repeatable=repeatable, kind=kind)
        raise AssertionError("the retry loop returns or raises")

    def close(self) -> None:
        """Close the pooled connections."""
        self._pool.clear()
        self._volley.close()

    @property
    def _pool(self) -> urllib3.PoolManager:
        pool: urllib3.PoolManager = self._client.rest_client.pool_manager
        return pool

    def _once(self, method: str, path: str, content: bytes | None, *, lane: Lane, repeatable: bool, kind: str) -> Json:
        try:
            answer = self._authorised(method, path, content, lane=lane, kind=kind)
            return self._meaning(answer, repeatable=repeatable, kind=kind)
        except UncertainError as error:
            if not repeatable:
                raise
            raise RetryableError(
                say("HubSpot gave no usable answer; the call is made again."), reason=error.reason
            ) from error

    def _authorised(self, method: str, path: str, content: bytes | None, *, lane: Lane, kind: str) -> Answer:
        """Send with the access token; a token that is refused is renewed once (a 401 was never applied)."""
        token = self._credentials.token()
        answer = self._send(method, path, content, token, lane=lane, kind=kind)
        if answer.status == 401:
            token = self._credentials.renew(token)
            answer = self._send(method, path, content, token, lane=lane, kind=kind)
        return answer

    def _send(self, method: str, path: str, content: bytes | None, token: str, *, lane: Lane, kind: str) -> Answer:
        self._tokens.take(kind, lane)
        headers = self._headers(token)
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = self._client.configuration.host + path
        answer = send(self._pool, method, url, headers=headers, body=content, timeouts=self._timeouts)
        self._tokens.observe(kind, answer.headers)
        self._flight.observe(answer.seconds)
        return answer

    def _headers(self, token: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": self._client.user_agent,
        }

    def _asked(self, target: str) -> Asked | None:
        """None: it could not be sent, and is called when it is wanted."""
        try:
            return self._volley.ask(target, self._headers(self._credentials.token()))
        except (RetryableError, UncertainError):
            return None

    def _answered(self, target: str, asked: Asked | None, *, lane: Lane) -> Json:
        """The answer of one read of a round. One that did not come, or says no for now, is called for once more as any
        call: that waits, renews the access token and tries again."""
        if asked is not None:
            try:
                answer = asked.answer()
                self._tokens.observe("burst", answer.headers)
                if answer.status != 401:
                    return self._meaning(answer, repeatable=True, kind="burst")
            except (RetryableError, UncertainError):
                pass
        return self.call("GET", target, None, lane=lane)

    def _meaning(self, answer: Answer, *, repeatable: bool, kind: str) -> Json:
        if 200 <= answer.status < 300:
            try:
                return answer.json()
            except ValueError as error:  # a proxy's HTML page, or half an answer
                raise UncertainError("The answer is not JSON.", reason="answer_not_json") from error
        refusal = failure(answer, repeatable=repeatable)
        if isinstance(refusal, QuotaError):
            limit = "day" if refusal.reason == "limit_day" else kind
            self._tokens.block(limit, refusal.retry_after_seconds or 1.0)
            _log.info("vendor_limit_hit", kind=limit, seconds=refusal.retry_after_seconds)
        raise refusal


@dataclass(slots=True)
class Round:
    """Reads that were sent side by side, in order. What is not taken is to be dropped."""

    answered: Callable[[str, Asked | None], Json]
    reads: list[tuple[str, Asked | None]] = field(default_factory=list)

    def answers(self) -> Iterator[Json]:
        """Their JSON in order, each as `Api.call` would give it; an error drops the others."""
        try:
            while self.reads:
                yield self.answered(*self.reads.pop(0))
        finally:
            self.drop()

    def drop(self) -> None:
        """Nobody wants those that were not taken."""
        for _, asked in self.reads:
            if asked is not None:
                asked.drop()
        self.reads.clear()


def target_of(path: str, query: Mapping[str, str]) -> str:
    """Commas stay: each escape costs urllib3 a while."""
    return f"{path}?{urlencode(query, safe=',')}" if query else path


def _wait_before_retry(error: Exception) -> bool | float:
    """Whether to make the call again here and now, and after how long. Long waits are the sync's business."""
    if isinstance(error, AuthError) or not isinstance(error, RetryableError):
        return False
    if error.retry_after_seconds is None:
        return True
    return error.retry_after_seconds if error.retry_after_seconds <= LONGEST_WAIT_SECONDS else False
