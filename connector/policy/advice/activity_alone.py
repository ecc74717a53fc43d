"""Activity KPIs alone: only calls and mails are aimed at.

People who are measured by calls make calls. Without an outcome or a rate beside them, numbers rise and deals do not.

    targets: [{id: calls, metric: calls, per: person, every: 1d, target: {at_least: 60}}]        # deserves it
    … and {id: rate, metric: mql_to_sql, per: team, every: 1w, target: {between: [20%, 30%]}}    # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule
from connector.policy.model import Policy

ACTIVITIES = frozenset(
    {"calls", "mails", "social", "conversations", "talk_time", "activities", "attempts", "tasks_done"}
)


def _deserves(policy: Policy) -> Iterator[str]:
    if policy.targets and all(target.metric in ACTIVITIES for target in policy.targets):
        yield from (target.id for target in policy.targets)


ADVICE = Rule(
    id="activity_alone",
    says={
        "ja": "目標が活動量だけです。件数は増えても、商談と受注は増えません。",
        "en": "Only activity is aimed at. Numbers of calls rise, and deals do not.",
    },
    do={
        "ja": "kpi.yaml に成果(sqls など)か率(mql_to_sql など)の目標を加えてください。",
        "en": "Add targets for an outcome (`sqls`) or a rate (`mql_to_sql`) to kpi.yaml.",
    },
    deserves=_deserves,
)
