"""Relays for the fault tests: see `tests/e2e/relay.py`."""

from tests.e2e.conftest import make_relay, make_salesforce_relay, relay, unpaced

__all__ = ["make_relay", "make_salesforce_relay", "relay", "unpaced"]
