"""Lists and sequences: unique names, static and active ones, the order of joining; one sequence at a time, seats."""

from __future__ import annotations

from typing import Any

import pytest

from connector.sandbox.handle import SandboxHandle

from .conftest import Api

LISTS = ("/crm/v3/lists", "/crm/lists/2026-03")
SEQUENCES = ("/automation/v4/sequences", "/automation/sequences/2026-03")


def make(api: Api, path: str, name: str, kind: str = "MANUAL") -> Any:
    return api("POST", path, {"name": name, "objectTypeId": "0-1", "processingType": kind})


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_found_by_its_name_which_nobody_else_has(api: Api, path: str) -> None:
    made = make(api, path, "ステップメール").json["list"]
    found = api(
        "GET", f"{path}/object-type-id/0-1/name/%E3%82%B9%E3%83%86%E3%83%83%E3%83%97%E3%83%A1%E3%83%BC%E3%83%AB"
    )
    assert found.json["list"] == made
    assert make(api, path, "ステップメール").status == 400
    assert api("GET", f"{path}/object-type-id/0-1/name/none").status == 404
    assert api("GET", f"{path}/{made['listId']}").json["list"]["processingType"] == "MANUAL"


def test_members_are_told_in_the_order_in_which_they_came(api: Api, sandbox: SandboxHandle) -> None:
    made = make(api, LISTS[1], "一覧").json["list"]["listId"]
    people = [api.contact(email=f"p{number}@b.example") for number in range(5)]
    added = api("PUT", f"{LISTS[1]}/{made}/memberships/add", [*people[:3], "999"])
    assert sorted(added.json["recordsIdsAdded"]) == sorted(people[:3])
    assert added.json["recordIdsMissing"] == ["999"]
    assert api("PUT", f"{LISTS[1]}/{made}/memberships/add", people[:3]).json["recordsIdsAdded"] == []
    sandbox.set_clock(advance_seconds=60)
    api("PUT", f"{LISTS[0]}/{made}/memberships/add", people[3:])
    found: list[str] = []
    after = ""
    while True:
        query = f"limit=2&after={after}" if after else "limit=2"
        page = api("GET", f"{LISTS[1]}/{made}/memberships/join-order?{query}").json
        found += [row["recordId"] for row in page["results"]]
        after = page.get("paging", {}).get("next", {}).get("after", "")
        if not after:
            break
    assert found[:3] == sorted(people[:3], key=int)
    assert sorted(found[3:]) == sorted(people[3:])


def test_an_active_list_is_not_filled_by_hand(api: Api, sandbox: SandboxHandle) -> None:
    contact = api.contact(email="a@b.example")
    made = sandbox.put_list("動的", kind="DYNAMIC")
    assert api("PUT", f"{LISTS[0]}/{made['listId']}/memberships/add", [contact]).status == 400
    sandbox.put_list("動的", add=[contact])
    assert sandbox.lists() == {"動的": [contact]}


@pytest.mark.parametrize("path", SEQUENCES)
def test_a_contact_is_in_one_sequence_at_a_time(api: Api, sandbox: SandboxHandle, path: str) -> None:
    sandbox.build_world(0)
    owner = sandbox.owners()[0]
    contact = api.contact(email="a@b.example")
    (found,) = api("GET", f"{path}?userId={owner['userId']}").json["results"]
    body = {"sequenceId": found["id"], "contactId": contact, "senderEmail": owner["email"]}
    call = f"{path}/enrollments?userId={owner['userId']}"
    assert api("GET", f"{path}/enrollments/contact/{contact}").status == 404
    assert api("POST", call, {**body, "senderEmail": "else@b.example"}).status == 400
    assert api("POST", call, body).json["toEmail"] == "a@b.example"
    assert api("POST", call, body).status == 400
    shown = api("GET", f"{path}/enrollments/contact/{contact}").json
    assert (shown["sequenceName"], shown["enrolledByEmail"]) == (found["name"], owner["email"])


def test_sequences_need_a_seat_and_may_be_somebodys_own(api: Api, sandbox: SandboxHandle) -> None:
    sandbox.build_world(0)
    first, second = sandbox.owners()[:2]
    sandbox.put_sequence("私の", user_id=first["userId"])

    def names(owner: dict[str, Any]) -> set[str]:
        return {row["name"] for row in api("GET", f"{SEQUENCES[0]}?userId={owner['userId']}").json["results"]}

    assert names(first) - names(second) == {"私の"}
    assert api("GET", SEQUENCES[0]).status == 400
    sandbox.settings(sequences_available=False)
    assert api("GET", f"{SEQUENCES[0]}?userId={first['userId']}").status == 403
