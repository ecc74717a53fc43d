"""Values to canonical and back, and equality as Salesforce stores it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.domain.value import BLANK, UNREAD, Value
from connector.errors import UsageError
from connector.policy.model import FieldDef, FieldType, Home
from connector.sandbox.salesforce.schema import read_field
from connector.sandbox.salesforce.values import read_value
from connector.vendors.salesforce import records
from connector.vendors.salesforce.fields import same, to_canonical, to_vendor

HOME = Home(vendor="salesforce", object_type="Lead", name="X__c", values={"web": "Web"}, read_also={"HP": "web"})
#: how an org would define the field of each type
STORED = {
    FieldType.TEXT: "string",
    FieldType.EMAIL: "email",
    FieldType.NUMBER: "double",
    FieldType.MONEY: "currency",
    FieldType.YES_NO: "boolean",
    FieldType.CHOICE: "picklist",
    FieldType.CHOICES: "multipicklist",
    FieldType.DATE: "date",
    FieldType.MOMENT: "datetime",
}


def field(kind: FieldType) -> FieldDef:
    return FieldDef(
        name="x", scope="lead", label={}, type=kind, choices={"web": {}, "other": {}}, tidy=None, blank_as=None,
        homes=(HOME,), sync="both", wins="newest", blank_overwrites=False, keep_first=False, rules=(), shows=None,
        answer=False,
    )  # fmt: skip


def stored(kind: FieldType, text: str) -> str | None:
    """What an org gives back of a text that it was sent."""
    definition = read_field(f"X__c {STORED[kind]}:255")
    info = records.property_info(definition.as_json())
    return records.text(read_value(definition, records.to_json(info, text)))


VALUES = [
    (FieldType.TEXT, "髙﨑 <&> 'x'"),
    (FieldType.EMAIL, "yamada@sample.example"),
    (FieldType.NUMBER, 80),
    (FieldType.NUMBER, -0.5),
    (FieldType.MONEY, 3_000_000),
    (FieldType.YES_NO, True),
    (FieldType.YES_NO, False),
    (FieldType.CHOICE, "web"),
    (FieldType.CHOICE, "other"),
    (FieldType.CHOICES, frozenset({"web", "other"})),
    (FieldType.DATE, date(2026, 4, 1)),
    (FieldType.MOMENT, datetime(2026, 4, 1, 9, 30, 15, 250_000, tzinfo=UTC)),
]


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_what_is_written_comes_back_and_is_the_same(kind: FieldType, value: Value) -> None:
    sent = to_vendor(value, field(kind), HOME)
    back = stored(kind, sent)
    whole = value.replace(microsecond=0) if isinstance(value, datetime) else value
    assert to_canonical(kind, back, HOME) == whole
    assert same(sent, back, kind)
    assert to_vendor(to_canonical(kind, back, HOME), field(kind), HOME) == sent


@settings(max_examples=50, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_numbers_come_back_equal(number: float) -> None:
    sent = to_vendor(number, field(FieldType.NUMBER), HOME)
    back = stored(FieldType.NUMBER, sent)
    assert same(sent, back, FieldType.NUMBER)
    assert to_canonical(FieldType.NUMBER, back, HOME) == pytest.approx(number)


@pytest.mark.parametrize(
    ("kind", "one", "other", "equal"),
    [
        (FieldType.YES_NO, None, "false", True),
        (FieldType.YES_NO, "", "true", False),
        (FieldType.PERSON, "0055j0000000001", "0055j0000000001AAA", True),
        (FieldType.PERSON, "0055j0000000001AAA", "0055j0000000002AAA", False),
        (FieldType.PERSON, None, "0055j0000000002AAA", False),
        (FieldType.MOMENT, "2026-04-01T00:00:00.250Z", "2026-04-01T00:00:00.000+0000", True),
        (FieldType.MOMENT, "2026-04-01T09:00:00+09:00", "2026-04-01T00:00:00.000+0000", True),
        (FieldType.MOMENT, "2026-04-01T00:00:01Z", "2026-04-01T00:00:00.000+0000", False),
        (FieldType.CHOICES, "a;b", "b;a", True),
        (FieldType.NUMBER, "80", "80.0", True),
        (FieldType.TEXT, "a\r\nb", "a\nb", True),
    ],
)
def test_equality_is_by_what_salesforce_means(kind: FieldType, one: str | None, other: str | None, equal: bool) -> None:
    assert same(one, other, kind) is equal


def test_a_blank_clears_a_word_that_is_read_also_is_mapped_and_what_is_unread_is_never_written() -> None:
    assert to_vendor(BLANK, field(FieldType.TEXT), HOME) == ""
    assert stored(FieldType.TEXT, "") is None
    assert stored(FieldType.YES_NO, "") == "false"
    assert to_canonical(FieldType.CHOICE, "HP", HOME) == "web"
    with pytest.raises(UsageError):
        to_vendor(UNREAD, field(FieldType.TEXT), HOME)
