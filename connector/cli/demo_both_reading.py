"""Everybody of two CRMs, as their own clients read them: HubSpot's official one, and simple-salesforce."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.cli.demo_both_proof import HUBSPOT, SALESFORCE, Half
from connector.cli.demo_proof import CrmLead, Difference, read_crm, read_only
from connector.cli.org_reading import OrgReader, Rows
from connector.cli.org_stack import OrgStack
from connector.cli.stack import Stack
from connector.sync.binding import Binding
from connector.vendors.salesforce.names import Names


@dataclass(frozen=True, slots=True)
class Seen:
    """Everybody, by address in lower case; who has none by id."""

    here: Mapping[str, Sequence[Half]]
    there: Mapping[str, Sequence[Half]]
    contacts: Mapping[str, CrmLead]
    tasks: Rows

    @property
    def pairs(self) -> Mapping[str, tuple[Half, Half]]:
        """Who stands in both."""
        return {one: (self.here[one][0], self.there[one][0]) for one in sorted(self.here.keys() & self.there.keys())}

    def twice(self) -> Iterator[Difference]:
        """People and tasks of which there is more than one."""
        for crm, people in ((HUBSPOT, self.here), (SALESFORCE, self.there)):
            for address, found in people.items():
                if len(found) > 1:
                    yield Difference(record=address, what=f"records in {crm}", expected="1", found=str(len(found)))
        ids = {(task.id, task.key) for one in self.contacts.values() for task in one.tasks}
        keys = [key for _, key in ids] + [one.get("TasukiKey__c") or "" for one in self.tasks.values()]
        for key, count in Counter(filter(None, keys)).items():
            if count > 1:
                yield Difference(record=key, what="tasks with this key", expected="1", found=str(count))


class BothReader:
    """Reads both CRMs whole."""

    def __init__(self, stack: Stack, org: OrgStack, portal: Binding, other: Binding) -> None:
        self._stack, self._portal, self._other = stack, portal, other
        self._org = OrgReader(org.org)
        self._fixed = read_only(stack)
        self._names = Names.of(portal.plan.policy)

    def read(self) -> Seen:
        """Everybody as they are now."""
        contacts, companies = read_crm(
            self._stack, [*self._portal.person_properties, "email"], self._portal.company_properties
        )
        here = [(one.properties.get("email"), self._contact(one, companies)) for one in contacts.values()]
        accounts = self._org.all("Account")
        there = [
            (row["Email"], self._lead(row)) for row in self._org.all("Lead").values() if row["IsConverted"] != "true"
        ]
        there += [(row["Email"], self._contact_of_org(row, accounts)) for row in self._org.all("Contact").values()]
        return Seen(_by_address(here), _by_address(there), contacts, self._org.all("Task"))

    def _contact(self, one: CrmLead, companies: Rows) -> Half:
        dialect = self._portal.dialect
        company = companies.get(one.properties.get(dialect.company_property) or "", {})
        rows = {dialect.person_type: one.properties, dialect.company_type: company}
        return Half(self._portal, one.id, rows, self._fixed)

    def _lead(self, row: Mapping[str, str | None]) -> Half:
        return Half(self._other, str(row["Id"]), {self._other.dialect.person_type: row})

    def _contact_of_org(self, row: Mapping[str, str | None], accounts: Rows) -> Half:
        """A contact under the names of the lead's fields."""
        dialect = self._other.dialect
        names = {home.name: self._names.contact(home.name) for _, home in self._other.fields_on(dialect.person_type)}
        names |= {home.name: self._names.contact(home.name) for _, home in self._other.stores}
        names |= {dialect.owner_property: dialect.owner_property}
        known = {name: row[mine] for name, mine in names.items() if mine is not None and mine in row}
        account = accounts.get(row["AccountId"] or "", {})
        return Half(self._other, str(row["Id"]), {dialect.person_type: known, dialect.company_type: account})


def _by_address(people: Sequence[tuple[str | None, Half]]) -> Mapping[str, Sequence[Half]]:
    found: dict[str, list[Half]] = {}
    for address, half in people:
        found.setdefault((address or half.id).lower(), []).append(half)
    return found
