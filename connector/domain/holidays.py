"""Public holidays by country and year, from the `holidays` library, looked up once a year and kept."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays

from connector.texts import say


@lru_cache(maxsize=1024)
def holidays_of(code: str, year: int) -> frozenset[date]:
    """The holidays of `JP`, `US` or, with a subdivision, `US-CA` in one year. ValueError for an unknown code.

    Outside the years that the library knows there are none: a calendar never fails for a far date.
    """
    country, _, subdivision = code.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=year)
    except NotImplementedError:
        raise ValueError(
            say(
                "no holidays are known for {code!r}: write a country such as JP, or with a region such as US-CA",
                code=code,
            )
        ) from None
    return frozenset(found)
