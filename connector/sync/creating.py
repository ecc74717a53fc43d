"""Who stands in one CRM only gets a record in the other, where `identity.create_in` wants one: once.

The link is the intent: it is committed with the decision, and the read slice finds the person there by address or
creates the record with what is agreed so far. A record that people deleted keeps its link, and is never made again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from connector.domain.value import Value, is_known
from connector.engine.view import LeadView, occurrences
from connector.store import identities, links
from connector.store.database import Connection
from connector.sync.agreements import decided_values
from connector.sync.binding import OWNER, Binding
from connector.sync.context import Tenant
from connector.sync.deciding import Result


def want_elsewhere(tenant: Tenant, conn: Connection, results: Sequence[Result], now: datetime) -> None:
    """Ask for the records that are wanted and that nobody has asked for."""
    if len(tenant.bindings) < 2 or not tenant.plan.policy.identity.create_in:
        return
    wanted = [pair for result in results if not result.case.elsewhere for pair in _wanted(tenant, result, now)]
    if not wanted:
        return
    ids = sorted({result.case.row.id for result, _ in wanted})
    unsure = identities.in_review(conn, ids)
    linked = {
        (int(row["lead_id"]), int(row["connection_id"]))
        for row in conn.execute("SELECT lead_id, connection_id FROM link WHERE lead_id = ANY(%s)", [ids])
    }
    for result, connection_id in wanted:
        lead_id = result.case.row.id
        if lead_id in unsure or (lead_id, connection_id) in linked:
            continue
        arrival = _arrival(tenant.bindings[connection_id], result)
        if arrival is not None:
            links.want_read(conn, tenant.installation_id, connection_id, {lead_id: ""}, lane=result.due.lane)
            links.want_arrival(conn, connection_id, lead_id, arrival)


def _wanted(tenant: Tenant, result: Result, now: datetime) -> Iterator[tuple[Result, int]]:
    """The CRMs in which the policy wants this lead and does not have it."""
    create_in = tenant.plan.policy.identity.create_in
    view: LeadView | None = None
    for connection_id, binding in tenant.bindings.items():
        vendor = binding.dialect.vendor
        if connection_id == result.case.connection_id or vendor not in create_in:
            continue
        condition = create_in[vendor]
        view = view or _view(tenant, result, now)
        if condition is None or condition.test(view) is True:
            yield result, connection_id


def _view(tenant: Tenant, result: Result, now: datetime) -> LeadView:
    state = result.decision.state
    times = occurrences(tenant.plan.unions, result.case.signals, now)
    return LeadView(tenant.plan, result.lead, times, state.entry, state.holds, now, state)


def _arrival(there: Binding, result: Result) -> Mapping[str, object] | None:
    """The record's first values; None for somebody without an address, by whom nobody could be found again."""
    values = _values(there, result)
    properties = {name: text for name, text in there.project(values, result.decision.stage_desired).items() if text}
    email = properties.get(there.dialect.email_property)
    if not email:
        return None
    return {"email": email.lower(), "create": True, "properties": properties}


def _values(there: Binding, result: Result) -> dict[str, Value]:
    """What the lead is, as far as it goes there: what people filled, what the rules say, whose it is."""
    fields = {name: result.lead.fact(name).value for name in there.shared}
    owner = {OWNER: result.lead.owner} if result.lead.owner is not None else {}
    known = {name: value for name, value in fields.items() if is_known(value)}
    return {**known, **owner, **decided_values(result.decision)}
