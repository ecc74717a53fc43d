"""`tasuki demo --crm both`: after the portal's act, a Salesforce org that holds the same people is connected too.

Each person becomes one lead with two homes. People edit both sides: while the worker runs, and while it is away, so
that nobody knows of the other's change. Then both CRMs are read by their own clients and compared, with each other and
with what the policy says of every edit; and nothing may be written while nobody does anything.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.table import Table

from connector.cli import demo_hubspot
from connector.cli.demo_both_proof import HUBSPOT, SALESFORCE, Edit, Half, Verdict, apart, shown, verdict
from connector.cli.demo_both_reading import BothReader, Seen
from connector.cli.demo_proof import Difference, print_differences
from connector.cli.demo_settling import is_busy, settle
from connector.cli.org_stack import OrgStack, joined
from connector.cli.stack import STARTING, Stack, running
from connector.domain.value import Value
from connector.policy.model import FieldDef
from connector.vendors.salesforce.names import Names

LATER_SECONDS: Final = 2.2
"""So much later is later by Salesforce's whole seconds too."""

WATCHED_SECONDS: Final = 12.0
"""Longer than from one look at the org to the next."""

_LEADS: Final = "SELECT count(*) AS n FROM lead WHERE gone IS NULL"
_LOST: Final = "SELECT count(*) AS n FROM ledger_value WHERE rule LIKE 'wins.%%'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one person's record is edited to: field → what is typed, in the order in which it happens."""

    typed: Sequence[tuple[str, str, str]]  #: (CRM, field, text)
    apart: bool = True  #: So long apart that it can be told which was later.
    away: bool = False  #: The worker is away meanwhile.


SCENES: Final = (
    Scene(typed=[(HUBSPOT, "phone", "03-5555-0101")]),
    Scene(typed=[(SALESFORCE, "job_title", "本部長")]),
    Scene(typed=[(HUBSPOT, "first_name", "みどり"), (SALESFORCE, "postcode", "100-0005")]),
    Scene(typed=[(SALESFORCE, "postcode", "")]),
    Scene(typed=[(SALESFORCE, "job_title", "課長"), (HUBSPOT, "job_title", "部長")], away=True),
    Scene(typed=[(HUBSPOT, "job_title", "主任"), (SALESFORCE, "job_title", "次長")], away=True),
    Scene(typed=[(HUBSPOT, "phone", "03-5555-0107"), (SALESFORCE, "phone", "06-5555-0107")], apart=False, away=True),
    Scene(typed=[(HUBSPOT, "phone", "０３ー５５５５ー０１０８"), (SALESFORCE, "phone", "03-5555-0108")], away=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one edited field."""

    person: str
    field: str
    before: Value
    typed: Mapping[str, Edit]
    verdict: Verdict
    here: Value
    there: Value

    @property
    def right(self) -> bool:
        """Both show what stands, each in its own words."""
        return self.here == self.there == self.verdict.value


@dataclass(slots=True, kw_only=True)
class Report:
    """What act two shows."""

    outcomes: Sequence[Outcome]
    totals: Mapping[str, int | float]
    differences: Sequence[Difference]

    @property
    def right(self) -> bool:
        """Both CRMs agree, with the policy and with each other; nothing exists twice; nothing was written at rest."""
        return not self.differences


def run(
    console: Console, home: Path, policy: Path, *, contacts: int, forms: int, latency_ms: int, as_json: bool
) -> bool:
    """Both acts, printed; True when both CRMs are as the policy says."""
    options = demo_hubspot.options(contacts, latency_ms)
    with console.status(STARTING), running(home, policy, sandbox_options=options) as stack:
        first = demo_hubspot.first_act(console, stack, forms)
        if not as_json:
            demo_hubspot.show(console, first)
        console.print("A Salesforce org with the same people is connected / 同じ人のいるSalesforceを接続")
        with joined(stack, people=contacts, latency_ms=latency_ms) as org:
            second = _Act(console, stack, org).play()
    if as_json:
        click.echo(orjson.dumps(demo_hubspot.told(first) | {"both": _told(second)}).decode())
    else:
        _show(console, second)
    return first.right and second.right


# ── the act ──────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class _Played:
    """A scene with somebody in it: what stood before, and what was typed, by field and CRM."""

    address: str
    before: Mapping[str, Value] = field(default_factory=dict)
    typed: dict[str, dict[str, Edit]] = field(default_factory=dict)


def cast_of(people: Sequence[str]) -> list[tuple[Scene, _Played]]:
    """The scenes in order, each with one of these people; in a small demo there are fewer people than scenes."""
    return [(scene, _Played(address)) for scene, address in zip(SCENES, people, strict=False)]


class _Act:
    """The steps of act two."""

    def __init__(self, console: Console, stack: Stack, org: OrgStack) -> None:
        self._console, self._stack, self._org = console, stack, org
        runtime = stack.runtime()
        tenant = runtime.tenant(stack.installation_id)
        assert tenant is not None
        self._policy = tenant.plan.policy
        portal, other = (tenant.bindings[one] for one in (stack.connection_id, org.connection_id))
        self._bindings = {HUBSPOT: portal, SALESFORCE: other}
        self._reader = BothReader(stack, org, portal, other)
        self._runtime = runtime

    def play(self) -> Report:
        """Meet, edit, rest, compare."""
        began = time.monotonic()
        self.settle()
        met_in = time.monotonic() - began
        met = self._reader.read()
        lost_before = self._count(_LOST)
        mark = self._mark()
        self._console.print("People edit both sides / 両方で編集")
        played = self._edit(met)
        self.settle()
        edited = self._mark()
        self._console.print("Nobody does anything; both CRMs are read / 静かな間の書き込みを監視、両方を読み戻し")
        time.sleep(WATCHED_SECONDS)
        self.settle()
        seen, rested = self._reader.read(), self._writes(since=edited)
        outcomes = [one for scene in played for one in self._outcomes(scene, seen)]
        lost = self._count(_LOST) - lost_before
        self._runtime.close()
        totals = {
            "in_hubspot": len(seen.here),
            "in_salesforce": len(seen.there),
            "in_both": len(seen.pairs),
            "leads": self._count(_LEADS),
            "seconds_to_meet": round(met_in, 1),
            "edits": sum(len(one.typed) for one in outcomes),
            "writes_for_edits": sum(self._writes(since=mark).values()) - sum(rested.values()),
            "losers_kept": lost,
            "watched_seconds": WATCHED_SECONDS,
            "writes_at_rest": sum(rested.values()),
            "seconds": round(time.monotonic() - began, 1),
        }
        return Report(outcomes=outcomes, totals=totals, differences=list(_differences(seen, outcomes, totals, rested)))

    def settle(self) -> None:
        """Return when neither CRM has anything to tell and nothing is left to do."""
        settle(self._busy)

    def _busy(self) -> bool:
        stack = self._stack
        if not stack.sandbox.wait_webhooks(timeout_seconds=5.0, retries=True) or not self._org.org.wait_messages(5.0):
            return True
        ids = (stack.connection_id, self._org.connection_id)
        return any(is_busy(stack.database, stack.installation_id, one) for one in ids)

    # ── editing ──────────────────────────────────────────────────────────────────────────────────────────────
    def _edit(self, met: Seen) -> list[_Played]:
        """The scenes, each with somebody of whom both CRMs know everything that is edited."""
        cast = cast_of([one for one in met.pairs if self._knows_all(met.pairs[one])])
        if len(cast) < len(SCENES):
            few = f"{len(cast)} of {len(SCENES)} edits are shown: more --contacts show all"
            self._console.print(f"{few} / 人数が足りず、一部の編集だけを行います")
        for scene, played in cast:
            here, _ = met.pairs[played.address]
            played.before = {name: here.value(self._policy.fields[name]) for _, name, _ in scene.typed}
        for scene, played in cast:
            if not scene.away:
                self._type(scene, played, met)
        self.settle()
        self._stack.stop("work")
        for scene, played in cast:
            if scene.away:
                self._type(scene, played, met)
        self._hear()
        self._stack.start("work", ["work"])
        return [played for _, played in cast]

    def _knows_all(self, pair: tuple[Half, Half]) -> bool:
        names = {name for scene in SCENES for _, name, _ in scene.typed}
        return all(isinstance(half.value(self._policy.fields[name]), str) for half in pair for name in names)

    def _type(self, scene: Scene, played: _Played, met: Seen) -> None:
        here, there = met.pairs[played.address]
        for number, (side, name, text) in enumerate(scene.typed):
            if number and scene.apart:
                time.sleep(LATER_SECONDS)
            definition, half = self._policy.fields[name], here if side == HUBSPOT else there
            home = next(one for one in half.binding.dialect.homes(definition) if one.object_type != "company")
            at = self._in_portal(half, home.name, text) if side == HUBSPOT else self._in_org(half, home.name, text)
            value = half.binding.dialect.to_canonical(definition, home, text or None)
            played.typed.setdefault(name, {})[side] = Edit(side=side, value=value, at_ms=at)

    def _in_portal(self, half: Half, name: str, text: str) -> int:
        sandbox = self._stack.sandbox
        sandbox.edit("contacts", half.id, {name: text})
        return int(sandbox.ledger(type="contacts", id=half.id)[-1]["at"])

    def _in_org(self, half: Half, name: str, text: str) -> int:
        """At the second that Salesforce will tell."""
        names = Names.of(self._policy)
        own = names.contact(name) if half.id.startswith("003") else name
        self._org.org.edit(half.id, {str(own): text or None})
        at = int(self._org.org.ledger(id=half.id)[-1]["at"])
        return at - at % 1_000

    def _hear(self) -> None:
        """Everything has been told and taken in before the worker is back: which was later is then known."""
        self._stack.sandbox.wait_webhooks(timeout_seconds=10.0, retries=True)
        self._org.org.wait_messages(10.0)
        while self._runtime.ingest():
            pass

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────
    def _outcomes(self, played: _Played, seen: Seen) -> Iterator[Outcome]:
        here, there = seen.pairs[played.address]
        for name, typed in played.typed.items():
            definition = self._policy.fields[name]
            yield Outcome(
                person=self._name(here),
                field=self._label(definition),
                before=played.before[name],
                typed=typed,
                verdict=verdict(definition, played.before[name], typed, self._policy.records_in.get("tasks", HUBSPOT)),
                here=here.value(definition),
                there=there.value(definition),
            )

    def _name(self, half: Half) -> str:
        return " ".join(shown(half.value(self._policy.fields[one])) for one in ("last_name", "first_name"))

    def _label(self, definition: FieldDef) -> str:
        return str(definition.label.get(self._policy.language, definition.name))

    def _count(self, query: str) -> int:
        with self._stack.database.transaction(self._stack.installation_id) as conn:
            row = conn.execute(query).fetchone()
        assert row is not None
        return int(row["n"])

    def _mark(self) -> Mapping[str, int]:
        return {
            HUBSPOT: int(self._stack.sandbox.control("GET", "/ledger")["last"]),
            SALESFORCE: int(self._org.org.control("GET", "/ledger")["last"]),
        }

    def _writes(self, *, since: Mapping[str, int]) -> Mapping[str, int]:
        """Records that we wrote to, by CRM."""
        return {
            HUBSPOT: len(self._stack.sandbox.ledger(since=since[HUBSPOT], source="INTEGRATION")),
            SALESFORCE: len(self._org.org.ledger(since=since[SALESFORCE], source="API")),
        }


def _differences(
    seen: Seen, outcomes: Sequence[Outcome], totals: Mapping[str, int | float], rested: Mapping[str, int]
) -> Iterator[Difference]:
    """Everything that is not as the policy says."""
    yield from seen.twice()
    for here, there in seen.pairs.values():
        yield from apart(here, there)
    for one in outcomes:
        if not one.right:
            found = f"{shown(one.here)} | {shown(one.there)}"
            yield Difference(record=one.person, what=one.field, expected=shown(one.verdict.value), found=found)
    people = len(seen.here.keys() | seen.there.keys())
    losers = sum(one.verdict.lost for one in outcomes)
    if not outcomes:
        yield Difference(
            record="both CRMs", what="edits shown", expected="1 or more", found="0: ask for more --contacts"
        )
    for what, expected, counted in (
        ("leads", people, totals["leads"]),
        ("values that lost, kept in the history", losers, totals["losers_kept"]),
        *((f"writes to {crm} while nobody did anything", 0, count) for crm, count in rested.items()),
    ):
        if expected != counted:
            yield Difference(record="both CRMs", what=what, expected=str(expected), found=str(counted))


# ── showing ──────────────────────────────────────────────────────────────────────────────────────────────────
def _told(report: Report) -> dict[str, Any]:
    rows = [
        {
            "person": one.person,
            "field": one.field,
            "before": shown(one.before),
            "typed": {side: shown(edit.value) for side, edit in one.typed.items()},
            "stands": shown(one.verdict.value),
            "why": one.verdict.why,
            "hubspot": shown(one.here),
            "salesforce": shown(one.there),
        }
        for one in report.outcomes
    ]
    return {
        "right": report.right,
        "edits": rows,
        "totals": dict(report.totals),
        "differences": [asdict(one) for one in report.differences],
    }


def _show(console: Console, report: Report) -> None:
    table = Table(title="One person, two CRMs / 一人、2つのCRM", show_lines=False)
    for title in ("Lead", "Field", "Before", "HubSpot", "Salesforce", "Stands in both", "Why"):
        table.add_column(title, overflow="fold")
    for one in report.outcomes:
        typed = (shown(one.typed[side].value) if side in one.typed else "" for side in (HUBSPOT, SALESFORCE))
        table.add_row(one.person, one.field, shown(one.before), *typed, shown(one.verdict.value), one.verdict.why)
    console.print(table)
    totals = Table(title="Totals / 合計", show_header=False)
    for name, words in _TOTALS.items():
        totals.add_row(words, f"{report.totals[name]:g}")
    console.print(totals)
    print_differences(console, report.differences)
    if report.right:
        console.print(
            f"[green]✓[/] {report.totals['in_both']:g} people stand in both and are one lead each; every field agrees"
            " as the policy says, nothing exists twice, nothing was written at rest. / 両方が一致、重複も往復もなし。"
        )


_TOTALS: Final = {
    "in_hubspot": "People in HubSpot / HubSpotの人",
    "in_salesforce": "People in Salesforce / Salesforceの人",
    "in_both": "In both / 両方にいる人",
    "leads": "Leads / リード",
    "seconds_to_meet": "Seconds until everybody was one / 全員が一人になるまでの秒数",
    "edits": "Edits by people / 人の編集",
    "writes_for_edits": "Records written for them / それによる書き込み",
    "losers_kept": "Values that lost, kept in the history / 負けた値(履歴に保存)",
    "watched_seconds": "Seconds watched at rest / 監視した秒数",
    "writes_at_rest": "Writes meanwhile / その間の書き込み",
    "seconds": "Seconds of act two / 第2幕の秒数",
}
