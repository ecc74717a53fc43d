"""I2, plan before apply: `tasuki plan` tells what activating the policy then does, and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connector.bootstrap_bindings import bindings_of
from connector.cli.forecasting import forecast_base
from connector.engine.plan import prepare
from connector.engine.versions import alike
from connector.policy.loader import load_policy_from
from connector.policy.source import read_folder
from connector.policy.versions import apart
from connector.store import connections
from connector.store.shown import Stretch
from connector.sync.forecast import Forecast, Running, forecast, shards
from connector.sync.resting import resting
from connector.sync.shown import Showing
from tests.e2e.command_line import CommandLine
from tests.e2e.policies import changed_policy
from tests.e2e.relay import Relay

LEADS = 60
BAND = "score.total: {at_least: 80} => score.total: {at_least: 50}"
POINTS = "signal: document_request, points: 20, => signal: document_request, points: 50,"

VERSIONS = {
    "hotter": ("scoring.yaml", {"points": POINTS, "band": BAND}),
    # the older version reads a field that the newer one does not know of
    "poorer": ("scoring.yaml", {"icp": "revenue: {at_least: 1000000000} => employees: {at_least: 1000000}"}),
    "longer": ("scoring.yaml", {"fades": "half_life: 30d => half_life: 45d"}),
    "silent": ("work.yaml", {"tells": "on: {becomes: {band: hot}} => on: {becomes: {band: middle}}"}),
}


def _base(relay: Relay) -> list[str]:
    """Old leads: a third did nothing, a third asked for documents, a third inquired and is being called."""
    rows = [{"email": f"a{n}@example.co.jp", "lastname": f"山田{n}", "jobtitle": "部長"} for n in range(LEADS)]
    ids = relay.sandbox.import_rows(rows)
    now = relay.sandbox.clock()["now"]
    for place, one in enumerate(ids):
        form = (None, "資料請求", "お問い合わせ")[place % 3]
        if form is not None:
            shown = {"recent_conversion_event_name": form, "recent_conversion_date": now}
            relay.sandbox.calculated("contacts", one, shown)
    relay.hear_and_settle()
    relay.walk()
    return ids


def _shown(relay: Relay, ids: list[str]) -> dict[str, dict[str, Any]]:
    return {one: relay.contact(one) for one in ids}


def _everything(relay: Relay) -> list[Any]:
    """The tables that decisions are stored in, as they stand."""
    tables = ("lead", "link", "signal", "stage_entry", "managed_record", "lead_due", "policy_version")
    return [relay.rows(f"SELECT t::text AS row FROM {name} AS t ORDER BY 1") for name in tables]


def test_a_plan_tells_what_activation_then_does_and_writes_nothing(relay: Relay, tmp_path: Path) -> None:
    relay.listen()
    ids = _base(relay)
    before, stored, mark = _shown(relay, ids), _everything(relay), relay.mark()
    folder = changed_policy(tmp_path / "hotter", "scoring.yaml", points=POINTS, band=BAND)

    found, _ = forecast_base(relay.database, relay.installation_id, read_folder(folder), processes=2)

    assert (_everything(relay), relay.our_writes(since=mark), relay.calls()["total"]) == (stored, [], 0)
    assert (found.leads, found.failures) == (LEADS, 0)
    assert found.stages == {"lead → mql": LEADS // 3}
    # Activation opens nothing for old leads; the cadence of those who move on stops, and its step with it.
    assert found.tasks == {"closed document_request": LEADS // 3}

    relay.activate(folder)
    relay.walk()
    relay.hear_and_settle()
    after = _shown(relay, ids)
    bands = Counter(
        f"{before[one]['tasuki_band']} → {after[one]['tasuki_band']}"
        for one in ids
        if before[one]["tasuki_band"] != after[one]["tasuki_band"]
    )
    assert found.ratings["band"] == bands
    changed = [one for one in ids if before[one] != after[one]]
    assert found.records == len(changed) > 0
    assert found.calls(100)["update"] == -(-len(changed) // 100)
    assert relay.calls()["contacts.batch_update"] >= found.calls(100)["update"]


def test_rules_are_counted_and_idle_ones_are_seen(relay: Relay, tmp_path: Path) -> None:
    relay.listen()
    _base(relay)
    folder = changed_policy(tmp_path / "same")
    found, _ = forecast_base(relay.database, relay.installation_id, read_folder(folder), processes=1)
    assert found.changed == 0
    assert found.rules["b_document"] == found.rules["b_inquiry"] == LEADS // 3
    assert found.rules["title_manager"] == LEADS
    assert (found.rules["b_webinar"], found.rules["competitor"]) == (0, 0)
    assert found.records == 0


def _to(relay: Relay, files: Mapping[str, bytes]) -> Running:
    """The running version, to which another differs in formulas."""
    plan, old = prepare(load_policy_from(files)), read_folder(relay._folder)
    differing = apart(old, files)
    assert differing is not None
    is_alike = alike(prepare(load_policy_from(old)), plan, differing)
    assert is_alike is not None
    with relay.database.transaction(relay.installation_id) as conn:
        ((connection_id, binding),) = bindings_of(plan, connections.listed(conn)).items()
    return Running(relay.tenant.policy.hash, connection_id, Showing(binding), is_alike, differing.rules)


def test_shards_add_up_to_the_whole_and_leads_that_are_left_alone_to_the_same(relay: Relay, tmp_path: Path) -> None:
    relay.listen()
    _base(relay)
    left: dict[str, int] = {}
    for name, (file, change) in VERSIONS.items():
        running = _to(relay, read_folder(changed_policy(tmp_path / name, file, **change)))
        binding, connection_id = running.showing.binding, running.connection_id
        plan, bindings = binding.plan, {connection_id: binding}
        with relay.database.transaction(relay.installation_id) as conn:
            pieces = shards(conn, 7)
            now = relay.tenant.now(conn)
            leads = Stretch(min(one.after for one in pieces) + 1, max(one.last for one in pieces))
            showing = Showing(binding)
            showing.learn(["revenue"])
            seen = dict(resting(conn, connection_id, showing, leads, under=running.hash, now=now))
        left[name] = sum(running.alike(view.settle()) for view in seen.values())
        plainly, shortly = Forecast(), Forecast()
        for piece in pieces:
            plainly.add(forecast(relay.database, relay.installation_id, [bindings], plan, now, piece))
            shortly.add(forecast(relay.database, relay.installation_id, [bindings], plan, now, piece, running=running))
        assert plainly.leads == LEADS
        assert shortly == plainly, name
        assert len(pieces) <= 7
    assert left["hotter"] == LEADS // 3, "those that did nothing"
    assert left["poorer"] > LEADS // 3, "of a company of which nobody knows what it earns, nothing differs"


def test_the_command_tells_it_to_people_and_programs(relay: Relay, tmp_path: Path) -> None:
    relay.listen()
    _base(relay)
    cli = CommandLine.of(relay)
    folder = changed_policy(tmp_path / "hotter", "scoring.yaml", points=POINTS, band=BAND)
    found = cli.json("plan", folder, "--processes", "1")
    assert (found["leads"], found["stages"]) == (LEADS, {"lead → mql": LEADS // 3})
    assert "b_webinar" in found["rules_without_leads"]
    assert found["calls"]["update"] == -(-found["records"] // 100)
    shown = cli.run("plan", folder, "--processes", "1")
    assert shown.exit_code == 0
    assert "リード → MQL" in shown.stdout
    assert "No lead is touched by" in shown.stdout


def test_an_empty_base_has_nothing_to_plan(relay: Relay) -> None:
    found, _ = forecast_base(relay.database, relay.installation_id, read_folder(relay._folder), processes=1)
    assert (found.leads, found.changed, found.calls(100)) == (0, 0, {"update": 0, "tasks": 0})
