"""gunicorn's own records pass through ours: nothing of what was sent, and nobody's address."""

from __future__ import annotations

import logging

import pytest
from gunicorn.config import Config

from connector.cli.serve import Logs

SECRET = "5f0c-the-orgs-secret"


def test_what_is_no_request_and_what_failed_are_told_without_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    logs = Logs(Config())
    with caplog.at_level(logging.INFO):
        logs.warning(f"Invalid request from ip=203.0.113.7: Invalid HTTP request line: 'POST /{SECRET}'")
        logs.warning("Worker with pid %s was terminated due to signal %s", 7, 9)
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logs.exception("Error handling request %s %s", "POST", f"/webhooks/salesforce/org/{SECRET}")
            logs.exception("Exception in worker process")
    assert [record.getMessage() for record in caplog.records] == [
        "Invalid request",
        "Worker with pid 7 was terminated due to signal 9",
        "Error handling request",
        "Exception in worker process",
    ]
    assert caplog.records[2].exc_info is not None
