"""Vendor time stamps: epoch milliseconds or ISO 8601 text, to aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime

_LATEST_MS = 253_402_300_799_000  # the year 9999, where datetime ends


def to_moment(text: str | int | None) -> datetime | None:
    """`text` as UTC: digits are epoch milliseconds, anything else ISO 8601 (a bare date is midnight UTC).

    None for nothing and for what is neither. A time without a zone is UTC, as both vendors mean it.
    """
    if text is None or text == "":
        return None
    written = str(text).strip()
    digits = written.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        milliseconds = int(written) if len(digits) <= 15 else _LATEST_MS + 1
        if abs(milliseconds) > _LATEST_MS:
            return None
        try:
            return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
        except (ValueError, OverflowError, OSError):
            return None
    try:
        moment = datetime.fromisoformat(written)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
