"""jsforce, which nobody here wrote, against the Salesforce sandbox.

npm install --prefix tests/contract/node --ignore-scripts
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import orjson
import pytest

from connector.sandbox.salesforce.handle import start_salesforce

HERE = Path(__file__).parent / "node"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
@pytest.mark.skipif(
    not (HERE / "node_modules" / "jsforce").exists(),
    reason="jsforce is not installed: npm install --prefix tests/contract/node --ignore-scripts",
)
def test_jsforce_logs_in_queries_creates_updates_and_pages() -> None:
    with start_salesforce() as sandbox:
        done = subprocess.run(
            [str(NODE), str(HERE / "check.cjs"), sandbox.base_url, sandbox.client_id, sandbox.client_secret],
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr.decode()
        told = orjson.loads(done.stdout)
        assert told["identity"] == sandbox.user_id
        assert told["made"]["success"] is True
        assert told["several"] == 450
        assert told["found"] == {"title": "部長", "owner": "Tasuki 連携"}
        assert told["retrieved"] == "山田"
        assert (told["pages"], told["distinct"]) == ([200, 200, 50], 450)
        assert told["refused"]["errorCode"] == "INVALID_EMAIL_ADDRESS"
        assert told["bulk"] == {"good": 3, "bad": 0}
        assert told["deleted"] is True
        assert told["all"] == 451
        assert told["usage"]["limit"] == 15_000
        leads = [row["fields"] for row in sandbox.records("Lead")]
        assert len(leads) == 449
        assert sorted(one["Title"] for one in leads if "Title" in one) == ["課長", "部長"]
