"""`tasuki drift`: what stood in the CRM and should not, why, and what was done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from connector.bootstrap import Runtime
from connector.cli.explain import active_tenant
from connector.cli.moments import MOMENT
from connector.cli.output import emit, line, table
from connector.cli.reasons import cause, remedy
from connector.cli.session import installation, opened, read_settings
from connector.domain.drift import DriftClass, Handling
from connector.policy.documents.speech import Speech
from connector.store import drifts
from connector.store.clock import BusinessClock
from connector.store.drifts import DriftRow, WeekCount
from connector.sync.drifting import MERGED
from connector.sync.looking import CREATED
from connector.texts import joined, say, word

DEFAULT_SPAN = timedelta(days=30)

_CLASSES: Mapping[str, str] = {
    DriftClass.MISSED_EVENT.value: say("missed event"),
    DriftClass.LOST_WRITE.value: say("lost write"),
    DriftClass.HUMAN_EDIT.value: say("a person's edit"),
    DriftClass.OTHER_APP.value: say("another app"),
    DriftClass.MERGE.value: say("merge"),
    DriftClass.NORMALISED.value: say("a form of the CRM's own"),
    DriftClass.NOT_STORED.value: say("accepted, not stored"),
    DriftClass.FLIP_FLOP.value: say("changed back and forth"),
}
_HAPPENED: Mapping[str, str] = {CREATED: say("a new record"), MERGED: say("another record")}
_DONE: Mapping[str, str] = {
    Handling.REPAIR.value: say("repaired"),
    Handling.REPORT.value: say("told"),
    Handling.HOLD.value: say("held"),
}
_DOING = say("being repaired")


@click.command(name="drift")
@click.option("--class", "drift_class", type=click.Choice(list(_CLASSES)), help="Only what differs for this reason.")
@click.option("--field", metavar="NAME", help="Only this field (the policy's name, or the CRM's property).")
@click.option("--since", type=MOMENT, help="Only what was found since then; default: 30 days.")
@click.option("--open", "only_open", is_flag=True, help="Only what still differs.")
@click.option("--weeks", is_flag=True, help="Count by week, field and reason instead of listing.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="At most so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(
    drift_class: str | None,
    field: str | None,
    since: datetime | None,
    only_open: bool,
    weeks: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List what differed between the CRM and what should be, the latest first: why, and what was done.

    What is done is said by `drift:` of policy.yaml. No values are kept or shown. What is held waits in `tasuki parked`.
    """
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        policy = active_tenant(Runtime(database, settings), installation_id).plan.policy
        with database.transaction(installation_id) as conn:
            start = since.replace(tzinfo=policy.zone).astimezone(UTC) if since is not None else None
            asked = start or BusinessClock.now(conn) - DEFAULT_SPAN
            rows, counts = list[DriftRow](), list[WeekCount]()
            if weeks:
                counts = drifts.weekly(
                    conn, policy.zone, drift_class=drift_class, field=field, since=asked, only_open=only_open,
                    limit=limit,
                )  # fmt: skip
            else:
                rows = drifts.listed(
                    conn, drift_class=drift_class, field=field, since=asked, only_open=only_open, limit=limit
                )
    if as_json:
        emit([_facts(asdict(one)) for one in (counts if weeks else rows)])
        return
    speech = Speech(policy, policy.language)
    labels = {name: speech.of(definition.label, name) for name, definition in policy.fields.items()}
    if weeks:
        _print_weeks(counts, labels)
    else:
        _print(rows, labels)


def _facts(one: dict[str, Any]) -> dict[str, Any]:
    return {("class" if name == "drift_class" else name): value for name, value in one.items()}


def _print(rows: Sequence[DriftRow], labels: Mapping[str, str]) -> None:
    columns = ("Found", "Lead#", "Record", "Field", "Why", "Done", "Times#", "Ended")
    shown_rows = [
        (
            one.found_at,
            one.lead_id,
            f"{one.object_type} {one.vendor_id}",
            _field(one.field, labels),
            _why(one),
            _done(one),
            one.times,
            one.ended_at,
        )
        for one in rows
    ]
    table(say("Drift"), columns, shown_rows, none=say("nothing differed."))
    for name in sorted({one.cause for one in rows if one.cause is not None}):
        line(joined("", ("! ", cause(name), ": ", remedy(name))))


def _field(name: str, labels: Mapping[str, str]) -> str:
    return _HAPPENED.get(name) or labels.get(name, word(name))


def _why(one: DriftRow) -> str:
    why = _CLASSES[one.drift_class]
    return joined("", (why, " (", cause(one.cause), ")")) if one.cause is not None else why


def _done(one: DriftRow) -> str:
    return _DOING if one.handling == Handling.REPAIR.value and one.ended_at is None else _DONE[one.handling]


def _print_weeks(counts: Sequence[WeekCount], labels: Mapping[str, str]) -> None:
    rows = [
        (f"{one.week:%Y-%m-%d}", _field(one.field, labels), _CLASSES[one.drift_class], one.found,
         one.still_open)
        for one in counts
    ]  # fmt: skip
    columns = ("Week", "Field", "Why", "Found#", "Open#")
    table(say("Drift by week"), columns, rows, none=say("nothing differed."))
