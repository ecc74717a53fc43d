"""kpi.yaml: targets, the way back from a revenue goal, reviews. Reference rates and costs are checked only."""

from __future__ import annotations

from connector.policy.build.context import Context, label_of
from connector.policy.files.kpi import TargetModel
from connector.policy.model import RevenuePlan, Review, Target


def build_targets(context: Context) -> tuple[Target, ...]:
    """What people aim at, in file order."""
    kpi, words = context.files.kpi, context.vocabulary
    if kpi is None:
        return ()
    context.put_off("kpi.yaml")
    tracks = words.names["track"].choices if "track" in words.names else {}
    for index, model in enumerate(kpi.targets):
        where = context.at("kpi") / "targets" / index
        if model.metric.startswith("clock."):
            context.known(model.metric.partition(".")[2], words.clocks, "clock", where / "metric")
        if model.track is not None:
            context.known(model.track, tracks, "track", where / "track")
    return tuple(_target(model) for model in kpi.targets)


def _target(model: TargetModel) -> Target:
    aim = model.target
    low, high = aim.between if aim.between is not None else (aim.at_least, aim.at_most)
    return Target(
        id=model.id,
        label=model.label,
        metric=model.metric,
        track=model.track,
        per=model.per,
        every=model.every,
        after_start=model.after_start,
        least=low,
        most=high,
        improves_by=aim.improves_by,
        below=model.below,
        above=model.above,
    )


def build_revenue_plan(context: Context) -> RevenuePlan | None:
    """The way back from a revenue goal; None when the file plans none."""
    kpi = context.files.kpi
    if kpi is None or kpi.plan is None:
        return None
    model = kpi.plan
    return RevenuePlan(
        revenue=model.revenue,
        every=model.every,
        average_deal=model.average_deal,
        deal_to_win=model.deal_to_win,
        sql_to_deal=model.sql_to_deal,
        mql_to_sql=model.mql_to_sql,
        people=model.people,
    )


def build_reviews(context: Context) -> tuple[Review, ...]:
    """The reports that come by themselves, in file order."""
    kpi = context.files.kpi
    if kpi is None:
        return ()
    for index, model in enumerate(kpi.reviews):
        where = context.at("kpi") / "reviews" / index / "to"
        for place, receiver in enumerate(model.to):
            context.known(receiver, context.vocabulary.channels, "channel", where / place)
    return tuple(
        Review(
            id=model.id,
            label=label_of(model.label, model.id),
            every=model.every,
            day=model.day,
            at=model.at,
            to=tuple(model.to),
            shows=tuple(model.shows),
        )
        for model in kpi.reviews
    )
