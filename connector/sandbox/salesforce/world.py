"""A seeded world for an org to hold: the very people and companies of the HubSpot sandbox with the same seed.

Two of three contacts of that portal are leads here; the others are contacts of accounts, some with an opportunity. A
company that connects both sandboxes therefore sees the same people twice, which is what a sync is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connector.errors import UsageError
from connector.sandbox import world as portal_world
from connector.sandbox.dice import seeded
from connector.sandbox.portal import Portal
from connector.sandbox.salesforce.org import Org, Row
from connector.sandbox.settings import SandboxSettings

_INDUSTRIES = {"BANKING": "Finance", "RETAIL": "Retail", "CONSTRUCTION": "Construction", "MACHINERY": "Manufacturing"}
_LEAD = {"email": "Email", "lastname": "LastName", "firstname": "FirstName", "jobtitle": "Title", "phone": "Phone"}
_PLACE = {"state": "State", "zip": "PostalCode"}


@dataclass(frozen=True, kw_only=True)
class OrgWorld:
    """How big a world is."""

    people: int = 200
    seed: int | None = None


def build_world(org: Org, settings: OrgWorld) -> None:
    """Fill an org silently: no ledger rows, no messages, no history."""
    if settings.people < 0 or settings.people > 1_000_000:
        raise UsageError("The world holds between 0 and 1,000,000 people.", reason="world_size")
    if not settings.people:
        return
    seed = org.settings.seed if settings.seed is None else settings.seed
    portal = Portal(SandboxSettings(seed=seed))
    portal_world.build_world(portal, portal_world.WorldSettings(contacts=settings.people, seed=seed))
    listeners, org.listeners = org.listeners, []
    try:
        _Builder(org, portal, seed).everyone()
    finally:
        org.listeners = listeners
    org.ledger.rows.clear()


def describe(org: Org) -> dict[str, Any]:
    """What the org holds, in numbers."""
    return {"objects": {name: sum(1 for _ in org.rows(name)) for name in org.tables if name != "LeadHistory"}}


class _Builder:
    def __init__(self, org: Org, portal: Portal, seed: int) -> None:
        self.org = org
        self.portal = portal
        self.rng = seeded(seed + 5)
        self.accounts: dict[int, Row] = {}
        self.users = {row.get("Email"): row.id for row in org.rows("User") if row.id not in (org.me, org.admin)}
        self.queue = next(row.id for row in org.rows("Group") if row.get("Type") == "Queue")

    def everyone(self) -> None:
        for number, contact in enumerate(self.portal.tables["contacts"].records.values()):
            company = contact.props.get("associatedcompanyid")
            owner = self._owner(contact.props.get("hubspot_owner_id"))
            if number % 3 == 2 and company is not None:
                self._contact(contact.props, int(company), owner)
            else:
                self._lead(contact.props, company, owner)

    def _owner(self, portal_owner: str | None) -> str:
        """The same rep as in the portal; leads that nobody works lie in the queue."""
        found = self.portal.owners.get(portal_owner or "")
        return str(self.users.get(found.email, self.queue)) if found is not None else self.queue

    def _lead(self, props: dict[str, str], company: str | None, owner: str) -> None:
        values: dict[str, Any] = {there: props[here] for here, there in (_LEAD | _PLACE).items() if props.get(here)}
        employer = None if company is None else self.portal.tables["companies"].records[int(company)].props
        values["Company"] = employer["name"] if employer is not None else "(個人)"
        if employer is not None:
            values |= self._size(employer) | {"Website": employer["domain"]}
        worked = owner != self.queue
        status = self.rng.choice(("Open - Not Contacted", "Working - Contacted")) if worked else "Open - Not Contacted"
        self._make("Lead", values | {"OwnerId": owner, "Status": status, "LeadSource": "Web"})

    def _contact(self, props: dict[str, str], company: int, owner: str) -> None:
        account = self.accounts.get(company)
        if account is None:
            employer = self.portal.tables["companies"].records[company].props
            given = {"Name": employer["name"], "Website": employer["domain"], "OwnerId": self._person(owner)}
            account = self.accounts[company] = self._make("Account", given | self._size(employer))
        values = {there: props[here] for here, there in _LEAD.items() if props.get(here)}
        values |= {f"Mailing{there}": props[here] for here, there in _PLACE.items() if props.get(here)}
        made = self._make("Contact", values | {"AccountId": account.id, "OwnerId": self._person(owner)})
        if self.rng.random() < 0.2:
            self._opportunity(account, made, owner)

    def _opportunity(self, account: Row, contact: Row, owner: str) -> None:
        made = self._make(
            "Opportunity",
            {
                "Name": f"{account.get('Name')} 新規",
                "AccountId": account.id,
                "OwnerId": self._person(owner),
                "StageName": self.rng.choice(("Prospecting", "Qualification", "Proposal/Price Quote", "Closed Won")),
                "CloseDate": "2026-12-31",
                "Amount": float(self.rng.randrange(3, 60) * 100_000),
            },
        )
        self._make("OpportunityContactRole", {"OpportunityId": made.id, "ContactId": contact.id, "IsPrimary": True})

    def _person(self, owner: str) -> str:
        """Queues own leads only."""
        return self.org.admin if owner == self.queue else owner

    def _size(self, employer: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if employer.get("industry"):
            found["Industry"] = _INDUSTRIES.get(employer["industry"], "Other")
        if employer.get("numberofemployees"):
            found["NumberOfEmployees"] = int(employer["numberofemployees"])
        if employer.get("annualrevenue"):
            found["AnnualRevenue"] = float(employer["annualrevenue"])
        return found

    def _make(self, name: str, values: dict[str, Any]) -> Row:
        return self.org.create(self.org.objects[name], values, self.org.system)
