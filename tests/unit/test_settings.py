"""The settings: what is read, what is refused, all problems at once, and no secret in sight."""

import dataclasses
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from connector.errors import UsageError
from connector.settings import VARIABLES, Settings, SettingsError

KEY = Fernet.generate_key().decode()
OLDER_KEY = Fernet.generate_key().decode()
ROOT = Path(__file__).parents[2]

PORTAL = {
    "TASUKI_HUBSPOT_CLIENT_SECRET": "new-client-secret, old-client-secret",
    "TASUKI_HUBSPOT_ACCESS_TOKEN": "pat-na1-token",
    "TASUKI_HUBSPOT_PORTAL_ID": "40012345",
    "TASUKI_PUBLIC_URL": "https://crm.example.co.jp/tasuki/",
}


def problems(environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ(environ)
    assert isinstance(caught.value, UsageError)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def test_nothing_set_means_an_embedded_server_on_this_machine() -> None:
    settings = Settings.from_environ({})
    assert settings.embedded
    assert settings.home == Path("var").absolute()
    assert settings.key_file == settings.home / "secret.key"
    assert (settings.host, settings.port, settings.public_url) == ("127.0.0.1", 8080, "http://127.0.0.1:8080")
    assert settings.hubspot is None
    assert settings.log_level == "info"


def test_everything_set(tmp_path: Path) -> None:
    settings = Settings.from_environ(
        PORTAL
        | {
            "TASUKI_DATABASE_URL": "postgresql://tasuki:db-password@db:5432/tasuki",
            "TASUKI_HOME": str(tmp_path),
            "TASUKI_SECRET_KEY": f"{KEY},{OLDER_KEY}",
            "TASUKI_POLICY": str(tmp_path),
            "TASUKI_HOST": "0.0.0.0",
            "TASUKI_PORT": "9000",
            "TASUKI_LOG_LEVEL": "DEBUG",
            "TASUKI_SERVE_PROCESSES": "4",
            "TASUKI_METRICS_TOKEN": "metrics-token",
            "TASUKI_FORM_SECRETS": "lp=0123456789abcdef, lp=fedcba9876543210, main-site=with=signs=16chars",
            "TASUKI_HUBSPOT_API_VERSION": "v3",
            "TASUKI_HUBSPOT_ACCEPT_V1": "yes",
        }
    )
    assert not settings.embedded
    assert settings.secret_keys == (KEY, OLDER_KEY)
    assert settings.policy == settings.home == tmp_path
    assert settings.public_url == "https://crm.example.co.jp/tasuki"
    assert settings.form_secrets["lp"] == ("0123456789abcdef", "fedcba9876543210")
    assert settings.form_secrets["main-site"] == ("with=signs=16chars",)
    assert settings.hubspot is not None
    assert settings.hubspot.client_secrets == ("new-client-secret", "old-client-secret")
    assert (settings.hubspot.portal_id, settings.hubspot.api_version) == (40012345, "v3")
    assert settings.hubspot.base_url == "https://api.hubapi.com"
    assert settings.hubspot.accept_v1
    assert (settings.port, settings.serve_processes, settings.log_level) == (9000, 4, "debug")


def test_task_queues_are_named_by_the_policys_queues() -> None:
    given = {"TASUKI_HUBSPOT_TASK_QUEUES": "tele_call=123, today = 456"}
    hubspot = Settings.from_environ(PORTAL | given).hubspot
    assert hubspot is not None
    assert dict(hubspot.task_queues) == {"tele_call": "123", "today": "456"}
    told = problems(PORTAL | {"TASUKI_HUBSPOT_TASK_QUEUES": "tele_call=first"})
    assert told == ("TASUKI_HUBSPOT_TASK_QUEUES: 'tele_call=first' must read queue=id, such as tele_call=123456",)


def test_no_secret_in_the_repr() -> None:
    secrets = {
        "TASUKI_DATABASE_URL": "postgresql://tasuki:db-password@db/tasuki",
        "TASUKI_SECRET_KEY": KEY,
        "TASUKI_METRICS_TOKEN": "metrics-token",
        "TASUKI_FORM_SECRETS": "lp=0123456789abcdef",
    }
    shown = repr(Settings.from_environ(PORTAL | secrets))
    hidden = ["db-password", KEY, "metrics-token", "0123456789abcdef", "client-secret", "pat-na1-token"]
    assert [secret for secret in hidden if secret in shown] == []
    assert "40012345" in shown


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.from_environ({}).port = 1  # type: ignore[misc]


def test_all_problems_are_told_at_once_and_none_quotes_a_secret() -> None:
    told = problems(
        {
            "TASUKI_DATABASE_URL": "mysql://tasuki:db-password@db/tasuki",
            "TASUKI_SECRET_KEY": "not-a-fernet-key",
            "TASUKI_POLICY": "/no/such/folder",
            "TASUKI_PORT": "tcp://10.0.0.1:8080",
            "TASUKI_LOG_LEVEL": "loud",
            "TASUKI_FORM_SECRETS": "lp=too-short,just-a-secret-without-source",
            "TASUKI_HUBSPOT_ACCESS_TOKEN": "pat-na1-token",
            "TASUKI_HUBSPOT_BASE_URL": "http://api.example.com",
            "TASUKI_HUBSPOT_PORTL_ID": "1",
        }
    )
    for variable in ("DATABASE_URL", "SECRET_KEY", "POLICY", "PORT", "LOG_LEVEL", "FORM_SECRETS", "PUBLIC_URL"):
        assert any(problem.startswith(f"TASUKI_{variable}") for problem in told), variable
    assert "TASUKI_HUBSPOT_PORTL_ID is not a setting: did you mean TASUKI_HUBSPOT_PORTAL_ID?" in told
    assert any("enableServiceLinks" in problem for problem in told)
    assert any("TASUKI_HUBSPOT_CLIENT_SECRET is missing" in problem for problem in told)
    assert any("https://" in problem for problem in told if problem.startswith("TASUKI_HUBSPOT_BASE_URL"))
    text = "\n".join(told)
    hidden = ["db-password", "not-a-fernet-key", "too-short", "just-a-secret", "pat-na1-token"]
    assert [secret for secret in hidden if secret in text] == []


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"TASUKI_DATABASE_URL": "postgresql://db/tasuki"}, "TASUKI_SECRET_KEY must be set when"),
        ({"TASUKI_PORT": "65536"}, "from 0 to 65535"),
        ({"TASUKI_PORT": "-1"}, "from 0 to 65535"),
        ({"TASUKI_PUBLIC_URL": "crm.example.co.jp"}, "must be a web address"),
        ({"TASUKI_PUBLIC_URL": "https://crm.example.co.jp/?a=1"}, "must be a web address"),
        ({"TASUKI_PUBLIC_URL": "https://[crm"}, "must be a web address"),
        ({"TASUKI_PUBLIC_URL": "https://host:port"}, "must be a web address"),
        ({"TASUKI_HUBSPOT_API_VERSION": "v4"}, "one of 2026-03, v3"),
        ({"TASUKI_FORM_SECRETS": "LP=0123456789abcdef"}, "entry 1 must read source=secret"),
        ({**PORTAL, "TASUKI_PUBLIC_URL": ""}, "part of what HubSpot signs"),
        ({**PORTAL, "TASUKI_HUBSPOT_PORTAL_ID": "my portal"}, "TASUKI_HUBSPOT_PORTAL_ID must be a whole number"),
    ],
)
def test_a_wrong_value_is_told_with_its_remedy(environ: dict[str, str], told: str) -> None:
    assert [problem for problem in problems(environ) if told in problem]


def test_a_sandbox_on_this_machine_needs_neither_tls_nor_a_public_address() -> None:
    local = {**PORTAL, "TASUKI_PUBLIC_URL": "", "TASUKI_HUBSPOT_BASE_URL": "http://127.0.0.1:9100", "TASUKI_PORT": "81"}
    settings = Settings.from_environ(local)
    assert settings.public_url == "http://127.0.0.1:81"


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("pat-na1-from-file\n")
    environ = {**PORTAL, "TASUKI_HUBSPOT_ACCESS_TOKEN": "", "TASUKI_HUBSPOT_ACCESS_TOKEN_FILE": str(secret)}
    settings = Settings.from_environ(environ)
    assert settings.hubspot is not None
    assert settings.hubspot.access_token == "pat-na1-from-file"
    both = {**environ, "TASUKI_HUBSPOT_ACCESS_TOKEN": "pat-na1-token"}
    assert "both set" in problems(both)[0]
    missing = {**environ, "TASUKI_HUBSPOT_ACCESS_TOKEN_FILE": str(tmp_path / "none")}
    assert any("cannot be read" in problem for problem in problems(missing))


def test_foreign_variables_with_our_prefix_are_left_alone() -> None:
    Settings.from_environ({"TASUKI_SERVICE_HOST": "10.0.0.1", "TASUKI_PORT_8080_TCP_PROTO": "tcp"})


def test_every_variable_is_in_the_operations_manual() -> None:
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = {
        line.split("|")[1].strip().strip("`"): line for line in manual.splitlines() if line.startswith("| `TASUKI_")
    }
    assert set(rows) == {variable.name for variable in VARIABLES}
    undocumented = [v.name for v in VARIABLES if v.default and f"`{v.default}`" not in rows[v.name]]
    assert undocumented == []
    assert [v.name for v in VARIABLES if v.secret != ("secret" in rows[v.name].split("|")[2])] == []


def test_where_messages_may_come_from_is_refused_at_start_where_it_cannot_be_read() -> None:
    org = {"TASUKI_SALESFORCE_CLIENT_ID": "3MVG9", "TASUKI_SALESFORCE_REFRESH_TOKEN": "a-consent"}
    found = problems(org | {"TASUKI_SALESFORCE_NETWORKS": "13.108.0.1/14", "TASUKI_PROXIES": "10.1.0.0/16, proxy"})
    assert len(found) == 2
    assert "TASUKI_SALESFORCE_NETWORKS: '13.108.0.1/14' must be a network" in found[0]
    assert "TASUKI_PROXIES: 'proxy' must be a network" in found[1]
