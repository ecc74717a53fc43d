"""`tasuki announce`: tell that something has come which leads were waiting for."""

from __future__ import annotations

import click

from connector.bootstrap import Runtime
from connector.cli.output import emit, line
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, tenant_under
from connector.sync.announcing import announce, waiting_for
from connector.texts import say


@click.command(name="announce")
@click.argument("signal")
@click.option("--about", help="What it is about: a value of the field that `about:` names.")
@click.option("--everybody", is_flag=True, help="It concerns every lead that waits, whatever the field says.")
@click.option("--note", default="", help="A remark for your own list.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(signal: str, about: str | None, everybody: bool, note: str, policy_name: str | None, as_json: bool) -> None:
    """Announce SIGNAL (`announced: true` in signals.yaml): the leads that wait for it come again, so many a day.

    The worker gives them their turns, the oldest first; `tasuki announcements` shows how far it is.
    """
    settings = read_settings()
    with opened(settings) as database:
        tenant = tenant_under(Runtime(database, settings), installation(database), policy_name)
        made = announce(tenant, signal, about=about, everybody=everybody, note=note)
        with database.transaction(tenant.installation_id) as conn:
            count = sum(1 for _ in waiting_for(tenant, conn, made))
        per_day = tenant.plan.policy.signals[signal].per_day
    if as_json:
        emit({"id": made.id, "signal": signal, "about": about, "waiting": count, "per_day": per_day})
        return
    days = -(-count // per_day)
    line(
        say(
            "Announced as {name}: {count:,} leads wait for it, at most {per_day} a day: {days} days.",
            name=made.id,
            count=count,
            per_day=per_day,
            days=days,
        )
    )
