"""`tasuki notices`: what was sent, what waits, what nobody could be reached with."""

from __future__ import annotations

import click

from connector.cli.output import emit, line, table
from connector.cli.reasons import cause
from connector.cli.session import installation, opened, read_settings
from connector.store import notices
from connector.texts import say, word


@click.command(name="notices")
@click.option("--state", type=click.Choice(["new", "sent", "parked"]), help="Only those that stand so.")
@click.option("--limit", default=50, type=click.IntRange(1, 1000), show_default=True, help="At most so many.")
@click.option("--retry", is_flag=True, help="Send everything parked again, after an address was set.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(state: str | None, limit: int, retry: bool, as_json: bool) -> None:
    """List notices, the latest first: to whom, how they stand and why. Their texts stay sealed."""
    with opened(read_settings()) as database, database.transaction(installation(database)) as conn:
        again = notices.retry(conn) if retry else 0
        found = notices.listed(conn, state=state, limit=limit)
    if as_json:
        emit({"retried": again, "notices": found} if retry else found)
        return
    if retry:
        line(say("{again} notices are sent again.", again=again))
    rows = [
        (
            one["created_at"],
            one["lead_id"],
            one["receiver"],
            word(one["state"]),
            one["attempts"],
            cause(one["parked_reason"]) if one["parked_reason"] else "",
        )
        for one in found
    ]
    table(say("Notices"), ("Made", "Lead#", "To", "State", "Tries#", "Reason"), rows, none=say("none."))
