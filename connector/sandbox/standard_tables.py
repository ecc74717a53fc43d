"""HubSpot's standard properties and options, as tables.

A line is `name | label | type fieldType | group | flags`, flags being
`ro` (value is read-only), `calc`, `form`, `ext` (options live elsewhere) and
in capitals what the values are ids of.
"""

from __future__ import annotations

from connector.sandbox.industries import INDUSTRIES

SYSTEM = """
hs_object_id | Record ID | number number | {group} | ro
hs_object_source | Record source | string text | {group} | ro
hs_object_source_id | Record source ID | string text | {group} | ro
hs_object_source_label | Record source label | enumeration select | {group} | ro ext
hs_merged_object_ids | Merged record IDs | enumeration checkbox | {group} | ro
hubspot_owner_assigneddate | Owner assigned date | datetime date | {sales} | ro
hubspot_team_id | HubSpot team | enumeration select | {sales} | ro ext
hubspot_owner_id | Owner | enumeration select | {sales} | ext OWNER
"""

_CONTACTS = """
email | Email | string text | contactinformation | form
firstname | First Name | string text | contactinformation | form
lastname | Last Name | string text | contactinformation | form
phone | Phone Number | string phonenumber | contactinformation | form
mobilephone | Mobile Phone Number | string phonenumber | contactinformation | form
jobtitle | Job Title | string text | contactinformation | form
company | Company Name | string text | contactinformation | form
website | Website URL | string text | contactinformation | form
address | Street Address | string text | contactinformation | form
city | City | string text | contactinformation | form
state | State/Region | string text | contactinformation | form
zip | Postal Code | string text | contactinformation | form
country | Country/Region | string text | contactinformation | form
message | Message | string textarea | contact_activity | form
industry | Industry | string text | contactinformation | form
numemployees | Number of Employees | enumeration select | contactinformation | form
annualrevenue | Annual Revenue | string text | contactinformation | form
hs_language | Preferred language | enumeration select | contactinformation | form
createdate | Create Date | datetime date | contactinformation | ro
lastmodifieddate | Last Modified Date | datetime date | contactinformation | ro
associatedcompanyid | Primary Associated Company ID | number number | contactinformation | ext COMPANY
hs_pipeline | Pipeline | enumeration select | contactinformation | ext
hs_is_contact | Is a contact | bool calculation_read_time | contactinformation | ro calc
hs_is_unworked | Contact unworked | bool calculation_equation | sales_properties | ro
hs_additional_emails | Additional email addresses | enumeration select | contactinformation | ro calc
hs_email_domain | Email Domain | string text | contactinformation | ro calc
hs_email_optout | Unsubscribed from all email | bool booleancheckbox | emailinformation | ro
hs_email_open | Marketing emails opened | number number | emailinformation | ro
hs_email_click | Marketing emails clicked | number number | emailinformation | ro
hs_email_delivered | Marketing emails delivered | number number | emailinformation | ro
hs_email_replied | Marketing emails replied | number number | emailinformation | ro
hs_email_bounce | Marketing emails bounced | number number | emailinformation | ro
hs_email_last_open_date | Last marketing email open date | datetime date | emailinformation | ro
hs_email_last_click_date | Last marketing email click date | datetime date | emailinformation | ro
hs_sales_email_last_replied | Recent sales email replied date | datetime date | contact_activity | ro
recent_conversion_event_name | Recent Conversion | string text | conversioninformation | ro calc
recent_conversion_date | Recent Conversion Date | datetime date | conversioninformation | ro calc
first_conversion_event_name | First Conversion | string text | contact_activity | ro calc
first_conversion_date | First Conversion Date | datetime date | contact_activity | ro calc
num_conversion_events | Number of Form Submissions | number number | conversioninformation | ro calc
num_unique_conversion_events | Number of Unique Forms Submitted | number number | conversioninformation | ro calc
hs_analytics_num_visits | Number of Sessions | number number | analyticsinformation | ro
hs_analytics_num_page_views | Number of Pageviews | number number | analyticsinformation | ro
hs_analytics_last_visit_timestamp | Time of Last Session | datetime date | analyticsinformation | ro
hs_analytics_last_url | Last page seen | string text | analyticsinformation | ro
salesforceleadid | Salesforce Lead ID | string text | salesforceinformation | ro
salesforcecontactid | Salesforce Contact ID | string text | salesforceinformation | ro
hs_analytics_source | Original Traffic Source | enumeration select | analyticsinformation |
hs_latest_source | Latest Traffic Source | enumeration select | analyticsinformation |
hs_latest_source_data_1 | Latest Traffic Source Drill-Down 1 | string text | analyticsinformation | ro
hs_latest_source_data_2 | Latest Traffic Source Drill-Down 2 | string text | analyticsinformation | ro
notes_last_contacted | Last Contacted | datetime date | contact_activity | ro
notes_last_updated | Last Activity Date | datetime date | contact_activity | ro
num_contacted_notes | Number of times contacted | number number | contact_activity | ro
num_associated_deals | Number of Associated Deals | number number | deal_information | ro
hs_last_sales_activity_timestamp | Last Engagement Date | datetime date | contact_activity | ro
hs_sequences_is_enrolled | Currently in Sequence | bool booleancheckbox | contact_activity | ro calc
"""

_COMPANIES = """
name | Company name | string text | companyinformation | form
domain | Company Domain Name | string text | companyinformation | form
website | Website URL | string text | companyinformation | form
description | Description | string textarea | companyinformation | form
phone | Phone Number | string phonenumber | companyinformation | form
address | Street Address | string text | companyinformation | form
city | City | string text | companyinformation | form
state | State/Region | string text | companyinformation | form
zip | Postal Code | string text | companyinformation | form
country | Country/Region | string text | companyinformation | form
numberofemployees | Number of Employees | number number | companyinformation | form
annualrevenue | Annual Revenue | number number | companyinformation | form
founded_year | Year Founded | string text | companyinformation |
facebookfans | Facebook Fans | number number | companyinformation |
twitterhandle | Twitter Handle | string text | companyinformation |
is_public | Is Public | bool booleancheckbox | companyinformation |
hs_is_target_account | Target Account | bool booleancheckbox | companyinformation |
hs_ideal_customer_profile | Ideal Customer Profile Tier | string text | companyinformation |
createdate | Create Date | datetime date | companyinformation |
hs_lastmodifieddate | Last Modified Date | datetime date | companyinformation | ro
hs_pipeline | Pipeline | enumeration select | companyinformation | ext
num_associated_contacts | Number of Associated Contacts | number number | companyinformation | ro calc
num_associated_deals | Number of Associated Deals | number number | companyinformation | ro calc
notes_last_contacted | Last Contacted | datetime date | companyinformation | ro calc
"""

_DEALS = """
dealname | Deal Name | string text | dealinformation |
amount | Amount | number number | dealinformation |
deal_currency_code | Currency | string text | dealinformation |
closedate | Close Date | datetime date | dealinformation |
createdate | Create Date | datetime date | dealinformation |
hs_lastmodifieddate | Last Modified Date | datetime date | dealinformation | ro
dealstage | Deal Stage | enumeration radio | dealinformation |
pipeline | Pipeline | enumeration select | dealinformation |
description | Deal Description | string textarea | dealinformation |
closed_lost_reason | Closed Lost Reason | string textarea | dealinformation |
closed_won_reason | Closed Won Reason | string textarea | dealinformation |
hs_next_step | Next step | string textarea | dealinformation |
hs_priority | Priority | string text | dealinformation |
hs_deal_stage_probability | Deal probability | number number | dealinformation | ro calc
hs_is_closed | Is Closed | bool booleancheckbox | dealinformation | ro calc
hs_is_closed_won | Is Closed Won | bool booleancheckbox | dealinformation | ro calc
num_associated_contacts | Number of Associated Contacts | number number | dealinformation | ro calc
"""

_ENGAGEMENT = """
hs_timestamp | Activity date | datetime date | engagementInfo |
hs_createdate | Create date | datetime date | engagementInfo | ro
hs_lastmodifieddate | Last modified date | datetime date | engagementInfo | ro
hs_created_by_user_id | Created by user ID | number number | engagementInfo | ro
hs_updated_by_user_id | Updated by user ID | number number | engagementInfo | ro
hs_engagement_source | Engagement source | string text | engagementInfo |
hs_attachment_ids | Attachments | string text | engagementInfo |
hs_unique_id | Unique ID | string text | engagementInfo |
"""

_TASKS = """
hs_task_subject | Task Title | string text | task |
hs_task_body | Notes | string textarea | task |
hs_task_status | Task Status | enumeration select | task |
hs_task_priority | Priority | enumeration select | task |
hs_task_type | Task Type | enumeration select | task |
hs_task_reminders | Reminders | string text | task |
hs_task_completion_date | Completed at | datetime date | task | ro calc
hs_task_is_completed | Is Completed | number number | task | ro calc
hs_task_for_object_type | For object type | string text | task |
hs_queue_membership_ids | Queue | string text | task |
"""

_NOTES = """
hs_note_body | Note body | string textarea | note |
"""

_CALLS = """
hs_call_title | Call title | string text | call |
hs_call_body | Call notes | string textarea | call |
hs_call_direction | Call direction | enumeration select | call |
hs_call_disposition | Call outcome | string text | call |
hs_call_duration | Call duration | number number | call |
hs_call_from_number | From number | string text | call |
hs_call_to_number | To Number | string text | call |
hs_call_status | Call status | enumeration select | call |
hs_call_recording_url | Recording URL | string text | call |
hs_call_source | Call Source | string text | call |
hs_activity_type | Call and meeting type | string text | call |
"""

_EMAILS = """
hs_email_subject | Email subject | string text | email |
hs_email_text | Email body | string textarea | email |
hs_email_html | Email HTML | string textarea | email |
hs_email_direction | Email direction | enumeration select | email |
hs_email_status | Email send status | enumeration select | email |
hs_email_headers | Email headers | string textarea | email |
hs_email_from_email | Email from address | string text | email |
hs_email_to_email | Email to address | string text | email |
"""

_MEETINGS = """
hs_meeting_title | Meeting name | string text | meeting |
hs_meeting_body | Meeting description | string textarea | meeting |
hs_internal_meeting_notes | Internal meeting notes | string textarea | meeting |
hs_meeting_location | Meeting location | string text | meeting |
hs_meeting_start_time | Meeting start time | datetime date | meeting |
hs_meeting_end_time | Meeting end time | datetime date | meeting |
hs_meeting_outcome | Meeting outcome | enumeration select | meeting |
hs_meeting_external_url | External URL | string text | meeting |
hs_activity_type | Call and meeting type | string text | meeting |
"""

_COMMUNICATIONS = """
hs_communication_channel_type | Channel type | enumeration select | communication |
hs_communication_logged_from | Logged from | enumeration select | communication |
hs_communication_body | Communication body | string textarea | communication |
"""

_USERS = """
hs_email | Email | string text | user_information | ro
hs_given_name | First name | string text | user_information |
hs_family_name | Last name | string text | user_information |
hs_internal_user_id | Internal user ID | number number | user_information | ro
hs_deactivated | Deactivated | bool booleancheckbox | user_information | ro
hs_availability_status | Availability status | enumeration select | user_information |
hs_out_of_office_hours | Out of office hours | string textarea | user_information |
hs_working_hours | Working hours | string textarea | user_information |
hs_createdate | Create date | datetime date | user_information | ro
hs_lastmodifieddate | Last modified date | datetime date | user_information | ro
"""

TABLES: dict[str, tuple[str, str]] = {
    "contacts": ("contactinformation", _CONTACTS),
    "companies": ("companyinformation", _COMPANIES),
    "deals": ("dealinformation", _DEALS),
    "tasks": ("task", _ENGAGEMENT + _TASKS),
    "notes": ("note", _ENGAGEMENT + _NOTES),
    "calls": ("call", _ENGAGEMENT + _CALLS),
    "emails": ("email", _ENGAGEMENT + _EMAILS),
    "meetings": ("meeting", _ENGAGEMENT + _MEETINGS),
    "communications": ("communication", _ENGAGEMENT + _COMMUNICATIONS),
    "users": ("user_information", _USERS),
}

_CALL_STATUSES = ["BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED"]
_CALL_STATUSES += ["IN_PROGRESS", "NO_ANSWER", "QUEUED", "RINGING"]

_SOURCES = tuple(
    (value, value.replace("_", " ").title())
    for value in (
        *("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS"),
        *("OTHER_CAMPAIGNS", "DIRECT_TRAFFIC", "OFFLINE", "PAID_SOCIAL"),
    )
)
_HEADCOUNTS = ("1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+")

#: (object type, property) -> options as (value, label)
OPTIONS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("tasks", "hs_task_status"): (
        ("NOT_STARTED", "Not started"),
        ("IN_PROGRESS", "In progress"),
        ("COMPLETED", "Completed"),
        ("WAITING", "Waiting"),
        ("DEFERRED", "Deferred"),
    ),
    ("tasks", "hs_task_priority"): (("NONE", "None"), ("LOW", "Low"), ("MEDIUM", "Medium"), ("HIGH", "High")),
    ("tasks", "hs_task_type"): (
        ("TODO", "To-do"),
        ("CALL", "Call"),
        ("EMAIL", "Email"),
        ("LINKED_IN", "LinkedIn"),
    ),
    ("calls", "hs_call_direction"): (("INBOUND", "Inbound"), ("OUTBOUND", "Outbound")),
    ("calls", "hs_call_status"): tuple((value, value.title()) for value in _CALL_STATUSES),
    ("communications", "hs_communication_channel_type"): (
        ("WHATS_APP", "WhatsApp"),
        ("LINKEDIN_MESSAGE", "LinkedIn message"),
        ("SMS", "SMS"),
    ),
    ("communications", "hs_communication_logged_from"): (("CRM", "CRM"),),
    ("emails", "hs_email_direction"): (
        ("EMAIL", "Email"),
        ("INCOMING_EMAIL", "Incoming"),
        ("FORWARDED_EMAIL", "Forwarded"),
    ),
    ("emails", "hs_email_status"): tuple(
        (value, value.title()) for value in ("BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT")
    ),
    ("meetings", "hs_meeting_outcome"): tuple(
        (value, value.replace("_", " ").title())
        for value in ("SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED")
    ),
    ("users", "hs_availability_status"): (("available", "Available"), ("away", "Away")),
    ("contacts", "hs_analytics_source"): _SOURCES,
    ("contacts", "hs_latest_source"): _SOURCES,
    ("contacts", "numemployees"): tuple((value, value) for value in _HEADCOUNTS),
    ("contacts", "hs_language"): (
        *(("ja", "Japanese"), ("en", "English"), ("en-us", "English - United States"), ("zh-cn", "Chinese - China")),
        *(("ko", "Korean"), ("fr", "French"), ("de", "German"), ("es", "Spanish"), ("vi", "Vietnamese")),
    ),
    ("companies", "industry"): INDUSTRIES,
}

LIFECYCLE: tuple[tuple[str, str], ...] = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)

LEAD_STATUS: tuple[tuple[str, str], ...] = (
    ("NEW", "New"),
    ("OPEN", "Open"),
    ("IN_PROGRESS", "In Progress"),
    ("OPEN_DEAL", "Open Deal"),
    ("UNQUALIFIED", "Unqualified"),
    ("ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
    ("CONNECTED", "Connected"),
    ("BAD_TIMING", "Bad Timing"),
)
