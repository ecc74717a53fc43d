"""A4 between two CRMs: who is whom is never guessed; merges, deletions, restores and new addresses are followed, and
nothing that is told late brings anything back."""

from __future__ import annotations

import pytest

from connector.store import connections
from connector.sync import evaluate
from connector.sync.deciding import ToRead
from connector.sync.sweep import sweep_due, waits_for_names
from tests.e2e.both_relay import BothRelay
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeBoth
from tests.e2e.relay import INQUIRY

EMAIL = "yamada@example.co.jp"


@pytest.fixture
def relay(both: BothRelay) -> BothRelay:
    both.meet()
    both.listen()
    return both


def person(**values: str) -> dict[str, str]:
    return {"LastName": "山田", "Company": "サンプル", "Email": EMAIL} | values


def leads(relay: BothRelay) -> int:
    """How many people we take them for."""
    (row,) = relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL")
    return int(row["n"])


def test_of_several_nobody_is_chosen_until_a_person_says_who(relay: BothRelay) -> None:
    first, second = (relay.org.create("Lead", person(FirstName=name)) for name in ("花子", "太郎"))
    contact = str(relay.sandbox.create("contacts", {"email": EMAIL, "lastname": "山田"})["id"])
    relay.hear_and_settle()
    assert leads(relay) == 3
    assert "firstname" not in relay.contact(contact)
    cli = CommandLine.of(relay)
    pairs = {frozenset(one["records"] + one["other_records"]): one for one in cli.json("identity", "list")}
    hanako = pairs[frozenset((f"hubspot:{contact}", f"salesforce:{first}"))]
    assert (hanako["rule"], hanako["reason"]) == ("email", "several")
    assert frozenset((f"hubspot:{contact}", f"salesforce:{second}")) in pairs
    taro = pairs[frozenset((f"hubspot:{contact}", f"salesforce:{second}"))]
    assert cli.json("identity", "refuse", taro["pair"]) == {"refused": [taro["pair"]], "not_waiting": []}
    assert cli.json("identity", "accept", hanako["pair"]) == {"accepted": [hanako["pair"]], "not_waiting": []}
    assert cli.run("identity", "accept", hanako["pair"]).exit_code == 1, "it waits no more"
    relay.hear_and_settle()
    assert leads(relay) == 2
    assert relay.contact(contact)["firstname"] == "花子"
    relay.org.edit(second, {"FirstName": "次郎"})
    relay.hear_and_settle()
    assert relay.contact(contact)["firstname"] == "花子", "two people stay two"


def test_deletions_restores_merges_and_new_addresses_are_followed(relay: BothRelay) -> None:
    contact = str(relay.sandbox.create("contacts", {"email": EMAIL, "lastname": "山田"})["id"])
    lead = relay.org.create("Lead", person())
    relay.hear_and_settle()
    assert leads(relay) == 1

    relay.sandbox.edit("contacts", contact, {"email": "hanako@new.example"})
    relay.hear_and_settle()
    assert relay.fields(lead)["Email"] == "hanako@new.example", "a new address parts nobody"

    relay.sandbox.delete("contacts", contact)
    relay.hear_and_settle()
    assert leads(relay) == 1, "the other half lives"
    relay.org.edit(lead, {"FirstName": "花子"})
    relay.hear_and_settle()
    relay.sandbox.redeliver_webhooks(last=50)
    relay.hear_and_settle()
    standing = [one for one in relay.sandbox.records("contacts") if not one["archived"]]
    assert standing == [], "what people deleted is not made again, and no late event brings it back"

    relay.sandbox.restore("contacts", contact)
    relay.hear_and_settle()
    assert relay.contact(contact)["firstname"] == "花子"

    other = relay.org.create("Lead", person(Email="hanako2@new.example", City="Osaka"))
    relay.hear_and_settle()
    assert leads(relay) == 2
    relay.org.merge(lead, other)
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM link WHERE vendor_id = %s", [lead]) == [{"n": 1}]
    relay.org.edit(lead, {"FirstName": "はなこ"})
    relay.hear_and_settle()
    assert relay.contact(contact)["firstname"] == "はなこ"


def test_who_is_made_by_a_form_meets_the_lead_that_salesforce_has(relay: BothRelay) -> None:
    lead = relay.org.create("Lead", person())
    relay.hear_and_settle()
    submitted = relay.sandbox.submit(INQUIRY, {"email": EMAIL, "lastname": "山田", "jobtitle": "部長"})
    relay.poll()
    relay.hear_and_settle()
    assert leads(relay) == 1
    there = relay.fields(lead)
    assert (there["Title"], there["TasukiGrade__c"], there["TasukiScore__c"]) == ("部長", "B", 40.0)
    assert relay.contact(str(submitted["contact_id"]))["tasuki_grade"] == "B"
    assert len(relay.people_of_org()) == 1


def test_who_is_in_the_crm_that_is_connected_later_is_known_before_anything_is_decided(make_both: MakeBoth) -> None:
    """Their halves are met once everybody has a name by which they can be found: none is decided alone."""
    relay = make_both(org_later=True)
    relay.meet()
    contact = str(relay.sandbox.create("contacts", {"email": EMAIL, "lastname": "山田"})["id"])
    relay.listen()
    relay.sandbox.submit(INQUIRY, {"email": EMAIL})
    relay.poll()
    relay.settle()
    assert relay.contact(contact)["tasuki_score"] == "40"
    there = relay.org.create("Lead", person(FirstName="花子"))
    relay.connect_org()
    assert waits_for_names(relay.org_line)
    assert not waits_for_names(relay.line)
    relay.walk()
    relay.sandbox.submit(INQUIRY, {"email": "new@later.example"})
    relay.poll()
    assert relay.rows("SELECT generation FROM lead ORDER BY id DESC LIMIT 1") == [{"generation": -1}]
    assert sweep_due(relay.org_line)  # who comes meanwhile is not waited for
    relay.settle()
    relay.meet()
    relay.hear_and_settle()
    assert leads(relay) == 2
    assert relay.rows("SELECT id FROM lead WHERE gone = 'merged' AND evaluated_at IS NOT NULL") == []
    assert relay.contact(contact)["firstname"] == "花子"
    assert relay.fields(there)["TasukiScore__c"] == 40.0


def test_a_paused_first_crm_does_not_hold_up_the_first_look_at_the_second(make_both: MakeBoth) -> None:
    """Who is to be read there before anything is decided waits for that; by what names they are found is known."""
    relay = make_both(org_later=True)
    relay.meet()
    contact = str(relay.sandbox.create("contacts", {"email": EMAIL, "lastname": "山田"})["id"])
    relay.listen()
    relay.sandbox.submit(INQUIRY, {"email": EMAIL})
    relay.poll()
    relay.settle()
    lead_id, decide_case = relay.lead(contact)["id"], evaluate.decide_case
    there = relay.org.create("Lead", person(FirstName="花子"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            evaluate,
            "decide_case",
            lambda tenant, due, case, *args, **rest: (
                ToRead(urgent=False) if case.row.id == lead_id else decide_case(tenant, due, case, *args, **rest)
            ),
        )
        with relay.database.transaction(relay.installation_id) as conn:
            connections.pause(conn, relay.connection_id, reason="token_refused", seconds=None)
            conn.execute("UPDATE lead_due SET due_at = now() WHERE lead_id = %s", [lead_id])
        relay.settle()
        waiting = "SELECT lead_id FROM lead_due WHERE claimed_until = 'infinity'"
        assert relay.rows(waiting) == [{"lead_id": lead_id}]
        relay.connect_org()
        relay.walk()
        assert relay.rows(waiting) == [{"lead_id": lead_id}], "it is still to be read first"
        assert relay.rows("SELECT DISTINCT lead_id FROM identity_key") == [{"lead_id": lead_id}]
        assert sweep_due(relay.org_line)
    relay.meet()
    relay.settle()
    assert relay.lead(there)["id"] == relay.lead(contact)["id"]
    assert relay.rows("SELECT id FROM lead WHERE gone = 'merged' AND evaluated_at IS NOT NULL") == []
