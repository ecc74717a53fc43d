"""What people and the web do in an org, behind the API's back: no field-level security, the assignment rule at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from connector.errors import UsageError
from connector.sandbox.salesforce import conversion, writing
from connector.sandbox.salesforce.conversion import Conversion
from connector.sandbox.salesforce.ids import eighteen
from connector.sandbox.salesforce.org import Org, Row
from connector.sandbox.salesforce.wire import Actor, Headers, Json, RefusalError
from connector.sandbox.salesforce.writing import RowRefusedError

Result = TypeVar("Result")
_HANDS = Headers(auto_assign=False, allow_duplicates=True)


def person(org: Org, user_id: str = "") -> Actor:
    """A person at a screen; the admin unless another is named."""
    who = user_id or org.admin
    if org.find(who) is None:
        raise UsageError(f"There is no user {who}.", reason="unknown_user")
    return Actor(source="UI", user_id=who, label="person")


def the_row(org: Org, record_id: str) -> Row:
    """A row by its id, deleted or not."""
    try:
        found = org.find(eighteen(record_id))
    except ValueError:
        found = None
    if found is None:
        raise UsageError(f"There is no record {record_id}.", reason="unknown_record")
    return found


def create(org: Org, name: str, values: Json, user_id: str = "", *, web: bool = False, assign: bool = False) -> Row:
    """A person (or with `web` a Web-to-Lead form) makes a record; `assign` ticks "assign by the active rule"."""
    info = org.object(name)
    if info is None:
        raise UsageError(f"There is no object {name}.", reason="unknown_object")
    actor = Actor(source="WEB", user_id=org.admin, label="web") if web else person(org, user_id)
    headers = Headers(auto_assign=assign or web, allow_duplicates=True)
    return _done(lambda: writing.insert(org, info, values, actor, headers))


def edit(org: Org, record_id: str, values: Json, user_id: str = "") -> Row:
    """A person changes a record."""
    row = the_row(org, record_id)
    return _done(lambda: writing.update(org, row, values, person(org, user_id), _HANDS))


def delete(org: Org, record_id: str, user_id: str = "") -> None:
    """A person deletes a record."""
    row = the_row(org, record_id)
    _done(lambda: writing.remove(org, row, person(org, user_id)))


def undelete(org: Org, record_id: str, user_id: str = "") -> Row:
    """A person takes a record out of the recycle bin."""
    row = the_row(org, record_id)
    if row.deleted:
        org.undelete(row, person(org, user_id))
    return row


def convert(org: Org, lead_id: str, given: Json, user_id: str = "") -> Json:
    """A person converts a lead: {status, account_id, contact_id, owner_id, opportunity_name, no_opportunity}."""
    status = next(str(row.get("ApiName")) for row in org.rows("LeadStatus") if row.get("IsConverted"))
    wanted = Conversion(**{"lead_id": lead_id, "status": status, "owner_id": org.admin, **given})
    made = _done(lambda: conversion.convert(org, wanted, person(org, user_id)))
    shown = {"account_id": made.account_id, "contact_id": made.contact_id}
    return shown | {"opportunity_id": made.opportunity_id}


def merge(org: Org, master: str, loser: str, user_id: str = "") -> Row:
    """A person merges two records."""
    winner = the_row(org, master)
    _done(lambda: conversion.merge(org, winner, [the_row(org, loser)], {}, person(org, user_id)))
    return winner


def _done(work: Callable[[], Result]) -> Result:
    """A refusal of a person's work is the test's mistake: say it in words."""
    try:
        return work()
    except RowRefusedError as error:
        told = "; ".join(f"{one.code}: {one.message}" for one in error.problems)
        raise UsageError(f"Salesforce would refuse: {told}", reason="refused") from error
    except RefusalError as error:
        told = "; ".join(f"{one.code}: {one.message}" for one in error.problems)
        raise UsageError(f"Salesforce would refuse: {told}", reason="refused") from error
