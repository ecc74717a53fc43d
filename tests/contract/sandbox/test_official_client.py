"""The official client works against the sandbox as against HubSpot."""

from __future__ import annotations

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts import (
    BatchInputSimplePublicObjectBatchInput,
    BatchReadInputSimplePublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.contacts.exceptions import ApiException

from connector.sandbox.handle import SandboxHandle


@pytest.fixture
def client(sandbox: SandboxHandle) -> HubSpot:
    sandbox.settings(search_lag_seconds=0)
    return HubSpot(access_token=sandbox.token, host=sandbox.base_url)


def test_contacts(client: HubSpot, sandbox: SandboxHandle) -> None:
    api = client.crm.contacts.basic_api
    wanted = SimplePublicObjectInputForCreate(properties={"email": "a@b.example"}, associations=[])
    made = api.create(simple_public_object_input_for_create=wanted)
    found = api.get_by_id(made.id, properties=["email", "phone"])
    assert found.properties["email"] == "a@b.example"
    assert found.properties["phone"] is None
    api.update(made.id, simple_public_object_input=SimplePublicObjectInput(properties={"phone": "1"}))
    with pytest.raises(ApiException) as caught:
        api.create(simple_public_object_input_for_create=wanted)
    assert (caught.value.status, made.id in caught.value.body) == (409, True)
    page = api.get_page(limit=1, properties=["phone"])
    assert page.results[0].properties["phone"] == "1"
    api.archive(made.id)
    with pytest.raises(ApiException) as missing:
        api.get_by_id(made.id)
    assert (missing.value.status, missing.value.headers["X-HubSpot-NotFound"]) == (404, "true")


def test_batches_and_207(client: HubSpot, sandbox: SandboxHandle) -> None:
    contact = sandbox.create("contacts", {"email": "a@b.example"})["id"]
    batch = client.crm.contacts.batch_api
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": contact}, {"id": "7"}], properties=["email"], properties_with_history=[]
    )
    read = batch.read(batch_read_input_simple_public_object_id=wanted)
    assert type(read).__name__.endswith("WithErrors")
    assert [row.id for row in read.results] == [contact]
    inputs = [{"id": contact, "properties": {"city": "津"}}]
    done = batch.update(
        batch_input_simple_public_object_batch_input=BatchInputSimplePublicObjectBatchInput(inputs=inputs)
    )
    assert done.results[0].properties["city"] == "津"


def test_search_owners_properties_pipelines_forms(client: HubSpot, sandbox: SandboxHandle) -> None:
    sandbox.create("contacts", {"email": "a@b.example"})
    filters = [{"propertyName": "email", "operator": "EQ", "value": "a@b.example"}]
    wanted = PublicObjectSearchRequest(
        filter_groups=[{"filters": filters}], sorts=[], properties=["email"], limit=5, after="0"
    )
    assert client.crm.contacts.search_api.do_search(public_object_search_request=wanted).total == 1
    owners = client.crm.owners.owners_api.get_page().results
    assert owners[0].teams[0].name == "インサイドセールスSDR"
    names = {row.name for row in client.crm.properties.core_api.get_all("contacts").results}
    assert {"email", "lifecyclestage", "recent_conversion_date", "hs_email_optout"} <= names
    assert client.crm.pipelines.pipelines_api.get_all("deals").results[0].id == "default"
    assert client.marketing.forms.forms_api.get_page().results[0].name == "資料請求"


def test_tasks_with_their_contact(client: HubSpot, sandbox: SandboxHandle) -> None:
    from hubspot.crm.objects.tasks import SimplePublicObjectInputForCreate as TaskInput

    contact = sandbox.create("contacts", {"email": "a@b.example"})["id"]
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]
    wanted = TaskInput(
        properties={"hs_timestamp": "2026-04-01T00:00:00Z", "hs_task_subject": "電話"},
        associations=[{"to": {"id": contact}, "types": types}],
    )
    made = client.crm.objects.tasks.basic_api.create(simple_public_object_input_for_create=wanted)
    assert sandbox.record("tasks", made.id)["associations"] == {"contacts": {contact: [204]}}


def test_tokens(client: HubSpot, sandbox: SandboxHandle) -> None:
    code = sandbox.issue_code(redirect_uri="https://x.example/cb")
    got = client.oauth.tokens_api.create(
        grant_type="authorization_code",
        code=code,
        redirect_uri="https://x.example/cb",
        client_id=sandbox.client_id,
        client_secret=sandbox.app_secret,
    )
    fresh = client.oauth.tokens_api.create(
        grant_type="refresh_token",
        refresh_token=got.refresh_token,
        client_id=sandbox.client_id,
        client_secret=sandbox.app_secret,
    )
    assert client.oauth.access_tokens_api.get(fresh.access_token).hub_id == sandbox.portal_id
