"""Which outcomes a portal gives to calls and meetings, by label: they are the portal's own to name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.errors import AuthError, RejectedError
from connector.vendors.base import ActivityKind, Lane, PropertyInfo
from connector.vendors.hubspot.api import Api

_CALL, _MEETING = "hs_call_disposition", "hs_meeting_outcome"


def activity_outcomes(
    api: Api, describe: Callable[[str], Mapping[str, PropertyInfo]], path: str
) -> Mapping[ActivityKind, Mapping[str, str]]:
    """Stored value → label, for calls and meetings.

    Calls' outcomes come from an endpoint of their own; where the app may not call it, from the property's options.
    """
    meeting = describe("meeting").get(_MEETING)
    return {
        ActivityKind.CALL: _dispositions(api, path) or _options(describe("call").get(_CALL)),
        ActivityKind.MEETING: _options(meeting),
    }


def _dispositions(api: Api, path: str) -> dict[str, str]:
    try:
        answer = api.get(path, {}, lane=Lane.BACKGROUND)
    except AuthError as error:
        if error.reason == "token_refused":
            raise
        return {}
    except RejectedError:
        return {}
    rows = answer if isinstance(answer, list) else (answer or {}).get("results") or []
    return {str(row["id"]): str(row.get("label") or row["id"]) for row in rows if row.get("deleted") is not True}


def _options(info: PropertyInfo | None) -> dict[str, str]:
    return dict(info.options) if info is not None else {}
