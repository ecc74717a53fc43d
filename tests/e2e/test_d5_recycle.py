"""D5: each reason has its re-approach rule: after days, on an event, on a date; announcements wake so many a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connector.errors import UsageError
from connector.store import announcements
from connector.store.announcements import Announcement
from connector.sync.announcing import announce, announce_slice
from tests.e2e.command_line import CommandLine
from tests.e2e.conftest import MakeRelay
from tests.e2e.handover import ahead, edit
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay
from tests.e2e.test_e13_calls import log

AGAIN = "掘り起こし"


@pytest.fixture
def relay(make_relay: MakeRelay, tmp_path: Path) -> Relay:
    made = make_relay(policy=changed_policy(tmp_path / "p", "signals.yaml", few="per_day: 20 => per_day: 2"))
    made.listen()
    return made


def _recycled(relay: Relay, reason: str, number: int = 0, **values: str) -> str:
    contact = relay.new_mql(f"p{number}@example{number}.co.jp", **values)
    for _ in range(3 if reason == "no_reply" else 0):  # nobody is given up before
        log(relay, "calls", contact)
    edit(relay, contact, tasuki_recycle_reason=reason)
    assert relay.lead(contact)["stage"] == "recycled"
    assert relay.contact(contact)["hs_lead_status"] == "BAD_TIMING"
    return contact


def _stage(relay: Relay, contact: str) -> str:
    return str(relay.lead(contact)["stage"])


def _days(relay: Relay, days: int) -> None:
    relay.pass_time(days=days)
    relay.settle()


def _turn(relay: Relay) -> int:
    """The worker's job, until it finds nothing to do."""
    total = 0
    while found := announce_slice(relay.tenant):
        total += found
    relay.hear_and_settle()
    return total


def _listed(relay: Relay) -> list[Announcement]:
    with relay.database.transaction(relay.installation_id) as conn:
        return announcements.listed(conn)


def test_each_reason_has_its_time_or_date_and_its_task_says_why(relay: Relay) -> None:
    waits = {"timing": (90, "時期が合わない"), "no_reply": (180, "反応なし"), "price": (365, "価格")}
    contacts = {reason: _recycled(relay, reason, number) for number, reason in enumerate(waits)}
    renewal = f"{ahead(relay, days=216):%Y-%m-%d}"
    rival = _recycled(relay, "competitor", 3, tasuki_renewal_on=renewal)
    assert [relay.open_tasks(one) for one in (*contacts.values(), rival)] == [[]] * 4
    gone = 0
    for reason, (days, label) in waits.items():
        _days(relay, days - 1 - gone)
        assert _stage(relay, contacts[reason]) == "recycled"
        _days(relay, 1)
        assert _stage(relay, contacts[reason]) == "lead"
        gone = days
        (task,) = [one for one in relay.open_tasks(contacts[reason]) if AGAIN in one["hs_task_subject"]]
        assert f"前回: {label}" in task["hs_task_subject"]
        assert relay.contact(contacts[reason])["lifecyclestage"] == "lead"
        assert (_stage(relay, rival) == "lead") is (days > 156), "sixty days before the contract ends"


def test_a_new_feature_wakes_those_who_wait_for_it_so_many_a_day_the_oldest_first(relay: Relay) -> None:
    waiting = [_recycled(relay, "function", number, tasuki_product="core") for number in range(3)]
    other = _recycled(relay, "function", 3, tasuki_product="option")
    price = _recycled(relay, "price", 4, tasuki_product="core")
    _days(relay, 10)
    announce(relay.tenant, "new_feature", about="core", everybody=False, note="夏のリリース")
    late = _recycled(relay, "function", 5, tasuki_product="core")
    assert _turn(relay) == 2
    assert [_stage(relay, one) for one in waiting] == ["lead", "lead", "recycled"]
    (task,) = [one for one in relay.open_tasks(waiting[0]) if AGAIN in one["hs_task_subject"]]
    assert "前回: 機能不足" in task["hs_task_subject"]
    assert _turn(relay) == 0, "the day is full"
    _days(relay, 1)
    assert _turn(relay) == 1
    assert [_stage(relay, one) for one in waiting] == ["lead", "lead", "lead"]
    assert [_stage(relay, one) for one in (other, price, late)] == ["recycled"] * 3
    (listed,) = _listed(relay)
    assert (listed.about, listed.note) == ("core", "夏のリリース")
    assert listed.ended_at is not None, "nobody waits for it any more"
    assert len(relay.rows("SELECT 1 FROM signal WHERE kind = 'new_feature'")) == 3


def test_an_announcement_goes_on_where_a_dead_worker_left_it(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [_recycled(relay, "price", number) for number in range(2)]
    announce(relay.tenant, "new_price_plan", about=None, everybody=False, note="")

    def dies(*_: Any, **__: Any) -> None:
        raise RuntimeError("the worker died")

    with monkeypatch.context() as patch:
        patch.setattr("connector.store.leads.mark_due", dies)
        with pytest.raises(RuntimeError):
            announce_slice(relay.tenant)
    assert relay.rows("SELECT 1 FROM signal WHERE kind = 'new_price_plan'") == []
    assert _turn(relay) == 2
    assert [_stage(relay, one) for one in waiting] == ["lead", "lead"]


def test_on_the_command_line_it_is_announced_listed_and_stopped(relay: Relay) -> None:
    contacts = [_recycled(relay, "price", number) for number in range(3)]
    cli = CommandLine.of(relay)
    relay.pass_time(seconds=1)
    made = cli.json("announce", "new_price_plan", "--note", "値下げ")
    assert (made["waiting"], made["per_day"]) == (3, 2)
    assert _turn(relay) == 2
    (listed,) = cli.json("announcements")
    assert (listed["woken"], listed["waiting"], listed["ended_at"]) == (2, 1, None)
    (listed,) = cli.json("announcements", "--stop", made["id"])
    assert (listed["waiting"], listed["note"]) == (0, "値下げ")
    _days(relay, 1)
    assert _turn(relay) == 0
    assert [_stage(relay, one) for one in contacts] == ["lead", "lead", "recycled"]
    again = cli.run("announcements", "--stop", made["id"])
    assert (again.exit_code, "no announcement" in again.stderr) == (3, True)


def test_what_cannot_be_announced(relay: Relay) -> None:
    wrong: list[tuple[str, str | None, bool, str]] = [
        ("inquiry", None, False, "new_feature, new_price_plan"),
        ("new_feature", None, False, "--about VALUE of `product`"),
        ("new_feature", "core", True, "--about VALUE of `product`"),
        ("new_feature", "cor", False, "core, option"),
        ("new_price_plan", "core", False, "leave --about out"),
    ]
    for signal, about, everybody, says in wrong:
        with pytest.raises(UsageError) as caught:
            announce(relay.tenant, signal, about=about, everybody=everybody, note="")
        assert says in caught.value.message
    assert _listed(relay) == []
