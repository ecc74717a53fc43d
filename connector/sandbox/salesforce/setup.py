"""What a fresh org has: its profile, users (the reps of the HubSpot sandbox), queues, statuses and stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.world import ALSO, TEAMS

if TYPE_CHECKING:
    from connector.sandbox.salesforce.org import Org

#: (MasterLabel, converted)
LEAD_STATUSES = (
    ("Open - Not Contacted", False),
    ("Working - Contacted", False),
    ("Closed - Converted", True),
    ("Closed - Not Converted", False),
)
#: (name, probability, closed, won)
STAGES = (
    ("Prospecting", 10, False, False),
    ("Qualification", 10, False, False),
    ("Needs Analysis", 20, False, False),
    ("Value Proposition", 50, False, False),
    ("Id. Decision Makers", 60, False, False),
    ("Perception Analysis", 70, False, False),
    ("Proposal/Price Quote", 75, False, False),
    ("Negotiation/Review", 90, False, False),
    ("Closed Won", 100, True, True),
    ("Closed Lost", 0, True, False),
)
#: what this company's admin made
RECORD_TYPES = ("新規営業",)


def furnish(org: Org) -> tuple[str, str]:
    """Make all of it; gives the ids of the integration user and of the admin."""

    def make(name: str, **values: Any) -> str:
        return org.create(org.objects[name], values, org.system).id

    profile = make("Profile", Name="Tasuki Integration")
    me = make("User", **_user("連携", "Tasuki", "tasuki.integration"), ProfileId=profile)
    admin = make("User", **_user("管理", "太郎", "admin"))
    queue = make("Group", Name="新規リード", DeveloperName="NewLeads", Type="Queue")
    make("QueueSobject", QueueId=queue, SobjectType="Lead")
    users: dict[str, str] = {}
    for number, (team, members) in enumerate(TEAMS.items()):
        group = make("Group", Name=team, DeveloperName=f"Team{number}", Type="Regular")
        for last, first, romaji in members:
            users[romaji] = make("User", **_user(last, first, romaji, "tasuki-sales.example"))
        for romaji in (*(one for _, _, one in members), *ALSO.get(team, ())):
            if romaji in users:
                make("GroupMember", GroupId=group, UserOrGroupId=users[romaji])
    org.id = make(
        "Organization",
        Name="株式会社たすき",
        IsSandbox=False,
        InstanceName="JPN5",
        OrganizationType="Enterprise Edition",
    )
    for order, (label, converted) in enumerate(LEAD_STATUSES, 1):
        words = {"MasterLabel": label, "ApiName": label, "SortOrder": order}
        make("LeadStatus", **words, IsDefault=order == 1, IsConverted=converted)
    for order, (label, probability, closed, won) in enumerate(STAGES, 1):
        make(
            "OpportunityStage",
            MasterLabel=label,
            ApiName=label,
            SortOrder=order,
            IsActive=True,
            IsClosed=closed,
            IsWon=won,
            DefaultProbability=probability,
        )
    for number, label in enumerate(RECORD_TYPES):
        make("RecordType", Name=label, DeveloperName=f"Type{number}", SobjectType="Opportunity")
    org.ledger.rows.clear()
    return me, admin


def _user(last: str, first: str, alias: str, domain: str = "tasuki.example") -> dict[str, Any]:
    address = f"{alias}@{domain}"
    return {"LastName": last, "FirstName": first, "Alias": alias[:8], "Username": address, "Email": address}
