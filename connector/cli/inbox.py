"""`tasuki inbox`: deliveries as they came. People's data stays in the bodies unless it is asked for."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
import orjson

from connector.cli.output import emit, line, table
from connector.cli.reasons import cause, remedy
from connector.cli.session import opened, read_settings
from connector.errors import UsageError
from connector.store import inbox
from connector.store.inbox import InboxRow, InboxState
from connector.texts import joined, say, shown, word

_LIVE = (InboxState.NEW, InboxState.PARKED, InboxState.UNKNOWN)
_STATES = [one.value for one in InboxState]
_LONGEST_TYPE = 80


@click.group(name="inbox")
def command() -> None:
    """List, show and retry deliveries."""


@command.command(name="list")
@click.option("--state", type=click.Choice(_STATES), help="Only these  [default: all but done]")
@click.option("--after", default=0, metavar="ID", help="Only later ones than this.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="At most so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def list_(state: str | None, after: int, limit: int, as_json: bool) -> None:
    """List deliveries that wait or could not be read."""
    states = (InboxState(state),) if state else _LIVE
    with opened(read_settings()) as database:
        found = inbox.listing(database, states=states, after=after, limit=limit)
        waiting = inbox.depth(database)
    if as_json:
        emit({"waiting": waiting, "deliveries": [_facts(one) for one in found]})
        return
    rows = [
        (one.id, one.received_at, one.source, one.state.value, cause(one.reason) if one.reason else "", one.attempts)
        for one in found
    ]
    table(
        say("Deliveries ({waiting} wait)", waiting=waiting),
        ("Id#", "Received", "Source", "State", "Cause", "Attempts#"),
        rows,
    )


@command.command(name="show")
@click.argument("row_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--body", "with_body", is_flag=True, help="Print the body as it came: it holds people's data.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def show(row_id: int, with_body: bool, as_json: bool) -> None:
    """Show one delivery: where it stands and what kinds of events it holds. Never the body, unless --body says so."""
    with opened(read_settings()) as database:
        found = inbox.listing(database, states=tuple(InboxState), after=row_id - 1, limit=1)
        body = inbox.body_of(database, row_id)
    if body is None or not found or found[0].id != row_id:
        raise UsageError(say("There is no delivery {row_id} (any more).", row_id=row_id), reason="no_such_delivery")
    if with_body and not as_json:
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.flush()
        return
    facts = _facts(found[0]) | {"bytes": len(body), "events": kinds(body)}
    if as_json:
        emit(facts | ({"body": body.decode("utf-8", "replace")} if with_body else {}))
        return
    _print(facts)


def _print(facts: dict[str, Any]) -> None:
    line(
        say(
            "Delivery {name} from {source}, received {received_at}",
            name=facts["id"],
            source=facts["source"],
            received_at=facts["received_at"].isoformat(),
        )
    )
    why = joined("", (": ", facts["cause"], ". ", facts["remedy"])) if facts["reason"] else ""
    line(say("State: {state}{why}", state=word(facts["state"]), why=why))
    line(say("{bytes} bytes, read so often: {attempts}", bytes=facts["bytes"], attempts=facts["attempts"]))
    if facts["events"] is None:
        line(say("Its body is not JSON."))
        return
    rows = sorted(facts["events"].items(), key=lambda pair: (-pair[1], pair[0]))
    table(say("Events"), ("Type", "Count#"), rows)


@command.command(name="retry")
@click.argument("ids", metavar="ID...", nargs=-1, type=click.IntRange(1, 2**63 - 1))
@click.option("--all", "everything", is_flag=True, help="Retry all that are parked or hold unknown events.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def retry(ids: Sequence[int], everything: bool, as_json: bool) -> None:
    """Have parked deliveries read again. What they say is taken once, whatever was taken before.

    Exits with 1 when a delivery that is named is not parked.
    """
    if everything == bool(ids):
        raise click.UsageError(shown(say("Name the deliveries, or give --all.")))
    with opened(read_settings()) as database:
        count = inbox.retry(database, None if everything else sorted(set(ids)))
    if as_json:
        emit({"retried": count})
    else:
        line(say("Retried: {count}.", count=count))
    if not everything and count < len(set(ids)):
        click.get_current_context().exit(1)


def kinds(body: bytes) -> dict[str, int] | None:
    """How many events of each type a body holds; None when it is not JSON. No value of it is told."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    events = parsed if isinstance(parsed, list) else [parsed]
    return dict(Counter(_kind(event) for event in events))


def _kind(event: object) -> str:
    if not isinstance(event, dict):
        return "not an event"
    named = event.get("subscriptionType") or event.get("eventType")
    if isinstance(named, str):
        return named[:_LONGEST_TYPE]
    for key in ("form", "event"):
        if key in event:
            return f"a website's {key}"
    return "a contact of a workflow" if "vid" in event or "objectId" in event else "without a type"


def _facts(row: InboxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "received_at": row.received_at,
        "source": row.source,
        "state": row.state.value,
        "reason": row.reason,
        "cause": cause(row.reason) if row.reason else None,
        "remedy": remedy(row.reason) if row.reason else None,
        "attempts": row.attempts,
    }
