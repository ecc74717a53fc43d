"""Sequences: which there are, who is in which, and enrolling somebody, who cannot be taken out again."""

from __future__ import annotations

from connector.sandbox.inputs import body_object
from connector.sandbox.lists_data import Enrollment
from connector.sandbox.object_types import object_type
from connector.sandbox.owners_data import Owner
from connector.sandbox.wire import Call, Json, Reply, not_found_json, refusal


def list_sequences(call: Call) -> Reply:
    """GET /automation/v4/sequences?userId=&name=&limit=&after="""
    user = _user(call)
    name = call.one("name")
    found = [
        one
        for one in call.portal.sequences.values()
        if one.user_id in (0, user.user_id) and name.lower() in one.name.lower()
    ]
    start, limit = int(call.one("after", "0")), int(call.one("limit", "50"))
    page = found[start : start + limit]
    call.records = len(page)
    body: Json = {"results": [one.as_json() for one in page], "total": len(found)}
    if start + limit < len(found):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return Reply(body=body)


def enroll(call: Call) -> Reply:
    """POST /automation/v4/sequences/enrollments?userId= {sequenceId, contactId, senderEmail}"""
    user, portal = _user(call), call.portal
    given = body_object(call.body)
    sequence = portal.sequences.get(str(given.get("sequenceId")))
    contact = portal.find_by(object_type("contacts"), "", str(given.get("contactId")))
    if sequence is None or sequence.user_id not in (0, user.user_id):
        raise refusal(404, "The sequence does not exist or is not shared with this user", "OBJECT_NOT_FOUND")
    if contact is None or contact.archived or not contact.props.get("email"):
        raise refusal(404, "The contact does not exist or has no email address", "OBJECT_NOT_FOUND")
    if str(given.get("senderEmail", "")).lower() != user.email:
        raise refusal(400, "The sender's inbox is not connected", subCategory="SEQUENCES.INVALID_SENDER")
    if contact.id in portal.enrollments:
        raise refusal(
            400, "The contact is already enrolled in a sequence", subCategory="SEQUENCES.CONTACT_ALREADY_ENROLLED"
        )
    made = Enrollment(
        id=str(9_000_000 + len(portal.enrollments)),
        contact_id=contact.id,
        sequence=sequence,
        user_id=user.user_id,
        sender=user.email,
        to=contact.props["email"],
        at=portal.now(),
    )
    portal.enrollments[contact.id] = made
    portal.ledger.add(
        at=made.at,
        method="enroll",
        actor=call.actor,
        type="contacts",
        id=contact.id,
        detail={"sequence": sequence.name, "sender": user.email},
    )
    call.records = 1
    shown = made.as_json()
    return Reply(body={name: shown[name] for name in ("id", "toEmail", "enrolledAt", "updatedAt")})


def status(call: Call) -> Reply:
    """GET /automation/v4/sequences/enrollments/contact/{id}: 404 when the contact is in none"""
    found = call.portal.enrollments.get(int(call.args[0])) if call.args[0].isdigit() else None
    if found is None:
        raise not_found_json()
    call.records = 1
    return Reply(body=found.as_json())


def _user(call: Call) -> Owner:
    """The user of `userId`, who needs a seat."""
    if not call.portal.settings.sequences_available:
        raise refusal(403, "This user does not have a seat that includes sequences", "MISSING_PERMISSIONS")
    wanted = call.one("userId")
    for owner in call.portal.owners.values():
        if str(owner.user_id) == wanted and not owner.archived:
            return owner
    raise refusal(400, f"Invalid userId {wanted!r}")
