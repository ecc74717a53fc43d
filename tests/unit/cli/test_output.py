"""What is printed: tables that no value can break, JSON for programs; reasons in words; kinds of events in a body."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click
import orjson
import pytest

from connector.cli.inbox import kinds
from connector.cli.moments import MOMENT
from connector.cli.output import age, emit, plain, table
from connector.cli.reasons import cause, remedy
from connector.texts import say, shown
from connector.vendors.hubspot import failures


def test_a_value_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    table("Title", ("A", "B"), [("\x1b[31mred\x1b]0;title\x07", "two\nlines\u202e")])
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "[31mred" in out


def test_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    table("[bold]T[/bold]", ("A",), [("[red]x[/red] :smile:",)])
    out = capsys.readouterr().out
    assert "[red]x[/red] :smile:" in out
    assert "[bold]T[/bold]" in out


def test_a_table_without_rows_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    table("Parked", ("Item",), [])
    assert capsys.readouterr().out == "Parked: None.\n"


def test_json_keeps_japanese_and_writes_moments_in_iso(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
    emit({"名": "山田", "at": at, "set": frozenset({"b", "a"}), "span": timedelta(seconds=5)})
    out = capsys.readouterr().out
    assert "山田" in out
    assert json.loads(out) == {"名": "山田", "at": "2026-04-01T00:00:00+00:00", "set": ["a", "b"], "span": 5.0}


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=23), "23 h"),
        (timedelta(days=3, hours=5), "3 d"),
    ],
)
def test_ages(span: timedelta, text: str) -> None:
    assert age(span) == text


def test_an_age_is_told_in_the_readers_language() -> None:
    assert shown(say("{age} ago", age=age(timedelta(minutes=4))), "ja") == "4分 ago"


@pytest.mark.parametrize("written", ["昨日", "2026/11/24", "2026-13-01", "11-24"])
def test_what_is_no_day_is_told_with_how_one_is_written(written: str) -> None:
    with pytest.raises(click.BadParameter, match="write 2026-11-24"):
        MOMENT.convert(written, None, None)


@pytest.mark.parametrize("written", ["2026-11-24 10:30", "2026-11-24T10:30", "2026-11-24 10:30:00"])
def test_a_moment_is_written_to_the_minute_or_the_second(written: str) -> None:
    assert MOMENT.convert(written, None, None) == datetime(2026, 11, 24, 10, 30)


def test_cells() -> None:
    assert [plain(one) for one in (None, True, False, 12.50, 3, "x")] == ["", "yes", "no", "12.5", "3", "x"]


def test_every_refusal_of_hubspot_has_words() -> None:
    for _, reason in failures._REASONS:
        assert cause(reason) != reason.replace("_", " "), reason
        assert remedy(reason) != remedy("no such reason"), reason


def test_a_reason_without_words_is_still_readable() -> None:
    assert cause("stars_are_wrong") == "stars are wrong"
    assert cause("evaluation_failed_KeyError") == "deciding it failed again and again (KeyError)"


def test_kinds_of_events_without_any_value() -> None:
    batch = [
        {"subscriptionType": "contact.propertyChange", "propertyValue": "秘密@example.co.jp"},
        {"subscriptionType": "contact.propertyChange"},
        {"subscriptionType": 7},
        "text",
    ]
    assert kinds(orjson.dumps(batch)) == {"contact.propertyChange": 2, "without a type": 1, "not an event": 1}
    assert kinds(orjson.dumps({"form": "お問い合わせ", "values": {}})) == {"a website's form": 1}


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"name=x&y=z"])
def test_a_body_that_is_not_json_has_no_kinds(body: bytes) -> None:
    assert kinds(body) is None


def test_a_long_type_is_cut() -> None:
    assert [len(name) for name in kinds(orjson.dumps([{"subscriptionType": "x" * 5000}])) or {}] == [80]
