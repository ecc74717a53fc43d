"""Forms: definitions, public submission, and the list of submissions. HubSpot has no webhook for them."""

from __future__ import annotations

import uuid
from typing import Any

from connector.sandbox.clock import iso
from connector.sandbox.crm_objects import after_create
from connector.sandbox.forms_data import FormDefinition, Submission
from connector.sandbox.inputs import body_object
from connector.sandbox.object_types import object_type
from connector.sandbox.portal import Portal
from connector.sandbox.record import Record
from connector.sandbox.values import ValueRefusedError, check_value
from connector.sandbox.wire import Actor, Call, Json, Reply, refusal

PAGE_MAX = 50


def list_v3(call: Call) -> Reply:
    """GET /marketing/v3/forms/"""
    limit, after = int(call.one("limit", "20")), int(call.one("after") or "0")
    found = list(call.portal.forms.values())
    body: Json = {"results": [one.as_v3() for one in found[after : after + limit]]}
    if after + limit < len(found):
        link = f"{call.base_url}{call.raw_path}?limit={limit}&after={after + limit}"
        body["paging"] = {"next": {"after": str(after + limit), "link": link}}
    return Reply(body=body)


def get_v3(call: Call) -> Reply:
    """GET /marketing/v3/forms/{guid}"""
    return Reply(body=_form(call.portal, call.args[0]).as_v3())


def list_v2(call: Call) -> Reply:
    """GET /forms/v2/forms"""
    portal_id = call.portal.settings.portal_id
    return Reply(body=[one.as_v2(portal_id) for one in call.portal.forms.values()])


def _form(portal: Portal, guid: str) -> FormDefinition:
    found = portal.forms.get(guid)
    if found is None:
        raise refusal(404, f"Form with id {guid} not found", "OBJECT_NOT_FOUND")
    return found


def submit(call: Call) -> Reply:
    """POST /submissions/v3/integration/submit/{portal}/{guid}, public, and …/secure/submit/… with a token."""
    portal = call.portal
    if call.args[0] != str(portal.settings.portal_id):
        raise refusal(404, f"Portal {call.args[0]} not found", "OBJECT_NOT_FOUND")
    form = _form(portal, call.args[1])
    given = body_object(call.body)
    values = {str(one.get("name")): str(one.get("value", "")) for one in given.get("fields") or []}
    context: Any = given.get("context") or {}
    submitted_at = given.get("submittedAt")
    accept_submission(
        portal,
        form,
        values,
        page_title=str(context.get("pageName") or form.page_title),
        page_url=str(context.get("pageUri") or "https://www.example.com/"),
        submitted_at=int(submitted_at) if submitted_at else None,
    )
    call.records = 1
    return Reply(body={"inlineMessage": "Thanks for submitting the form."})


def accept_submission(
    portal: Portal,
    form: FormDefinition,
    values: dict[str, str],
    *,
    page_title: str,
    page_url: str,
    submitted_at: int | None = None,
) -> Submission:
    """Create or update the contact by e-mail, count the conversion, keep the submission."""
    clean = _checked(portal, values)
    at = portal.now() if submitted_at is None else submitted_at
    actor = Actor(source="FORM", source_id=form.guid, label="form")
    contact = _contact(portal, clean, actor)
    submission = Submission(
        conversion_id=str(uuid.UUID(int=portal.rng.getrandbits(128), version=4)),
        submitted_at=at,
        page_url=page_url,
        page_title=page_title,
        values=tuple(values.items()),
        contact_id=contact.id,
    )
    portal.submissions.setdefault(form.guid, []).append(submission)
    _count_conversion(portal, form, submission, contact, actor)
    if portal.webhooks.settings.workflow_url:
        portal.webhooks.sender.send_workflow(workflow_payload(portal, form, submission, contact))
    return submission


def _checked(portal: Portal, values: dict[str, str]) -> dict[str, str]:
    definitions = portal.definitions["contacts"]
    clean: dict[str, str] = {}
    errors: list[Json] = []
    for name, raw in values.items():
        definition = definitions.get(name)
        if definition is None or definition.read_only:
            continue
        try:
            clean[name] = check_value(definition, raw, portal.owners)
        except ValueRefusedError as error:
            kind = "INVALID_EMAIL" if name == "email" else "INPUT_INVALID"
            errors.append({"message": f"Error in 'fields.{name}'. {error.message}", "errorType": kind})
    if not clean.get("email") and not errors:
        errors.append(
            {"message": "Error in 'fields'. Required field 'email' is missing", "errorType": "REQUIRED_FIELD"}
        )
    if errors:
        raise refusal(400, "The request is not valid", "", errors=errors)
    return clean


def _contact(portal: Portal, clean: dict[str, str], actor: Actor) -> Record:
    kind = object_type("contacts")
    known = portal.find_by(kind, "email", clean["email"])
    if known is not None and not known.archived:
        fresh = {name: value for name, value in clean.items() if value and known.props.get(name) != value}
        if fresh:
            portal.write(known, fresh, actor)
        return known
    made = portal.create(kind, clean, actor)
    after_create(portal, made, [], actor)
    return made


def _count_conversion(
    portal: Portal, form: FormDefinition, submission: Submission, contact: Record, actor: Actor
) -> None:
    event = f"{submission.page_title}: {form.name}" if submission.page_title else form.name
    when = iso(submission.submitted_at)
    number = int(contact.props.get("num_conversion_events", "0")) + 1
    values = {
        "recent_conversion_event_name": event,
        "recent_conversion_date": when,
        "num_conversion_events": str(number),
    }
    if number == 1:
        values |= {"first_conversion_event_name": event, "first_conversion_date": when}
    own = sum(1 for one in portal.submissions[form.guid] if one.contact_id == contact.id)
    if own == 1:
        unique = int(contact.props.get("num_unique_conversion_events", "0")) + 1
        values["num_unique_conversion_events"] = str(unique)
    changes: dict[str, list[str | None]] = {
        name: [contact.props.get(name), value] for name, value in values.items() if contact.props.get(name) != value
    }
    portal.apply(contact, changes, actor, portal.now())


def list_submissions(call: Call) -> Reply:
    """GET /form-integrations/v1/submissions/forms/{guid}: newest first, at most 50 a page."""
    portal = call.portal
    _form(portal, call.args[0])
    limit = int(call.one("limit", "20"))
    if not 1 <= limit <= PAGE_MAX:
        raise refusal(400, f"Invalid limit {limit}: must be between 1 and {PAGE_MAX}")
    found = sorted(portal.submissions.get(call.args[0], ()), key=lambda one: one.submitted_at, reverse=True)
    after = int(call.one("after") or "0")
    page = found[after : after + limit]
    call.records = len(page)
    body: Json = {"results": [one.as_json() for one in page]}
    if after + limit < len(found):
        link = f"{call.base_url}{call.raw_path}?limit={limit}&after={after + limit}"
        body["paging"] = {"next": {"after": str(after + limit), "link": link}}
    return Reply(body=body)


def workflow_payload(portal: Portal, form: FormDefinition, submission: Submission, contact: Record) -> Json:
    """What a workflow's "send a webhook" posts: the contact in HubSpot's oldest form, with its form submissions."""
    portal_id = portal.settings.portal_id
    return {
        "vid": contact.id,
        "canonical-vid": contact.id,
        "merged-vids": contact.merged,
        "portal-id": portal_id,
        "is-contact": True,
        "properties": {
            name: {"value": portal.webhooks.value(portal.definitions["contacts"].get(name), value), "versions": []}
            for name, value in contact.props.items()
        },
        "form-submissions": [
            {
                "conversion-id": submission.conversion_id,
                "timestamp": submission.submitted_at,
                "form-id": form.guid,
                "portal-id": portal_id,
                "page-url": submission.page_url,
                "page-title": submission.page_title,
                "title": form.name,
                "form-type": "HUBSPOT",
            }
        ],
        "identity-profiles": [
            {
                "vid": contact.id,
                "identities": [
                    {"type": "EMAIL", "value": contact.props.get("email", ""), "is-primary": True},
                ],
            }
        ],
    }
