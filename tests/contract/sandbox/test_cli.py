"""`tasuki sandbox` from a shell: says where it is, serves, and stops on a signal."""

from __future__ import annotations

import signal
import subprocess
import sys

import orjson

from connector.sandbox.handle import connect_sandbox

from .conftest import Api

RUN = "from connector.cli.sandbox import command; command()"


def test_it_says_where_it_is_serves_and_stops() -> None:
    arguments = ["--port", "0", "--contacts", "12", "--seed", "5", "--app-secret", "s3", "--unlimited", "--json"]
    process = subprocess.Popen([sys.executable, "-c", RUN, *arguments], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        facts = orjson.loads(process.stdout.readline())
        with connect_sandbox(facts["base_url"]) as sandbox:
            assert sandbox.token == facts["token"]
            assert sandbox.app_secret == facts["app_secret"] == "s3"
            assert sandbox.settings()["limits_enabled"] is False
            assert len(Api(sandbox)("GET", "/crm/v3/objects/contacts?limit=100").json["results"]) == 12
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_help_is_complete() -> None:
    done = subprocess.run([sys.executable, "-c", RUN, "--help"], capture_output=True, text=True, check=True)
    for option in ("--port", "--seed", "--contacts", "--latency-ms", "--webhook-url", "--app-secret"):
        assert option in done.stdout
