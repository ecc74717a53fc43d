"""Addresses of channels are secrets: looking at one tells it nowhere."""

from __future__ import annotations

import pytest

from connector.vendors import messenger


@pytest.mark.parametrize(
    "address", ["http://example.com/services/T0/B0/tell-nobody", "slack://tell-nobody", "tell-nobody"]
)
def test_no_log_line_tells_an_address(address: str, caplog: pytest.LogCaptureFixture) -> None:
    messenger.understands(address)
    messenger.refuse_inner(address, ())
    assert "tell-nobody" not in caplog.text
