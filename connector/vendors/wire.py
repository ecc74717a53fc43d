"""JSON as senders really write it, and text that a database can hold."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from connector.errors import InboundError

MOST_NESTED = 200
"""No sender nests deeper; so whoever walks through a body may do it by calling itself."""
LONGEST_NAME = 255
"""Of what is looked up (an address, a sender's own id): an index of the database holds no long texts."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)"  # a pair is one letter
)


def storable_json(body: bytes) -> bytes:
    """JSON that a database can hold, from a CRM that holds more: a NUL is left out, a lone surrogate becomes U+FFFD.

    One such text would otherwise keep everybody who is read with it from being stored, again and again.
    """
    if b"\\" not in body:  # nearly every body: one look for a byte, which costs a sixtieth of one for two
        return body
    if b"\\u0000" not in body and b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(_storable_escape, body)


def _storable_escape(found: re.Match[bytes]) -> bytes:
    escape = found[0]
    if escape == b"\\u0000":
        return b""
    alone = len(escape) == 6 and escape[2:3] in b"dD" and escape[3:4] in b"89abcdefABCDEF"
    return b"\\ufffd" if alone else escape


def load_json(body: bytes) -> Any:
    """JSON as sent, lone surrogates included; `InboundError` (400) for what is not JSON, or nested beyond reason."""
    too_deep = InboundError("The body is nested too deeply.", reason="nested_too_deeply", status=400)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates, which HubSpot can pass on from a form; the standard library keeps them.
        try:
            found = json.loads(body)
        except RecursionError as error:
            raise too_deep from error
        except ValueError as error:
            raise InboundError("The body is not JSON.", reason="not_json", status=400) from error
    if body.count(b"[") + body.count(b"{") > MOST_NESTED and _is_deep(found):  # a batch of 100 events is not walked
        raise too_deep
    return found


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_NESTED):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def text_of(value: Any) -> str | None:
    """A scalar as text; None for nothing, for containers and for what a database cannot hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float) or value == "":
        return None
    text = str(value)
    return text if is_storable(text) else None


def is_storable(text: str) -> bool:
    """False for text that PostgreSQL cannot hold: a NUL, a lone surrogate."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_name(text: str) -> bool:
    """False for text by which nothing can be found: what is not storable, and what is too long for an index."""
    return len(text) <= LONGEST_NAME and is_storable(text)
