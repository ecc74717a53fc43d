"""What an org holds, as simple-salesforce's own client reads it: the demo's proof looks with it, and not with ours."""

from __future__ import annotations

from collections.abc import Mapping

from simple_salesforce.api import Salesforce

from connector.sandbox.salesforce.handle import SalesforceHandle
from connector.vendors.http import Timeouts
from connector.vendors.salesforce.protocol import API_VERSION
from connector.vendors.salesforce.records import text
from connector.vendors.salesforce.session import Session

Rows = Mapping[str, Mapping[str, str | None]]
"""Records by id."""


class OrgReader:
    """Reads everything of an object, with a session of its own."""

    def __init__(self, org: SalesforceHandle) -> None:
        address = org.base_url
        session = Session(address, timeouts=Timeouts(), most_connections=2, allow_duplicates=False)
        self.client = Salesforce(
            session_id=org.issue_token(), instance_url=address, version=API_VERSION, session=session
        )

    def all(self, name: str) -> Rows:
        """Every record of this object, with every field."""
        fields = [one["name"] for one in getattr(self.client, name).describe()["fields"]]
        rows = self.client.query_all(f"SELECT {', '.join(fields)} FROM {name}")["records"]
        return {str(row["Id"]): {one: text(row[one]) for one in fields} for row in rows}
