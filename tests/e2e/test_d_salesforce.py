"""D3 to D9 on Salesforce alone: people's moves, moves back and aside, leads that come again, customers who come back,
people who move, and content by phase. (D1 and D2: `test_f2_f4_salesforce.py`.)"""

from __future__ import annotations

from datetime import timedelta

from connector.sync.announcing import announce, announce_slice
from tests.e2e.command_line import CommandLine
from tests.e2e.org_people import (
    HEARD,
    calls,
    edit,
    field_sales_gets,
    its_deals,
    new_lead,
    new_sal,
    now,
    open_tasks,
    subjects,
)
from tests.e2e.salesforce_relay import SalesforceRelay
from tests.e2e.website import submits

AGAIN = "掘り起こし: "
REFUSED = "「リード」への移動を元に戻しました: 先に「差し戻し理由」を入力してください"


def stage(relay: SalesforceRelay, person: str) -> str:
    return str(relay.fields(person)["TasukiStage__c"])


def listening(relay: SalesforceRelay) -> SalesforceRelay:
    relay.meet()
    relay.listen()
    return relay


def later(relay: SalesforceRelay, **span: float) -> None:
    relay.pass_time(**span)
    relay.hear_and_settle()


def test_d3_d4_people_move_leads_forward_and_back_with_a_reason(salesforce_relay: SalesforceRelay) -> None:
    relay = listening(salesforce_relay)
    cli = CommandLine.of(relay)
    rep = min(relay.pool("sdr"))
    # D3: a move forward is the person's, with all that it brings.
    moved = new_lead(relay, "suzuki@example.jp")
    relay.pass_time(seconds=2)
    relay.org.edit(moved, {"TasukiStage__c": "MQL"}, user_id=rep)
    relay.hear_and_settle()
    assert (stage(relay, moved), relay.fields(moved)["Status"]) == ("MQL", "Working - Contacted")
    assert len(open_tasks(relay, moved)) >= 1, "the MQL's call"
    last = cli.json("explain", moved)["history"][0]
    name = relay.fields(rep)["Name"]
    assert (last["stage"], last["moved_by"], last["person_name"]) == ("mql", "person", name)
    # a move back without a reason is taken back, and the rep sees why
    relay.pass_time(seconds=2)
    edit(relay, moved, TasukiStage__c="リード")
    assert (stage(relay, moved), relay.fields(moved)["TasukiRefusedMove__c"]) == ("MQL", REFUSED)
    # D4: with its reason it is the person's, and counted
    relay.pass_time(seconds=2)
    relay.org.messages(paused=True)  # no message tells of it: a look finds it, and who it was
    relay.org.edit(moved, {"TasukiRecycleReason__c": "timing", "TasukiStage__c": "リード"}, user_id=rep)
    relay.pass_time(seconds=1)
    relay.reconcile()
    relay.settle()
    relay.org.messages(paused=False)
    relay.hear_and_settle()
    shown = relay.fields(moved)
    assert (shown["TasukiStage__c"], shown["TasukiTimesSentBack__c"]) == ("リード", 1)
    assert not shown.get("TasukiRefusedMove__c"), "the lead has gone on"
    last = cli.json("explain", moved)["history"][0]
    assert (last["stage"], last["moved_by"], last["person_name"], last["reason"]) == ("lead", "person", name, "timing")

    # D4: returned to marketing, the answer waits for its reason; then aside from field sales, by the contact.
    lead = relay.new_mql()
    edit(relay, lead, TasukiRepDecision__c="returned")
    assert stage(relay, lead) == "MQL"
    edit(relay, lead, TasukiRecycleReason__c="budget")
    shown = relay.fields(lead)
    assert (shown["TasukiStage__c"], shown["Status"], shown["TasukiTimesSentBack__c"]) == (
        "リード", "Open - Not Contacted", 1,
    )  # fmt: skip
    later(relay, days=1)
    submits(relay, "yamada@example.co.jp", "inquiry")
    assert not relay.fields(lead).get("TasukiRepDecision__c"), "the next round is asked anew"
    edit(relay, lead, TasukiRepDecision__c="accepted", TasukiAuthority__c="influences")
    contact = field_sales_gets(relay, lead)
    edit(relay, contact, TasukiRecycleReason__c="timing")
    shown = relay.fields(contact)
    assert (shown["TasukiStage__c"], shown["TasukiTimesSentBack__c"]) == ("リサイクル", 2)
    told = cli.json("explain", contact)["history"]
    assert [(one["stage"], one["transition"], one["reason"]) for one in reversed(told)] == [
        ("lead", None, None), ("mql", "to_mql_act", None), ("lead", "back_to_marketing", "budget"),
        ("mql", "to_mql_act", None), ("sal", "accept", None), ("sql", "qualify", None),
        ("recycled", "return", "timing"),
    ]  # fmt: skip
    # and it is never lost: it comes again with a task, whatever happens
    later(relay, days=90)
    assert stage(relay, contact) == "リード"
    assert any(one.startswith(AGAIN) and "時期が合わない" in one for one in subjects(relay, contact))


def test_d5_each_reason_has_its_way_back(salesforce_relay: SalesforceRelay) -> None:
    relay = listening(salesforce_relay)
    lead = {
        reason: relay.new_mql(f"p{number}@example{number}.co.jp", Company=f"会社{number}", **values)
        for number, (reason, values) in enumerate(
            {
                "timing": {},
                "no_reply": {},
                "competitor": {"TasukiRenewalOn__c": f"{now(relay) + timedelta(days=80):%Y-%m-%d}"},
                "function": {"TasukiProductInterest__c": "core"},
                "price": {"TasukiProductInterest__c": "core"},
            }.items()
        )
    }
    other = relay.new_mql("p9@example9.co.jp", Company="会社9", TasukiProductInterest__c="option")
    edit(relay, lead["no_reply"], TasukiRecycleReason__c="no_reply")
    assert stage(relay, lead["no_reply"]) == "MQL", "nobody is given up before three attempts"
    assert relay.fields(lead["no_reply"])["TasukiHeldReason__c"]
    for _ in range(3):
        calls(relay, lead["no_reply"], "不通")
    for reason, one in {**lead, "function ": other}.items():
        if stage(relay, one) == "MQL":
            edit(relay, one, TasukiRecycleReason__c=reason.strip())
    everybody = [*lead.values(), other]
    assert [stage(relay, one) for one in everybody] == ["リサイクル"] * 6
    assert [open_tasks(relay, one) for one in everybody] == [[]] * 6

    announce(relay.tenant, "new_feature", about="core", everybody=False, note="夏のリリース")
    while announce_slice(relay.tenant):
        pass
    relay.hear_and_settle()
    back = [lead["function"]]
    assert [one for one in everybody if stage(relay, one) == "リード"] == back, "who waits for this product's"
    assert any(one.startswith(AGAIN) and "前回: 機能不足" in one for one in subjects(relay, back[0]))
    for days, reason, why in (
        (21, "competitor", "競合を採用"),
        (70, "timing", "時期が合わない"),
        (90, "no_reply", "反応なし"),
    ):
        later(relay, days=days)
        back.append(lead[reason])
        assert {one for one in everybody if stage(relay, one) == "リード"} == set(back), reason
        assert any(f"前回: {why}" in one for one in subjects(relay, lead[reason]))


def test_d6_d8_customers_come_back_and_other_end_points(salesforce_relay: SalesforceRelay) -> None:
    relay = listening(salesforce_relay)
    student = relay.new_mql("gakusei@other.example", Company="大学")
    edit(relay, student, TasukiDiscardReason__c="student")
    shown = relay.fields(student)
    assert (shown["TasukiStage__c"], shown["Status"], open_tasks(relay, student)) == (
        "対象外", "Closed - Not Converted", [],
    )  # fmt: skip

    # D8: a small deal stays with the inside-sales person; who goes along is reminded the day before.
    small = new_sal(relay, "kogata@small.example", Company="小型")
    rep = relay.fields(small)["OwnerId"]
    bought = field_sales_gets(relay, small, TasukiClosingBy__c="inside_sales")
    (deal,) = its_deals(relay, bought)
    assert (deal["OwnerId"], deal["TasukiIsOwner__c"]) == (rep, rep)
    assert rep in relay.pool("sdr")
    lead = new_sal(relay, "yamada@example.co.jp")
    contact = field_sales_gets(relay, lead, TasukiClosingBy__c="accompany", TasukiPartner__c="東日本販売")
    (deal,) = its_deals(relay, contact)
    assert deal["OwnerId"] in relay.pool("fs_east")
    meeting = (now(relay) + timedelta(days=14)).isoformat(timespec="seconds")
    edit(relay, deal["Id"], TasukiMeetingAt__c=meeting)
    assert not [one for one in subjects(relay, contact) if "帯同" in one]
    later(relay, days=13, hours=1)
    (task,) = [one for one in open_tasks(relay, contact) if "帯同" in one["Subject"]]
    assert task["OwnerId"] == relay.fields(contact)["OwnerId"]

    # D8: won, customer success and the partner are told, each with what they have to know.
    edit(relay, deal["Id"], StageName="Closed Won")
    assert stage(relay, contact) == "顧客"
    tasks = {one["Subject"].partition(":")[0]: one for one in open_tasks(relay, contact)}
    assert tasks["受注引き継ぎ"]["OwnerId"] in relay.pool("customer_success")
    assert "課題: 見積書の作成に毎月40時間かかる" in tasks["受注引き継ぎ"]["Description"]
    assert "東日本販売" in tasks["パートナー引き継ぎ"]["Subject"]

    # D6: the discarded stay out whatever they do; a customer's wish for more comes back to inside sales.
    later(relay, days=30)
    submits(relay, "gakusei@other.example", "inquiry")
    submits(relay, "yamada@example.co.jp", "upsell")
    assert (stage(relay, student), open_tasks(relay, student)) == ("対象外", []), "never for discarded leads"
    assert stage(relay, contact) == "MQL"
    assert relay.fields(contact)["OwnerId"] in relay.pool("sdr")
    assert any(one.startswith("追加相談") for one in subjects(relay, contact))
    edit(relay, contact, TasukiRepDecision__c="accepted")
    assert stage(relay, contact) == "SQL", "what is known of the customer still holds"
    first, second = its_deals(relay, contact)
    assert (first["Id"], first["StageName"], second["StageName"]) == (deal["Id"], "Closed Won", "Prospecting")
    edit(relay, second["Id"], StageName="Closed Won")
    stages = [one["stage"] for one in CommandLine.of(relay).json("explain", contact)["history"]]
    assert stages.count("customer") == 2


def test_d7_d9_people_who_move_and_content_by_phase(salesforce_relay: SalesforceRelay) -> None:
    relay = listening(salesforce_relay)
    # D7: a new employer closes the round and starts another; what was heard at the former one is forgotten.
    lead = new_sal(relay)
    edit(relay, lead, **HEARD)
    assert relay.fields(lead)["TasukiScore__c"] == 45
    edit(relay, lead, Email="yamada@gmail.com")
    assert stage(relay, lead) == "SAL", "a private address is no employer"
    edit(relay, lead, Email="yamada@newjob.example")
    shown = relay.fields(lead)
    assert (shown["TasukiStage__c"], shown["TasukiScore__c"]) == ("リード", 0)
    assert not {"TasukiNeed__c", "TasukiBackground__c", "TasukiAuthority__c"} & shown.keys()
    assert any("転職" in one for one in subjects(relay, lead))
    kept = {row["field"]: row["lost"] for row in relay.kept_values()}
    assert kept["TasukiBackground__c"] == HEARD["TasukiBackground__c"], "nothing is lost without a trace"
    told = CommandLine.of(relay).json("explain", lead)["history"]
    assert [(one["stage"], one["transition"], one["reason"]) for one in told[:2]] == [
        ("lead", "new_employer", None), ("discarded", "new_employer", "left_company"),
    ]  # fmt: skip
    # somebody who waits gets a new position
    waits = relay.new_mql("suzuki@example.jp", LastName="鈴木", Title="課長")
    edit(relay, waits, TasukiRecycleReason__c="authority")
    edit(relay, waits, Title="部長")
    assert any("役職が変わりました: 鈴木様 部長" in one for one in subjects(relay, waits))

    # D9: each phase has its content while the band stays low; D7: half a year without any behaviour is dormant.
    sleeper = new_lead(relay, "sato@example.com")

    def shows() -> tuple[str, str]:
        fields = relay.fields(sleeper)
        return fields["TasukiPhase__c"], fields["TasukiBand__c"]

    def asks(content: str) -> bool:
        return any(content in one for one in subjects(relay, sleeper))

    assert (shows(), asks("比較表と事例のご案内")) == (("gathering", "low"), False)
    edit(relay, sleeper, TasukiTimeline__c="within_6m")
    assert (shows(), asks("比較表と事例のご案内")) == (("comparing", "low"), True), "the same points, another phase"
    edit(relay, sleeper, TasukiTimeline__c=None)
    assert (shows(), asks("新しい情報のご案内")) == (("gathering", "low"), False)
    later(relay, days=179)
    assert shows() == ("gathering", "low")
    later(relay, days=2)
    assert (shows(), asks("新しい情報のご案内")) == (("dormant", "low"), True)
    submits(relay, "sato@example.com", "document_request")
    assert shows()[0] == "gathering"
