"""The extra `cdc`: a plain install works without it and says how to get it; what others stored is read all the same."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys
for name in ("grpc", "fastavro", "google.protobuf"):
    sys.modules[name] = None  # as if it were not installed
"""

ORG = """
import os
os.environ |= {
    "TASUKI_SALESFORCE_CLIENT_ID": "key",
    "TASUKI_SALESFORCE_CLIENT_SECRET": "secret",
    "TASUKI_SALESFORCE_LOGIN_URL": "https://acme.my.salesforce.com",
}
"""

READS = """
from datetime import UTC, datetime
import connector.bootstrap
from connector.vendors.salesforce.changes.inbound import Change, parse, written
one = Change(replay_id="01", entity="Lead", ids=("00Q5g00000AAAAAAAA",), type="UPDATE", at="2026-04-01T09:00:00+00:00")
(event,) = parse(written([one]), organization_id="00D5g000004abcdEAA", received_at=datetime.now(UTC))
assert event.object_id == one.ids[0]
"""

WORKS = """
os.environ["TASUKI_SALESFORCE_CHANGES"] = "ChangeEvents"
from connector.cli.main import main
main(["work"])
"""


def _python(script: str, home: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "TASUKI_LANG": "en", "TASUKI_HOME": home}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def test_a_plain_install_reads_changes_and_says_what_following_them_needs(tmp_path: object) -> None:
    home = f"{tmp_path}/home"
    read = _python(WITHOUT + READS, home)
    assert read.returncode == 0, read.stderr
    refused = _python(WITHOUT + ORG + WORKS, home)
    assert refused.returncode == 3, refused.stderr
    assert "pip install 'tasuki[cdc]'" in refused.stderr
    assert "Traceback" not in refused.stderr
