"""The standard objects that the stand-in has, with the fields that a sync meets. Lengths and types as recorded.

One field a line, see `schema.read_field`. `_` in labels, options and defaults stands for a space.
"""

from __future__ import annotations

from connector.sandbox.salesforce.schema import ObjectInfo, read_table

_OWNER = "OwnerId reference req default=me ref=User rel=Owner\n"
_OWNER_OR_QUEUE = "OwnerId reference req default=me ref=Group|User rel=Owner\n"
_SOURCES = "opts=Web|Phone_Inquiry|Partner_Referral|Purchased_List|Other"
_STATUSES = "opts=Open_-_Not_Contacted|Working_-_Contacted|Closed_-_Converted|Closed_-_Not_Converted"
_STAGES = (
    "Prospecting|Qualification|Needs_Analysis|Value_Proposition|Id._Decision_Makers|Perception_Analysis|"
    "Proposal/Price_Quote|Negotiation/Review|Closed_Won|Closed_Lost"
)
_INDUSTRIES = (
    "opts=Agriculture|Apparel|Banking|Biotechnology|Chemicals|Communications|Construction|Consulting|Education|"
    "Electronics|Energy|Engineering|Entertainment|Environmental|Finance|Food_&_Beverage|Government|Healthcare|"
    "Hospitality|Insurance|Machinery|Manufacturing|Media|Not_For_Profit|Recreation|Retail|Shipping|Technology|"
    "Telecommunications|Transportation|Utilities|Other"
)

_LEAD = (
    _OWNER_OR_QUEUE
    + f"""
MasterRecordId reference ro ref=Lead rel=MasterRecord
LastName string:80 req
FirstName string:40
Salutation picklist:40 opts=Mr.|Ms.
Name string:121 ro req
Title string:128
Company string:255 req
Street textarea:255
City string:40
State string:80
PostalCode string:20
Country string:80
Phone phone:40
MobilePhone phone:40
Email email:80
Website url:255
Description textarea:32000
LeadSource picklist:40 {_SOURCES}
Status picklist:40 req default=Open_-_Not_Contacted {_STATUSES}
Industry picklist:40 {_INDUSTRIES}
Rating picklist:40 opts=Hot|Warm|Cold
AnnualRevenue currency
NumberOfEmployees int
HasOptedOutOfEmail boolean
IsConverted boolean ro
ConvertedDate date ro
ConvertedAccountId reference ro ref=Account rel=ConvertedAccount
ConvertedContactId reference ro ref=Contact rel=ConvertedContact
ConvertedOpportunityId reference ro ref=Opportunity rel=ConvertedOpportunity
IsUnreadByOwner boolean default=true
LastActivityDate date ro
"""
)

_CONTACT = (
    _OWNER
    + f"""
MasterRecordId reference ro ref=Contact rel=MasterRecord
AccountId reference ref=Account rel=Account
LastName string:80 req
FirstName string:40
Salutation picklist:40 opts=Mr.|Ms.
Name string:121 ro req
Title string:128
Department string:80
MailingStreet textarea:255
MailingCity string:40
MailingState string:80
MailingPostalCode string:20
MailingCountry string:80
Phone phone:40
MobilePhone phone:40
Email email:80
Description textarea:32000
LeadSource picklist:40 {_SOURCES}
HasOptedOutOfEmail boolean
ReportsToId reference ref=Contact rel=ReportsTo
LastActivityDate date ro
"""
)

_ACCOUNT = (
    _OWNER
    + f"""
MasterRecordId reference ro ref=Account rel=MasterRecord
Name string:255 req
ParentId reference ref=Account rel=Parent
Type picklist:255 opts=Prospect|Customer|Partner|Other
BillingStreet textarea:255
BillingCity string:40
BillingState string:80
BillingPostalCode string:20
BillingCountry string:80
Phone phone:40
AccountNumber string:40
Website url:255
Industry picklist:255 {_INDUSTRIES}
AnnualRevenue currency
NumberOfEmployees int
Description textarea:32000
LastActivityDate date ro
"""
)

_OPPORTUNITY = (
    _OWNER
    + f"""
AccountId reference ref=Account rel=Account
Name string:120 req
StageName picklist:255 req opts={_STAGES}
Amount currency
Probability percent
CloseDate date req
Type picklist:255 opts=New_Business|Existing_Business
LeadSource picklist:255 {_SOURCES}
NextStep string:255
Description textarea:32000
IsClosed boolean ro
IsWon boolean ro
CampaignId reference ref=Campaign rel=Campaign
RecordTypeId reference ref=RecordType rel=RecordType
ContactId reference co ref=Contact rel=Contact
LastActivityDate date ro
"""
)

_ACTIVITY = """
WhoId reference ref=Contact|Lead rel=Who
WhatId reference ref=Account|Opportunity|Campaign rel=What
AccountId reference ro ref=Account rel=Account
Subject combobox:255
Description textarea:32000
IsArchived boolean ro
"""

_TASK = (
    _OWNER_OR_QUEUE
    + _ACTIVITY
    + """
ActivityDate date
Status picklist:40 req default=Not_Started opts=Not_Started|In_Progress|Completed|Waiting_on_someone_else|Deferred
Priority picklist:40 req default=Normal opts=High|Normal|Low
IsHighPriority boolean ro
IsClosed boolean ro
CompletedDateTime datetime ro
TaskSubtype picklist:40 co default=Task opts=Task|Call|Email|ListEmail|Cadence|LinkedIn restricted
CallType picklist:40 opts=Internal|Inbound|Outbound
CallDisposition string:255
CallDurationInSeconds int
ReminderDateTime datetime
IsReminderSet boolean
"""
)

_EVENT = (
    _OWNER
    + _ACTIVITY
    + """
StartDateTime datetime
EndDateTime datetime
ActivityDateTime datetime
ActivityDate date
DurationInMinutes int
IsAllDayEvent boolean
Location string:255
ShowAs picklist:40 default=Busy opts=Busy|OutOfOffice|Free restricted
"""
)

_CAMPAIGN = (
    _OWNER
    + """
Name string:80 req
ParentId reference ref=Campaign rel=Parent
Type picklist:40 opts=Conference|Webinar|Email|Other
Status picklist:40 default=Planned opts=Planned|In_Progress|Completed|Aborted
StartDate date
EndDate date
IsActive boolean
Description textarea:32000
NumberOfLeads int ro
NumberOfContacts int ro
"""
)

_CAMPAIGN_MEMBER = """
CampaignId reference co req ref=Campaign rel=Campaign
LeadId reference co ref=Lead rel=Lead
ContactId reference co ref=Contact rel=Contact
LeadOrContactId reference ro ref=Contact|Lead rel=LeadOrContact
Type string:40 ro
Status picklist:40 default=Sent opts=Sent|Responded
HasResponded boolean ro
FirstRespondedDate date ro
"""

_USER = """
Username string:80 req unique
Email email:128 req
LastName string:80 req
FirstName string:40
Name string:121 ro req
Alias string:8
IsActive boolean default=true
UserType picklist:40 ro default=Standard opts=Standard|AutomatedProcess|Guest
UserRoleId reference ref=UserRole rel=UserRole
ProfileId reference ref=Profile rel=Profile
TimeZoneSidKey picklist:40 default=Asia/Tokyo opts=Asia/Tokyo
"""

_GROUP = """
Name string:40 req
DeveloperName string:80
Type picklist:40 req default=Regular opts=Regular|Queue|Role restricted
Email email:255
"""

_SMALL = {
    "CampaignMemberStatus": (
        "Campaign Member Status",
        "01Y",
        """
CampaignId reference co req ref=Campaign rel=Campaign
Label string:765 req
HasResponded boolean
IsDefault boolean
""",
    ),
    "GroupMember": (
        "Group Member",
        "011",
        """
GroupId reference co req ref=Group rel=Group
UserOrGroupId reference co req ref=User|Group
""",
    ),
    "PermissionSet": (
        "Permission Set",
        "0PS",
        """
Name string:80 req unique
Label string:80
""",
    ),
    "PermissionSetAssignment": (
        "Permission Set Assignment",
        "0Pa",
        """
PermissionSetId reference co req ref=PermissionSet rel=PermissionSet
AssigneeId reference co req ref=User rel=Assignee
""",
    ),
    "FieldPermissions": (
        "Field Permissions",
        "01k",
        """
ParentId reference co req ref=PermissionSet rel=Parent
SobjectType string:40 co req
Field string:255 co req
PermissionsRead boolean
PermissionsEdit boolean
""",
    ),
    "QueueSobject": (
        "Queue Sobject",
        "03g",
        """
QueueId reference co req ref=Group rel=Queue
SobjectType string:40 co
""",
    ),
    "UserRole": (
        "Role",
        "00E",
        """
Name string:80 req
DeveloperName string:80
""",
    ),
    "Profile": (
        "Profile",
        "00e",
        """
Name string:255 req
""",
    ),
    "RecordType": (
        "Record Type",
        "012",
        """
Name string:80 req
DeveloperName string:80
SobjectType string:40
IsActive boolean default=true
""",
    ),
    "Organization": (
        "Organization",
        "00D",
        """
Name string:80 req
IsSandbox boolean
InstanceName string:10
OrganizationType string:40
TimeZoneSidKey string:40
""",
    ),
    "LeadStatus": (
        "Lead Status Value",
        "01J",
        """
MasterLabel string:255
ApiName string:255
SortOrder int
IsDefault boolean
IsConverted boolean
""",
    ),
    "OpportunityStage": (
        "Opportunity Stage",
        "01J",
        """
MasterLabel string:255
ApiName string:255
SortOrder int
IsActive boolean
IsClosed boolean
IsWon boolean
DefaultProbability percent
""",
    ),
    "EmailMessage": (
        "Email Message",
        "02s",
        """
ActivityId reference ref=Task rel=Activity
Incoming boolean
Subject string:3000
""",
    ),
    "OpportunityContactRole": (
        "Opportunity Contact Role",
        "00K",
        """
OpportunityId reference co req ref=Opportunity rel=Opportunity
ContactId reference req ref=Contact rel=Contact
Role picklist:40 opts=Decision_Maker|Influencer|Evaluator|Other
IsPrimary boolean
""",
    ),
}

_HISTORY = """
{parent}Id reference ro ref={parent} rel={parent}
Field picklist:255 ro
OldValue string:255 ro
NewValue string:255 ro
DataType picklist:40 ro
"""

#: object → (its history object, the reference in it, key prefix)
HISTORIES = {
    "Lead": ("LeadHistory", "LeadId", "017"),
    "Contact": ("ContactHistory", "ContactId", "017"),
    "Account": ("AccountHistory", "AccountId", "017"),
    "Opportunity": ("OpportunityFieldHistory", "OpportunityId", "017"),
}

#: rows that only an admin makes, in setup
_SETUP = ("UserRole", "Profile", "RecordType", "Organization", "LeadStatus", "OpportunityStage")


def standard_objects() -> dict[str, ObjectInfo]:
    """The objects of a fresh org, by name."""
    made = [
        read_table("Lead", "Lead", "00Q", _LEAD),
        read_table("Contact", "Contact", "003", _CONTACT),
        read_table("Account", "Account", "001", _ACCOUNT),
        read_table("Opportunity", "Opportunity", "006", _OPPORTUNITY),
        read_table("Task", "Task", "00T", _TASK),
        read_table("Event", "Event", "00U", _EVENT),
        read_table("Campaign", "Campaign", "701", _CAMPAIGN),
        read_table("CampaignMember", "Campaign Member", "00v", _CAMPAIGN_MEMBER),
        read_table("User", "User", "005", _USER),
        read_table("Group", "Group", "00G", _GROUP),
    ]
    made += [
        read_table(name, label, prefix, rows, read_only=name in _SETUP)
        for name, (label, prefix, rows) in _SMALL.items()
    ]
    for parent, (name, _, prefix) in HISTORIES.items():
        made.append(read_table(name, f"{parent} History", prefix, _HISTORY.format(parent=parent), read_only=True))
    return {one.name: one for one in made}
