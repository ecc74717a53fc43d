"""The receiver refuses to start on settings that would leave it open or deaf."""

from __future__ import annotations

import pytest

from connector.errors import UsageError
from connector.settings import Settings
from connector.vendors.hubspot.inbound import SignatureVersion
from webhooks.settings import ReceiverSettings, from_settings

ENVIRONMENT = {
    "TASUKI_PUBLIC_URL": "https://crm.example.co.jp/",
    "TASUKI_HUBSPOT_CLIENT_SECRET": "new, old",
    "TASUKI_HUBSPOT_ACCESS_TOKEN": "pat-1",
    "TASUKI_HUBSPOT_PORTAL_ID": "4711",
    "TASUKI_HUBSPOT_ACCEPT_V1": "yes",
    "TASUKI_FORM_SECRETS": "lp=0123456789abcdef, lp=fedcba9876543210",
}


def test_the_products_settings_become_the_receivers() -> None:
    settings = from_settings(Settings.from_environ(ENVIRONMENT))
    assert settings.public_url == "https://crm.example.co.jp"
    assert settings.hubspot_secrets == ("new", "old")
    assert settings.form_secrets == {"lp": ("0123456789abcdef", "fedcba9876543210")}
    assert settings.hubspot_versions == {SignatureVersion.V3, SignatureVersion.V1}
    assert settings.company == "hubspot:4711"


def test_without_any_secret_the_service_does_not_start() -> None:
    with pytest.raises(UsageError) as caught:
        from_settings(Settings.from_environ({"TASUKI_PUBLIC_URL": "https://crm.example.co.jp"}))
    assert caught.value.reason == "no_secret_configured"


@pytest.mark.parametrize("public_url", ["", "crm.example.co.jp", "ftp://x.jp", "https://x.jp/?a=1", "https://x.jp/#a"])
def test_the_public_address_must_be_one(public_url: str) -> None:
    with pytest.raises(UsageError) as caught:
        ReceiverSettings(public_url=public_url, hubspot_secrets=("s",))
    assert caught.value.reason == "public_url_malformed"


@pytest.mark.parametrize("sources", [{"LP": ("s",)}, {"a/b": ("s",)}, {"lp": ()}, {"lp": ("",)}])
def test_a_form_source_needs_a_plain_name_and_a_secret(sources: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(UsageError) as caught:
        ReceiverSettings(public_url="https://x.jp", form_secrets=sources)
    assert caught.value.reason == "form_source_malformed"
