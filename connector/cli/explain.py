"""`tasuki explain LEAD`: why this score, this stage and these tasks; what is unknown; when it is looked at again."""

from __future__ import annotations

import click

from connector.bootstrap import Runtime
from connector.cli.explain_data import described
from connector.cli.explain_print import show
from connector.cli.output import emit
from connector.cli.session import installation, opened, read_settings
from connector.errors import UsageError
from connector.sync.context import Tenant
from connector.sync.explaining import find_lead, story
from connector.texts import say


@click.command(name="explain")
@click.argument("lead", metavar="LEAD")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(lead: str, as_json: bool) -> None:
    """Tell why a lead has its score, stage and tasks, from which events, and when it is looked at again.

    LEAD is a lead id, a HubSpot contact id or an e-mail address; `lead:7` and `contact:7` say which number is meant.
    """
    settings = read_settings()
    with opened(settings) as database:
        runtime = Runtime(database, settings)
        tenant = active_tenant(runtime, installation(database))
        told = story(tenant, find_lead(tenant, lead))
        found = described(tenant.under(told.row.policy), told)
    if as_json:
        emit(found)
    else:
        show(found)


def active_tenant(runtime: Runtime, installation_id: int) -> Tenant:
    """The installation with its running policy, or `UsageError`."""
    tenant = runtime.tenant(installation_id)
    if tenant is None:
        raise UsageError(say("No policy is running: `tasuki connect`, then `tasuki activate DIR`."), reason="no_policy")
    return tenant
