"""Which logged mails came in: a task does not say, the e-mail message behind it does.

With Enhanced Email every mail that is sent from the org, or logged in it, is an EmailMessage and a Task of the subtype
Email, which look alike whoever wrote; `ActivityId` leads from one to the other. An org without it, and one whose mails
our user may not read, tells nothing of it: such mails count as sent. One query for 200 mails, none where none is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import structlog

from connector.vendors.base import Lane, Record
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import protocol
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.protocol import BATCH_SIZE, KEY_PROPERTY

INCOMING: Final = "Incoming"
"""What a task's mail is given besides the task's own fields."""
SUBTYPE: Final = "TaskSubtype"
MAILS: Final = ("Email", "ListEmail")

_log = structlog.get_logger(__name__)


def told_apart(api: Api, tasks: Mapping[str, Record], *, lane: Lane) -> dict[str, Record]:
    """The same tasks; those whose mail came in say so."""
    asked = [
        one.id
        for one in tasks.values()
        if one.properties.get(SUBTYPE) in MAILS and not one.properties.get(KEY_PROPERTY)
    ]
    came_in = _incoming(api, asked, lane=lane)
    return {
        name: replace(one, properties={**one.properties, INCOMING: "true"}) if one.id in came_in else one
        for name, one in tasks.items()
    }


def _incoming(api: Api, tasks: list[str], *, lane: Lane) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(tasks), BATCH_SIZE):
        among = protocol.among("ActivityId", tasks[start : start + BATCH_SIZE])
        soql = protocol.select(["ActivityId"], "EmailMessage", f"{INCOMING} = true AND {among}")
        try:
            found |= {str(raw["ActivityId"]) for raw in api.query(soql, lane=lane)}
        except RefusedError as error:
            _log.info("mails_not_told_apart", reason=error.reason)
            return set()
    return found
