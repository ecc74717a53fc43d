"""The website's deliveries: forms and page events, proven and read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.errors import InboundError
from connector.vendors.base import EventKind, InboundEvent
from connector.vendors.website.inbound import parse, sign, verify

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
BODY = b'{"form": "inquiry", "email": "a@example.jp"}'


def _parse(body: Any) -> list[InboundEvent]:
    return parse(json.dumps(body).encode(), source="lp", received_at=NOW)


@pytest.mark.fault("T7")
@pytest.mark.parametrize(
    ("stamp", "signature", "accepted"),
    [
        (STAMP, sign("new", STAMP, BODY), True),
        (STAMP, sign("old", STAMP, BODY), True),
        (STAMP, sign("other", STAMP, BODY), False),
        (STAMP, sign("new", STAMP, BODY).upper(), False),
        (STAMP, sign("new", STAMP, BODY + b" "), False),
        (STAMP, "", False),
        (STAMP, "é", False),
        (str(int(STAMP) + 301), sign("new", str(int(STAMP) + 301), BODY), False),
        (str(int(STAMP) - 301), sign("new", str(int(STAMP) - 301), BODY), False),
        (str(int(STAMP) + 299), sign("new", str(int(STAMP) + 299), BODY), True),
        ("", sign("new", "", BODY), False),
        ("1e9", sign("new", "1e9", BODY), False),
        (STAMP + ".5", sign("new", STAMP + ".5", BODY), False),
    ],
)
def test_only_a_fresh_signature_of_a_known_secret_passes(stamp: str, signature: str, accepted: bool) -> None:
    headers = {"x-tasuki-timestamp": stamp, "X-Tasuki-Signature": signature}
    if accepted:
        verify(headers, BODY, secrets=["new", "old"], now=NOW)
        return
    with pytest.raises(InboundError) as caught:
        verify(headers, BODY, secrets=["new", "old"], now=NOW)
    assert caught.value.status == 401


def test_a_form_and_a_page_event() -> None:
    form, event = _parse(
        [
            {"id": "1", "form": "inquiry", "email": "A@Example.jp", "fields": {"lastname": "髙﨑", "n": 5, "x": None}},
            {"id": "2", "event": "pricing_page", "email": "a@example.jp", "occurred_at": "2026-03-31T00:00:00Z"},
        ]
    )
    assert (form.kind, form.type_name, form.account_id) == (EventKind.SUBMITTED, "website_form", "website:lp")
    assert form.submission is not None
    assert form.submission.values == {"lastname": "髙﨑", "n": "5"}
    assert form.submission.email == "a@example.jp"
    assert (event.type_name, event.occurred_at) == ("website_event", datetime(2026, 3, 31, tzinfo=UTC))


def test_the_same_id_is_the_same_event_and_another_source_is_not() -> None:
    [one] = _parse({"id": "1", "form": "inquiry", "email": "a@example.jp"})
    [again] = _parse({"id": "1", "form": "inquiry", "email": "a@example.jp", "page": "x"})
    [other] = parse(b'{"id": "1", "form": "inquiry", "email": "a@example.jp"}', source="x", received_at=NOW)
    assert one.key == again.key != other.key


@pytest.mark.parametrize(
    "item", [None, 1, "x", {}, {"form": "inquiry"}, {"email": "a@example.jp"}, {"form": ["x"], "email": {"a": 1}},
             {"form": "a\x00", "email": "a@example.jp"}, {"form": "inquiry", "email": "\ud800"},
             {"form": "inquiry", "email": "a" * 250 + "@example.jp"}]
)  # fmt: skip
def test_what_names_no_form_or_no_person_is_kept_as_unknown(item: Any) -> None:
    good, bad = _parse([{"form": "inquiry", "email": "a@example.jp"}, item])
    assert (good.kind, bad.kind) == (EventKind.SUBMITTED, EventKind.UNKNOWN)
    assert bad.submission is None


def test_an_id_that_is_too_long_to_be_found_again_is_none() -> None:
    [one] = _parse({"id": "1" * 300, "form": "inquiry", "email": "a@example.jp"})
    assert one.submission is not None
    assert one.submission.submission_id is None


@pytest.mark.parametrize(
    ("body", "reason"), [(b"{", "not_json"), (b'{"a":' * 990 + b"1" + b"}" * 990, "nested_too_deeply")]
)
def test_what_is_no_json_is_one_error(body: bytes, reason: str) -> None:
    with pytest.raises(InboundError) as caught:
        parse(body, source="lp", received_at=NOW)
    assert (caught.value.status, caught.value.reason) == (400, reason)
