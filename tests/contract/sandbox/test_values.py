"""What HubSpot does with values: types, dates, options, its own tidying."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.definitions import PropertyDefinition, PropertyOption
from connector.sandbox.handle import SandboxHandle
from connector.sandbox.values import ValueRefusedError, check_value, normalise, webhook_value

from .conftest import Api


def definition(type_name: str, field_type: str = "text", options: tuple[str, ...] = ()) -> PropertyDefinition:
    made = [PropertyOption(label=value, value=value, display_order=n) for n, value in enumerate(options)]
    return PropertyDefinition(
        name="it", label="it", type=type_name, field_type=field_type, group="g", options=made, hubspot_defined=False
    )


@pytest.mark.parametrize(
    ("type_name", "raw", "kept"),
    [
        ("string", 5, "5"),
        ("string", 5.0, "5"),
        ("string", True, "true"),
        ("string", None, ""),
        ("string", " 髙﨑 ", " 髙﨑 "),
        ("number", "12.50", "12.50"),
        ("number", 3, "3"),
        ("bool", "TRUE", "true"),
        ("datetime", "1775001600000", "2026-04-01T00:00:00.000Z"),
        ("datetime", 1775001600123, "2026-04-01T00:00:00.123Z"),
        ("datetime", "2026-04-01T09:00:00+09:00", "2026-04-01T00:00:00.000Z"),
        ("datetime", "2026-04-01T00:00:00.123456Z", "2026-04-01T00:00:00.123Z"),
        ("date", "2026-04-01", "2026-04-01"),
        ("date", "1775001600000", "2026-04-01"),
    ],
)
def test_values_are_kept_as_strings(type_name: str, raw: Any, kept: str) -> None:
    assert check_value(definition(type_name), raw, ()) == kept


@pytest.mark.parametrize(
    ("type_name", "raw", "code"),
    [
        ("number", "1,000", "INVALID_DOUBLE"),
        ("number", "nan", "INVALID_DOUBLE"),
        ("number", "1_0", "INVALID_DOUBLE"),
        ("bool", "yes", "INVALID_OPTION"),
        ("datetime", "tomorrow", "INVALID_LONG"),
        ("date", "2026-02-30", "INVALID_DATE"),
        ("date", "1775001600001", "INVALID_DATE"),
        ("string", "x" * 65_537, "INVALID_STRING_LENGTH"),
    ],
)
def test_bad_values_are_refused(type_name: str, raw: str, code: str) -> None:
    with pytest.raises(ValueRefusedError) as caught:
        check_value(definition(type_name), raw, ())
    assert caught.value.code == code


def test_a_date_that_is_not_midnight_says_so() -> None:
    with pytest.raises(ValueRefusedError, match=r"1775001600001 is at 0:0:0\.1 UTC, not midnight!"):
        check_value(definition("date"), "1775001600001", ())


def test_checkboxes_take_several_options_and_selects_one() -> None:
    several = definition("enumeration", "checkbox", ("a", "b"))
    assert check_value(several, "a;b", ()) == "a;b"
    with pytest.raises(ValueRefusedError, match="c was not one of the allowed options: \\[a, b\\]"):
        check_value(several, "a;c", ())
    with pytest.raises(ValueRefusedError):
        check_value(definition("enumeration", "select", ("a", "b")), "a;b", ())


def test_webhooks_carry_moments_in_milliseconds() -> None:
    assert webhook_value(definition("datetime"), "2026-04-01T00:00:00.123Z") == "1775001600123"
    assert webhook_value(definition("date"), "2026-04-01") == "1775001600000"
    assert webhook_value(definition("string"), None) == ""


def test_normalisers_in_order() -> None:
    assert normalise("ＡＢＣ株式会社  ", ["nfkc", "strip", "lower", "truncate:4"]) == "abc株"
    assert normalise("+81 3-1234", ["digits", "prefix:T"]) == "T+8131234"


def test_the_vendor_reformats_what_was_written(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.settings(normalisers={"contacts": {"phone": ["digits"]}})
    contact = api.contact(email="a@b.example", phone="03-1234-5678")
    assert api.read("contacts", contact, "phone")["phone"] == "0312345678"
    written = api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"phone": "(06) 1"}})
    assert written.json["properties"]["phone"] == "061"


def test_company_domains_are_bare_and_give_the_web_site(api: Api) -> None:
    made = api("POST", "/crm/v3/objects/companies", {"properties": {"domain": "https://www.Aoba.example/ja"}})
    assert made.json["properties"]["domain"] == "aoba.example"
    assert made.json["properties"]["website"] == "aoba.example"


def test_deal_stages_come_from_the_pipelines(api: Api) -> None:
    stage = {"label": "初回商談", "displayOrder": 0, "metadata": {"probability": "0.2"}}
    made = api("POST", "/crm/v3/pipelines/deals", {"label": "新規営業", "displayOrder": 1, "stages": [stage]})
    assert made.status == 201
    own = made.json["stages"][0]["id"]
    props = {"dealname": "x", "pipeline": made.json["id"], "dealstage": own}
    assert api("POST", "/crm/v3/objects/deals", {"properties": props}).status == 201
    refused = api("POST", "/crm/v3/objects/deals", {"properties": {"dealname": "x", "dealstage": "nowhere"}})
    assert refused.json["errors"][0]["code"] == "INVALID_OPTION"
