"""JSON as senders really write it, and text that a database can hold."""

from __future__ import annotations

import json
from typing import Any

import orjson

from connector.errors import InboundError


def load_json(body: bytes) -> Any:
    """JSON as sent, lone surrogates included; `InboundError` (400) for anything that is not JSON."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates, which HubSpot can pass on from a form; the standard library keeps them.
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InboundError("The body is not JSON.", reason="not_json", status=400) from error


def is_storable(text: str) -> bool:
    """False for text that PostgreSQL cannot hold: a NUL, a lone surrogate."""
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
