"""Forms and their submissions, as data."""

from __future__ import annotations

from dataclasses import dataclass

from connector.sandbox.clock import iso
from connector.sandbox.definitions import DEFINED_AT_MS
from connector.sandbox.wire import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class FormDefinition:
    """A HubSpot form; `fields` are contact property names."""

    guid: str
    name: str
    fields: tuple[str, ...] = ("email", "lastname", "firstname", "company", "phone", "jobtitle", "message")
    page_title: str = ""

    def as_v3(self) -> Json:
        """As `/marketing/v3/forms` prints it."""
        return {
            "id": self.guid,
            "name": self.name,
            "formType": "hubspot",
            "archived": False,
            "createdAt": iso(DEFINED_AT_MS),
            "updatedAt": iso(DEFINED_AT_MS),
            "fieldGroups": [
                {
                    "groupType": "default_group",
                    "richTextType": "text",
                    "fields": [
                        {
                            "objectTypeId": "0-1",
                            "name": name,
                            "label": name,
                            "required": name == "email",
                            "hidden": False,
                            "fieldType": "email" if name == "email" else "single_line_text",
                        }
                    ],
                }
                for name in self.fields
            ],
        }

    def as_v2(self, portal_id: int) -> Json:
        """As `/forms/v2/forms` prints it."""
        return {
            "portalId": portal_id,
            "guid": self.guid,
            "name": self.name,
            "formType": "HUBSPOT",
            "createdAt": DEFINED_AT_MS,
            "updatedAt": DEFINED_AT_MS,
            "formFieldGroups": [{"fields": [{"name": name, "objectType": "CONTACT"}]} for name in self.fields],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One submission of a form."""

    conversion_id: str
    submitted_at: int
    page_url: str
    page_title: str
    values: tuple[tuple[str, str], ...]
    contact_id: int

    def as_json(self) -> Json:
        """As `/form-integrations/v1/submissions/forms/{guid}` prints it."""
        return {
            "conversionId": self.conversion_id,
            "submittedAt": self.submitted_at,
            "values": [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in self.values],
            "pageUrl": self.page_url,
        }
