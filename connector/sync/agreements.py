"""What two CRMs agree on is kept with the decision that it belongs to; what was lost by it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.domain import codec
from connector.domain.codec_agreed import encode_agreed
from connector.domain.decision import Decision
from connector.domain.value import Value
from connector.store import agreements
from connector.store.database import Connection
from connector.sync.binding import COMPANY_OWNER, DEAL_OWNER, OWNER
from connector.sync.context import Tenant
from connector.sync.deciding import Result

_OWNERS = {"lead": OWNER, "deal": DEAL_OWNER, "company": COMPANY_OWNER}


def decided_values(decision: Decision) -> dict[str, Value]:
    """What the rules want in the CRMs, the owners whom pools gave included."""
    return {**decision.desired, **{_OWNERS[kind]: who for kind, who in decision.owners.items() if kind in _OWNERS}}


def keep_agreements(tenant: Tenant, conn: Connection, results: Sequence[Result], now: datetime) -> None:
    """Store what is agreed now, where that changed, with the changes that were lost by it. Leads that only one CRM has
    have nothing to agree on."""
    changed: dict[int, Mapping[str, Any]] = {}
    for result in results:
        case, merged = result.case, result.case.merged
        if merged is None:
            continue
        after = merged.after(decided_values(result.decision), now)
        if after != case.agreed:
            changed[case.row.id] = {name: encode_agreed(one) for name, one in after.items()}
        for name, lost in merged.lost:
            definition = tenant.plan.policy.fields.get(name)
            tenant.keep_value(
                conn,
                lead_id=case.row.id,
                at=now,
                field=name,
                rule=f"wins.{definition.wins if definition is not None else 'newest'}",
                actor=lost.actor.value,
                values={"kept": codec.encode_value(merged.facts[name].value), "lost": codec.encode_value(lost.value)},
            )
    if changed:
        agreements.put(conn, tenant.installation_id, changed)
