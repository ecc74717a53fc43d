"""A fresh sandbox as an account to which a policy of the same needs was connected before.

Connecting writes one to three hundred definitions: properties, options, stages, lists, fields and who may see them. A
process lets the product write them once for each policy's needs and kind of account; what it sent is then said again
to every other sandbox, without a socket, before the product connects, looks for itself and finds all there. Connecting
a fresh account is thus still done, and shown for itself in `test_cli_connect*.py` and the tests of `provision`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from weakref import WeakSet

from connector.policy.model import Policy
from connector.sandbox.exchange import Outcome, Request, Stand
from connector.sandbox.handle import SandboxHandle
from connector.sandbox.handle_common import CommonHandle
from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.sandbox.server import SandboxServer
from connector.vendors.hubspot import wanted as hubspot
from connector.vendors.hubspot.enrolling import LIST
from connector.vendors.provisioning import enrolments
from connector.vendors.salesforce import wanted as salesforce

_WRITES = ("POST", "PATCH", "PUT")
_NO_DEFINITIONS = ("/crm/objects/", "/services/oauth2/", "/oauth/")
"""The trial records with which the product asks what a portal enforces, and tokens: no two sandboxes have the same."""

_known: WeakSet[SandboxServer] = WeakSet()  #: Sandboxes that are no longer fresh.
_learnt: dict[tuple[str, ...], tuple[Request, ...]] = {}


@contextmanager
def portal_connected_before(portal: SandboxHandle, policy: Policy) -> Iterator[None]:
    """The portal has what the policy needs when the block begins; the first time it is learnt from the block."""
    needs = (
        hubspot.wanted_properties(policy),
        hubspot.wanted_stages(policy),
        hubspot.wanted_pipeline(policy),
        enrolments(policy, LIST),
    )
    with _connected_before(portal, needs, lambda: portal.token):
        yield


@contextmanager
def org_connected_before(org: SalesforceHandle, policy: Policy) -> Iterator[None]:
    """The same of an org."""
    needs = salesforce.wanted_fields(policy), salesforce.wanted_pipeline(policy)
    with _connected_before(org, needs, org.issue_token):
        yield


@contextmanager
def _connected_before(crm: CommonHandle, needs: tuple[object, ...], token: Callable[[], str]) -> Iterator[None]:
    settings = crm.settings()
    if crm.server is None or crm.server in _known or settings["limits_enabled"]:  # with limits each call counts
        yield
        return
    _known.add(crm.server)
    key = type(crm).__name__, repr(needs), repr(sorted(settings.items()))
    if key in _learnt:
        _say_again(crm.server.service, _learnt[key], token())
        yield
        return
    said: list[Request] = []
    service = crm.server.service
    crm.server.service = _Listening(service, said)
    try:
        yield
    finally:
        crm.server.service = service
    _learnt[key] = tuple(said)


@dataclasses.dataclass
class _Listening:
    """A stand-in that writes down which definitions it was sent and took."""

    service: Stand
    said: list[Request]
    lock: Any = dataclasses.field(default_factory=Lock)

    def handle(self, request: Request) -> Outcome:
        """Answer one request."""
        outcome = self.service.handle(request)
        defines = request.method in _WRITES and not request.target.startswith(_NO_DEFINITIONS)
        if defines and outcome.status < 300:
            with self.lock:
                self.said.append(request)
        return outcome

    def close(self) -> None:
        """As the stand-in itself."""
        self.service.close()


def _say_again(service: Stand, said: tuple[Request, ...], token: str) -> None:
    for request in said:
        headers = request.headers | {"authorization": f"Bearer {token}"}
        outcome = service.handle(dataclasses.replace(request, headers=headers))
        assert outcome.status < 300, (request.target, outcome.body)
