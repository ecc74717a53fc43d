"""Values to canonical and back, and equality as HubSpot stores it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.value import BLANK, UNREAD, UNREADABLE, Value
from connector.errors import UsageError
from connector.policy.model import FieldDef, FieldType, Home
from connector.vendors.hubspot.fields import TEXT_LIMIT, same, to_canonical, to_vendor
from connector.vendors.text import truncated

TOKYO = ZoneInfo("Asia/Tokyo")
PLAIN = Home(vendor="hubspot", object_type="contact", name="x", values={}, read_also={})
INDUSTRY = Home(
    vendor="hubspot",
    object_type="company",
    name="industry",
    values={"manufacturing": "MACHINERY", "software": "COMPUTER_SOFTWARE"},
    read_also={"AUTOMOTIVE": "manufacturing"},
)


def _field(kind: FieldType, home: Home = PLAIN, choices: tuple[str, ...] = ()) -> FieldDef:
    return FieldDef(
        name="x",
        scope="lead",
        label={},
        type=kind,
        choices={choice: {} for choice in choices},
        tidy=None,
        blank_as=None,
        homes=(home,),
        sync="both",
        wins="newest",
        blank_overwrites=False,
        keep_first=False,
        rules=(),
        shows=None,
        answer=False,
    )


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (FieldType.TEXT, " 髙﨑 ", "髙﨑"),
        (FieldType.TEXT, "", BLANK),
        (FieldType.TEXT, "  ", BLANK),
        (FieldType.TEXT, None, BLANK),
        (FieldType.NUMBER, "80", 80),
        (FieldType.NUMBER, "80.0", 80),
        (FieldType.NUMBER, "8E+1", 80),
        (FieldType.NUMBER, "0.5", 0.5),
        (FieldType.MONEY, "3,000,000", 3_000_000),
        (FieldType.NUMBER, "many", UNREADABLE),
        (FieldType.NUMBER, "NaN", UNREADABLE),
        (FieldType.NUMBER, "1e999", UNREADABLE),
        (FieldType.YES_NO, "True", True),
        (FieldType.YES_NO, "false", False),
        (FieldType.YES_NO, "perhaps", UNREADABLE),
        (FieldType.DATE, "2026-04-01", date(2026, 4, 1)),
        (FieldType.DATE, "1775001600000", date(2026, 4, 1)),
        (FieldType.DATE, "2026-03-31T15:00:00Z", date(2026, 4, 1)),
        (FieldType.DATE, "soon", UNREADABLE),
        (FieldType.MOMENT, "2026-04-01T09:00:00.250Z", datetime(2026, 4, 1, 9, 0, 0, 250_000, tzinfo=UTC)),
        (FieldType.MOMENT, "1775034000000", datetime(2026, 4, 1, 9, 0, tzinfo=UTC)),
        (FieldType.MOMENT, "99999999999999999", UNREADABLE),
        (FieldType.CHOICES, "a;b; ;a", frozenset({"a", "b"})),
        (FieldType.PERSON, "1001", "1001"),
    ],
)
def test_what_hubspot_holds_becomes_canonical(kind: FieldType, raw: str | None, value: Value) -> None:
    found = to_canonical(kind, raw, PLAIN, zone=TOKYO)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("raw", "value"),
    [("MACHINERY", "manufacturing"), ("AUTOMOTIVE", "manufacturing"), ("BANKING", "BANKING")],
)
def test_choices_are_read_through_the_policys_map(raw: str, value: str) -> None:
    assert to_canonical(FieldType.CHOICE, raw, INDUSTRY) == value


def test_tidying_happens_on_the_way_in() -> None:
    assert to_canonical(FieldType.PHONE, "０３ー１２３４ー５６７８", PLAIN, tidy="phone_jp") == "+81312345678"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (FieldType.NUMBER, 80, "80"),
        (FieldType.NUMBER, 80.0, "80"),
        (FieldType.NUMBER, 0.1 + 0.2, "0.30000000000000004"),
        (FieldType.NUMBER, 1e21, "1000000000000000000000"),
        (FieldType.NUMBER, 1e-7, "0.0000001"),
        (FieldType.YES_NO, True, "true"),
        (FieldType.DATE, date(2026, 4, 1), "2026-04-01"),
        (FieldType.MOMENT, datetime(2026, 4, 1, 18, 0, tzinfo=TOKYO), "2026-04-01T09:00:00Z"),
        (FieldType.TEXT, "髙﨑", "髙﨑"),
        (FieldType.TEXT, BLANK, ""),
    ],
)
def test_canonical_values_are_written_as_hubspot_keeps_them(kind: FieldType, value: Value, text: str) -> None:
    assert to_vendor(value, _field(kind), PLAIN) == text


def test_choices_are_written_through_the_map_and_in_the_policys_order() -> None:
    several = _field(FieldType.CHOICES, INDUSTRY, ("software", "manufacturing"))
    written = to_vendor(frozenset({"manufacturing", "software", "BANKING"}), several, INDUSTRY)
    assert written == "COMPUTER_SOFTWARE;MACHINERY;BANKING"
    assert to_vendor("software", _field(FieldType.CHOICE, INDUSTRY), INDUSTRY) == "COMPUTER_SOFTWARE"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FieldType.TEXT, UNREAD),
        (FieldType.TEXT, UNREADABLE),
        (FieldType.NUMBER, True),
        (FieldType.NUMBER, "80"),
        (FieldType.DATE, datetime(2026, 4, 1, tzinfo=UTC)),
        (FieldType.YES_NO, "true"),
    ],
)
def test_what_is_not_a_value_of_the_type_is_never_written(kind: FieldType, value: Value) -> None:
    with pytest.raises(UsageError):
        to_vendor(value, _field(kind), PLAIN)


@pytest.mark.parametrize(
    ("kind", "one", "other", "equal"),
    [
        (FieldType.NUMBER, "80", "80.0", True),
        (FieldType.NUMBER, "80", "80.5", False),
        (FieldType.NUMBER, "abc", "ABC", False),
        (FieldType.YES_NO, "true", "True", True),
        (FieldType.YES_NO, "true", "false", False),
        (FieldType.EMAIL, "A@Example.JP", "a@example.jp ", True),
        (FieldType.TEXT, " a", "a", True),
        (FieldType.TEXT, "a", "A", False),
        (FieldType.LONG_TEXT, "a\r\nb", "a\nb", True),
        (FieldType.TEXT, None, "", True),
        (FieldType.TEXT, None, "0", False),
        (FieldType.CHOICES, "a;b", "b;a", True),
        (FieldType.CHOICES, "a;b", "a", False),
        (FieldType.DATE, "2026-04-01", "1775001600000", True),
        (FieldType.MOMENT, "2026-04-01T09:00:00Z", "1775034000000", True),
        (FieldType.MOMENT, "2026-04-01T09:00:00.001Z", "2026-04-01T09:00:00Z", False),
    ],
)
def test_equality_is_by_what_hubspot_means(kind: FieldType, one: str | None, other: str | None, equal: bool) -> None:
    assert same(one, other, kind) is equal
    assert same(other, one, kind) is equal


@pytest.mark.fault("F35")
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "UTC"])
def test_a_date_stays_the_same_day_in_every_zone(zone: str) -> None:
    day = date(2026, 4, 1)
    written = to_vendor(day, _field(FieldType.DATE), PLAIN)
    assert to_canonical(FieldType.DATE, written, PLAIN, zone=ZoneInfo(zone)) == day
    assert to_canonical(FieldType.DATE, f"{written}T00:00:00Z", PLAIN, zone=ZoneInfo(zone)) == day


_CODES = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")


@pytest.mark.fault("F34")
@given(st.text(_CODES, max_size=60))
def test_text_comes_back_as_it_was_written(text: str) -> None:
    value: Value = text.strip() or BLANK
    written = to_vendor(value, _field(FieldType.TEXT), PLAIN)
    assert to_canonical(FieldType.TEXT, written, PLAIN) == value


@given(st.one_of(st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False, width=32)))
def test_numbers_come_back_equal(number: float) -> None:
    written = to_vendor(number, _field(FieldType.NUMBER), PLAIN)
    assert to_canonical(FieldType.NUMBER, written, PLAIN) == number
    assert "e" not in written.lower()


@pytest.mark.fault("F33")
@pytest.mark.parametrize(
    "character",
    ["👨‍👩‍👧", "🇯🇵", "か\u3099", "👍🏽", "❤️", "神\U000e0100", "e\u0301"],
)
@pytest.mark.parametrize("before", range(1, 12))
def test_a_cut_never_divides_what_a_reader_sees_as_one(character: str, before: int) -> None:
    text = "あ" * before + character * 5
    for limit in range(2, 2 * len(text)):
        cut = truncated(text, limit)
        kept = cut.removesuffix("…")
        assert sum(2 if ord(letter) > 0xFFFF else 1 for letter in cut) <= limit
        rest = kept.lstrip("あ")
        assert rest == character * (len(rest) // len(character))


@pytest.mark.fault("F33")
def test_a_text_beyond_hubspots_limit_is_cut_visibly() -> None:
    written = to_vendor("漢" * (TEXT_LIMIT + 1), _field(FieldType.LONG_TEXT), PLAIN)
    assert len(written) == TEXT_LIMIT
    assert written.endswith("漢…")
    exact = "漢" * TEXT_LIMIT
    assert to_vendor(exact, _field(FieldType.LONG_TEXT), PLAIN) == exact
