"""Owners, teams, pipelines, account details: the small read-mostly endpoints."""

from __future__ import annotations

from connector.sandbox.inputs import body_object
from connector.sandbox.object_types import object_type
from connector.sandbox.pipelines_data import Pipeline, Stage
from connector.sandbox.wire import Call, Json, Reply, not_found_html, not_found_json, refusal


def list_owners(call: Call) -> Reply:
    """GET /crm/v3/owners?email=&after=&limit=&archived="""
    limit, after = int(call.one("limit", "100")), int(call.one("after", "0"))
    if not 1 <= limit <= 500:
        raise refusal(400, f"Invalid limit {limit}: must be between 1 and 500")
    email = call.one("email").lower()
    found = [
        owner
        for owner in sorted(call.portal.owners.values(), key=lambda one: int(one.id))
        if owner.archived == call.flag("archived") and (not email or owner.email == email) and int(owner.id) >= after
    ]
    call.records = len(found[:limit])
    body: Json = {"results": [owner.as_json() for owner in found[:limit]]}
    if len(found) > limit:
        following = found[limit].id
        link = f"{call.base_url}{call.raw_path}?limit={limit}&after={following}"
        body["paging"] = {"next": {"after": following, "link": link}}
    return Reply(body=body)


def get_owner(call: Call) -> Reply:
    """GET /crm/v3/owners/{id}?idProperty=id|userId"""
    by_user = call.one("idProperty", "id") == "userId"
    for owner in call.portal.owners.values():
        if call.args[0] == (str(owner.user_id) if by_user else owner.id) and owner.archived == call.flag("archived"):
            return Reply(body=owner.as_json())
    raise not_found_html()


def list_teams(call: Call) -> Reply:
    """GET /settings/v3/users/teams"""
    portal = call.portal
    rows = [
        {
            "id": team.id,
            "name": team.name,
            "userIds": [str(one.user_id) for one in portal.owners.values() if one.teams and one.teams[0] is team],
            "secondaryUserIds": [str(one.user_id) for one in portal.owners.values() if team in one.teams[1:]],
        }
        for team in portal.teams.values()
    ]
    return Reply(body={"results": rows})


def list_dispositions(call: Call) -> Reply:
    """GET /calling/v1/dispositions: a bare list"""
    rows = [{"id": one, "label": label, "deleted": False} for one, label in call.portal.dispositions.items()]
    return Reply(body=rows)


def _pipelines(call: Call) -> dict[str, Pipeline]:
    return call.portal.pipelines.setdefault(object_type(call.args[0]).name, {})


def _pipeline(call: Call) -> Pipeline:
    found = _pipelines(call).get(call.args[1])
    if found is None or found.archived:
        raise not_found_json()
    return found


def list_pipelines(call: Call) -> Reply:
    """GET /crm/v3/pipelines/{type}"""
    return Reply(body={"results": [one.as_json() for one in _pipelines(call).values() if not one.archived]})


def get_pipeline(call: Call) -> Reply:
    """GET /crm/v3/pipelines/{type}/{id}"""
    return Reply(body=_pipeline(call).as_json())


def create_pipeline(call: Call) -> Reply:
    """POST /crm/v3/pipelines/{type} {label, displayOrder, stages}: ids are numbers of the portal's own."""
    given = body_object(call.body)
    label = str(given.get("label") or "")
    table = _pipelines(call)
    if not label or any(one.label == label and not one.archived for one in table.values()):
        raise refusal(409 if label else 400, f"Pipeline label {label!r} is missing or taken", "CONFLICT")
    made = Pipeline(id=_number(call), label=label, display_order=int(given.get("displayOrder") or 0))
    made.stages = [_stage(call, one) for one in given.get("stages") or []]
    table[made.id] = made
    return Reply(status=201, body=made.as_json())


def _number(call: Call) -> str:
    return str(call.portal.rng.randrange(100_000_000, 999_999_999))


def _stage(call: Call, given: Json) -> Stage:
    metadata = {str(key): str(value) for key, value in (given.get("metadata") or {}).items()}
    if "probability" not in metadata and object_type(call.args[0]).name == "deals":
        raise refusal(400, "Deal stages need metadata.probability between 0.0 and 1.0")
    metadata.setdefault("isClosed", str(float(metadata.get("probability") or 0.5) in (0.0, 1.0)).lower())
    return Stage(
        id=_number(call),
        label=str(given.get("label") or ""),
        display_order=int(given.get("displayOrder") or 0),
        metadata=metadata,
    )


def list_stages(call: Call) -> Reply:
    """GET /crm/v3/pipelines/{type}/{id}/stages"""
    return Reply(body={"results": [one.as_json() for one in _pipeline(call).stages if not one.archived]})


def create_stage(call: Call) -> Reply:
    """POST /crm/v3/pipelines/{type}/{id}/stages"""
    pipeline, made = _pipeline(call), _stage(call, body_object(call.body))
    if any(one.label == made.label and not one.archived for one in pipeline.stages):
        raise refusal(409, f"Stage label {made.label!r} is taken", "CONFLICT")
    pipeline.stages.append(made)
    return Reply(status=201, body=made.as_json())


def account_details(call: Call) -> Reply:
    """GET /account-info/v3/details"""
    settings = call.portal.settings
    return Reply(
        body={
            "portalId": settings.portal_id,
            "accountType": "DEVELOPER_TEST",
            "timeZone": settings.time_zone,
            "companyCurrency": settings.currency,
            "additionalCurrencies": [],
            "utcOffset": "+09:00",
            "utcOffsetMilliseconds": 32_400_000,
            "uiDomain": settings.ui_domain,
            "dataHostingLocation": "na1",
        }
    )


def integrations_me(call: Call) -> Reply:
    """GET /integrations/v1/me"""
    settings = call.portal.settings
    return Reply(
        body={
            "portalId": settings.portal_id,
            "timeZone": settings.time_zone,
            "accountType": "DEVELOPER_TEST",
            "currency": settings.currency,
            "utcOffset": "+09:00",
            "utcOffsetMilliseconds": 32_400_000,
        }
    )
