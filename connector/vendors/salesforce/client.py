"""Salesforce as a `Vendor`: one org, through one External Client App and the user it runs as.

    vendor = SalesforceVendor(account_id="00D…", base_url="https://acme.my.salesforce.com", credentials=…, tokens=…)
    vendor.read("Lead", ["00Q…"], ["Email"], lane=Lane.HOT)

Object types are Salesforce's own names. Values stay its values, as strings. Nothing is looked up by search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connector.vendors.base import (
    ActivityKind,
    Create,
    DealPipeline,
    Lane,
    Outcome,
    Owner,
    Page,
    PropertyInfo,
    Record,
    Submission,
    Update,
    WriteResult,
)
from connector.vendors.flight import Flight
from connector.vendors.http import Timeouts, TokenProvider, Tokens
from connector.vendors.salesforce import protocol, records
from connector.vendors.salesforce.api import Api, Usage
from connector.vendors.salesforce.bulk import BulkWriter
from connector.vendors.salesforce.describing import Fields
from connector.vendors.salesforce.enrolling import SalesforceEnroller
from connector.vendors.salesforce.polling import Cursor, changes
from connector.vendors.salesforce.reading import Reader, chunks
from connector.vendors.salesforce.soap import Conversion, Converted, convert_leads
from connector.vendors.salesforce.writing import Writer
from connector.vendors.sheet import Coming, Sheet

PATIENT = Timeouts(read_seconds=60.0, total_seconds=120.0)
"""200 rows with the org's own flows and triggers on them may take a minute; a time-out would leave them uncertain."""


class SalesforceVendor:
    """One Salesforce org. Safe to share between threads; `close` it when the connection is let go.

    `user_id` is the user that the app runs as; `rate_per_second` bounds the requests kept in flight; with
    `allow_duplicates`, duplicate rules that only alert do not refuse our writes (those that block always do).
    """

    name = "salesforce"
    batch_size = protocol.BATCH_SIZE

    def __init__(
        self,
        *,
        account_id: str,
        base_url: str,
        credentials: TokenProvider,
        tokens: Tokens,
        api_version: str = protocol.API_VERSION,
        user_id: str | None = None,
        allow_duplicates: bool = False,
        rate_per_second: float = 10.0,
        most_in_flight: int = 5,
        timeouts: Timeouts = PATIENT,
    ) -> None:
        self.account_id = account_id
        self.user_id = user_id
        self.key_property = protocol.KEY_PROPERTY
        self._flight = Flight(rate_per_second=rate_per_second, most=most_in_flight)
        self.api = Api(
            base_url=base_url,
            version=api_version,
            credentials=credentials,
            tokens=tokens,
            flight=self._flight,
            timeouts=timeouts,
            most_connections=most_in_flight,
            allow_duplicates=allow_duplicates,
        )
        self._fields = Fields(self.api)
        self._reader = Reader(self.api, self._fields, self._flight, user_id=user_id)
        self._writer = Writer(self.api, self._fields, self._flight, user_id=user_id)
        self.bulk = BulkWriter(self.api)
        self.enroller = SalesforceEnroller(self.api, self._writer, user_id=user_id)

    def close(self) -> None:
        """End the threads and close the connections."""
        self._flight.close()
        self._writer.close()
        self.api.close()

    @property
    def usage(self) -> Usage | None:
        """What the last answer said of the org's day of API calls."""
        return self.api.usage

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────

    def read(
        self,
        object_type: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        lane: Lane,
        history: Sequence[str] = (),
    ) -> dict[str, Record]:
        """Records by id, 200 a query. A deleted or merged one is absent; a field that we may not see is, too."""
        return self._reader.by_id(object_type, ids, properties, lane=lane, history=history)

    def find_by_key(
        self, object_type: str, keys: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, Record]:
        """Records by our External ID; exact and current."""
        return self._reader.by_key(object_type, keys, properties, lane=lane)

    def find_by_email(self, emails: Sequence[str], properties: Sequence[str], *, lane: Lane) -> dict[str, Record]:
        """The one person of an address: a lead that is not converted, or a contact.

        An address that several people have names nobody here (`people_by_email` tells them all): the first found would
        be chosen by chance.
        """
        found = self.people_by_email(emails, properties, lane=lane)
        return {email: several[0] for email, several in found.items() if len(several) == 1}

    def people_by_email(
        self, emails: Sequence[str], properties: Sequence[str], *, lane: Lane
    ) -> dict[str, tuple[Record, ...]]:
        """Everybody with one of these addresses (lower case), contacts first."""
        contacts = self._reader.by_email("Contact", emails, properties, lane=lane)
        leads = self._reader.by_email("Lead", emails, properties, lane=lane)
        asked = dict.fromkeys(email.lower() for email in emails)
        several = {email: (*contacts.get(email, ()), *leads.get(email, ())) for email in asked}
        return {email: people for email, people in several.items() if people}

    def associated(self, from_type: str, ids: Sequence[str], to_type: str, *, lane: Lane) -> dict[str, tuple[str, ...]]:
        """Associated ids of each record (an empty tuple for none), all pages."""
        return self._reader.linked(from_type, ids, to_type, lane=lane)

    def changed(
        self,
        object_type: str,
        properties: Sequence[str],
        *,
        since: datetime,
        until: datetime,
        after: str | None = None,
        lane: Lane,
    ) -> Page:
        """A page of the records modified in [since, until), by id; deleted ones are `archived` and name their winner
        in `MasterRecordId` after a merge. Rows may be stamped before they are committed: let windows overlap."""
        return self._reader.changed(object_type, properties, since=since, until=until, after=after, lane=lane)

    def winners(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """Of these records, those that were merged away, each with the record that holds everything now."""
        return self._reader.winners(object_type, ids, lane=lane)

    def converted_into(self, contacts: Sequence[str], *, lane: Lane) -> dict[str, str]:
        """Of these contacts, those that a lead was converted into, each with the lead: the one converted last."""
        return self._reader.converted_into(contacts, lane=lane)

    def poll(
        self, object_type: str, properties: Sequence[str], cursor: Cursor, *, lane: Lane
    ) -> Iterator[tuple[tuple[Record, ...], Cursor]]:
        """Pages of what changed since the last round, deletions and merges included; see `polling.py`."""
        return changes(self.api, self._fields, object_type, properties, cursor.rewound(), lane=lane)

    def page(
        self, object_type: str, properties: Sequence[str], *, after: str | None, lane: Lane, archived: bool = False
    ) -> Page:
        """One page of everything there is, or of what is in the bin, by id."""
        return self._reader.page(object_type, properties, after=after, lane=lane, archived=archived)

    def sheets(
        self, object_type: str, properties: Sequence[str], *, afters: Sequence[str | None], lane: Lane
    ) -> Coming:
        """Several pages by id, a few in flight once they are waited for."""
        return Coming(
            read=lambda: self._flight.map(
                lambda after: Sheet.of(self.page(object_type, properties, after=after, lane=lane)), afters
            )
        )

    def behind(self, object_type: str, vendor_id: str) -> str | None:
        """Pages go by id, from any id on."""
        return vendor_id

    def owners(self) -> tuple[Owner, ...]:
        """Users, the deactivated included, with the public groups that they are in; and queues."""
        query, lane = self.api.query, Lane.BACKGROUND
        groups: dict[str, list[str]] = {}
        members = protocol.select(
            ["UserOrGroupId", "Group.Name"], "GroupMember", "Group.Type = 'Regular'", order="Group.Name"
        )
        for raw in query(members, lane=lane):
            groups.setdefault(str(raw["UserOrGroupId"]), []).append(str(raw["Group"]["Name"]))
        people = protocol.select(["Id", "Name", "Email", "IsActive"], "User", "UserType = 'Standard'", order="Id")
        queues = protocol.select(["Id", "Name"], "Group", "Type = 'Queue'", order="Id")
        users = [records.user(raw, tuple(groups.get(str(raw["Id"]), ()))) for raw in query(people, lane=lane)]
        return (*users, *(records.queue(raw) for raw in query(queues, lane=lane)))

    def describe(self, object_type: str) -> Mapping[str, PropertyInfo]:
        """All fields of an object that our user sees, by name; asked anew."""
        return self._fields.fresh(object_type)

    def pipelines(self) -> tuple[DealPipeline, ...]:
        """The record types of opportunities, each with the org's stages in order: open ones first."""
        fields = ["ApiName", "MasterLabel", "IsClosed", "SortOrder"]
        soql = protocol.select(fields, "OpportunityStage", "IsActive = true", order="IsClosed, SortOrder")
        stages = tuple(records.stage(raw) for raw in self.api.query(soql, lane=Lane.BACKGROUND))
        where = "SobjectType = 'Opportunity' AND IsActive = true"
        types = protocol.select(["Id", "Name"], "RecordType", where, order="Name")
        found = [(str(raw["Id"]), str(raw["Name"])) for raw in self.api.query(types, lane=Lane.BACKGROUND)]
        return tuple(
            DealPipeline(id=one, label=label, stages=stages)
            for one, label in found or [(protocol.MASTER_TYPE, "Master")]
        )

    def activity_outcomes(self) -> Mapping[ActivityKind, Mapping[str, str]]:
        """Outcomes of calls are free text in Salesforce unless an admin made a list of them; events have none."""
        call = self._fields.of("Task").get("CallDisposition")
        return {ActivityKind.CALL: dict(call.options) if call is not None else {}, ActivityKind.MEETING: {}}

    def forms(self) -> Mapping[str, str]:
        """Salesforce keeps no submissions of forms: Web-to-Lead makes leads, which come in as such."""
        return {}

    def submissions(self, form_id: str, *, since: datetime) -> Iterator[Submission]:
        """None, see `forms`."""
        return iter(())

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────

    def update(self, object_type: str, updates: Sequence[Update], *, lane: Lane) -> list[WriteResult]:
        """Set properties, 200 records a call; more than 2,000 of the background go through one Bulk job."""
        if lane is Lane.BACKGROUND and len(updates) > protocol.BULK_ABOVE:
            return self.bulk.update(object_type, updates, lane=lane)
        return self._writer.update(object_type, updates, lane=lane)

    def create(self, object_type: str, creates: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """Create records with what they refer to, 200 a call; an uncertain call is never repeated."""
        results = self._writer.create(object_type, creates, lane=lane)
        if object_type == "Opportunity":
            self._further_contacts(creates, results, lane=lane)
        return results

    def upsert(self, object_type: str, key_property: str, rows: Sequence[Create], *, lane: Lane) -> list[WriteResult]:
        """Create or update by a unique External ID; doing it twice makes one record, so lost answers are repeated."""
        return self._writer.upsert(object_type, key_property, rows, lane=lane)

    def archive(self, object_type: str, ids: Sequence[str], *, lane: Lane) -> list[WriteResult]:
        """Delete records; one that is already gone counts as done."""
        return self._writer.delete(object_type, ids, lane=lane)

    def associate(self, from_type: str, to_type: str, pairs: Sequence[tuple[str, str]], *, lane: Lane) -> None:
        """Associate records; those that are already associated are left alone, as is a pair whose record is gone."""
        link = protocol.link(from_type, to_type)
        if link.left != "Id" and link.right == "Id":
            self.associate(to_type, from_type, [(other, one) for one, other in pairs], lane=lane)
            return
        good = [(one, other) for one, other in dict.fromkeys(pairs) if protocol.is_id(one) and protocol.is_id(other)]
        there = self.associated(from_type, [one for one, _ in good], to_type, lane=lane)
        missing = [(one, other) for one, other in good if other not in there.get(one, ())]
        if link.left == "Id":
            updates = {one: Update(id=one, properties={link.right: other}) for one, other in missing}
            self._writer.update(link.object, list(updates.values()), lane=lane)
            return
        for chunk in chunks(missing):
            creates = [
                Create(key=f"{one}>{other}", properties={link.left: one, link.right: other}, associate=())
                for one, other in chunk
            ]
            self._writer.create(link.object, creates, lane=lane)

    def convert(self, conversions: Sequence[Conversion], *, lane: Lane) -> list[Converted]:
        """Convert leads, by SOAP: REST has no call for it. An uncertain call is never repeated; read the lead then."""
        return convert_leads(self.api, conversions, lane=lane)

    def _further_contacts(self, creates: Sequence[Create], results: Sequence[WriteResult], *, lane: Lane) -> None:
        """A new opportunity takes one contact; the others get roles of their own."""
        pairs = [
            (result.id, contact)
            for create, result in zip(creates, results, strict=True)
            if result.outcome is Outcome.APPLIED
            for contact in [one for kind, one in create.associate if kind == "Contact"][1:]
        ]
        if pairs:
            self.associate("Opportunity", "Contact", pairs, lane=lane)
