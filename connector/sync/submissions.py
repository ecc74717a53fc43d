"""Form submissions, however learnt: by a delivery, by a person's record, by the submissions poll. Each counts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from connector.store import leads, links, mirrors, signals, tombstones
from connector.store.database import Connection
from connector.store.inbox import InboxRow
from connector.store.signals import NewSignal
from connector.sync.binding import Binding
from connector.sync.context import Tenant
from connector.vendors.base import InboundEvent, Submission

WEBSITE = "website:"
"""How the accounts of own websites begin: they have no portal, and their people may be known to nobody yet."""
WEBSITE_KINDS = ("website_form", "website_event")


def hear_submissions(
    tenant: Tenant,
    conn: Connection,
    connection_id: int,
    new: Sequence[tuple[InboundEvent, InboxRow]],
    *,
    now: datetime,
) -> None:
    """Take in the submissions that deliveries tell of: whole ones, and changes of the property that names the latest
    one, since a record shows only the last.
    """
    binding = tenant.reading[connection_id]
    told = [
        (event, row, _dated(event, submission, now))
        for event, row in new
        if (submission := event.submission or binding.dialect.submission_told(event)) is not None
    ]
    known = known_leads(conn, binding, connection_id, [one for _, _, one in told])
    found: list[NewSignal] = []
    for event, row, submission in told:
        whose = submission.contact_id or submission.email or ""
        if whose in known:
            lead_id = known[whose]
        else:
            create = event.account_id.startswith(WEBSITE)
            lead_id = learn(tenant, conn, connection_id, submission, received_at=row.received_at, create=create)
        if lead_id is not None:
            found += signals_of(binding, lead_id, submission, source=event.type_name)
    store_signals(tenant, conn, found, now=now)


def _dated(event: InboundEvent, submission: Submission, now: datetime) -> Submission:
    """A site that takes its local time for UTC would have its people wait for hours to be counted. The CRM's own
    moments stay: by them the other ways of learning know the same submission."""
    if not event.account_id.startswith(WEBSITE):
        return submission
    return replace(submission, submitted_at=min(submission.submitted_at, now))


def signals_of(binding: Binding, lead_id: int, submission: Submission, *, source: str) -> list[NewSignal]:
    """The signals that this submission means under the policy. `source` is the delivery's type or `poll` / `record`.

    The key holds the form and the vendor's millisecond, which every way of learning knows; ids that only some of
    them know are compared in the store.
    """
    kind = source if source in WEBSITE_KINDS else f"{binding.dialect.vendor}_form"
    form = submission.form_name
    if form is None:
        return []
    moment = int(submission.submitted_at.astimezone(UTC).timestamp() * 1000)
    return [
        NewSignal(
            lead_id=lead_id,
            kind=signal_id,
            source=kind,
            source_key=f"{kind}:{signal_id}:{lead_id}:{form}:{moment}",
            occurred_at=submission.submitted_at,
            form=form,
            submission_id=submission.submission_id,
        )
        for signal_id in binding.form_signals(kind, form)
    ]


def known_leads(
    conn: Connection, binding: Binding, connection_id: int, found: Sequence[Submission]
) -> dict[str, int | None]:
    """The leads behind the contact ids and addresses of these submissions, as far as the store knows them; None is
    somebody who is erased. Whoever is missing here is for `learn`."""
    ids = sorted({one.contact_id for one in found if one.contact_id is not None})
    emails = sorted({one.email for one in found if one.contact_id is None and one.email is not None})
    known: dict[str, int | None] = {}
    if emails:
        by_email = mirrors.leads_by_email(conn, connection_id, emails)
        known |= {email: lead_id for email, (lead_id, _) in by_email.items()}
        for email, erased_at in tombstones.addresses(conn, emails).items():
            known.pop(email, None)
            if all(one.submitted_at <= erased_at for one in found if one.email == email):
                known[email] = None  # of who came anew since, `learn` tells which was sent before
    if ids:
        for vendor_id, (lead_id, gone) in leads.identities(
            conn, connection_id, binding.dialect.person_type, ids
        ).items():
            known[vendor_id] = None if gone == "erased" else lead_id
    return known


def learn(
    tenant: Tenant,
    conn: Connection,
    connection_id: int,
    submission: Submission,
    *,
    received_at: datetime | None,
    create: bool,
) -> int | None:
    """The lead that submitted; a new one, marked to be found in the CRM, if nobody knows the address.

    `create` says that the CRM may not know the person (an own website's form), who is then created there. The CRM's
    own forms make their contacts themselves: a person whom it has deleted or erased is not brought back by a list.
    None: the submission names nobody, or somebody who is erased. Who gives an address again after it was erased is new.
    """
    person_type = tenant.bindings[connection_id].dialect.person_type
    if submission.contact_id is not None:
        known = leads.identities(conn, connection_id, person_type, [submission.contact_id])
        if submission.contact_id in known:
            lead_id, gone = known[submission.contact_id]
            return None if gone == "erased" else lead_id
        return new_lead(tenant, conn, connection_id, submission.contact_id, received_at)
    if submission.email is None:
        return None
    erased_at = tombstones.addresses(conn, [submission.email]).get(submission.email)
    if erased_at is not None and submission.submitted_at <= erased_at:
        return None
    return _arrive(tenant, conn, connection_id, submission, received_at, create=create)


def _arrive(
    tenant: Tenant,
    conn: Connection,
    connection_id: int,
    submission: Submission,
    received_at: datetime | None,
    *,
    create: bool,
) -> int:
    """The lead that waits to be found by this address: one, however many workers meet it at once."""
    assert submission.email is not None
    waiting = links.arriving(conn, connection_id, submission.email)
    found = mirrors.leads_by_email(conn, connection_id, [submission.email])
    if submission.email in found:
        return found[submission.email][0]
    lead_id = waiting or new_lead(tenant, conn, connection_id, None, received_at)
    if waiting is None or create:
        arrival = {"email": submission.email, "values": dict(submission.values), "create": create}
        links.want_arrival(conn, connection_id, lead_id, arrival)
    return lead_id


def new_lead(
    tenant: Tenant, conn: Connection, connection_id: int, vendor_id: str | None, received_at: datetime | None
) -> int:
    """A lead for somebody whom nobody has met yet, marked to be read (or found by address)."""
    (lead_id,) = leads.new_leads(conn, tenant.installation_id, [tenant.now(conn)])
    if vendor_id is not None:
        person_type = tenant.bindings[connection_id].dialect.person_type
        leads.identify(conn, tenant.installation_id, connection_id, person_type, [(vendor_id, lead_id)])
    since = {lead_id: received_at}
    links.want_read(conn, tenant.installation_id, connection_id, {lead_id: vendor_id or ""}, lane="hot", since=since)
    return lead_id


def leads_of(tenant: Tenant, conn: Connection, connection_id: int, people: Sequence[str]) -> dict[str, int]:
    """The leads of the CRM's people who are not gone; whom nobody has met yet becomes one, to be read."""
    person_type = tenant.bindings[connection_id].dialect.person_type
    known = leads.identities(conn, connection_id, person_type, people)
    found = {one: lead_id for one, (lead_id, gone) in known.items() if gone is None}
    for vendor_id in people:
        if vendor_id not in known:
            found[vendor_id] = new_lead(tenant, conn, connection_id, vendor_id, None)
    return found


def store_signals(tenant: Tenant, conn: Connection, found: Sequence[NewSignal], *, now: datetime) -> set[int]:
    """Store new signals and make their leads due; one whose read is outstanding becomes due by that.

    Returns the leads that got one.
    """
    if not found:
        return set()
    ids = sorted({one.lead_id for one in found})
    reading = links.awaiting_read(conn, ids)
    leads.lock(conn, ids)
    touched = signals.add(conn, tenant.installation_id, found, learnt_at=now)
    leads.mark_due(conn, tenant.installation_id, sorted(touched - reading), at=now, why="signal", lane="hot")
    return touched
