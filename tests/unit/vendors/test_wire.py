"""Answers of a CRM may hold text that no database keeps: it is mended on the way in, and everything else is as sent."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.vendors.wire import is_storable, storable_json

letters = st.characters(codec=None, exclude_categories=())
pieces = letters | st.sampled_from(["\x00", "\ud83d", "\ude00", "\\", "\\u0000", "😀", '"'])
texts = st.lists(pieces, max_size=12).map("".join)


@pytest.mark.fault("F12", "F34")
@given(texts, texts, st.booleans())
def test_every_text_becomes_one_that_can_be_stored_and_good_ones_stay(key: str, value: str, escaped: bool) -> None:
    body = json.dumps({f"k{key}": [value]}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    if not escaped and not (is_storable(key) or is_storable(value)):
        return  # not even UTF-8: no CRM can send it
    try:
        found = orjson.loads(storable_json(body))
    except orjson.JSONDecodeError:
        assert not escaped, "written out, everything is read"
        return
    assert found == {f"k{_mended(key)}": [_mended(value)]}
    assert is_storable(_mended(value))


def _mended(text: str) -> str:
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\x00", "")


def test_what_holds_nothing_of_it_is_not_touched() -> None:
    body = '{"a": "髙﨑 \\n \\\\u0001 😀"}'.encode()
    assert storable_json(body) is body
