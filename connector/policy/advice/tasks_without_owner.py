"""Tasks without an owner: tasks go to the owner, but nothing ever gives a lead one.

A lead that nobody owns in the CRM gets a task that stands in nobody's list.

    do: [{task: {kind: call, to: owner, …}}]         # deserves it where routing.yaml assigns nobody
    do: [{task: {kind: call, to: {pool: sdr}, …}}]   # does not
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.policy.advice.rule import Rule
from connector.policy.model import Action, AssignAction, Policy, TaskAction


def _deserves(policy: Policy) -> Iterator[str]:
    assigned = policy.routing is not None and any(rule.assign.owner_of == "lead" for rule in policy.routing.rules)
    if assigned or any(isinstance(action, AssignAction) for rule in policy.rules for action in rule.do):
        return
    yield from (rule.id for rule in policy.rules if any(_to_owner(action) for action in rule.do))


def _to_owner(action: Action) -> bool:
    return isinstance(action, TaskAction) and action.to == "owner"


ADVICE = Rule(
    id="tasks_without_owner",
    says={
        "ja": "担当者あてのタスクがありますが、担当者を決める規則がありません。誰の画面にも出ないタスクができます。",
        "en": "Tasks go to the owner, but nothing gives a lead an owner. Where the CRM has none, nobody sees the task.",
    },
    do={
        "ja": "routing.yaml に割り当ての規則を作るか、タスクの to をプールにしてください。",
        "en": "Add rules to routing.yaml, or send the tasks to a pool.",
    },
    deserves=_deserves,
)
