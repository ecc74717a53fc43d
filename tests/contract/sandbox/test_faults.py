"""Faults on demand, and that the ledger tells what was really applied."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import orjson
import pytest
import urllib3

from connector.errors import UsageError
from connector.sandbox import carrier
from connector.sandbox.handle import SandboxHandle
from tests.patience import until

from .conftest import Api

PATH = "/crm/v3/objects/contacts/batch/create"


def rows(*mails: str) -> dict[str, list[dict[str, dict[str, str]]]]:
    return {"inputs": [{"properties": {"email": f"{mail}@b.example"}} for mail in mails]}


def applied(sandbox: SandboxHandle) -> int:
    return len(sandbox.ledger(method="create", type="contacts"))


@pytest.mark.parametrize("status", [423, 477, 500, 502, 503])
def test_a_status_instead_of_the_work(api: Api, sandbox: SandboxHandle, status: int) -> None:
    sandbox.fault("status", kind="contacts.*", status=status, retry_after="2", times=2)
    assert [api("POST", PATH, rows(name)).status for name in "abc"] == [status, status, 201]
    assert applied(sandbox) == 1
    assert sandbox.calls()["contacts.batch_create"]["statuses"] == {"201": 1, str(status): 2}
    assert sandbox.faults()[0]["hits"] == 2


def test_429_in_three_words_with_and_without_retry_after(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("status", status=429, policy="secondly")
    sandbox.fault("status", status=429, policy="DAILY", retry_after="30")
    first = api("GET", "/crm/v3/owners")
    assert (first.json["category"], "Retry-After" in first.headers) == ("RATE_LIMITS", False)
    second = api("GET", "/crm/v3/owners")
    assert (second.json["policyName"], second.headers["Retry-After"]) == ("DAILY", "30")
    assert api("GET", "/crm/v3/owners").status == 200


def test_applied_but_the_answer_is_lost(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("lost_response", kind="contacts.batch_create")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api("POST", PATH, rows("a"))
    assert applied(sandbox) == 1
    assert sandbox.calls()["contacts.batch_create"]["statuses"] == {"0": 1}


def test_cut_before_applying(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("drop", path="/batch/create$")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api("POST", PATH, rows("a"))
    assert applied(sandbox) == 0


def test_applied_after_the_client_gave_up(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("delay_apply", kind="contacts.batch_create", seconds=60)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        api("POST", PATH, rows("a"), timeout=0.2)
    until(sandbox.delayed)  # the client may have given up before the call was even looked at
    assert (applied(sandbox), sandbox.delayed()) == (0, 1)
    assert sandbox.release_delayed() == 1
    assert (applied(sandbox), sandbox.delayed()) == (1, 0)


def test_late_applying_happens_by_itself(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("delay_apply", kind="contacts.batch_create", seconds=0.2)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        api("POST", PATH, rows("a"), timeout=0.05)
    until(lambda: applied(sandbox) == 1)
    assert sandbox.delayed() == 0


def test_no_answer_at_all(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("hang", seconds=30)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        api("POST", PATH, rows("a"), timeout=0.2)
    until(lambda: sandbox.faults()[0]["hits"])  # it is this call that hangs, and not the next one
    assert applied(sandbox) == 0
    assert api("POST", PATH, rows("a")).status == 201


@pytest.mark.parametrize(("done", "expected"), [(True, 1), (False, 0)])
def test_200_with_a_web_page(api: Api, sandbox: SandboxHandle, done: bool, expected: int) -> None:
    sandbox.fault("html", applied=done)
    answer = api("POST", PATH, rows("a"))
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert applied(sandbox) == expected


def test_half_of_the_json(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("truncate")
    answer = api("POST", PATH, rows("a"))
    assert answer.status == 201
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.data)
    sandbox.fault("truncate", short=True)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        api("POST", PATH, rows("b"))
    assert applied(sandbox) == 2


def test_some_rows_fail_in_a_207(api: Api, sandbox: SandboxHandle) -> None:
    ids = [api.contact(email=f"{name}@b.example") for name in "abc"]
    sandbox.fault("partial", kind="contacts.batch_update", rows=2)
    inputs = [{"id": one, "properties": {"city": "津"}} for one in ids]
    done = api("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": inputs})
    assert done.status == 207
    assert [row["id"] for row in done.json["results"]] == ids[:1]
    assert [error["context"]["ids"] for error in done.json["errors"]] == [[ids[1]], [ids[2]]]
    assert [row["id"] for row in sandbox.ledger(method="update")] == ids[:1]


@pytest.mark.parametrize(("when", "last"), [("before", "ours"), ("after", "theirs")])
def test_a_person_edits_between_our_read_and_our_write(api: Api, sandbox: SandboxHandle, when: str, last: str) -> None:
    contact = api.contact(email="a@b.example")
    other = api.contact(email="b@b.example")
    owner = sandbox.owners()[0]["id"]
    edit = {"properties": {"city": "theirs"}, "owner_id": owner}
    sandbox.fault("edit", kind="contacts.batch_update", record=contact, edit=edit, when=when)

    def write(record: str) -> int:
        inputs = [{"id": record, "properties": {"city": "ours"}}]
        return api("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": inputs}).status

    assert (write(other), write(contact)) == (200, 200)
    assert api.read("contacts", contact, "city")["city"] == last
    sources = [row["source"] for row in sandbox.ledger(id=contact, method="update")]
    assert sources == (["CRM_UI", "INTEGRATION"] if when == "before" else ["INTEGRATION", "CRM_UI"])


def test_revoked_in_the_middle(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("revoke", kind="contacts.batch_create")
    assert api("POST", PATH, rows("a")).status == 401
    assert applied(sandbox) == 0
    assert api("GET", "/crm/v3/owners").status == 401
    api.token = sandbox.issue_token()["token"]
    assert api("GET", "/crm/v3/owners").status == 200


def test_skip_probability_and_removal(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.fault("status", status=500, skip=1)
    assert [api("GET", "/crm/v3/owners").status for _ in range(3)] == [200, 500, 200]
    sandbox.clear_faults()
    rule = sandbox.fault("status", status=500, probability=0.5, times=None)
    seen = [api("GET", "/crm/v3/owners").status for _ in range(40)]
    assert 8 < seen.count(500) < 32
    sandbox.clear_faults(rule)
    assert api("GET", "/crm/v3/owners").status == 200


def test_latency_is_taken_side_by_side(api: Api, sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of eight calls takes its time only once all eight do: one after another none would ever end."""
    meet = threading.Barrier(8)
    monkeypatch.setattr(carrier, "time", SimpleNamespace(sleep=lambda _: meet.wait(20)))
    sandbox.settings(latency_ms=200)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: Api(sandbox)("GET", "/crm/v3/owners"), range(8)))
    assert [one.status for one in answers] == [200] * 8
    assert sandbox.call_count("owners.list") == 8


def test_unknown_faults_are_named(sandbox: SandboxHandle) -> None:
    with pytest.raises(UsageError, match="lost_response"):
        sandbox.fault("explode")
    with pytest.raises(UsageError, match="PROPERTY_DOESNT_EXIST"):
        sandbox.fault("edit", kind="contacts.batch_update", edit={"properties": {"nothing": "1"}})
    with pytest.raises(UsageError, match="No owner 1 "):
        sandbox.fault("edit", kind="contacts.*", edit={"properties": {"city": "1"}, "owner_id": "1"})
    with pytest.raises(UsageError, match="statsu"):
        sandbox.fault("status", statsu=500)


def test_an_update_is_accepted_and_not_stored_and_the_answer_tells_so_or_not(api: Api, sandbox: SandboxHandle) -> None:
    made = sandbox.create("contacts", {"email": "i@b.example", "jobtitle": "課長"})["id"]
    for boast, shown in ((False, "課長"), (True, "部長")):
        sandbox.fault("ignore", kind="contacts.batch_update", properties=["jobtitle"], boast=boast)
        change = {"id": made, "properties": {"jobtitle": "部長", "lastname": "鈴木"}}
        answer = api("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": [change]})
        (row,) = answer.json["results"]
        assert (answer.status, row["properties"]["jobtitle"], row["properties"]["lastname"]) == (200, shown, "鈴木")
        assert sandbox.record("contacts", made)["properties"]["jobtitle"] == "課長"
