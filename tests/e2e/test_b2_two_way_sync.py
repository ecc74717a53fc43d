"""B2 between two CRMs: one person in both is one lead, and what changes in either stands in both."""

from __future__ import annotations

from connector.store import inspection, people
from connector.store.clock import BusinessClock
from connector.sync.colleagues import every_id, everybody
from connector.sync.granting import members_of
from connector.sync.replaying import pool_people
from tests.e2e.activities import CONNECTED, log
from tests.e2e.both_relay import BothRelay
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeBoth
from tests.e2e.relay import INQUIRY, POLICY


def test_one_person_in_both_crms(both: BothRelay) -> None:
    relay = both
    relay.meet()
    relay.listen()
    person = {"email": "yamada@example.co.jp", "lastname": "山田", "phone": "03-1234-5678", "jobtitle": "課長"}
    contact = str(relay.sandbox.create("contacts", person)["id"])
    lead = relay.org.create(
        "Lead",
        {
            "LastName": "山田",
            "FirstName": "花子",
            "Company": "株式会社サンプル",
            "Email": "Yamada@Example.co.jp",
            "Phone": "０３（１２３４）５６７８",
            "Title": "部長",
            "Rating": "Hot",
        },
    )
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL") == [{"n": 1}]
    shown, there = relay.contact(contact), relay.fields(lead)
    assert (shown["firstname"], shown["tasuki_temperature"]) == ("花子", "hot")
    assert (shown["jobtitle"], there["Title"]) == ("課長", "課長"), "HubSpot wins, Salesforce's is lost with a word"
    assert ("job_title", "wins.hubspot", "部長") in {(o["field"], o["rule"], o["lost"]) for o in relay.kept_values()}
    cli = CommandLine.of(relay)
    (given_way,) = [one for one in cli.json("explain", contact)["lost_values"] if one["field"] == "job_title"]
    assert (given_way["kept"], given_way["lost"], given_way["rule"]) == ("課長", "部長", "wins.hubspot")
    printed = cli.run("explain", contact, COLUMNS="200").stdout
    assert "Values that gave way" in printed
    assert "both sides changed it (wins: hubspot)" in printed
    japanese = cli.run("explain", contact, TASUKI_LANG="ja", COLUMNS="200").stdout
    assert "採用されなかった値(新しい順)" in japanese
    assert "両方で変わった(wins: hubspot)" in japanese
    assert (shown["phone"], there["Phone"]) == ("03-1234-5678", "０３（１２３４）５６７８"), "each its spelling"
    assert (shown["tasuki_score"], there["TasukiScore__c"]) == ("20", 20.0)

    mark, org_mark = relay.mark(), relay.org_mark()
    relay.hear_and_settle()
    assert (relay.our_writes(since=mark), relay.org_writes(since=org_mark)) == ([], [])

    relay.sandbox.edit("contacts", contact, {"zip": "1000005"})
    relay.org.edit(lead, {"Rating": "Cold"})
    relay.hear_and_settle()
    assert relay.fields(lead)["PostalCode"] == "100-0005"
    assert relay.contact(contact)["tasuki_temperature"] == "cold"
    assert len(relay.our_writes(since=mark)) == 1
    assert len(relay.org_writes(since=org_mark)) == 1


def test_what_people_log_in_one_crm_shows_in_the_other_and_counts_once(both: BothRelay) -> None:
    relay = both
    relay.meet()
    relay.listen()
    email = "yamada@example.co.jp"
    contact = str(relay.sandbox.create("contacts", {"email": email, "lastname": "山田"})["id"])
    lead = relay.org.create("Lead", {"LastName": "山田", "Company": "サンプル", "Email": email})
    relay.hear_and_settle()
    log(relay, "calls", contact, hs_call_disposition=CONNECTED, hs_call_duration="240000")
    relay.org.create(
        "Task",
        {"WhoId": lead, "Subject": "架電", "TaskSubtype": "Call", "Status": "Completed", "CallDisposition": "不通"},
    )
    for _ in range(3):  # looks overlap: what says nothing is looked at again for two minutes
        relay.hear()
        relay.settle()
    (there,) = [one["fields"] for one in relay.org.records("Task") if one["fields"].get("TasukiKey__c")]
    assert (there["WhoId"], there["Subject"], there["Status"]) == (lead, "電話 (HubSpot)", "Completed")
    (here,) = [one["properties"] for one in relay.sandbox.records("notes") if not one["archived"]]
    assert "電話 (Salesforce)" in here["hs_note_body"]
    assert "不通" in here["hs_note_body"]
    assert (relay.contact(contact)["tasuki_score"], relay.fields(lead)["TasukiScore__c"]) == ("10", 10.0)
    relay.pass_time(minutes=20)
    relay.hear_and_settle()
    ours = [one for one in relay.org.records("Task") if one["fields"].get("TasukiKey__c")]
    assert len(ours) == 1, "a copy is no activity: nothing comes back"


def test_who_is_wanted_in_the_other_crm_is_made_there_once(both: BothRelay) -> None:
    relay = both
    relay.meet()
    relay.listen()
    only_in_org = relay.org.create("Lead", {"LastName": "佐藤", "Company": "サンプル", "Email": "sato@example.co.jp"})
    relay.sandbox.create("contacts", {"email": "cold@example.co.jp", "lastname": "鈴木"})
    relay.hear_and_settle()
    made = relay.sandbox.find("contacts", "email", "sato@example.co.jp")["properties"]
    assert made["lastname"] == "佐藤"
    assert [one["Email"] for one in relay.people_of_org()] == ["sato@example.co.jp"], "a C is not wanted in Salesforce"
    relay.sandbox.submit(INQUIRY, {"email": "cold@example.co.jp", "lastname": "鈴木"})
    relay.poll()
    relay.hear_and_settle()
    (fresh,) = [one for one in relay.people_of_org() if one["Id"] != only_in_org]
    assert (fresh["LastName"], fresh["TasukiGrade__c"], fresh["TasukiScore__c"]) == ("鈴木", "B", 40.0)
    relay.org.delete(fresh["Id"])
    relay.hear_and_settle()
    relay.sandbox.submit(INQUIRY, {"email": "cold@example.co.jp", "lastname": "鈴木"})
    relay.poll()
    relay.hear_and_settle()
    assert len(relay.people_of_org()) == 1, "whom people deleted is not made again"
    assert relay.sandbox.find("contacts", "email", "cold@example.co.jp")["properties"]["tasuki_grade"] == "A"


def test_what_the_other_crm_cannot_hold_is_read_and_never_written(make_both: MakeBoth) -> None:
    """A word that only one CRM knows, and a field that the other one lets nobody write, wait for no person."""
    relay = make_both(policy=POLICY)
    relay.meet()
    relay.listen()
    told = {
        "bank": ("BANKING", None),
        "finance": ("", "Finance"),
        "shop": ("", "Retail"),
        "maker": ("AUTOMOTIVE", None),
    }
    companies, there = {}, {}
    for name, (industry, org_industry) in told.items():
        email = f"{name}@{name}.example.co.jp"
        companies[name] = str(relay.sandbox.create("companies", {"name": name, "industry": industry})["id"])
        associations = [("companies", companies[name])]
        relay.sandbox.create("contacts", {"email": email, "lastname": "山田"}, associations=associations)
        shown = {"LastName": "山田", "Company": name, "Email": email, "HasOptedOutOfEmail": True}
        there[name] = relay.org.create("Lead", shown | ({"Industry": org_industry} if org_industry else {}))
    relay.hear_and_settle()
    assert relay.rows("SELECT count(*) AS n FROM lead WHERE gone IS NULL") == [{"n": len(told)}]
    records = {name: relay.sandbox.record("companies", one)["properties"] for name, one in companies.items()}
    here = {name: one.get("industry") for name, one in records.items()}
    assert here == {"bank": "BANKING", "finance": None, "shop": "RETAIL", "maker": "AUTOMOTIVE"}
    shown = {name: relay.fields(one).get("Industry") for name, one in there.items()}
    assert shown == {"bank": None, "finance": "Finance", "shop": "Retail", "maker": "Manufacturing"}
    assert relay.parked() == []
    assert relay.rows("SELECT vendor_id FROM link WHERE dropped <> '{}'") == []
    with relay.database.transaction(relay.installation_id) as conn:
        words = inspection.other_words(conn, relay.line.connection_id, "company", "industry", known=["AUTOMOTIVE"])
    assert words == {"BANKING": 1, "RETAIL": 1}
    read_only = relay.rows("SELECT capabilities -> 'read_only' AS places FROM connection ORDER BY id")
    assert [row["places"] for row in read_only] == [["contact.hs_email_optout"], []]


def test_a_pool_gives_a_lead_one_owner_in_both_and_counts_each_person_once(make_both: MakeBoth) -> None:
    relay = make_both(policy=POLICY)
    relay.meet()
    relay.listen()
    queue = next(one["id"] for one in relay.org.records("Group") if one["fields"]["Type"] == "Queue")
    names = [f"a{number}@example.co.jp" for number in range(5)]
    relay.pass_time(seconds=2)
    leads: dict[str, str] = {}
    for email in names:  # in Salesforce first, in a queue: nobody's
        shown = {"LastName": "山田", "Company": "サンプル", "Email": email, "OwnerId": queue}
        leads[email] = relay.org.create("Lead", shown)
    relay.hear_and_settle()
    found = [relay.sandbox.submit(INQUIRY, {"email": email, "lastname": "山田"}) for email in names]
    relay.poll()
    relay.hear_and_settle()

    addresses = {one["id"]: one["email"] for one in relay.sandbox.owners()}
    users = {one["id"]: one["fields"].get("Email") for one in relay.org.records("User")}
    here = [addresses.get(relay.contact(str(one["contact_id"]))["hubspot_owner_id"]) for one in found]
    there = [users.get(relay.fields(leads[email])["OwnerId"]) for email in names]
    assert None not in here
    assert here == there
    tenant, routing = relay.tenant, relay.policy.routing
    assert routing is not None
    with relay.database.transaction(relay.installation_id) as conn:
        now = BusinessClock.now(conn)
        members = members_of(tenant, conn, routing.pools["sdr"], everybody(tenant, conn, now), now)
    given = [one.person for one in members]
    assert len(given) == len(set(given)) == len({addresses[one] for one in given})
    assert sum(one.load for one in members) == len(names)
    spread = [one.load for one in members]
    assert max(spread) - min(spread) <= 1, "turns go round by people, not by users"
    with relay.database.transaction(relay.installation_id) as conn:
        assert pool_people(tenant, conn, relay.policy, now)["sdr"] == sorted(given), "a back-test too"
    (other,) = set(every_id(tenant, given[:1])) - set(given)
    _is_away_under_one_id_and_back_under_the_other(relay, given[0], other)


def _is_away_under_one_id_and_back_under_the_other(relay: BothRelay, *ids: str) -> None:
    tasuki = CommandLine.of(relay)
    for one, other in (ids, ids[::-1]):
        with relay.database.transaction(relay.installation_id) as conn:  # of the time before the CRMs were two
            now = BusinessClock.now(conn)
            people.add_absence(conn, relay.installation_id, one, starts_at=now, ends_at=None)
        shown = tasuki.run("people", "back", other)
        assert "back" in shown.output, shown.output
        assert relay.rows("SELECT person FROM absence WHERE ends_at IS NULL") == []
    assert tasuki.run("people", "set", ids[1], "--weight", "1").exit_code == 0
    assert {row["weight"] for row in relay.rows("SELECT weight FROM person")} == {1.0}
