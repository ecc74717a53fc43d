"""Rate limits: windows, the day, headers and the two bodies of a 429."""

from __future__ import annotations

from connector.sandbox.handle import SandboxHandle

from .conftest import Api


def test_the_burst_window_and_its_headers(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(burst_max=5)
    answers = [api("GET", "/crm/v3/owners") for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    left = [int(answer.headers["X-HubSpot-RateLimit-Remaining"]) for answer in answers]
    assert left == [4, 3, 2, 1, 0, 0]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "5"
    assert answers[0].headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    body = answers[-1].json
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert "category" not in body
    assert body["correlationId"] == answers[-1].headers["X-HubSpot-Correlation-Id"]
    sandbox.reset_limits()
    assert api("GET", "/crm/v3/owners").status == 200


def test_the_day_turns_at_the_portals_midnight(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.set_clock(now="2026-04-01T14:59:00Z", rate=0)  # 23:59 in Tokyo
    sandbox.settings(daily_max=2)
    answers = [api("GET", "/crm/v3/owners") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[-1].json["policyName"] == "DAILY"
    assert [answer.headers["X-HubSpot-RateLimit-Daily-Remaining"] for answer in answers] == ["1", "0", "0"]
    sandbox.set_clock(advance_seconds=60)
    assert api("GET", "/crm/v3/owners").status == 200


def test_oauth_apps_have_their_own_smaller_window_and_no_daily_headers(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(burst_max=3, oauth_burst_max=2)
    for _ in range(3):
        assert api("GET", "/crm/v3/owners").status == 200
    api.token = sandbox.issue_token(oauth=True)["token"]
    answers = [api("GET", "/crm/v3/owners") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "2"
    assert "X-HubSpot-RateLimit-Daily" not in answers[0].headers


def test_associations_have_a_window_besides(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(associations_max=2)
    body = {"inputs": [{"id": "1"}]}
    path = "/crm/v4/associations/contacts/tasks/batch/read"
    assert [api("POST", path, body).status for _ in range(3)] == [207, 207, 429]
    assert api("GET", "/crm/v3/owners").status == 200


def test_unlimited_counts_nothing(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(limits_enabled=False, burst_max=1)
    assert {api("POST", "/crm/v3/objects/contacts/search", {}).status for _ in range(12)} == {200}
    assert sandbox.call_count("search") == 12
