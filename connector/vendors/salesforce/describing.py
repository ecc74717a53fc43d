"""What fields an org's objects have, as our user sees them: asked once an object, and again when it turns out wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from connector.vendors.base import Lane, PropertyInfo
from connector.vendors.salesforce import records
from connector.vendors.salesforce.api import Api


class Fields:
    """Remembered describes of one org. Safe to share between threads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[str, PropertyInfo]] = {}

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
        return found

    def forget(self, object_type: str) -> None:
        """Salesforce does not know a field that we think exists: ask again before the next use."""
        with self._lock:
            self._known.pop(object_type, None)

    def visible(self, object_type: str, names: Sequence[str], *, lane: Lane) -> list[str]:
        """Those of these names that may be selected: one unknown name would refuse the whole query."""
        known = self.of(object_type, lane=lane)
        return [name for name in dict.fromkeys(names) if name in known]
