"""routing.yaml: pools and who gets what."""

from __future__ import annotations

from connector.policy.build.actions import build_assign, check_working_time
from connector.policy.build.context import Context, label_of
from connector.policy.build.events import build_events
from connector.policy.document import Where
from connector.policy.files.routing import Capacity as CapacityModel
from connector.policy.files.routing import PoolModel, RoutingFile
from connector.policy.model import Capacity, Pool, Routing, RoutingRule
from connector.texts import say


def build_routing(context: Context) -> Routing | None:
    """The whole file; None when the part is off."""
    model = context.files.routing
    if model is None:
        return None
    where = context.at("routing")
    if model.nobody_free is not None:
        context.known(model.nobody_free.pool, model.pools, "pool", where / "nobody_free" / "pool")
    absent, tasks = model.absent, model.absent.open_tasks if model.absent is not None else None
    if tasks is not None and tasks.after is not None:
        check_working_time(context, tasks.after, where / "absent" / "open_tasks" / "after")
    return Routing(
        pools={key: _pool(context, key, pool, where / "pools" / key) for key, pool in model.pools.items()},
        rules=_rules(context, model, where / "rules"),
        keep_for=model.keep_owner.for_ if model.keep_owner is not None else None,
        keep_same_company=model.keep_owner is not None and model.keep_owner.also == "same_company",
        absent_skip=absent is None or absent.skip,
        absent_tasks_after=tasks.after if tasks is not None else None,
        absent_tasks_to=tasks.to if tasks is not None else "same_pool",
        left_tasks_to=model.left_company.open_tasks if model.left_company is not None else "same_pool",
        nobody_free=model.nobody_free.pool if model.nobody_free is not None else None,
        tell_two_people=model.two_people is not None and model.two_people.notify,
    )


def _rules(context: Context, model: RoutingFile, where: Where) -> tuple[RoutingRule, ...]:
    return tuple(
        RoutingRule(
            id=rule.id,
            label=label_of(rule.label, rule.id),
            on=build_events(context, rule.on, where / index / "on"),
            when=context.compiler.optional(rule.when, where / index),
            assign=build_assign(context, rule.assign, where / index / "assign"),
        )
        for index, rule in enumerate(model.rules)
    )


def _pool(context: Context, key: str, model: PoolModel, where: Where) -> Pool:
    calendars = context.vocabulary.calendars
    if model.calendar is not None:
        context.known(model.calendar, calendars, "calendar", where / "calendar")
    if model.outside_hours is not None and not context.files.policy.calendars:
        message = say("`outside_hours` needs working hours: give `calendars` in policy.yaml")
        context.report.error(where / "outside_hours", message, reason="no_calendar")
    members = {"hubspot": model.members.hubspot_team, "salesforce": model.members.salesforce_group}
    return Pool(
        id=key,
        label=label_of(model.label, key),
        members={vendor: name for vendor, name in members.items() if name is not None},
        capacity=_capacity(model.capacity),
        warn_above=model.warn_above,
        warn_if_fewer_than=model.warn_if_fewer_than,
        calendar=calendars.get(model.calendar) if model.calendar is not None else None,
        outside_hours=model.outside_hours,
        may_see=_may_see(context, model, where / "may_see"),
    )


def _may_see(context: Context, model: PoolModel, where: Where) -> frozenset[str] | None:
    if model.may_see is None:
        return None
    for index, name in enumerate(model.may_see):
        context.known(name, context.template_names(), "name to put into a text", where / index)
    return frozenset(model.may_see)


def _capacity(model: CapacityModel | None) -> Capacity | None:
    if model is None:
        return None
    what, most = next((kind, most) for kind, most in model.kinds.items() if most is not None)
    return Capacity(what=what, most=most, per=model.per)
