"""E7: notices reach their channels once; a dead channel holds up neither a lead nor another channel."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from connector.store import secrets
from connector.sync.noticing import send_slice
from connector.vendors import messenger
from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay

NOTIFY = '      - notify: {to: [sales_alerts, marketing], text: "MQL {last_name}様"}'
TOLD = "- start: mql_first_touch => - start: mql_first_touch\n" + NOTIFY


HERE = (ip_network("127.0.0.1"),)
send = partial(messenger.send, networks=HERE)


class Channel:
    """A service that takes notices, on this machine."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.status = 200
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if channel.status == 200:
                    channel.heard.append(json.loads(body))
                self.send_response(channel.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_address[1]}/notices"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def texts(self) -> list[str]:
        return [one["message"] for one in self.heard]


@pytest.fixture
def channel() -> Iterator[Channel]:
    made = Channel()
    yield made
    made.close()


def told(relay: Relay, folder: Path) -> None:
    """A policy that tells two channels of every new MQL."""
    relay.activate(changed_policy(folder, "work.yaml", told=TOLD))
    relay.listen()


def set_channel(relay: Relay, name: str, url: str) -> None:
    with relay.database.transaction(relay.installation_id) as conn:
        secrets.put(conn, relay.installation_id, relay.tenant.vault, f"channel.{name}", url)


def states(relay: Relay, receiver: str) -> set[tuple[str, str | None]]:
    rows = relay.rows("SELECT state, parked_reason FROM notice WHERE receiver = %s", [receiver])
    return {(row["state"], row["parked_reason"]) for row in rows}


def test_a_notice_reaches_its_channel_once_and_one_without_address_waits_for_a_person(
    relay: Relay, channel: Channel, tmp_path: Path
) -> None:
    told(relay, tmp_path / "told")
    set_channel(relay, "sales_alerts", channel.url)
    relay.new_mql()
    assert send_slice(relay.tenant, send) == 2
    assert send_slice(relay.tenant, send) == 0
    assert channel.texts() == ["MQL 山田様"]
    assert states(relay, "channel:sales_alerts") == {("sent", None)}
    assert states(relay, "channel:marketing") == {("parked", "address_not_set")}
    stored = relay.rows("SELECT sealed FROM notice")
    assert all("山田".encode() not in bytes(row["sealed"]) for row in stored)
    set_channel(relay, "marketing", channel.url)
    assert CommandLine.of(relay).json("notices", "--retry")["retried"] == 1
    send_slice(relay.tenant, send)
    assert channel.texts() == ["MQL 山田様"] * 2


@pytest.mark.fault("T12")
def test_a_notice_into_our_own_network_waits_for_a_person_and_reaches_nobody(
    relay: Relay, channel: Channel, tmp_path: Path
) -> None:
    told(relay, tmp_path / "told")
    set_channel(relay, "sales_alerts", channel.url)
    cli = CommandLine.of(relay)
    refused = cli.run("secret", "set", "channel.marketing", given=channel.url)
    assert refused.exit_code == 3
    assert "127.0.0.1, within your own network" in refused.stderr
    assert (
        cli.run("secret", "set", "channel.marketing", given=channel.url, TASUKI_NOTICE_NETWORKS="127.0.0.0/8").exit_code
        == 0
    )
    relay.new_mql()
    assert send_slice(relay.tenant, messenger.send) == 2
    assert channel.heard == []
    assert states(relay, "channel:sales_alerts") == {("parked", "inner_address")}
    assert "TASUKI_NOTICE_NETWORKS" in cli.run("notices").stdout


def test_a_dead_channel_holds_up_nobody_and_is_parked_in_the_end(
    relay: Relay, channel: Channel, tmp_path: Path
) -> None:
    told(relay, tmp_path / "told")
    set_channel(relay, "sales_alerts", channel.url)
    set_channel(relay, "marketing", "json://127.0.0.1:1/nobody")
    contact_id = relay.new_mql()
    assert relay.contact(contact_id)["hubspot_owner_id"], "the lead goes on"
    for _ in range(relay.limits.most_failures):
        send_slice(relay.tenant, send)
        with relay.database.transaction(relay.installation_id) as conn:
            conn.execute("UPDATE notice SET not_before = now()")
    assert channel.texts() == ["MQL 山田様"]
    assert states(relay, "channel:marketing") == {("parked", "not_taken")}


def test_an_address_is_sealed_and_never_shown(relay: Relay, channel: Channel) -> None:
    cli = CommandLine.of(relay)
    refused = cli.run("secret", "set", "channel.sales_alerts")
    assert refused.exit_code == 3
    set_channel(relay, "sales_alerts", channel.url)
    (row,) = relay.rows("SELECT sealed FROM secret")
    assert channel.url.encode() not in bytes(row["sealed"])
    shown = cli.run("secret", "list")
    assert "channel.sales_alerts" in shown.stdout
    assert "127.0.0.1" not in shown.stdout
    assert cli.run("secret", "unset", "channel.sales_alerts").exit_code == 0
    assert relay.rows("SELECT name FROM secret") == []


def test_people_and_pools_are_shown(relay: Relay) -> None:
    cli = CommandLine.of(relay)
    found = cli.json("people", "list")
    one = next(person for person in found if "インサイドセールスSDR" in person["teams"] and person["active"])
    assert cli.run("people", "absent", one["person"]).exit_code == 0
    assert next(person for person in cli.json("people", "list") if person["person"] == one["person"])["absent"] is True
    relay.listen()
    relay.new_mql()
    shares = {share["person"]: share for share in cli.json("routing", "show", "sdr")["sdr"]}
    assert shares[one["person"]]["skipped"] == {"absent": 1}
    assert sum(share["given"] for share in shares.values()) == 1
    assert cli.run("people", "back", one["name"]).exit_code == 0
    assert cli.run("people", "set", one["person"], "--weight", "2").exit_code == 0
    assert "absent 1" in cli.run("routing", "show").stdout
    assert "不在 1" in cli.run("routing", "show", TASUKI_LANG="ja").stdout
    assert cli.run("routing", "show", "nowhere").exit_code == 3
    assert cli.run("people", "back", "誰か").exit_code == 3
