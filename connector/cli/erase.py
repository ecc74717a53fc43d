"""`tasuki erase`: forget a person, for ever."""

from __future__ import annotations

import click

from connector.bootstrap import Runtime
from connector.cli.explain import active_tenant
from connector.cli.output import emit, line, table
from connector.cli.session import installation, opened, read_settings
from connector.store import erasing
from connector.store.erasing import Erased
from connector.sync.context import Tenant
from connector.sync.erasures import agree
from connector.sync.persons import Named, named
from connector.texts import say, shown


@click.command(name="erase")
@click.argument("person", metavar="PERSON")
@click.option("--yes", is_flag=True, help="Do not ask; there is no way back.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(person: str, yes: bool, as_json: bool) -> None:
    """Forget PERSON: every row, stored delivery, parked item and sealed value. There is no way back.

    PERSON is a lead id, contact:ID or an e-mail address, also of somebody who is not known yet: hashes of these names
    keep what comes late from bringing them back. The CRM's own record is not touched: delete it there (HubSpot's
    privacy deletion is heard of and erases here by itself).
    """
    settings = read_settings()
    with opened(settings) as database:
        tenant = active_tenant(Runtime(database, settings), installation(database))
        with database.transaction(tenant.installation_id) as conn:
            who = named(tenant, conn, person)
        if not yes:
            click.confirm(shown(_question(who, person)), abort=True)
        erased = _erase(tenant, who)
        agree(database, tenant.installation_id, settings.tombstone_file)
    if as_json:
        emit({"leads": erased.leads, "deliveries": erased.deliveries, "rows": dict(erased.rows)})
        return
    _show(erased)


def _question(who: Named, person: str) -> str:
    if who.lead_ids:
        return say("Forget {person} (lead {lead_id}) for ever?", person=person, lead_id=who.lead_ids[0])
    return say("Nobody is known as {person}. Forget them for ever, should they come late?", person=person)


def _erase(tenant: Tenant, who: Named) -> Erased:
    with tenant.database.transaction(tenant.installation_id) as conn:
        return erasing.erase(
            conn,
            tenant.installation_id,
            now=tenant.now(conn),
            lead_ids=who.lead_ids,
            people=who.people,
            emails=who.emails,
        )


def _show(erased: Erased) -> None:
    rows = [*sorted(erased.rows.items()), *([("inbox", erased.deliveries)] if erased.deliveries else [])]
    table(say("Removed"), ("Table", "Rows#"), rows, none=say("nothing was held."))
    line(say("Whatever comes late of them, or from a backup, is kept nowhere."))
