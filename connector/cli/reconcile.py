"""`tasuki reconcile`: look through the CRM now for what no event told of."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from connector.bootstrap import Runtime
from connector.cli.accounts import refuse_none
from connector.cli.output import emit, line, progress, table
from connector.cli.session import installation, opened, read_settings, refuse_played_time
from connector.errors import RetryableError, UsageError
from connector.store.reconcile_passes import Pass, Scope
from connector.sync.context import Line
from connector.sync.reconcile import begin, failing, looks, types
from connector.texts import say

LONGEST_WAIT_SECONDS = 60.0
"""As long as this the command waits for the CRM itself; beyond it, it ends and is called again later."""

Tell = Callable[[str], None]


@click.command(name="reconcile")
@click.option("--full", is_flag=True, help="Every record there is, not only what was modified since the last look.")
@click.option("--type", "only", multiple=True, metavar="TYPE", help="This object type alone (contact, deal, call …).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(full: bool, only: tuple[str, ...], as_json: bool) -> None:
    """Look through the CRM for changes, new records and deletions that no event told of.

    What differed is told (`tasuki drift`) and marked; a worker (`tasuki work`) reads it and decides as always. Killed,
    it goes on where it was when it is called again, or when the worker's own schedule comes to it.
    """
    settings = read_settings()
    refuse_none(settings)
    scope = Scope.EVERYTHING if full else Scope.CHANGES
    with opened(settings) as database:
        refuse_played_time(database, settings)
        runtime = Runtime(database, settings)
        try:
            lines = _lines(runtime, installation(database))
            with progress(say("looking through the CRM")) as tell:
                found = [_facts(one, _run(one, scope, only, tell)) for one in lines]
        finally:
            runtime.close()
    if as_json:
        emit({"scope": scope.value, "connections": found})
        return
    for one in found:
        _show(one)


def _lines(runtime: Runtime, installation_id: int) -> Sequence[Line]:
    tenant = runtime.tenant(installation_id)
    if tenant is None:
        raise UsageError(say("No policy is running yet: run `tasuki activate DIR`."), reason="no_policy")
    lines = list(runtime.lines(tenant).values())
    if not lines:
        raise UsageError(
            say("Every connection is paused: `tasuki outbox list` says why, `tasuki connect DIR` resumes."),
            reason="paused",
        )
    return lines


def _run(one: Line, scope: Scope, only: Sequence[str], tell: Tell) -> list[Pass]:
    offered = types(one)[scope]
    unknown = sorted(set(only) - set(offered))
    if unknown:
        reads = ", ".join(offered) or say("nothing yet: the worker is still seeing everybody for the first time")
        raise UsageError(
            say(
                "There is nothing to look through of {unknown}; the running policy reads {reads}.",
                unknown=", ".join(unknown),
                reads=reads,
            ),
            reason="unknown_object_type",
        )
    return [_through(one, begun, tell) for begun in begin(one, scope, only or offered)]


def _through(one: Line, begun: Pass, tell: Tell) -> Pass:
    now = begun
    while now.under_way and now.started_at == begun.started_at:
        tell(_so_far(now))
        try:
            for looked in looks(one, now):
                now = looked
                tell(_so_far(now))
                if now.started_at != begun.started_at:
                    break
        except RetryableError as error:
            seconds = error.retry_after_seconds
            if seconds is None or seconds > LONGEST_WAIT_SECONDS:
                raise
            tell(say("{object}: the CRM asks to wait for {seconds} s", object=now.object_type, seconds=round(seconds)))
            time.sleep(seconds)
            (now,) = begin(one, now.scope, [now.object_type])
    return now


def _so_far(now: Pass) -> str:
    return say(
        "{object}: {looked} looked at, {marked} marked",
        object=now.object_type,
        looked=now.looked,
        marked=now.marked + now.archived,
    )


def _facts(one: Line, passes: Sequence[Pass]) -> dict[str, Any]:
    return {
        "connection_id": one.connection_id,
        "failing": failing(one),
        "objects": [
            {
                "object": done.object_type,
                "since": done.since if done.scope is Scope.CHANGES else None,
                "until": done.until,
                "pages": done.pages,
                "looked": done.looked,
                "marked": done.marked,
                "drifted": done.drifted,
                "archived": done.archived,
            }
            for done in passes
        ],
    }


def _show(found: dict[str, Any]) -> None:
    rows = [
        tuple(one[name] for name in ("object", "pages", "looked", "marked", "drifted", "archived", "since", "until"))
        for one in found["objects"]
    ]
    columns = ("Object", "Pages#", "Looked at#", "Marked#", "Drifted#", "Gone#", "Since", "Until")
    title = say("Connection {connection_id}", connection_id=found["connection_id"])
    table(title, columns, rows, none=say("nothing to look through yet."))
    if found["failing"]:
        line(
            say(
                "! {failing} records are marked and could not be read yet: they are tried again until they are.",
                failing=found["failing"],
            )
        )
