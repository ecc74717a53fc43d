"""`tasuki queue`: the call lists as they stand now, in the order in which people are to work them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import click

from connector.bootstrap import Runtime
from connector.cli.output import emit, line, table
from connector.cli.people import named
from connector.cli.session import installation, opened, read_settings
from connector.cli.which import policy_option, tenant_under
from connector.engine.words import label_in
from connector.errors import UsageError
from connector.policy.model import Queue
from connector.store.clock import BusinessClock
from connector.sync.colleagues import every_id
from connector.sync.colleagues import everybody as everybody_of
from connector.sync.queueing import Waiting, waiting
from connector.texts import joined, say, word

_COLUMNS = ("#", "Priority#", "Task", "Kind", "Due", "Owner", "Reasons", "Lead#")


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """One queue with the tasks that are shown of it, and how many more there are."""

    queue: Queue
    shown: Sequence[Waiting]
    more: int


@click.command(name="queue")
@click.argument("queue", metavar="[ID]", required=False)
@click.option("--mine", metavar="PERSON", help="Only the tasks of this person: an id, a name or a mail address.")
@click.option("--limit", default=100, type=click.IntRange(1, 100_000), show_default=True, help="At most so many each.")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON for programs.")
def command(queue: str | None, mine: str | None, limit: int, policy_name: str | None, as_json: bool) -> None:
    """Print every call list (or the queue ID) in its order: why, until when, whose.

    Exits with 0 whether or not anything waits.
    """
    settings = read_settings()
    with opened(settings) as database:
        installation_id = installation(database)
        tenant = tenant_under(Runtime(database, settings), installation_id, policy_name)
        policy = tenant.plan.policy
        chosen = _chosen(policy.queues, queue)
        with database.transaction(installation_id) as conn:
            now = BusinessClock.now(conn)
            everybody = everybody_of(tenant, conn, now)
            found = waiting(tenant, conn, chosen, now)
    person = named(everybody, every_id(tenant, [mine]), mine).person if mine is not None else None
    lists = [_list(one, found[one.id], person, limit) for one in chosen]
    names = {one.person: one.name for one in everybody}
    if as_json:
        emit({one.queue.id: [_described(task, names) for task in one.shown] for one in lists})
        return
    for one in lists:
        _print(one, names, policy.language)


def _chosen(queues: Mapping[str, Queue], queue: str | None) -> list[Queue]:
    if not queues:
        raise UsageError(say("The running policy has no queues: work.yaml defines them."), reason="no_queues")
    if queue is not None and queue not in queues:
        raise UsageError(
            say("There is no queue {queue!r}; there are: {queues}.", queue=queue, queues=", ".join(queues)),
            reason="unknown_queue",
        )
    return [queues[queue]] if queue is not None else list(queues.values())


def _list(queue: Queue, tasks: Sequence[Waiting], person: str | None, limit: int) -> _List:
    theirs = [one for one in tasks if person is None or one.owner == person]
    return _List(queue=queue, shown=theirs[:limit], more=max(0, len(theirs) - limit))


def _described(one: Waiting, names: Mapping[str, str]) -> dict[str, object]:
    return asdict(one) | {"owner_name": names.get(one.owner) if one.owner is not None else None}


def _print(one: _List, names: Mapping[str, str], language: str) -> None:
    rows = [
        (
            place,
            task.order,
            task.title,
            word(task.kind),
            joined("", (f"{task.due_at.astimezone():%m-%d %H:%M}", say(" (overdue)") if task.overdue else "")),
            names.get(task.owner, task.owner) if task.owner else say("nobody"),
            task.reasons,
            task.lead_id,
        )
        for place, task in enumerate(one.shown, start=1)
    ]
    title = f"{label_in(one.queue.label, language, one.queue.id)} ({one.queue.id})"
    table(title, _COLUMNS, rows, none=say("nothing waits."))
    if one.more:
        line(say("{number} more", number=one.more))
