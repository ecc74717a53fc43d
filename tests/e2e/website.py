"""What people do on the company's own website, as the site tells of it: when it happened is said in its own words."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import orjson

from tests.e2e.relay import BaseRelay

_IDS = count(1)


def happens(relay: BaseRelay, email: str, *events: str) -> None:
    """A known person does these things on the site, one a second, just now; and it is worked on."""
    _tell(relay, email, "event", events)


def submits(relay: BaseRelay, email: str, *forms: str) -> None:
    """Somebody sends these forms, one a second, just now; and that is worked on."""
    _tell(relay, email, "form", forms)


def _tell(relay: BaseRelay, email: str, word: str, names: tuple[str, ...]) -> None:
    started = relay.now() - timedelta(seconds=len(names))
    told = [
        {
            "id": f"{word}-{next(_IDS)}",
            word: name,
            "email": email,
            "occurred_at": (started + timedelta(seconds=place)).isoformat(),
        }
        for place, name in enumerate(names)
    ]
    relay.deliver(orjson.dumps(told), "form:site")
    relay.hear_and_settle()
