"""Outbound messages: SOAP with up to 100 notifications, sent again with growing pauses until `Ack` is true.

As Salesforce does it: a message carries the records as they are when it is sent, in no promised order, never tells of
deletions or merges, holds no session id, and is dropped after 24 hours. Nothing in it proves the sender.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import urllib3
from lxml import etree

from connector.sandbox.dice import seeded
from connector.sandbox.salesforce.ids import made_id
from connector.sandbox.salesforce.org import Change, Org, Row
from connector.sandbox.switches import Switches

MOST = 100
_SPACE = "http://soap.sforce.com/2005/09/outbound"
_LOG = 10_000


@dataclass(kw_only=True)
class MessageSettings(Switches):
    """How messages are sent; changed over the control API."""

    #: machine seconds that notifications wait for company
    linger_seconds: float = 0.05
    timeout_seconds: float = 10.0
    #: sandbox seconds before the next attempt: doubled each time, at most `longest_wait_seconds` apart
    first_wait_seconds: float = 15.0
    longest_wait_seconds: float = 7200.0
    #: sandbox seconds after which a notification is dropped
    kept_seconds: float = 86_400.0
    #: share of messages that are sent once more although they were acknowledged
    duplicate_rate: float = 0.0
    reorder: bool = False
    paused: bool = False


@dataclass(kw_only=True)
class Action:
    """One outbound message as an admin set it up, with the flow that fires it."""

    id: str
    object: str
    url: str
    fields: list[str]
    on: list[str] = field(default_factory=lambda: ["created", "updated"])


@dataclass(kw_only=True, slots=True, eq=False)
class Notification:
    """One change that is to be told. `due` in sandbox milliseconds."""

    id: str
    action: Action
    row: Row
    born: int
    due: int
    attempts: int = 0


class OutboundMessages:
    """Queue and sender; its thread starts with the first notification."""

    def __init__(self, org: Org) -> None:
        self.settings = MessageSettings()
        self.actions: dict[str, Action] = {}
        self.totals = {"notifications": 0, "acknowledged": 0, "attempts": 0, "failed_attempts": 0, "dropped": 0}
        self.log: deque[dict[str, Any]] = deque(maxlen=_LOG)
        self._org = org
        self._rng = seeded(org.settings.seed + 2)
        self._condition = threading.Condition()
        self._queue: list[Notification] = []
        self._recent: deque[list[Notification]] = deque(maxlen=100)
        self._in_flight = 0
        self._flush = False
        self._closed = False
        self._numbers = itertools.count(1)
        self._thread: threading.Thread | None = None
        self._http = urllib3.PoolManager(maxsize=4, retries=False)
        org.listeners.append(self.changed)
        org.clock.listeners.append(self.wake)

    def put_action(self, given: dict[str, Any]) -> Action:
        """Set one up, or change it: {id, object, url, fields, on}."""
        made = Action(**{"id": made_id("04k", len(self.actions) + 1), **given})
        self.actions[made.id] = made
        return made

    def changed(self, row: Row, what: str, change: Change) -> None:
        """A row was created or updated (other changes are never told)."""
        for action in self.actions.values():
            if action.object == row.info.name and what in action.on:
                now = self._org.now()
                made = Notification(id=made_id("04l", next(self._numbers)), action=action, row=row, born=now, due=now)
                self._enqueue([made])

    def redeliver(self, last: int) -> None:
        """Send the last messages that were acknowledged once more, under the same notification ids."""
        for several in list(self._recent)[-last:]:
            for one in several:
                one.attempts, one.due = 0, self._org.now()
            self._enqueue(several)

    def flush(self) -> None:
        """Send what waits, and retries as if their time had come, now."""
        with self._condition:
            self._flush = True
            self._start()
            self._condition.notify_all()

    def wait_idle(self, timeout_seconds: float) -> bool:
        """Whether nothing waits to be sent for the first time within the time."""
        deadline = time.monotonic() + timeout_seconds
        with self._condition:
            while self._in_flight or self._flush or any(one.attempts == 0 for one in self._queue):
                missing = deadline - time.monotonic()
                if missing <= 0:
                    return False
                self._condition.wait(missing)
            return True

    def state(self) -> dict[str, Any]:
        """Settings, actions, queue and totals."""
        with self._condition:
            return {
                "settings": self.settings.as_json(),
                "actions": [asdict(one) for one in self.actions.values()],
                "waiting": len(self._queue),
                "in_flight": self._in_flight,
                **self.totals,
            }

    def wake(self) -> None:
        """Look again: the clock or a switch changed."""
        with self._condition:
            self._condition.notify_all()

    def close(self) -> None:
        """Stop sending; what waits is lost, as with a sandbox that is switched off."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        self._http.clear()

    # ------------------------------------------------------------------ inside

    def _enqueue(self, several: list[Notification]) -> None:
        with self._condition:
            self._queue += several
            self.totals["notifications"] += len(several)
            self._start()
            self._condition.notify_all()

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._run, name="sandbox-outbound", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._closed and not self._ready():
                    self._condition.wait(self._patience())
                if self._closed:
                    return
            if not self._flush:
                time.sleep(max(0.0, self.settings.linger_seconds))
            with self._condition:
                batches = self._take()
                self._in_flight = len(batches)
            for several in batches:
                self._send(several)
                with self._condition:
                    self._in_flight -= 1
                    self._condition.notify_all()
            with self._condition:
                self._condition.notify_all()

    def _ready(self) -> bool:
        if self._flush:
            return True
        now = self._org.now()
        return not self.settings.paused and any(one.due <= now for one in self._queue)

    def _patience(self) -> float | None:
        if not self._queue or self.settings.paused:
            return None
        return self._org.clock.real_seconds_until(min(one.due for one in self._queue))

    def _take(self) -> list[list[Notification]]:
        """What is due, up to 100 of one action a message."""
        now = self._org.now()
        kept_ms = self.settings.kept_seconds * 1000
        alive = [one for one in self._queue if now - one.born < kept_ms]
        self.totals["dropped"] += len(self._queue) - len(alive)
        due = [one for one in alive if self._flush or one.due <= now]
        self._queue = [one for one in alive if one not in due]
        self._flush = False
        if self.settings.reorder:
            self._rng.shuffle(due)
        by_action: dict[str, list[Notification]] = {}
        for one in due:
            by_action.setdefault(one.action.id, []).append(one)
        return [several[at : at + MOST] for several in by_action.values() for at in range(0, len(several), MOST)]

    def _send(self, several: list[Notification]) -> None:
        with self._org.lock:
            body = message(self._org, several)
        status, acknowledged, error = 0, False, ""
        try:
            reply = self._http.request(
                "POST",
                several[0].action.url,
                body=body,
                headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'},
                timeout=urllib3.Timeout(total=self.settings.timeout_seconds),
                redirect=False,
            )
            status, acknowledged = reply.status, reply.status == 200 and _is_ack(reply.data)
        except urllib3.exceptions.HTTPError as failure:
            error = type(failure).__name__
        with self._condition:
            self._settle(several, status, error, acknowledged=acknowledged)

    def _settle(self, several: list[Notification], status: int, error: str, *, acknowledged: bool) -> None:
        self.totals["attempts"] += 1
        self.log.append(
            {
                "at": self._org.now(),
                "notifications": [one.id for one in several],
                "status": status,
                "acknowledged": acknowledged,
                "error": error,
            }
        )
        if acknowledged:
            self.totals["acknowledged"] += len(several)
            self._recent.append(several)
            if self._rng.random() < self.settings.duplicate_rate:
                self._queue += several
            return
        self.totals["failed_attempts"] += 1
        for one in several:
            wait = self.settings.first_wait_seconds * 2**one.attempts
            one.attempts += 1
            one.due = self._org.now() + int(min(wait, self.settings.longest_wait_seconds) * 1000)
        self._queue += several


def message(org: Org, several: list[Notification]) -> bytes:
    """The envelope, with the records as they are now; a blank field is left out."""
    action = several[0].action
    inside = "".join(
        f'<Notification><Id>{one.id}</Id><sObject xsi:type="sf:{one.row.info.name}" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{_fields(one)}</sObject></Notification>'
        for one in several
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f'<soapenv:Body><notifications xmlns="{_SPACE}"><OrganizationId>{org.id}</OrganizationId>'
        f'<ActionId>{action.id}</ActionId><SessionId xsi:nil="true"/>'
        "<EnterpriseUrl>https://tasuki.my.salesforce.com/services/Soap/c/66.0</EnterpriseUrl>"
        "<PartnerUrl>https://tasuki.my.salesforce.com/services/Soap/u/66.0</PartnerUrl>"
        f"{inside}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _fields(one: Notification) -> str:
    names = dict.fromkeys(["Id", *one.action.fields])
    values = [(name, one.row.get(name)) for name in names]
    return "".join(f"<sf:{name}>{escape(_text(value))}</sf:{name}>" for name, value in values if value is not None)


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.removesuffix("+0000") + "Z" if text.endswith(".000+0000") else text


def _is_ack(body: bytes) -> bool:
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return False
    found = root.find(f".//{{{_SPACE}}}notificationsResponse/{{{_SPACE}}}Ack")
    return found is not None and (found.text or "").strip() in ("true", "1")
