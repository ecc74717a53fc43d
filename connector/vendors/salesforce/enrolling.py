"""Putting leads and contacts where Salesforce itself works on them: campaigns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from connector.vendors.base import Create, Enrolee, Joining, Lane, ListInfo, Outcome, WriteResult
from connector.vendors.moments import to_moment
from connector.vendors.refusal import RefusedError
from connector.vendors.salesforce import protocol
from connector.vendors.salesforce.api import Api
from connector.vendors.salesforce.campaigns import SalesforceCampaigns
from connector.vendors.salesforce.protocol import CAMPAIGN, PREFIXES
from connector.vendors.salesforce.reading import chunks
from connector.vendors.salesforce.writing import Writer

NOT_AVAILABLE = "not_available"
JOINED_PAGE = 200
_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_MEMBER = "CampaignMember"
_WHO = {PREFIXES["Lead"]: "LeadId", PREFIXES["Contact"]: "ContactId"}


class SalesforceEnroller:
    """Implements `vendors.base.Enroller` for one org: a list of people is a campaign."""

    places: tuple[str, ...] = (CAMPAIGN,)

    def __init__(self, api: Api, writer: Writer, *, user_id: str | None) -> None:
        self._api = api
        self._writer = writer
        self.campaigns = SalesforceCampaigns(api=api, user_id=user_id)

    def enrol(self, place: str, name: str, people: Sequence[Enrolee], *, lane: Lane) -> list[WriteResult]:
        """Make campaign members; who is one already stays one. A campaign that is over takes nobody."""
        try:
            campaign = self.find_list(name, lane=lane) if place == CAMPAIGN else None
        except RefusedError as error:  # our user sees no campaigns
            return [_refused(one, NOT_AVAILABLE, error.message) for one in people]
        if campaign is None or not campaign.static:
            why = "There is no campaign of that name." if campaign is None else "The campaign is not active."
            return [_refused(one, NOT_AVAILABLE, why) for one in people]
        there = self._members(campaign.id, people, lane=lane)
        joining = [one for one in people if one.person_id[:3] in _WHO and one.person_id not in there]
        told = self._joined(campaign.id, joining, lane=lane)
        return [self._told(one, there, told) for one in people]

    def enrolled(self, place: str, name: str, people: Sequence[Enrolee], *, lane: Lane) -> set[str]:
        """The keys of those who are members now."""
        campaign = self.find_list(name, lane=lane) if place == CAMPAIGN else None
        there = self._members(campaign.id, people, lane=lane) if campaign is not None else set()
        return {one.key for one in people if one.person_id in there}

    def find_list(self, name: str, *, lane: Lane) -> ListInfo | None:
        """The campaign with this name; of several the one that is active. None: there is none."""
        where = f"Name = {protocol.quoted(name)}"
        soql = protocol.select(["Id", "Name", "IsActive"], "Campaign", where, order="IsActive DESC, Id", limit=1)
        for raw in self._api.query(soql, lane=lane):
            return ListInfo(id=str(raw["Id"]), name=name, static=raw["IsActive"] is True)
        return None

    def joined(self, list_id: str, *, after: str | None, lane: Lane) -> Iterator[tuple[list[Joining], str | None]]:
        """Pages of who joined, oldest first, each with the cursor that it began with: (moment, id) of the last before.

        Members of one second are told apart by id, so none is told twice or left out.
        """
        fields = ["Id", "CreatedDate", "LeadOrContactId"]
        while True:
            where = f"CampaignId = {protocol.quoted(list_id)}"
            if after is not None:
                at, _, last = after.partition("|")
                where += f" AND (CreatedDate > {at} OR (CreatedDate = {at} AND Id > {protocol.quoted(last)}))"
            soql = protocol.select(fields, _MEMBER, where, order="CreatedDate, Id", limit=JOINED_PAGE)
            rows = list(self._api.query(soql, lane=lane))
            moments = [to_moment(str(raw["CreatedDate"])) or _EPOCH for raw in rows]
            pairs = zip(rows, moments, strict=True)
            yield [Joining(person_id=str(raw["LeadOrContactId"]), at=at) for raw, at in pairs], after
            if len(rows) < JOINED_PAGE:
                return
            after = f"{protocol.moment_text(moments[-1])}|{rows[-1]['Id']}"

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────

    def _members(self, campaign_id: str, people: Sequence[Enrolee], *, lane: Lane) -> set[str]:
        found: set[str] = set()
        for prefix, field in _WHO.items():
            ids = protocol.ids_of(one.person_id for one in people if one.person_id.startswith(prefix))
            for chunk in chunks(ids):
                where = f"CampaignId = {protocol.quoted(campaign_id)} AND {protocol.among(field, chunk)}"
                soql = protocol.select([field], _MEMBER, where)
                found |= {str(raw[field]) for raw in self._api.query(soql, lane=lane)}
        return found

    def _joined(self, campaign_id: str, people: Sequence[Enrolee], *, lane: Lane) -> dict[str, WriteResult]:
        creates = [
            Create(
                key=one.key,
                properties={"CampaignId": campaign_id, _WHO[one.person_id[:3]]: one.person_id},
                associate=(),
            )
            for one in people
        ]
        results = self._writer.create(_MEMBER, creates, lane=lane) if creates else []
        return {one.key: result for one, result in zip(people, results, strict=True)}

    def _told(self, one: Enrolee, there: set[str], told: dict[str, WriteResult]) -> WriteResult:
        result = told.get(one.key)
        if result is None:
            outcome = Outcome.APPLIED if one.person_id in there else Outcome.MISSING
            return WriteResult(id=one.key, outcome=outcome)
        if result.outcome is Outcome.REJECTED and result.reason == "conflict":
            return WriteResult(id=one.key, outcome=Outcome.APPLIED)  # somebody else was faster
        if result.reason in ("association_missing", "not_found", "invalid_value"):
            return WriteResult(id=one.key, outcome=Outcome.MISSING, reason="not_found")
        return WriteResult(
            id=one.key,
            outcome=result.outcome,
            reason=result.reason,
            message=result.message,
            retry_after_seconds=result.retry_after_seconds,
        )


def _refused(one: Enrolee, reason: str, message: str) -> WriteResult:
    return WriteResult(id=one.key, outcome=Outcome.REJECTED, reason=reason, message=message)
