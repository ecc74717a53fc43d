"""Logs: what must not be printed is not, whichever way it comes in, and a value cannot forge a line."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from connector import log
from connector.log import REDACTED, configure, redact

CANARIES = ["canary@example.co.jp", "pat-na1-12345678-abcd", "s3cret-pass", "03-1234-5678", "+819012345678", "髙﨑花子"]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    chatty = {name: logging.getLogger(name).level for name in ("urllib3", "procrastinate", "psycopg.pool")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in chatty.items():
        logging.getLogger(name).setLevel(was)
    structlog.reset_defaults()


@pytest.fixture
def out() -> io.StringIO:
    """A stream that a configured logger writes JSON to."""
    stream = io.StringIO()
    configure("info", as_json=True, stream=stream)
    return stream


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_keeps_its_name_and_identifiers(out: io.StringIO) -> None:
    structlog.get_logger("t").info(
        "slice_delivered", connection_id=3, lane="hot", records=100, seconds=0.5, at_all=None
    )
    (line,) = lines(out)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "slice_delivered",
        "level": "info",
        "connection_id": 3,
        "lane": "hot",
        "records": 100,
        "seconds": 0.5,
        "at_all": None,
    }


def test_private_keys_are_refused_at_any_depth(out: io.StringIO) -> None:
    structlog.get_logger("t").warning(
        "write_refused",
        email="canary@example.co.jp",
        last_name="髙﨑花子",
        access_token="pat-na1-12345678-abcd",
        changes=[{"property": "phone", "value": "03-1234-5678"}],
        request={"Set-Cookie": "s3cret-pass", "object_id": "42"},
    )
    (line,) = lines(out)
    assert not [canary for canary in CANARIES if canary in out.getvalue()]
    assert line["email"] == line["last_name"] == line["access_token"] == REDACTED
    assert line["changes"] == [{"property": "phone", "value": REDACTED}]
    assert line["request"] == {"Set-Cookie": REDACTED, "object_id": "42"}


def test_tracebacks_and_library_records_pass_the_same_way(out: io.StringIO) -> None:
    try:
        raise ValueError(
            "duplicate key\nDETAIL:  Key (name)=(髙﨑花子) exists\n canary@example.co.jp +819012345678 "
            "postgresql://tasuki:s3cret-pass@db/tasuki Bearer pat-na1-12345678-abcd"
        )
    except ValueError:
        structlog.get_logger("t").exception("slice_failed")
        logging.getLogger("library").exception("failed for %s", "canary@example.co.jp")
    first, second = lines(out)
    assert not [canary for canary in CANARIES if canary in out.getvalue()]
    assert "ValueError: duplicate key\nDETAIL: [redacted]\n" in first["exception"]
    assert second["event"] == f"failed for {REDACTED}"


def test_a_value_cannot_forge_a_line_or_colour_the_terminal() -> None:
    stream = io.StringIO()
    configure("info", as_json=False, stream=stream)
    structlog.get_logger("t").info("form_received", source="lp\r\n2026 [info] forged\x1b[2J\u2028x")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b[2J" not in stream.getvalue()
    assert "forged" in stream.getvalue()


def test_the_level_is_kept_and_chatty_libraries_are_quiet(out: io.StringIO) -> None:
    structlog.get_logger("t").debug("not_shown")
    logging.getLogger("urllib3.connectionpool").info("not shown")
    logging.getLogger("urllib3.connectionpool").warning("shown")
    assert [line["event"] for line in lines(out)] == ["shown"]


@pytest.mark.parametrize("key", ["lead_id", "revision", "at", "records", "tokens_left", "link", "policy_hash", "rule"])
def test_identifiers_and_counts_are_not_private(key: str) -> None:
    assert redact(None, "info", {key: "x1"}) == {key: "x1"}


@pytest.mark.parametrize(
    "text", ["2026-11-20T09:03:00+09:00", "b3b0c442-98fc-1c14-9afb", "10.0.0.1:8080", "/crm/objects/2026-03/contacts"]
)
def test_moments_ids_and_paths_are_not_taken_for_telephones(text: str) -> None:
    assert redact(None, "info", {"seen": text}) == {"seen": text}


def test_keys_of_the_shipped_fields_are_private() -> None:
    assert {"email", "phone", "last_name", "first_name", "company_name", "postcode", "need"} <= log.PERSONAL_KEYS
