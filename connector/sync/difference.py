"""What has to be written: desired minus mirror, worked out when sending and never stored as a queue."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.domain.value import Value
from connector.store.mirrors import MirrorRow
from connector.sync import mirror, overtaking
from connector.sync.binding import Binding
from connector.sync.facts import same_on


def difference(
    binding: Binding,
    person: MirrorRow,
    desired: Mapping[str, Value],
    stage: str | None,
    *,
    dropped: Mapping[str, Any],
    now: datetime,
) -> dict[str, str]:
    """The properties of a person to write, with their new strings ('' clears).

    Left out are: what stands already (also in the vendor's own form), what we have not read or may not read, what
    the vendor refused (until it is wanted otherwise), what the policy leaves alone, and what the breaker froze. A
    change that our write overtook and that no rule decides about is put back.
    """
    return left_to_write(binding, person, binding.project(desired, stage), dropped=dropped, now=now)


def left_to_write(
    binding: Binding, person: MirrorRow, wanted: dict[str, str], *, dropped: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """The same of the properties that are wanted."""
    same, properties = same_on(binding, person.object_type), person.properties
    for name, value in overtaking.overtaken(person).items():
        wanted.setdefault(name, value or "")
    return {
        name: value
        for name, value in wanted.items()
        if properties.get(name, value) != (value or None)  # what stands as it is wanted needs no closer look
        and name in properties
        and (not mirror.stands(person, name, value, same) or must_clear(binding, person, name, value))
        and not binding.means(person.object_type, name, properties[name], value)
        and dropped.get(name, {}).get("value") != value
        and not dropped.get(name, {}).get("held")
        and not mirror.is_frozen(person, name, now)
    }


def deal_difference(
    binding: Binding, deal: MirrorRow, desired: Mapping[str, Value], *, dropped: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """The properties of the lead's deal to write; left out is what `difference` leaves out."""
    same = same_on(binding, deal.object_type)
    return {
        name: value
        for name, value in binding.project_deal(desired).items()
        if name in deal.properties
        and not mirror.stands(deal, name, value, same)
        and dropped.get(dropped_name(deal.object_type, name), {}).get("value") != value
        and not mirror.is_frozen(deal, name, now)
    }


def company_difference(
    binding: Binding, company: MirrorRow, desired: Mapping[str, Value], *, dropped: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """The properties of the lead's company to write; left out is what `difference` leaves out."""
    same = same_on(binding, company.object_type)
    return {
        name: value
        for name, value in binding.project_company(desired).items()
        if name in company.properties
        and not mirror.stands(company, name, value, same)
        and not binding.means(company.object_type, name, company.properties[name], value)
        and dropped.get(dropped_name(company.object_type, name), {}).get("value") != value
        and not mirror.is_frozen(company, name, now)
    }


def dropped_name(object_type: str, name: str) -> str:
    """How a property of another record than the person's is named beside the person's own."""
    return f"{object_type}.{name}"


def must_clear(binding: Binding, person: MirrorRow, name: str, wanted: str) -> bool:
    """True when the vendor kept another stage than the one that we wrote last: it is cleared first, once."""
    return name in binding.dialect.forward_only and mirror.refused_backward(
        person, name, wanted, same_on(binding, person.object_type)
    )


def settle_overtaken(binding: Binding, person: MirrorRow, desired: Mapping[str, Value], stage: str | None) -> list[str]:
    """Overtaken changes that the rules have now decided against count no longer; returns their properties."""
    same = same_on(binding, person.object_type)
    wanted = binding.project(desired, stage)
    lost = [
        name
        for name, value in overtaking.overtaken(person).items()
        if name in wanted and not same(name, wanted[name] or None, value)
    ]
    for name in lost:
        overtaking.give_up_overtaken(person, name)
    return lost
