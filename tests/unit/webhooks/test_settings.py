"""The receiver refuses to start on settings that would leave it open or deaf."""

from __future__ import annotations

import pytest

from connector.errors import UsageError
from connector.vendors.hubspot.inbound import SignatureVersion
from webhooks.settings import from_environment

BASE = {"TASUKI_PUBLIC_URL": "https://crm.example.co.jp/", "TASUKI_HUBSPOT_CLIENT_SECRET": "new, old"}


def test_settings_are_read_from_the_environment() -> None:
    settings = from_environment(BASE | {"TASUKI_FORM_SECRET_LP": "s1,s0", "TASUKI_HUBSPOT_ACCEPT_V1": "yes"})
    assert settings.public_url == "https://crm.example.co.jp"
    assert settings.hubspot_secrets == ("new", "old")
    assert settings.form_secrets == {"lp": ("s1", "s0")}
    assert SignatureVersion.V1 in settings.hubspot_versions


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"TASUKI_HUBSPOT_CLIENT_SECRET": ""}, "no_secret_configured"),
        ({"TASUKI_PUBLIC_URL": ""}, "public_url_malformed"),
        ({"TASUKI_PUBLIC_URL": "crm.example.co.jp"}, "public_url_malformed"),
        ({"TASUKI_PUBLIC_URL": "https://x.jp/?a=1"}, "public_url_malformed"),
        ({"TASUKI_FORM_SECRET_LP": " , "}, "form_source_malformed"),
        ({"TASUKI_FORM_SECRET_A/B": "s"}, "form_source_malformed"),
    ],
)
def test_unusable_settings_stop_the_start(change: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_environment(BASE | change)
    assert caught.value.reason == reason
