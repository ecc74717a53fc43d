"""What the demo's people do: forms, visits, a rep's day. Everything done is remembered: it is the proof's truth."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice

import orjson

from connector.cli.stack import FORM_SECRET, FORM_SOURCE, Stack
from connector.sandbox import behaviour
from connector.sandbox.handle import SandboxHandle

FORMS_A_SECOND = 20
VISITORS = 12
WEBSITE_FORMS = 4
REPS = {"accept": 4, "recycle": 3, "discard": 2, "done": 3, "delete": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One thing that somebody did to a contact. `name`: the form, or the property that was set."""

    contact_id: str
    name: str
    at: datetime
    value: str | None = None


@dataclass(slots=True)
class Truth:
    """Everything that happened in the CRM, by the hand that did it."""

    submissions: list[Done] = field(default_factory=list)
    website: list[tuple[str, datetime]] = field(default_factory=list)  #: (e-mail, when)
    visits: dict[str, int] = field(default_factory=dict)
    answers: list[Done] = field(default_factory=list)
    done_tasks: list[Done] = field(default_factory=list)  #: name: the rule; value: the kind of the task
    deleted_tasks: list[tuple[str, str]] = field(default_factory=list)

    def touched(self) -> set[str]:
        """The contacts that anything happened to."""
        return (
            {one.contact_id for one in self.submissions} | set(self.visits) | {one.contact_id for one in self.answers}
        )


def visitors(stack: Stack, truth: Truth, count: int, *, told: Callable[[int], None]) -> None:
    """`count` form submissions at a steady pace, some by people of the portal, and a few visits."""
    known = stack.sandbox.records("contacts", limit=60)
    people = [{"email": one["properties"]["email"]} for one in known if one["properties"].get("email")]
    began = time.monotonic()

    def submit(number: int, one: behaviour.FormSubmission) -> Done:
        time.sleep(max(0.0, began + number / FORMS_A_SECOND - time.monotonic()))
        found = stack.sandbox.submit(one)
        told(1)
        return Done(contact_id=found["contact_id"], name=found["form"], at=_moment(found["submitted_at"]))

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(submit, n, one) for n, one in enumerate(behaviour.submissions(count, 7, people))]
        truth.submissions += [job.result() for job in jobs]
    for one in known[-VISITORS:]:
        stack.sandbox.visit(one["id"], times=2)
        truth.visits[one["id"]] = truth.visits.get(one["id"], 0) + 2


def website(stack: Stack, truth: Truth) -> None:
    """The company's own website posts signed forms straight to the service."""
    for number in range(WEBSITE_FORMS):
        email = f"web{number}@kanda-seisakusho.example.co.jp"
        at = datetime.now(UTC)
        body = orjson.dumps(
            {
                "form": "inquiry",
                "email": email,
                "id": f"web-{number}",
                "occurred_at": at.isoformat(),
                "fields": {"last_name": "神田"},
            }
        )
        post_form(stack.url, body)
        truth.website.append((email, at))


def post_form(url: str, body: bytes) -> None:
    """One signed submission of the own website; see docs/webhooks.md."""
    stamp = str(int(time.time()))
    signature = hmac.new(FORM_SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    request = urllib.request.Request(  # noqa: S310 - the service of this demo
        f"{url}/webhooks/forms/{FORM_SOURCE}",
        data=body,
        headers={
            "Content-Type": "application/json",
            "X-Tasuki-Timestamp": stamp,
            "X-Tasuki-Signature": signature,
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        answer.read()


def reps(sandbox: SandboxHandle, truth: Truth) -> None:
    """The inside-sales people work: they accept, send back, discard, tick tasks off, delete one."""
    mql = [
        one["id"]
        for one in sandbox.records("contacts")
        if one["properties"].get("lifecyclestage") == "marketingqualifiedlead" and one["id"] in truth.touched()
    ]
    queue = iter(mql)
    for _ in range(REPS["accept"]):
        _set(
            sandbox,
            truth,
            next(queue, None),
            {"tasuki_need": "受発注を一元化したい", "tasuki_rep_decision": "accepted"},
        )
    for _ in range(REPS["recycle"]):
        _set(sandbox, truth, next(queue, None), {"tasuki_recycle_reason": "timing"})
    for _ in range(REPS["discard"]):
        _set(sandbox, truth, next(queue, None), {"tasuki_discard_reason": "wrong_target"})
    rest = set(queue)
    mine = [
        (one["id"], contact_id, str(one["properties"].get("tasuki_key")).rsplit(":", 2)[1])
        for one in sandbox.records("tasks")
        for contact_id in one["associations"].get("contacts", ())
        if contact_id in rest and one["properties"].get("hs_task_type") == "CALL"
    ]
    chosen = iter(mine)
    for task_id, contact_id, rule in islice(chosen, REPS["done"]):
        sandbox.complete_task(task_id)
        at = datetime.fromisoformat(sandbox.record("tasks", task_id)["properties"]["hs_task_completion_date"])
        truth.done_tasks.append(Done(contact_id=contact_id, name=rule, at=at, value="call"))
    for task_id, contact_id, rule in islice(chosen, REPS["delete"]):
        sandbox.delete_task(task_id)
        truth.deleted_tasks.append((contact_id, rule))


def _set(sandbox: SandboxHandle, truth: Truth, contact_id: str | None, values: dict[str, str]) -> None:
    if contact_id is None:
        return
    sandbox.edit("contacts", contact_id, values, owner_id=sandbox.owners()[0]["id"])
    at = _moment(sandbox.clock()["now_ms"])
    truth.answers += [Done(contact_id=contact_id, name=name, at=at, value=value) for name, value in values.items()]


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
