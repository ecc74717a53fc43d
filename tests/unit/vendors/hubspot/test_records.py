"""HubSpot's answers as plain shapes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.vendors.hubspot.records import submission

SUBMITTED: dict[str, Any] = {"conversionId": "c1", "submittedAt": 1_775_034_000_000, "pageUrl": "https://example.jp/"}


def _of(*values: tuple[str, str]) -> dict[str, Any]:
    return SUBMITTED | {"values": [{"name": name, "value": value} for name, value in values]}


def test_a_submission_of_the_forms_list() -> None:
    found = submission(_of(("email", "A@Example.jp"), ("topic", "a"), ("topic", "b")), "f1", None)
    assert (found.email, found.submission_id, found.page) == ("a@example.jp", "c1", "https://example.jp/")
    assert found.submitted_at == datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
    assert found.values["topic"] == "a;b"


@pytest.mark.parametrize("given", [(), (("email", ""),), (("email", "a" * 250 + "@example.jp"),)])
def test_one_by_whose_address_nobody_can_be_found_names_nobody(given: tuple[tuple[str, str], ...]) -> None:
    assert submission(_of(*given), "f1", None).email is None
