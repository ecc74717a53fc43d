"""What a thousand changed leads cost: whole batches, counted by the sandbox."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connector.cli.demo_proof import rule_of
from connector.jobs import tasks
from connector.jobs.worker import WorkerSettings, run_worker
from connector.sync.context import Limits
from connector.sync.sweep import sweep_slice
from tests.e2e import relay as slices
from tests.e2e.conftest import MakeRelay
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, INQUIRY, MAIL, Relay
from tests.patience import until

LEADS = 1_000

_OUTSTANDING = """
SELECT lead_id FROM link WHERE read_wanted_at IS NOT NULL OR desired_revision > confirmed_revision
UNION
SELECT lead_id FROM lead_due JOIN business_clock ON true WHERE due_at <= anchor_business
"""


def _import_inquiries(relay: Relay, leads: int) -> None:
    """Contacts whose record shows a fresh inquiry, so that each of them needs fields, a stage and a task."""
    now = relay.sandbox.clock()["now"]
    for n in range(10):  # contacts join the company of their mail domain
        relay.sandbox.create(
            "companies", {"name": f"会社{n}", "domain": f"example{n}.co.jp", "numberofemployees": "300"}
        )
    rows = [{"email": f"lead{n}@example{n % 10}.co.jp", "lastname": f"山田{n}"} for n in range(leads)]
    ids = relay.sandbox.import_rows(rows)
    for one in ids:
        shown = {"recent_conversion_event_name": "お問い合わせ", "recent_conversion_date": now}
        relay.sandbox.calculated("contacts", one, shown)


def _pace(relay: Relay, monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
    """Time stands still, and moves by what each slice that `module` runs would take: the same on every machine.

    Deciding is what takes long here, so that a read that waits for 500 decisions is too old to be written on.
    """

    def paced(name: str, seconds: float) -> Callable[..., int]:
        work: Callable[..., int] = getattr(module, name)

        def run(*args: Any, **kwargs: Any) -> int:
            count = work(*args, **kwargs)
            if count:
                relay.pass_time(seconds=seconds * count, rate=0)
            return count

        return run

    for name, seconds in (("read_slice", 0.001), ("evaluate_slice", 0.005), ("deliver_slice", 0.002)):
        monkeypatch.setattr(module, name, paced(name, seconds))
    relay.pass_time(seconds=0.0, rate=0)


def _to_read(relay: Relay, leads: int = LEADS) -> None:
    sweep_slice(relay.line)  # first sight of an empty portal: nothing of it is read later
    relay.listen()
    _import_inquiries(relay, leads)
    relay.hear()
    while relay.runtime.ingest():
        pass
    relay.mark()


def _assert_all_worked(relay: Relay, *rules: str) -> None:
    """Every lead is an MQL, has an owner, and has one task of each of these rules, which is the owner's."""
    people = {row["id"]: row["properties"] for row in relay.sandbox.records("contacts")}
    tasks = relay.live_tasks()
    assert {one["lifecyclestage"] for one in people.values()} == {"marketingqualifiedlead"}
    asked = Counter(
        (contact, rule_of(task["properties"]["tasuki_key"]))
        for task in tasks
        for contact in task["associations"]["contacts"]
    )
    assert asked == dict.fromkeys(((one, rule) for one in people for rule in rules), 1)
    assert len(tasks) == len(people) * len(rules)
    assert all(one["hubspot_owner_id"] for one in people.values())
    for task in tasks:
        (contact,) = task["associations"]["contacts"]
        assert task["properties"]["hubspot_owner_id"] == people[contact]["hubspot_owner_id"]


def test_a_thousand_dirty_leads_cost_ten_reads_ten_updates_and_ten_task_creates(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a lead gets one task; its owner comes with its fields."""
    policy = changed_policy(tmp_path / "one-task", "work.yaml", no_cadence="      - start: mql_first_touch\n => ")
    relay = make_relay(policy=policy, limits=Limits())
    _to_read(relay)
    _pace(relay, monkeypatch, slices)
    relay.settle()
    calls = relay.calls()
    assert calls.pop("contacts.batch_read") <= 10
    assert calls.pop("contacts.batch_update") <= 10
    assert calls.pop("tasks.batch_create") <= 10
    assert calls.pop("companies.batch_read") <= 10
    assert calls.pop("search") == 0
    assert calls.pop("total") <= 40
    assert not calls, "nothing else is called"
    _assert_all_worked(relay, CALL)


@pytest.mark.parametrize("leads", [300, pytest.param(LEADS, marks=pytest.mark.soak)])
def test_with_the_first_mail_of_the_cadence_they_cost_so_many_creates_more(
    make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch, leads: int
) -> None:
    """b2b-ja makes a call and a mail of every MQL: two tasks a lead, a hundred a call; a worker's thousand is below."""
    relay = make_relay(limits=Limits())
    _to_read(relay, leads)
    _pace(relay, monkeypatch, slices)
    relay.settle()
    calls, whole = relay.calls(), leads // 100
    assert calls.pop("contacts.batch_read") <= whole
    assert calls.pop("contacts.batch_update") <= whole
    assert calls.pop("tasks.batch_create") <= 2 * whole
    assert calls.pop("companies.batch_read") <= whole
    assert calls.pop("search") == 0
    assert calls.pop("total") <= 5 * whole
    assert not calls, "nothing else is called"
    _assert_all_worked(relay, CALL, MAIL)


def test_they_cost_a_worker_no_more(make_relay: MakeRelay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs come in the order that the worker gives them, hot reads first: they must not run ahead."""
    relay = make_relay(limits=Limits())
    _to_read(relay)
    _pace(relay, monkeypatch, tasks)
    with _worker(relay):
        until(lambda: not relay.rows(_OUTSTANDING), 300.0, every=0.2)
    calls = relay.calls()
    assert calls["contacts.batch_read"] <= 10
    assert calls["contacts.batch_update"] <= 10
    assert calls["tasks.batch_create"] <= 20
    _assert_all_worked(relay, CALL, MAIL)


@contextmanager
def _worker(relay: Relay) -> Iterator[None]:
    """A worker of one thread in this process, so that its jobs run one after another."""
    jobs, stop = tasks.Jobs(relay.runtime), threading.Event()
    settings = WorkerSettings(concurrency=1)
    running = threading.Thread(
        target=run_worker,
        args=[relay.database.dsn, jobs.tasks()],
        kwargs={"settings": settings, "on_wake": jobs.on_wake, "stop": stop},
    )
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join(30)
        assert not running.is_alive()


def test_what_the_mirror_confirms_costs_no_call_at_all(make_relay: MakeRelay) -> None:
    """Our writes' echoes, the same deliveries once more, and an evaluation that changes nothing."""
    relay = make_relay()
    relay.listen()
    for n in range(20):
        relay.sandbox.submit(INQUIRY, {"email": f"a{n}@example.co.jp", "lastname": "佐藤"})
    relay.hear()
    relay.sandbox.webhooks(paused=True)
    relay.settle()
    relay.mark()
    relay.sandbox.webhooks(paused=False)
    relay.hear()
    assert relay.rows("SELECT count(*) AS n FROM inbox WHERE state = 'new'")[0]["n"] > 0, "echoes have come"
    relay.sandbox.redeliver_webhooks(last=100)
    relay.hear()
    with relay.database.transaction(relay.installation_id) as conn:
        conn.execute("UPDATE lead_due SET due_at = now()")
    relay.settle()
    assert relay.calls()["total"] == 0
