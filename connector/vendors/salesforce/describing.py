"""What fields an org's objects have, as our user sees them.

Asked once an object, and again when it turns out wrong: when Salesforce does not know a field that we think exists,
when a field is wanted that nobody has looked for yet (another policy reads it, and connecting has made it), or one that
was not there some minutes ago (an admin may have made it since).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from connector.vendors.base import Lane, PropertyInfo
from connector.vendors.salesforce import records
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.protocol import KEY_PROPERTY

OLD_SECONDS = 600.0

_ASKED_OF_ALL: Final = frozenset({KEY_PROPERTY, "IsDeleted", "MasterRecordId"})
"""What we select of every object, though not every one has it: that it is missing is no news at once."""


class Fields:
    """Remembered describes of one org. Safe to share between threads; `clock` is machine time."""

    def __init__(self, api: Api, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, PropertyInfo]] = {}
        self._asked_at: dict[str, float] = {}
        self._missing: dict[str, set[str]] = {}

    def of(self, object_type: str, *, lane: Lane = Lane.BACKGROUND) -> Mapping[str, PropertyInfo]:
        """All fields of an object, by name."""
        with self._lock:
            known = self._known.get(object_type)
        return known if known is not None else self.fresh(object_type, lane=lane)

    def fresh(self, object_type: str, *, lane: Lane = Lane.BACKGROUND) -> Mapping[str, PropertyInfo]:
        """The same, asked again."""
        answer = self._api.call("GET", f"sobjects/{object_type}/describe", lane=lane)
        found = {one.name: one for one in map(records.property_info, answer["fields"])}
        with self._lock:
            self._known[object_type] = found
            self._asked_at[object_type] = self._clock()
        return found

    def forget(self, object_type: str) -> None:
        """Salesforce does not know a field that we think exists: ask again before the next use."""
        with self._lock:
            self._known.pop(object_type, None)

    def visible(self, object_type: str, names: Sequence[str], *, lane: Lane) -> list[str]:
        """Those of these names that may be selected: one unknown name would refuse the whole query."""
        with self._lock:
            remembered = object_type in self._known
        known = self.of(object_type, lane=lane)
        unknown = {name for name in names if name not in known}
        if unknown and self._is_news(object_type, unknown) and remembered:
            known = self.fresh(object_type, lane=lane)
        return [name for name in dict.fromkeys(names) if name in known]

    def _is_news(self, object_type: str, unknown: set[str]) -> bool:
        """True once for each field that is not there, and again after some minutes."""
        with self._lock:
            missing = self._missing.setdefault(object_type, set())
            is_new = not missing.issuperset(unknown - _ASKED_OF_ALL)
            missing |= unknown
        return is_new or self._clock() - self._asked_at[object_type] > OLD_SECONDS
