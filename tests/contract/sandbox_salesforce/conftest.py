"""An org and a raw HTTP client for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
import urllib3

from connector.sandbox.salesforce.handle import SalesforceHandle, start_salesforce

DATA = "/services/data/v66.0"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.data)


@dataclass
class Api:
    """Raw HTTP with a session of the integration user; paths below the version's."""

    sandbox: SalesforceHandle
    token: str = ""
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, maxsize=4))

    def __post_init__(self) -> None:
        self.token = self.sandbox.issue_token()

    def __call__(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, root: str = DATA
    ) -> Answer:
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        raw = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        reply = self.pool.request(method, self.sandbox.base_url + root + path, body=raw, headers=given, redirect=False)
        return Answer(reply.status, dict(reply.headers), reply.data)

    def query(self, soql: str, *, every: bool = False, headers: dict[str, str] | None = None) -> Answer:
        return self("GET", f"/query{'All' if every else ''}?q={quote(soql)}", headers=headers)

    def ids(self, soql: str) -> list[str]:
        found = self.query(soql)
        assert found.status == 200, found.data
        return [one["Id"] for one in found.json["records"]]

    def token_endpoint(self, **form: str) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""}
        return self("POST", "/services/oauth2/token", urlencode(form).encode(), headers=headers, root="")


@pytest.fixture
def sandbox() -> Iterator[SalesforceHandle]:
    with start_salesforce() as handle:
        yield handle


@pytest.fixture
def api(sandbox: SalesforceHandle) -> Api:
    return Api(sandbox)


def lead(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Lead"}, "LastName": "山田", "Company": "株式会社サンプル", **fields}
