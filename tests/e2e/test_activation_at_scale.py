"""SLA comes to a company with 60,000 old MQLs: nobody gets a task, no promise is broken, nobody is told.

`pytest -m soak tests/e2e/test_activation_at_scale.py -s` prints how long it took; LEADS=4000 tries it small. The
product itself brings 2,000 of them to rest under the policy before; these are copied in the store. The
activation is its own.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.base import multiply
from connector.sync.activate import walk_slice
from connector.sync.context import Limits
from connector.sync.sweep import sweep_slice, sweep_wanted
from tests.e2e.conftest import MakeRelay
from tests.e2e.policies import changed_policy
from tests.e2e.relay import CALL, MAIL, MQL, POLICY, Relay

LEADS = int(os.environ.get("LEADS", "60000"))
MADE = 2_000

_STARTED = """
SELECT (SELECT count(*) FROM managed_record) AS records, (SELECT count(*) FROM notice) AS notices,
       (SELECT count(*) FROM assignment_grant) AS grants, (SELECT count(*) FROM clock_run) AS clocks,
       (SELECT count(*) FROM clock_run WHERE breached_at IS NOT NULL) AS breaches,
       (SELECT count(*) FROM lead WHERE state -> 'clocks' <> '{}') AS running
"""
_NOTHING = {"records": 0, "notices": 0, "grants": 0, "clocks": 0, "breaches": 0, "running": 0}


def _without_sla(folder: Path) -> Path:
    """The company before: all of b2b-ja but its promises, and the targets that measure them."""
    changed_policy(folder)
    for file in ("sla.yaml", "kpi.yaml"):
        (folder / file).unlink()
    return folder


def _settle(relay: Relay) -> None:
    while relay.round():
        pass


def _catch_up(relay: Relay) -> None:
    """The walk, as the worker takes it: what a policy newly reads is read first, then slice by slice."""
    while sweep_wanted(relay.line):
        sweep_slice(relay.line)
    while walk_slice(relay.tenant):
        _settle(relay)
    _settle(relay)


def _timed(what: str, work: Callable[[], None], relay: Relay) -> Counter[str]:
    """Do it, print how long it took and what was called; returns the calls."""
    relay.mark()
    began = time.monotonic()
    work()
    took = time.monotonic() - began
    calls = Counter({kind: count for kind, count in relay.calls().items() if count})
    print(f"{what:<52} {took:7.1f} s   calls: {dict(calls)}")
    return calls


@pytest.mark.soak
def test_activating_sla_on_60_000_old_mqls_starts_nothing(make_relay: MakeRelay, tmp_path: Path) -> None:
    relay = make_relay(limits=Limits())
    relay.sandbox.import_rows(
        [
            {"email": f"old{n}@kaisha{n % 500}.example.co.jp", "lastname": f"山田{n}", "lifecyclestage": MQL}
            for n in range(MADE)
        ]
    )
    relay.pass_time(days=1, rate=0)
    relay.activate(_without_sla(tmp_path / "before"))
    _timed(f"{MADE:,} leads come under the policy before", lambda: _catch_up(relay), relay)
    relay.pass_time(days=40, rate=0)
    _settle(relay)
    assert multiply(relay.database, relay.installation_id, LEADS) == LEADS
    assert relay.rows("SELECT stage, count(*) AS n FROM lead GROUP BY stage") == [{"stage": "mql", "n": LEADS}]
    assert relay.rows(_STARTED) == [_NOTHING]

    relay.activate(POLICY)
    calls = _timed(f"SLA is activated: {LEADS:,} leads catch up", lambda: _catch_up(relay), relay)
    generations = relay.rows("SELECT generation, count(*) AS n FROM lead GROUP BY generation")
    assert generations == [{"generation": relay.tenant.policy.generation, "n": LEADS}]
    assert relay.rows(_STARTED) == [_NOTHING]
    assert relay.live_tasks() == []
    assert not calls, "nothing that the CRM shows is changed by it, and nothing new is read"
    relay.pass_time(days=40, rate=0)
    _timed("40 days later, every limit would have run out", lambda: _settle(relay), relay)
    assert relay.rows(_STARTED) == [_NOTHING]
    assert relay.live_tasks() == []

    relay.listen()
    contact = relay.new_mql("new@example.co.jp")
    assert relay.still_asked_by(contact) == [CALL, MAIL]
    assert relay.rows("SELECT count(DISTINCT lead_id) AS leads FROM clock_run") == [{"leads": 1}], "what is new runs"
