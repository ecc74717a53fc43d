"""Calls, replies and Salesforce's error bodies: what handlers get and give. No sockets here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connector.errors import RejectedError
from connector.sandbox.wire import Reply

if TYPE_CHECKING:
    from connector.sandbox.salesforce.org import Org

Json = dict[str, Any]

__all__ = ["Actor", "Call", "Json", "Problem", "RefusalError", "Reply", "invalid_session", "not_found", "refusal"]


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who changes something. `source`: API, UI, WEB (Web-to-Lead), SYSTEM. `client`: as Call Options name the app."""

    source: str
    user_id: str
    label: str = ""
    client: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong with one record."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def in_row(self) -> Json:
        """As Collections, SOAP and Bulk results word it: `statusCode`, and `fields` always."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def alone(self) -> Json:
        """As a single call's error body words it: `errorCode`, and `fields` only where there are some."""
        body: Json = {"message": self.message, "errorCode": self.code}
        return body | {"fields": list(self.fields)} if self.fields or self.code in _WITH_FIELDS else body


_WITH_FIELDS = ("ENTITY_IS_DELETED", "REQUIRED_FIELD_MISSING", "DUPLICATE_VALUE", "UNABLE_TO_LOCK_ROW")


class RefusalError(RejectedError):
    """The sandbox refuses the call as Salesforce would; `reply` is what goes out."""

    def __init__(self, status: int, problems: Sequence[Problem]) -> None:
        super().__init__(f"refused with {status}", reason=problems[0].code.lower())
        self.problems = tuple(problems)
        self.reply = Reply(status=status, body=[one.alone() for one in problems])


@dataclass(kw_only=True)
class Call:
    """One API call on its way to a handler."""

    org: Org
    method: str
    path: str
    kind: str
    args: tuple[str, ...]
    query: Mapping[str, Sequence[str]]
    #: names in lower case
    headers: Mapping[str, str]
    body: Any
    actor: Actor
    base_url: str
    version: str = ""
    raw_body: bytes = b""
    #: records in the request, for the counters
    records: int = 0
    #: rows at the end of the batch that fail with `fail_code` (a fault)
    fail_rows: int = 0
    fail_code: str = "UNABLE_TO_LOCK_ROW"
    #: of a Composite call: what happens once its first part was answered (a fault)
    between: list[Callable[[], None]] = field(default_factory=list)
    #: of a Composite call: what happens once something was written (a fault)
    written: list[Callable[[], None]] = field(default_factory=list)

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def header(self, name: str) -> str:
        """A header's value; "" for none."""
        return self.headers.get(name.lower(), "")

    def named(self) -> list[str]:
        """Ids of records that the call names: in its path, or in the rows of its body."""
        ids = [arg for arg in self.args if len(arg) in (15, 18)]
        return ids + _ids_in(self.body)


def _ids_in(body: Any) -> list[str]:
    if isinstance(body, list):
        return [one for row in body for one in _ids_in(row)]
    if not isinstance(body, dict):
        return []
    found = [str(value) for name, value in body.items() if name.lower() == "id" and isinstance(value, str)]
    found += [one for one in str(body.get("url") or "").split("/")[-1:] if len(one) in (15, 18)]
    for name in ("records", "compositeRequest", "body"):
        found += _ids_in(body.get(name))
    return found


def refusal(status: int, code: str, message: str, fields: Sequence[str] = ()) -> RefusalError:
    """Salesforce's error body: a list of one."""
    return RefusalError(status, [Problem(code=code, message=message, fields=tuple(fields))])


def not_found() -> RefusalError:
    """404, as recorded."""
    return refusal(404, "NOT_FOUND", "The requested resource does not exist")


def invalid_session() -> RefusalError:
    """401: the session has ended or never was."""
    return refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")


@dataclass(kw_only=True)
class Headers:
    """The request headers that change what a write does."""

    auto_assign: bool = True
    allow_duplicates: bool = False
    all_or_none: bool = field(default=False)

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Headers:
        """Read from a call's (or a Composite subrequest's own) headers; names in any case."""
        given = {name.lower(): value for name, value in headers.items()}
        duplicate = given.get("sforce-duplicate-rule-header", "").replace(" ", "").lower()
        return cls(
            auto_assign=given.get("sforce-auto-assign", "TRUE").strip().upper() != "FALSE",
            allow_duplicates="allowsave=true" in duplicate,
        )
