"""`tasuki demo`: the relay beside a HubSpot portal on real traffic over HTTP, shown and proved by its own client."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from connector.cli import demo_traffic
from connector.cli.demo_proof import (
    CrmLead,
    Difference,
    Expectation,
    print_differences,
    read_crm,
    shown_stage,
    twice,
    uneven,
)
from connector.cli.demo_settling import is_busy, settle
from connector.cli.demo_traffic import Truth
from connector.cli.latency import Latencies, latencies, percentile
from connector.cli.stack import STARTING, Stack, running
from connector.store import connections, history
from connector.store import people as store_people
from connector.store.clock import BusinessClock

SHOWN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The demo's figures. Latencies in seconds, from the submission to the write that the CRM applied for it."""

    deliveries: int
    events: int
    duplicates: int
    leads: int
    calls: int
    least_calls: int
    score_p50: float
    score_p95: float
    task_p50: float
    task_p95: float


def run(
    console: Console, home: Path, policy: Path, *, contacts: int, forms: int, latency_ms: int, as_json: bool
) -> bool:
    """Everything, printed; True when the portal is as the policy says."""
    with console.status(STARTING), running(home, policy, sandbox_options=options(contacts, latency_ms)) as stack:
        report = first_act(console, stack, forms)
    if as_json:
        click.echo(orjson.dumps(told(report)).decode())
    else:
        show(console, report)
    return report.right


def options(contacts: int, latency_ms: int) -> list[str]:
    """Of `tasuki sandbox`, for either CRM."""
    return ["--contacts", str(contacts), "--latency-ms", str(latency_ms)]


def first_act(console: Console, stack: Stack, forms: int) -> Report:
    """Forms and visits, a rep's day, and what the portal shows of it."""
    demo = _Demo(stack)
    before = demo.people()
    console.print("The portal's people are read once / 既存の連絡先を読み込み中")
    demo.settle()
    stack.sandbox.reset_calls()
    console.print("Forms and visits come in / フォームと訪問が届いています")
    demo.visitors(forms)
    demo.settle()
    console.print("Reps work; deliveries come twice / 担当者の作業、重複した通知")
    demo.reps()
    demo.settle()
    console.print("The CRM is read and compared / CRMと方針を照合中")
    return demo.report(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the demo shows."""

    rows: Sequence[Mapping[str, str]]
    totals: Totals
    differences: Sequence[Difference]
    twice: Sequence[str]
    checked: int

    @property
    def right(self) -> bool:
        """True when every lead is as the policy says and no task exists twice."""
        return not self.differences and not self.twice


class _Demo:
    """The steps of the demo on a running stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._truth = Truth()
        self._runtime = stack.runtime()
        tenant = self._runtime.tenant(stack.installation_id)
        assert tenant is not None
        self._tenant = tenant
        self._binding = tenant.bindings[stack.connection_id]
        self._from = 0

    def people(self) -> dict[str, CrmLead]:
        """Every contact as the CRM shows it now."""
        names = [*self._binding.person_properties, "lastname", "firstname", "company", "lastmodifieddate"]
        self._people, self._companies = read_crm(self._stack, names, self._binding.company_properties)
        return self._people

    def visitors(self, forms: int) -> None:
        """Forms and visits, with the sender reordering and repeating."""
        self._from = len(self._stack.sandbox.ledger())
        self._stack.sandbox.webhooks(reorder=True, duplicate_rate=0.1)
        demo_traffic.visitors(self._stack, self._truth, forms, told=lambda _: None)
        demo_traffic.website(self._stack, self._truth)

    def reps(self) -> None:
        """A rep's day, then the last deliveries once more."""
        self._stack.sandbox.redeliver_webhooks(10)
        demo_traffic.reps(self._stack.sandbox, self._truth)

    def settle(self) -> None:
        """Return when nothing is left to do."""
        settle(self._busy)

    def _busy(self) -> bool:
        stack = self._stack
        if not stack.sandbox.wait_webhooks(timeout_seconds=5.0, retries=True):
            return True
        if is_busy(stack.database, stack.installation_id, stack.connection_id):
            return True
        with stack.database.transaction(stack.installation_id) as conn:
            polled, _ = connections.cursor(conn, stack.connection_id, "form_submissions")
        last = max((one.at for one in self._truth.submissions), default=None)
        return last is not None and (polled is None or datetime.fromisoformat(polled["since"]) <= last)

    def _sequences(self) -> dict[str, list[str]]:
        """Contact → the sequences that the CRM has started for it."""
        found: dict[str, list[str]] = {}
        for row in self._stack.sandbox.ledger(method="enroll"):
            found.setdefault(str(row["id"]), []).append(str(row["detail"]["sequence"]))
        return found

    def report(self, before: Mapping[str, CrmLead]) -> Report:
        """Read the CRM, compare it with the policy, and count."""
        calls = self._stack.sandbox.calls()
        people = self.people()
        forms = {guid: name for name, guid in self._stack.sandbox.forms().items()}
        expectation = Expectation(
            self._binding,
            self._tenant.policy.activated_at,
            self._truth,
            forms,
            before,
            self._pools(),
            self._sequences(),
            people,
        )
        with self._stack.database.transaction(self._stack.installation_id) as conn:
            now = BusinessClock.now(conn)
            owners = connections.owner_names(conn, self._stack.connection_id)
            tallies = history.tallies(conn)
            turns = store_people.turns(conn)
        differences = [
            one for person in people.values() for one in expectation.differences(person, self._company(person), now)
        ]
        differences += uneven(turns, self._pools())
        return Report(
            rows=[self._row(people[one], before.get(one), owners) for one in self._worth_showing(people)],
            totals=self._totals(calls, tallies, people),
            differences=differences,
            twice=twice(people),
            checked=len(people),
        )

    def _pools(self) -> Mapping[str, frozenset[str]]:
        """Pool → its people, as the portal has them."""
        routing = self._tenant.plan.policy.routing
        if routing is None:
            return {}
        teams = {
            one["id"]: {team["name"] for team in one.get("teams", ())}
            for one in self._stack.sandbox.owners()
            if not one.get("archived")
        }
        return {
            pool.id: frozenset(owner for owner, names in teams.items() if pool.members.get("hubspot") in names)
            for pool in routing.pools.values()
        }

    def _company(self, person: CrmLead) -> Mapping[str, str | None] | None:
        company_id = person.properties.get(self._binding.dialect.company_property)
        return self._companies.get(company_id) if company_id else None

    def _worth_showing(self, people: Mapping[str, CrmLead]) -> list[str]:
        touched = [one for one in self._truth.touched() if one in people]
        answered = {one.contact_id for one in self._truth.answers}

        def order(contact_id: str) -> tuple[bool, float]:
            return contact_id not in answered, -float(people[contact_id].properties.get("tasuki_score") or 0)

        return sorted(touched, key=order)[:SHOWN]

    def _row(self, after: CrmLead, before: CrmLead | None, owners: Mapping[str, str]) -> Mapping[str, str]:
        task = next((one for one in after.tasks if one.open), after.tasks[-1] if after.tasks else None)
        name = f"{after.properties.get('company') or ''} {after.properties.get('lastname') or ''}".strip()
        return {
            "lead": name or after.id,
            "stage_before": self._stage(before),
            "stage_after": self._stage(after),
            "score": f"{_shown(before, 'tasuki_score')} → {_shown(after, 'tasuki_score')}",
            "band": _shown(after, "tasuki_band"),
            "task": (task.title if task.open else f"✓ {task.title}") if task else "",
            "owner": owners.get(task.owner_id, "") if task else "",
            "due": _local(task.due_at, self._tenant) if task else "",
        }

    def _stage(self, person: CrmLead | None) -> str:
        return (shown_stage(self._binding, person) if person else None) or "—"

    def _totals(
        self,
        calls: Mapping[str, Mapping[str, int]],
        tallies: Mapping[tuple[str, str], int],
        people: Mapping[str, CrmLead],
    ) -> Totals:
        ledger = self._stack.sandbox.ledger(since=self._from)
        took = self._latencies(ledger, people)
        read = len(
            self._truth.touched() | {p.id for p in people.values() if p.properties.get("email") in self._websites()}
        )
        return Totals(
            deliveries=len([one for one in self._stack.sandbox.webhook_log(100_000) if one["status"] == 200]),
            events=tallies.get(("events", "taken"), 0),
            duplicates=tallies.get(("events", "duplicate"), 0),
            leads=read,
            calls=int(calls["total"]["calls"]),
            least_calls=math.ceil(read / 100) + _least_writes(ledger),
            score_p50=percentile(took.score, 50),
            score_p95=percentile(took.score, 95),
            task_p50=percentile(took.task, 50),
            task_p95=percentile(took.task, 95),
        )

    def _websites(self) -> set[str]:
        return {email for email, _ in self._truth.website}

    def _latencies(self, ledger: Sequence[Mapping[str, Any]], people: Mapping[str, CrmLead]) -> Latencies:
        submitted: dict[str, list[float]] = {}
        for one in self._truth.submissions:
            submitted.setdefault(one.contact_id, []).append(one.at.timestamp())
        return latencies(ledger, submitted, {task.id: person.id for person in people.values() for task in person.tasks})


def _least_writes(ledger: Sequence[Mapping[str, Any]]) -> int:
    """The fewest batched calls that could have made our writes: each record once, a hundred a call."""
    written: dict[tuple[object, object], set[object]] = {}
    for row in ledger:
        if row["source"] == "INTEGRATION":
            written.setdefault((row["type"], row["method"]), set()).add(row["id"])
    return sum(math.ceil(len(ids) / 100) for ids in written.values())


def _shown(person: CrmLead | None, name: str) -> str:
    return (person.properties.get(name) if person else None) or "—"


def _local(text: str, tenant: object) -> str:
    zone = tenant.plan.policy.zone  # type: ignore[attr-defined]
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(zone).strftime("%m-%d %H:%M")
    except ValueError:
        return text


def told(report: Report) -> dict[str, Any]:
    """It for programs."""
    return {
        "right": report.right,
        "checked": report.checked,
        "leads": list(report.rows),
        "totals": asdict(report.totals),
        "differences": [asdict(one) for one in report.differences],
        "twice": list(report.twice),
    }


def show(console: Console, report: Report) -> None:
    """It for people."""
    console.print(_leads_table(report))
    console.print(_totals_table(report.totals))
    print_differences(console, report.differences)
    for key in report.twice:
        console.print(f"[red]task {key} exists twice[/]")
    if report.right:
        console.print(
            f"[green]✓[/] {report.checked} contacts read back by HubSpot's own client: each as the policy says,"
            " no task twice. / すべて方針どおり、タスクの重複なし。"
        )


def _leads_table(report: Report) -> Table:
    table = Table(title="Leads before and after / リードの変化", show_lines=False)
    for title in ("Lead", "Stage", "Score", "Band", "Task", "Owner", "Due"):
        table.add_column(title, overflow="fold")
    for row in report.rows:
        table.add_row(
            row["lead"],
            f"{row['stage_before']} → {row['stage_after']}",
            row["score"],
            row["band"],
            row["task"],
            row["owner"],
            row["due"],
        )
    return table


def _totals_table(totals: Totals) -> Table:
    table = Table(title="Totals / 合計", show_header=False)
    table.add_row("Deliveries / 通知", str(totals.deliveries))
    table.add_row("Events taken / イベント", str(totals.events))
    table.add_row("Events delivered again, ignored / 重複", str(totals.duplicates))
    table.add_row("Leads touched / 対象リード", str(totals.leads))
    table.add_row("API calls (least possible) / API呼び出し(最小)", f"{totals.calls} ({totals.least_calls})")
    table.add_row("Form → score in the CRM, p50 / p95", f"{totals.score_p50:.2f} s / {totals.score_p95:.2f} s")
    table.add_row("Form → task in the CRM, p50 / p95", f"{totals.task_p50:.2f} s / {totals.task_p95:.2f} s")
    return table
