"""Members of the org's campaigns, by when they last changed: one query a look, pages of 2,000."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from connector.errors import RetryableError
from connector.texts import say
from connector.vendors.base import Lane
from connector.vendors.campaigns import Member
from connector.vendors.moments import to_moment
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import protocol
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.protocol import MODIFIED

PAGE: Final = 2_000
_FIELDS: Final = (
    "Id", "Campaign.Name", "Campaign.Type", "Status", "HasResponded", "FirstRespondedDate", "LeadId", "ContactId",
    "CreatedDate", "CreatedById", MODIFIED,
)  # fmt: skip
_EPOCH = datetime.fromtimestamp(0, tz=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesforceCampaigns:
    """Implements `vendors.campaigns.Campaigns` for one org."""

    api: Api
    user_id: str | None

    def members(self, *, since: datetime, lane: Lane) -> Iterator[list[Member]]:
        """See `Campaigns.members`. Many share a second, so that a page ends between two ids."""
        at, last = protocol.moment_text(since), ""
        while True:
            where = f"{MODIFIED} >= {at}"
            if last:
                where = f"{MODIFIED} > {at} OR ({MODIFIED} = {at} AND Id > {protocol.quoted(last)})"
            soql = protocol.select(_FIELDS, "CampaignMember", where, order=f"{MODIFIED}, Id", limit=PAGE)
            try:
                rows = list(self.api.query(soql, lane=lane))
            except RefusedError as error:
                raise RetryableError(
                    say(
                        "Salesforce shows our user no campaign members ({why}); let it read Campaign, its members and "
                        "their fields.",
                        why=error.message,
                    ),
                    reason=f"read_{error.reason}",
                ) from error
            yield [self._member(raw) for raw in rows]
            if len(rows) < PAGE:
                return
            at, last = protocol.moment_text(_moment(rows[-1])), str(rows[-1]["Id"])

    def _member(self, raw: Mapping[str, Any]) -> Member:
        campaign = raw.get("Campaign") or {}
        responded = raw.get("FirstRespondedDate") if raw.get("HasResponded") is True else None
        untouched = raw.get("CreatedDate") == raw.get(MODIFIED)
        return Member(
            id=str(raw["Id"]),
            people=tuple(str(one) for one in (raw.get("ContactId"), raw.get("LeadId")) if one),
            campaign=str(campaign.get("Name") or ""),
            type=campaign.get("Type"),
            status=raw.get("Status"),
            modified_at=_moment(raw),
            responded_on=date.fromisoformat(str(responded)[:10]) if responded else None,
            ours=untouched and self.user_id is not None and raw.get("CreatedById") == self.user_id,
        )


def _moment(raw: Mapping[str, Any]) -> datetime:
    return to_moment(str(raw[MODIFIED])) or _EPOCH
