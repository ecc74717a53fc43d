"""A Salesforce lead that is not converted has no account: to which one it belongs is found by `identity.same_company`.

A lead is looked at before it is decided, by an index of digests over leads and accounts that we hold: no call is made
for it, and nothing is written into the CRM. An account that comes, goes or changes makes those due whom its values
concern. Once the lead is converted, its account is what the contact names, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from connector.domain.normalise import TIDIES
from connector.domain.same_company import NOWHERE, Belongs, Clue, choose, clue, employer_domains
from connector.policy.model import FieldDef, FieldType, Home
from connector.store import company_keys, leads, mirrors
from connector.store.database import Connection
from connector.store.mirrors import MirrorRow
from connector.sync.binding import Binding
from connector.sync.context import Tenant

MOST_CLUES = 16
"""So many values of one record are looked at: an address with more parts than that names no employer."""


@dataclass(frozen=True)
class CompanyRule:
    """The policy's `same_company` in one CRM. `binding` is what is read for all policies: the first's rule holds."""

    binding: Binding

    @cached_property
    def fields(self) -> Sequence[tuple[FieldDef, Home | None, Home]]:
        """(field, where a person's record has it, where a company's has it), in order; empty: nothing is looked for."""
        dialect, policy = self.binding.dialect, self.binding.plan.policy
        found: list[tuple[FieldDef, Home | None, Home]] = []
        for name in policy.identity.same_company:
            homes = {home.object_type: home for home in reversed(dialect.homes(policy.fields[name]))}
            if dialect.converts and dialect.company_type in homes:
                found.append((policy.fields[name], homes.get(dialect.person_type), homes[dialect.company_type]))
        return found

    @cached_property
    def marks(self) -> tuple[str, ...]:
        """What makes keys of companies other keys: with other marks every company is looked at anew."""
        kind = self.binding.dialect.company_type
        return tuple(f"{kind}={one.name}:{one.tidy}:{home.name}" for one, _, home in self.fields)

    @cached_property
    def person_properties(self) -> tuple[str, ...]:
        """What is asked of a person's record: its address, and the fields that it has."""
        return (self.binding.dialect.email_property, *(home.name for _, home, _ in self.fields if home is not None))

    def of_person(self, values: Mapping[str, str | None]) -> list[Clue]:
        """By what a person whose record names no company finds one, the weightiest first."""
        return list({one.key: one for one in self._of_person(values)}.values())[:MOST_CLUES]

    def _of_person(self, values: Mapping[str, str | None]) -> Iterator[Clue]:
        """Of a domain its address comes before what stands on its record: that is what somebody typed."""
        nobody = self.binding.plan.policy.identity.not_employers
        for definition, home, _ in self.fields:
            own = self._text(definition, home, values)
            texts: Iterable[str | None] = [own]
            if definition.type is FieldType.DOMAIN:
                address = values.get(self.binding.dialect.email_property)
                texts = [*employer_domains(address, nobody), *employer_domains(f"@{own or ''}", nobody)]
            yield from (one for text in texts if (one := clue(definition.name, text)) is not None)

    def of_company(self, row: MirrorRow) -> list[Clue]:
        """By what a company is found; by nothing where it stands no more."""
        if row.gone is not None:
            return []
        found = (clue(one.name, self._text(one, home, row.properties)) for one, _, home in self.fields)
        return [one for one in found if one is not None]

    def _text(self, definition: FieldDef, home: Home | None, values: Mapping[str, str | None]) -> str | None:
        """What a record says of a field, as it is compared: a domain is one in whatever way it was typed."""
        if home is None or home.name not in values:
            return None
        value = self.binding.dialect.to_canonical(definition, home, values[home.name])
        if not isinstance(value, str):
            return None
        return TIDIES["domain"](value) if definition.type is FieldType.DOMAIN else value


def find_companies(tenant: Tenant, lead_ids: Sequence[int], now: datetime) -> None:
    """Find the companies of these leads, which are about to be decided, where their records name none."""
    for connection_id, binding in tenant.reading.items():
        if binding.dialect.converts:
            _Search(tenant, connection_id, CompanyRule(binding)).find(lead_ids, now)


@dataclass(frozen=True, slots=True)
class _Search:
    tenant: Tenant
    connection_id: int
    rule: CompanyRule

    def find(self, lead_ids: Sequence[int], now: datetime) -> None:
        """Keys first, by themselves: once they are stored, an account that comes makes their leads due."""
        dialect = self.rule.binding.dialect
        with self.tenant.database.transaction(self.tenant.installation_id) as conn:
            people = [
                one
                for one in company_keys.people(
                    conn,
                    self.connection_id,
                    dialect.person_type,
                    lead_ids,
                    self.rule.person_properties,
                    found_only=not self.rule.fields,
                )
                if dialect.names_no_company(one.vendor_id)
            ]
            clues = {one.vendor_id: self._clues(one) for one in people}
            _keep(self.tenant, conn, self.connection_id, dialect.person_type, clues)
        if people:
            with self.tenant.database.transaction(self.tenant.installation_id) as conn:
                self._belong(conn, people, clues, now)

    def _clues(self, person: company_keys.Person) -> list[Clue]:
        return self.rule.of_person(dict(zip(self.rule.person_properties, person.values, strict=True)))

    def _belong(
        self,
        conn: Connection,
        people: Sequence[company_keys.Person],
        clues: Mapping[str, Sequence[Clue]],
        now: datetime,
    ) -> None:
        dialect = self.rule.binding.dialect
        found = found_for(conn, self.connection_id, self.rule, clues)
        others = {
            one.vendor_id: company for one in people if (company := found[one.vendor_id].company) != one.belongs_to
        }
        if not others:
            return
        mirrors.lock(conn, self.connection_id, dialect.person_type, sorted(others))
        company_keys.belong(conn, self.connection_id, dialect.person_type, others)
        self._tell_colleagues(conn, [one for one in people if one.vendor_id in others], others, now)

    def _tell_colleagues(
        self,
        conn: Connection,
        people: Sequence[company_keys.Person],
        now_at: Mapping[str, str | None],
        now: datetime,
    ) -> None:
        """The companies that one with a stage left or came to look otherwise to its colleagues. Who is new has no stage
        yet: what becomes of it is told then."""
        if not self.tenant.plan.reads_colleagues:
            return
        rows = leads.load(conn, [one.lead_id for one in people], results=False)
        moved = [one for one in people if rows[one.lead_id].stage is not None]
        companies = {one for person in moved for one in (person.belongs_to, now_at[person.vendor_id]) if one}
        person_type = self.rule.binding.dialect.person_type
        told = company_keys.leads_of(conn, self.connection_id, person_type, companies)
        told -= {one.lead_id for one in people}
        leads.mark_due(conn, self.tenant.installation_id, sorted(told), at=now, why="company", lane="background")


def found_for(
    conn: Connection, connection_id: int, rule: CompanyRule, clues: Mapping[str, Sequence[Clue]]
) -> dict[str, Belongs]:
    """Where each of these people belongs, by their clues."""
    keys = {one.key for some in clues.values() for one in some}
    if not keys:
        return dict.fromkeys(clues, NOWHERE)
    companies = company_keys.holders(conn, connection_id, rule.binding.dialect.company_type, keys)
    return {person: choose(some, companies) for person, some in clues.items()}


def keep_companies(tenant: Tenant, conn: Connection, connection_id: int, rows: Sequence[MirrorRow]) -> set[int]:
    """These companies (held by the caller) were stored: by what they are found now. Returns the leads whom what is new
    concerns, for the caller to make due."""
    rule = CompanyRule(tenant.reading[connection_id])
    if not rule.fields or not rows:
        return set()
    dialect = rule.binding.dialect
    clues = {row.vendor_id: rule.of_company(row) for row in rows}
    changed = _keep(tenant, conn, connection_id, dialect.company_type, clues)
    return company_keys.leads_with(conn, connection_id, dialect.person_type, changed)


def _keep(
    tenant: Tenant, conn: Connection, connection_id: int, object_type: str, clues: Mapping[str, Sequence[Clue]]
) -> set[bytes]:
    """Store by what these records find, or are found; returns the keys that came or went."""
    if not clues:
        return set()
    stored = company_keys.keys_of(conn, connection_id, object_type, list(clues))
    keys = {vendor_id: tuple(one.key for one in some) for vendor_id, some in clues.items()}
    new = {vendor_id: mine for vendor_id, mine in keys.items() if mine != stored.get(vendor_id, ())}
    if not new:
        return set()
    changed = {one for vendor_id, mine in new.items() for one in set(mine) ^ set(stored.get(vendor_id, ()))}
    company_keys.hold(conn, tenant.installation_id, connection_id, changed)
    company_keys.put_keys(conn, tenant.installation_id, connection_id, object_type, new)
    return changed
