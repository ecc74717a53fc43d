"""People who arrived by a form before the CRM told of them: found by their address, or created when nobody else will.

E-mail addresses are unique at the vendor, so that a create whose answer was lost, or that two workers make at once,
conflicts and ends at the same contact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.domain.normalise import TIDIES
from connector.errors import RetryableError
from connector.store import identities, leads, links, merging, mirrors
from connector.store.database import Connection
from connector.store.links import ReadClaim
from connector.sync.apart import UNCERTAIN
from connector.sync.context import Line
from connector.sync.deals import DealHarvest
from connector.sync.merging import merge_leads
from connector.texts import say
from connector.vendors.base import Create, Lane, Outcome, Record, WriteResult


@dataclass(slots=True)
class Harvest:
    """What the vendor answered for one read slice."""

    people: dict[str, Record] = field(default_factory=dict)
    companies: dict[str, Record] = field(default_factory=dict)
    deals: DealHarvest = field(default_factory=DealHarvest)
    came_of: dict[str, str] = field(default_factory=dict)  #: contact, read for the first time → the lead that became it
    arrived: dict[str, str] = field(default_factory=dict)  #: address → the contact found or created for it
    refused: dict[str, str] = field(default_factory=dict)  #: address → why no contact could be made


def address(claim: ReadClaim) -> str:
    """The address behind which this person arrived."""
    return str((claim.arrival or {})["email"])


def meet(line: Line, arrivals: Sequence[ReadClaim], harvest: Harvest, lane: Lane) -> None:
    """Find the people behind these addresses; create those whom only we know of."""
    properties = line.binding.person_properties
    by_email: dict[str, ReadClaim] = {}
    for claim in arrivals:
        if address(claim) not in by_email or _may_create(claim):
            by_email[address(claim)] = claim
    found = line.vendor.find_by_email(list(by_email), properties, lane=lane)
    for email, record in found.items():
        harvest.arrived[email] = record.id
        harvest.people[record.id] = record
    missing = [claim for email, claim in by_email.items() if email not in found and _may_create(claim)]
    _create(line, missing, harvest, lane)
    fresh = sorted(set(harvest.arrived.values()) - set(harvest.people))
    if fresh:
        harvest.people |= line.vendor.read(line.dialect.person_type, fresh, properties, lane=lane)


def _may_create(claim: ReadClaim) -> bool:
    """Only what the CRM cannot have made itself (an own website's form) is created by us."""
    return bool((claim.arrival or {}).get("create"))


def _create(line: Line, claims: Sequence[ReadClaim], harvest: Harvest, lane: Lane) -> None:
    """Create them; a property that is refused is left out, and told when the record is written to.

    Where people carry our key, it is the lead's: an address may be somebody else's tomorrow.
    """
    addresses = {f"lead:{one.lead_id}": address(one) for one in claims}
    waiting = [Create(key=f"lead:{one.lead_id}", properties=_first_values(line, one), associate=()) for one in claims]
    while waiting:
        results = line.vendor.create(line.dialect.person_type, waiting, lane=lane)
        waiting = [
            again
            for create, result in zip(waiting, results, strict=True)
            if (again := _settled(line, create, addresses[create.key], result, harvest)) is not None
        ]


def _settled(line: Line, create: Create, email: str, result: WriteResult, harvest: Harvest) -> Create | None:
    """What became of a create; another one where a single property was at fault."""
    if result.outcome is Outcome.APPLIED and result.record is not None:
        harvest.arrived[email] = result.record.id
    elif result.existing_id is not None:
        harvest.arrived[email] = result.existing_id
    elif result.outcome is Outcome.REJECTED:
        at_fault = result.property_name
        if at_fault in create.properties and at_fault != line.dialect.email_property:
            left = {name: value for name, value in create.properties.items() if name != at_fault}
            return replace(create, properties=left)
        harvest.refused[email] = result.reason or "rejected"
    else:
        raise RetryableError(say("Creating a contact came to no clear end; it is looked up again."), reason=UNCERTAIN)
    return None


def _first_values(line: Line, claim: ReadClaim) -> dict[str, str]:
    """A new person's first values: the address, what the form gave for fields that the policy maps (as it wants them
    tidied), what another CRM shows."""
    given: Mapping[str, str] = (claim.arrival or {}).get("values") or {}
    values: dict[str, str] = {**((claim.arrival or {}).get("properties") or {})}
    values.setdefault(line.dialect.email_property, address(claim))
    for name, text in given.items():
        for definition, home in line.binding.homes_of(name):
            if home.object_type == line.dialect.person_type:
                values.setdefault(home.name, TIDIES[definition.tidy](text) if definition.tidy else text)
    return values


def recognise(line: Line, conn: Connection, claims: Sequence[ReadClaim], harvest: Harvest) -> list[ReadClaim]:
    """The claims under the records that they turned out to be. One whose person exists nowhere is forgotten."""
    known: list[ReadClaim] = []
    for claim in claims:
        if claim.vendor_id or not claim.arrival:
            known.append(claim)
        elif address(claim) in harvest.arrived:
            named = _named(line, conn, claim, harvest.arrived[address(claim)])
            known += [named] if named is not None else []
        elif address(claim) in harvest.refused:
            links.park_arrival(
                conn,
                line.connection_id,
                claim,
                reason=harvest.refused[address(claim)],
                property_name=line.dialect.email_property,
            )
        else:
            merging.forget(conn, [claim.lead_id])
    return known


def _named(line: Line, conn: Connection, claim: ReadClaim, vendor_id: str) -> ReadClaim | None:
    """An arrival has a contact now: if that contact was a lead already, the two are one; if it was erased, nobody."""
    person_type, installation_id = line.dialect.person_type, line.tenant.installation_id
    leads.identify(conn, installation_id, line.connection_id, person_type, [(vendor_id, claim.lead_id)])
    owner = leads.identities(conn, line.connection_id, person_type, [vendor_id])[vendor_id][0]
    if owner == leads.NOBODY:
        merging.forget(conn, [claim.lead_id])
        return None
    if owner == claim.lead_id:
        links.name(conn, line.connection_id, claim.lead_id, vendor_id)
    elif identities.share_a_crm(conn, [owner, claim.lead_id]):
        # the address is somebody else's, whom another CRM has too: a person says who they are
        links.forget(conn, line.connection_id, claim.lead_id)
        now = line.tenant.now(conn)
        identities.put_review(conn, installation_id, [(claim.lead_id, owner, "email", "twice")], now=now)
    else:
        leads.lock(conn, sorted((owner, claim.lead_id)))
        merge_leads(conn, claim.lead_id, owner)
        held = mirrors.load(conn, line.connection_id, person_type, [vendor_id])
        if vendor_id not in held:  # that lead's own read is still to come, or was given up
            since = {owner: claim.wanted_at}
            links.want_read(conn, installation_id, line.connection_id, {owner: vendor_id}, lane="hot", since=since)
    return ReadClaim(
        lead_id=owner, vendor_id=vendor_id, wanted_at=claim.wanted_at, arrival=None, attempts=claim.attempts
    )
