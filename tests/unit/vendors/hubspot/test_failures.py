"""What HubSpot's answers mean: a table of statuses and bodies."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connector.errors import AuthError, QuotaError, RetryableError, UncertainError
from connector.vendors.http import Answer
from connector.vendors.hubspot.failures import failure
from connector.vendors.refusal import RefusedError


def _answer(status: int, body: Any = None, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else orjson.dumps(body if body is not None else {})
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, headers=names, body=content, seconds=0.1)


SECONDLY = {"status": "error", "message": "You have reached your secondly limit.", "category": "RATE_LIMITS"}
TEN_SECONDLY = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING", "message": "limit"}
DAILY = {"errorType": "RATE_LIMIT", "policyName": "DAILY", "message": "You have reached your daily limit."}


@pytest.mark.fault("F40")
@pytest.mark.parametrize(
    ("answer", "reason", "seconds"),
    [
        (_answer(429, SECONDLY), "limit_second", 1.0),
        (_answer(429, TEN_SECONDLY), "limit_burst", 1.0),
        (_answer(429, TEN_SECONDLY, retry_after="7"), "limit_burst", 7.0),
        (_answer(429, DAILY), "limit_day", 3600.0),
        (_answer(429, {"message": "You have reached your ten_secondly_rolling limit."}), "limit_burst", 1.0),
        (_answer(429, b"<html>Too many</html>"), "limit_second", 1.0),
        (_answer(429, TEN_SECONDLY, retry_after="soon"), "limit_burst", 1.0),
        (_answer(429, TEN_SECONDLY, retry_after="99999999999"), "limit_burst", 86_400.0),
    ],
)
def test_limits_in_both_shapes(answer: Answer, reason: str, seconds: float) -> None:
    error = failure(answer, repeatable=False)
    assert isinstance(error, QuotaError)
    assert (error.reason, error.retry_after_seconds) == (reason, seconds)


@pytest.mark.fault("F37")
@pytest.mark.parametrize(
    ("answer", "reason", "at_least"),
    [
        (_answer(423), "locked", 2.0),
        (_answer(423, retry_after="1"), "locked", 2.0),
        (_answer(423, retry_after="5"), "locked", 5.0),
        (_answer(477, retry_after="7200"), "migrating", 7200.0),
        (_answer(500), "http_500", 1.0),
        (_answer(502, b"<html>"), "http_502", 1.0),
        (_answer(503), "http_503", 1.0),
        (_answer(504), "http_504", 1.0),
        (_answer(521), "http_521", 1.0),
        (_answer(523), "http_523", 1.0),
        (_answer(524), "http_524", 1.0),
    ],
)
def test_what_passes_is_retryable_after_a_while(answer: Answer, reason: str, at_least: float) -> None:
    error = failure(answer, repeatable=True)
    assert isinstance(error, RetryableError)
    assert not isinstance(error, QuotaError)
    assert error.reason == reason
    assert error.retry_after_seconds is not None
    assert error.retry_after_seconds >= at_least


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 523, 524])
def test_an_outage_during_a_create_is_uncertain(status: int) -> None:
    assert isinstance(failure(_answer(status), repeatable=False), UncertainError)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (_answer(401, {"category": "EXPIRED_AUTHENTICATION"}), "token_refused"),
        (_answer(401, b""), "token_refused"),
        (_answer(403, {"category": "MISSING_SCOPES"}), "missing_scopes"),
        (_answer(403, b"<html>"), "forbidden"),
    ],
)
def test_credentials(answer: Answer, reason: str) -> None:
    error = failure(answer, repeatable=True)
    assert isinstance(error, AuthError)
    assert error.reason == reason


def test_redirects_are_not_followed() -> None:
    error = failure(_answer(302, b"", location="https://evil.example/"), repeatable=True)
    assert isinstance(error, RetryableError)
    assert error.reason == "redirected"


PROSE = (
    'Property values were not valid: [{"isValid":false,"message":"X was not one of the allowed options: [A]",'
    '"error":"INVALID_OPTION","name":"hs_lead_status"}]'
)


@pytest.mark.fault("F36", "F37")
@pytest.mark.parametrize(
    ("body", "reason", "name", "existing"),
    [
        ({"message": PROSE, "category": "VALIDATION_ERROR"}, "invalid_option", "hs_lead_status", None),
        (
            {"errors": [{"code": "INVALID_OPTION", "context": {"propertyName": ["industry"]}}]},
            "invalid_option",
            "industry",
            None,
        ),
        ({"errors": [{"code": "READ_ONLY_VALUE", "in": "properties.createdate"}]}, "read_only", "createdate", None),
        ({"message": 'Property "foo_bar" does not exist'}, "unknown_property", "foo_bar", None),
        (
            {"errors": [{"code": "INVALID_OWNER_ID", "message": "Owner 9 does not exist",
                         "context": {"propertyName": "hubspot_owner_id"}}]},
            "invalid_owner",
            "hubspot_owner_id",
            None,
        ),
        ({}, "http_400", None, None),
        ({"message": None, "errors": "?", "context": []}, "http_400", None, None),
    ],
)  # fmt: skip
def test_refusals_name_the_property(body: dict[str, Any], reason: str, name: str | None, existing: str | None) -> None:
    error = failure(_answer(400, body), repeatable=True)
    assert isinstance(error, RefusedError)
    assert (error.reason, error.property_name, error.existing_id) == (reason, name, existing)


def test_a_conflict_names_the_record_in_prose_only() -> None:
    body = {"message": "Contact already exists. Existing ID: 37765128953", "category": "CONFLICT"}
    error = failure(_answer(409, body), repeatable=False)
    assert isinstance(error, RefusedError)
    assert (error.reason, error.existing_id) == ("conflict", "37765128953")


def test_messages_repeat_no_values() -> None:
    body = {"message": "Email address taro.yamada@example.co.jp is invalid", "errors": [{"code": "INVALID_EMAIL"}]}
    error = failure(_answer(400, body), repeatable=True)
    assert "yamada" not in str(error)
    assert isinstance(error, RefusedError)
    assert error.reason == "invalid_email"


def test_html_instead_of_json_is_a_missing_record() -> None:
    error = failure(_answer(404, b"<html>404</html>", x_hubspot_notfound="true"), repeatable=True)
    assert isinstance(error, RefusedError)
    assert (error.reason, error.status) == ("not_found", 404)
