"""B3: what people type in many ways is one value for the rules, and stands in one form where Tasuki writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson

from tests.e2e.both_relay import TWO_CRMS, BothRelay
from tests.e2e.conftest import MakeBoth

PREFECTURE = (
    "  prefecture: {label: 都道府県, type: text, tidy: prefecture_jp, hubspot: contact.state,"
    " salesforce: [Lead.State, Contact.MailingState]}\n"
)
KNOWN = (
    "      - {id: known, when: {all: [{company_name: 株式会社サンプル}, {prefecture: 東京都}, {postcode: 100-0005},"
    " {job_title: IT部 マネージャー}]}, points: 7}\n"
)


def _policy(folder: Path) -> Path:
    """The test's policy with a prefecture, and a rule that knows one form of everything."""
    shutil.copytree(TWO_CRMS, folder)
    fields, scoring = folder / "fields.yaml", folder / "scoring.yaml"
    fields.write_text(fields.read_text("utf-8").replace("  temperature:\n", f"{PREFECTURE}  temperature:\n"), "utf-8")
    scoring.write_text(scoring.read_text("utf-8").replace("ratings:\n", f"{KNOWN}ratings:\n"), "utf-8")
    return folder


def _people(relay: BothRelay) -> dict[str, dict[str, str]]:
    found = [one["properties"] for one in relay.sandbox.records("contacts") if not one["archived"]]
    return {one["email"]: one for one in (relay.contact(row["hs_object_id"]) for row in found)}


def test_one_form_for_the_rules_and_for_what_is_written(make_both: MakeBoth, tmp_path: Path) -> None:
    relay = make_both(policy=_policy(tmp_path / "tidied"))
    relay.meet()
    relay.listen()
    typed = {
        "LastName": "　髙﨑　",
        "FirstName": "花子 ",
        "Company": "㈱ サンプル",
        "Email": "Hanako.Takasaki@Example.co.jp",
        "Phone": "０３ー１２３４ー５６７８",
        "PostalCode": "〒100ー0005",
        "State": "Tokyo",
        "Title": "ＩＴ部　ﾏﾈｰｼﾞｬｰ",
    }
    lead = relay.org.create("Lead", typed)
    before = {name: relay.fields(lead)[name] for name in typed}
    relay.hear_and_settle()
    assert relay.fields(lead)["TasukiScore__c"] == 7.0, "the rule knows every spelling"
    assert {name: relay.fields(lead)[name] for name in typed} == before, "where people typed it, it stays"
    tidied = {
        "lastname": "髙﨑",
        "firstname": "花子",
        "phone": "+81312345678",
        "zip": "100-0005",
        "state": "東京都",
        "jobtitle": "IT部 マネージャー",
    }
    shown = _people(relay)["hanako.takasaki@example.co.jp"]
    assert {name: shown[name] for name in tidied} == tidied

    # Somebody types the same otherwise: one value still, so nothing is written anywhere.
    mark, org_mark = relay.mark(), relay.org_mark()
    relay.pass_time(seconds=2)
    relay.org.edit(lead, {"Phone": "+81 3-1234-5678", "State": "東京", "Company": "(株)サンプル"})
    relay.hear_and_settle()
    assert (relay.our_writes(since=mark), relay.org_writes(since=org_mark)) == ([], [])

    # A form of the website: what we make is tidy, and another spelling of the address is the same person.
    fields = {"last_name": "田中　", "phone": "03(1234)9999", "postcode": "1000006"}
    for number, email in enumerate(("Tanaka@Example.jp", "tanaka@example.JP")):
        form = {"id": f"f{number}", "form": "anything", "email": email, "fields": fields}
        relay.deliver(orjson.dumps(form), "form:site")
    relay.hear_and_settle()
    tanaka = _people(relay)["tanaka@example.jp"]
    assert (tanaka["lastname"], tanaka["phone"], tanaka["zip"]) == ("田中", "+81312349999", "100-0006")
    assert len(_people(relay)) == 2
