"""`tasuki sla`: which promises run now, how they were kept in a period, and how much of the time was ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from connector.bootstrap import Runtime
from connector.cli.moments import MOMENT
from connector.cli.output import emit, line, moment, table
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, tenant_under
from connector.errors import UsageError
from connector.policy.documents.speech import Speech
from connector.policy.model import Clock, Policy
from connector.store import clock_runs, connections
from connector.store.clock import BusinessClock
from connector.store.clock_runs import RunRow
from connector.sync import sla_report
from connector.sync.context import Tenant
from connector.sync.sla_report import By, Figures, Standing
from connector.texts import say

DEFAULT_SPAN = timedelta(days=30)
MOST_LISTED = 100
_GOING_ON = (Standing.RUNNING, Standing.WARNED, Standing.BREACHED)


@click.command(name="sla")
@click.argument("clock", required=False)
@click.option("--by", type=click.Choice([one.value for one in By]), default=By.CLOCK.value, help="Default: clock.")
@click.option("--from", "start", type=MOMENT, help="Begin of the period; default: 30 days before its end.")
@click.option("--to", "end", type=MOMENT, help="End of the period; default: now.")
@click.option("--running", is_flag=True, help="List the leads whose clocks run, the next to run out first.")
@click.option("--language", type=click.Choice(("ja", "en")), help="Default: the policy's own.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(
    clock: str | None,
    by: str,
    start: datetime | None,
    end: datetime | None,
    running: bool,
    language: str | None,
    policy_name: str | None,
    as_json: bool,
) -> None:
    """Show how the promises of sla.yaml (or CLOCK) are kept: what runs now, and what a period came to.

    Time is counted as each limit counts it, from what happened in the CRM on. The system's part lasts until the CRM
    showed what came of it; the rest is people's.
    """
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = tenant_under(Runtime(database, settings), installation_id, policy_name)
        clocks = _chosen(tenant.plan.policy, clock)
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            until = _moment(tenant, end) or now
            since = _moment(tenant, start) or until - DEFAULT_SPAN
            rows = [one for one in clock_runs.between(conn, since, until) if clock is None or one.clock == clock]
            people = {
                person: name
                for connection_id in tenant.bindings
                for person, name in connections.owner_names(conn, connection_id).items()
            }
    found = sla_report.figures(clocks, rows, since, until, now, By(by))
    speech = Speech(tenant.plan.policy, language or tenant.plan.policy.language)
    names = _Names(speech, people)
    listed = _listed(clocks, rows, now) if running else []
    if as_json:
        emit(
            {
                "at": now,
                "from": since,
                "to": until,
                "by": by,
                "figures": [_described(names, clocks.get(one.clock), By(by), one) for one in found],
                **({"running": [_run(names, *one) for one in listed]} if running else {}),
            }
        )
        return
    _print(names, clocks, By(by), found, since, until)
    if running:
        _print_running(names, listed)


def _chosen(policy: Policy, clock: str | None) -> Mapping[str, Clock]:
    if not policy.clocks:
        raise UsageError(say("The running policy has no clocks in sla.yaml."), reason="no_sla")
    if clock is None:
        return policy.clocks
    if clock not in policy.clocks:
        known = ", ".join(policy.clocks)
        raise UsageError(
            say("There is no clock {clock!r}; there are: {known}.", clock=clock, known=known), reason="unknown_clock"
        )
    return {clock: policy.clocks[clock]}


def _moment(tenant: Tenant, given: datetime | None) -> datetime | None:
    """What was typed is meant in the policy's time zone."""
    return given.replace(tzinfo=tenant.plan.policy.zone).astimezone(UTC) if given is not None else None


class _Names:
    """What clocks, pools and people are called."""

    def __init__(self, speech: Speech, people: Mapping[str, str]) -> None:
        self.speech, self._people = speech, people

    def key(self, by: By, key: str | None) -> str:
        """A pool or a person."""
        if by is By.POOL:
            return self.speech.pool(key) if key is not None else self.speech.both("(プール外)", "(no pool)")
        return self.person(key) or self.speech.both("(担当者なし)", "(nobody)")

    def person(self, person: str | None) -> str | None:
        """An owner by name."""
        return self._people.get(person, person) if person is not None else None

    def standing(self, run: Standing) -> str:
        """Where a run stands, in a word."""
        ja, en = {
            Standing.RUNNING: ("計測中", "running"),
            Standing.WARNED: ("予告済み", "warned"),
            Standing.BREACHED: ("超過", "overdue"),
        }.get(run, (run.value, run.value))
        return self.speech.both(ja, en)


def _described(names: _Names, clock: Clock | None, by: By, one: Figures) -> dict[str, Any]:
    return {
        **asdict(one),
        "label": names.speech.clock(one.clock),
        "name": names.key(by, one.key) if by is not By.CLOCK else None,
        "limit": names.speech.span(clock.limit) if clock is not None else None,
        "business": clock.limit.business if clock is not None else None,
        "kept_share": one.kept_share,
    }


def _listed(
    clocks: Mapping[str, Clock], rows: Sequence[RunRow], now: datetime
) -> list[tuple[RunRow, datetime | None, sla_report.Taken]]:
    """The runs that go on, the next to run out first; those that wait last."""
    going = [row for row in rows if row.clock in clocks and not row.gone and sla_report.standing(row.run) in _GOING_ON]
    found = [
        (row, sla_report.due(clocks[row.clock], row.run), sla_report.taken(clocks[row.clock], row, now))
        for row in going
    ]
    return sorted(found, key=lambda one: (one[1] is None, one[1] or now, one[0].lead_id, one[0].clock))


def _run(names: _Names, row: RunRow, due: datetime | None, taken: sla_report.Taken) -> dict[str, Any]:
    return {
        "lead_id": row.lead_id,
        "clock": row.clock,
        "standing": sla_report.standing(row.run).value,
        "started_at": row.run.started_at,
        "due_at": due,
        "paused": bool(row.run.pauses) and row.run.pauses[-1][1] is None,
        "person": row.person,
        "person_name": names.person(row.person),
        "pool": row.pool,
        "system_seconds": taken.system.total_seconds(),
        "human_seconds": taken.human.total_seconds(),
    }


def _print(
    names: _Names, clocks: Mapping[str, Clock], by: By, found: Sequence[Figures], since: datetime, until: datetime
) -> None:
    both = names.speech.both
    rows = [
        (
            *((names.key(by, one.key),) if by is not By.CLOCK else ()),
            names.speech.clock(one.clock),
            names.speech.span(clocks[one.clock].limit) if one.clock in clocks else "",
            one.running, one.warned, one.overdue, one.started, one.met, one.breached,
            _percent(one.kept_share), one.by_system or "", one.ended,
            _minutes(one.median_minutes), _minutes(one.p90_minutes), _percent(one.system_share),
        )
        for one in found
    ]  # fmt: skip
    heads = {By.CLOCK: (), By.POOL: (both("プール", "Pool"),), By.OWNER: (both("担当者", "Owner"),)}[by]
    columns = (
        *heads,
        both("約束", "Promise"),
        both("期限", "Limit"),
        both("計測中#", "Running#"),
        both("予告済み#", "Warned#"),
        both("超過中#", "Overdue#"),
        both("開始#", "Started#"),
        both("達成#", "Met#"),
        both("違反#", "Breached#"),
        both("達成率#", "Kept#"),
        both("うちシステム起因#", "By system#"),
        both("判定なし#", "Ended#"),
        both("中央値(分)#", "Median min#"),
        both("90%(分)#", "P90 min#"),
        both("システム分#", "System#"),
    )
    title = both(f"約束 {moment(since)} から {moment(until)} まで", f"Promises from {moment(since)} to {moment(until)}")
    table(title, columns, rows, none=both("ありません。", "None."))
    line(
        both(
            "計測中・予告済み・超過中は今、ほかは期間中の数。分は期限と同じ時間(営業時間の期限なら営業時間)で数え、"
            "システム分は、CRMで起きてからその結果がCRMに出るまでの割合。",
            "Running, warned and overdue are of now, the rest of the period. Minutes count as the limit does (working "
            "time or ordinary time); the system's part lasts until the CRM showed what came of it.",
        )
    )


def _print_running(names: _Names, listed: Sequence[tuple[RunRow, datetime | None, sla_report.Taken]]) -> None:
    both = names.speech.both
    rows = [
        (
            row.lead_id,
            names.speech.clock(row.clock),
            names.standing(sla_report.standing(row.run)),
            due if due is not None else both("停止中", "paused"),
            names.person(row.person),
            _minutes(taken.human / timedelta(minutes=1)),
            _minutes(taken.system / timedelta(minutes=1)),
        )
        for row, due, taken in listed[:MOST_LISTED]
    ]
    columns = (
        both("リード#", "Lead#"),
        both("約束", "Promise"),
        both("状態", "Stands"),
        both("期限", "Due"),
        both("担当者", "Owner"),
        both("人の分(分)#", "People min#"),
        both("システムの分(分)#", "System min#"),
    )
    table(both("計測中の約束", "Promises that run"), columns, rows, none=both("ありません。", "none."))
    if len(listed) > MOST_LISTED:
        more = len(listed) - MOST_LISTED
        line(both(f"… ほか{more}件(--jsonですべて)", f"… and {more} more (--json has them all)."))


def _percent(share: float | None) -> str:
    return f"{share:.0%}" if share is not None else ""


def _minutes(minutes: float | None) -> str:
    return f"{minutes:,.1f}" if minutes is not None else ""
