"""Calls, replies and HubSpot's error bodies: what handlers get and give. No sockets here."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.errors import RejectedError

if TYPE_CHECKING:
    from connector.sandbox.portal import Portal

Json = dict[str, Any]


@dataclass(kw_only=True)
class Reply:
    """One HTTP answer; `body` is JSON data, ready bytes, or None for an empty body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who changes something: what webhooks and histories name."""

    #: HubSpot's change source: INTEGRATION, CRM_UI, FORM, IMPORT, ANALYTICS, EMAIL, AUTOMATION_PLATFORM, API …
    source: str
    source_id: str
    user_id: int | None = None
    #: the token's name or "person"/"form", for the ledger
    label: str = ""


@dataclass(kw_only=True)
class Call:
    """One API call on its way to a handler."""

    portal: Portal
    method: str
    path: str
    kind: str
    args: tuple[str, ...]
    query: dict[str, list[str]]
    body: Any
    actor: Actor
    base_url: str
    #: the scope check's subject; None for public endpoints
    scopes: frozenset[str] | None = None
    raw_body: bytes = b""
    content_type: str = ""
    authorization: str = ""
    #: records in the request, for the counters
    records: int = 0
    #: the path as it came, for paging links
    raw_path: str = ""

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def many(self, name: str) -> list[str]:
        """All values of a query parameter, repeated or comma-separated."""
        return [part for value in self.query.get(name, ()) for part in value.split(",") if part]

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        return self.one(name).lower() == "true"

    def named(self) -> list[str]:
        """Ids that the call names: in its path, or in its `inputs` and what those are to hang on."""
        ids = [arg for arg in self.args if arg.isdigit()]
        if isinstance(self.body, dict):
            rows = [one for one in self.body.get("inputs") or [] if isinstance(one, dict)]
            rows += [one["to"] for row in rows for one in row.get("associations") or [] if isinstance(one, dict)]
            ids += [str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row]
        return ids


class ApiRefusalError(RejectedError):
    """The sandbox refuses the call as HubSpot would; `reply` is what goes out."""

    def __init__(self, reply: Reply, *, reason: str) -> None:
        super().__init__(f"refused with {reply.status}", reason=reason)
        self.reply = reply


def correlation_id() -> str:
    """A fresh correlation id, as every HubSpot reply carries one."""
    return str(uuid.uuid4())


def refusal(
    status: int,
    message: str,
    category: str = "VALIDATION_ERROR",
    *,
    headers: dict[str, str] | None = None,
    **extra: Any,
) -> ApiRefusalError:
    """HubSpot's ordinary error body with `extra` keys (context, errors, subCategory, policyName …)."""
    body: Json = {"status": "error", "message": message, "correlationId": correlation_id()}
    if category:
        body["category"] = category
    body.update(extra)
    return ApiRefusalError(Reply(status=status, body=body, headers=headers or {}), reason=category.lower() or "error")


@dataclass(frozen=True, kw_only=True)
class PropertyProblem:
    """One property value that HubSpot does not take."""

    name: str
    code: str
    message: str


def invalid_properties(problems: list[PropertyProblem], portal_id: int) -> ApiRefusalError:
    """400 as for bad property values: the list both in prose and in `errors[].context.propertyName`."""
    import orjson

    listed = [
        {
            "isValid": False,
            "message": one.message,
            "error": one.code,
            "name": one.name,
            "localizedErrorMessage": one.message,
            "portalId": portal_id,
        }
        for one in problems
    ]
    return refusal(
        400,
        "Property values were not valid: " + orjson.dumps(listed).decode(),
        errors=[
            {"message": one.message, "code": one.code, "context": {"propertyName": [one.name]}} for one in problems
        ],
    )


def not_found_html() -> ApiRefusalError:
    """HubSpot answers a missing single record with an HTML page and `X-HubSpot-NotFound`, not with JSON."""
    page = (
        '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
        "<title>Error 404 Not Found</title>\n</head>\n<body><h2>HTTP ERROR 404 Not Found</h2>\n"
        "<table>\n<tr><th>STATUS:</th><td>404</td></tr>\n<tr><th>MESSAGE:</th><td>Not Found</td></tr>\n</table>\n"
        "</body>\n</html>\n"
    )
    return ApiRefusalError(
        Reply(
            status=404,
            body=page.encode(),
            headers={"X-HubSpot-NotFound": "true"},
            content_type="text/html;charset=iso-8859-1",
        ),
        reason="not_found",
    )


def not_found_json(message: str = "resource not found") -> ApiRefusalError:
    """404 with a JSON body, as writes and other endpoints answer."""
    return refusal(404, message, "OBJECT_NOT_FOUND", subCategory="crm.object.NOT_FOUND")
