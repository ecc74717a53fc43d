"""kill -9 of the receiver at P1–P3: what was acknowledged is stored, byte for byte; what was not comes again."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import orjson
import psycopg
import pytest

from connector.store import inbox
from connector.store.database import Database
from connector.vendors.salesforce import inbound as outbound_message
from tests.faults.children import context, receive
from tests.patience import until_waited_for
from tests.unit.webhooks import test_salesforce_receiver as salesforce
from tests.unit.webhooks.running_service import PATH, Service, serving

#: A chance at each of three places in every delivery.
ODDS = "P1@{odds},P2@{odds},P3@{odds}"
SENDERS = 10


@pytest.mark.fault("T1")
def test_every_acknowledged_delivery_is_stored(
    database_dsn: str, database: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _ordeal(database_dsn, database, tmp_path, record_property, events=1_000, kills=20)


@pytest.mark.soak
@pytest.mark.fault("T1")
def test_every_acknowledged_delivery_of_ten_thousand_is_stored(
    database_dsn: str, database: Database, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    _ordeal(database_dsn, database, tmp_path, record_property, events=10_000, kills=300)


def _ordeal(
    dsn: str,
    database: Database,
    place: Path,
    record_property: Callable[[str, object], None],
    *,
    events: int,
    kills: int,
) -> None:
    odds = ODDS.format(odds=0.5 * kills / events)
    with serving(dsn, place / "service.log", TASUKI_FAILPOINT=odds) as service, ThreadPoolExecutor(SENDERS) as senders:
        attempts: list[int] = []
        while len(attempts) < events or _killed(service) < kills:  # which is by chance: it may take some more
            more = range(len(attempts), len(attempts) + events // 10)
            attempts += senders.map(lambda number: _send(service, number), more)
    killed, sent = _killed(service), {_event(number) for number in range(len(attempts))}
    stored = {body for row in _rows(database) if (body := inbox.body_of(database, row)) is not None}
    assert sent - stored == set(), "acknowledged, and not stored"
    assert stored <= sent, "stored in part"
    assert sum(attempts) > len(attempts), "deliveries that died with the receiver were sent again"
    record_property("counted", {"kills at P1–P3": killed, "events": len(attempts)})


def _killed(service: Service) -> int:
    """How many of its processes gunicorn has found killed."""
    return service.log.read_text().count("SIGKILL")


def _event(number: int) -> bytes:
    return orjson.dumps([{"eventId": number, "subscriptionType": "contact.creation", "objectId": number}])


def _send(service: Service, number: int) -> int:
    """As the vendor does: again until it is acknowledged. Returns how many attempts that took."""
    body = _event(number)
    for attempt in range(1, 200):
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
            connection.request("POST", PATH, body, service.signed(body))
            status = connection.getresponse().status
            connection.close()
            if status == 200:
                return attempt
    raise AssertionError("the receiver did not come back")


def _rows(database: Database) -> list[int]:
    with database.autocommit() as conn:
        return [row["id"] for row in conn.execute("SELECT id FROM inbox")]


# ── one message of a hundred notifications ───────────────────────────────────────────────────────────────────
@pytest.mark.fault("F6", "F7")
def test_a_message_of_a_hundred_is_stored_whole_before_its_acknowledgement(
    database_dsn: str, database: Database
) -> None:
    """Killed before, with the database holding the insert back, and after: nothing, nothing, everything."""
    for failpoint, stored in (("P1@1", 0), ("P2@1", 0), ("P3@1", 1)):
        assert _receive(database_dsn, failpoint) == -signal.SIGKILL
        assert len(_rows(database)) == stored
    with psycopg.connect(database_dsn) as blocker:
        blocker.execute("LOCK TABLE inbox IN SHARE MODE")
        receiver = _receiver(database_dsn, "")
        until_waited_for(blocker)
        receiver.kill()
        receiver.join()
        blocker.rollback()
    assert _receive(database_dsn, "") == 0, "it comes again, as Salesforce sends what was not acknowledged"
    bodies = [inbox.body_of(database, row) or b"" for row in _rows(database)]
    assert len(bodies) >= 2
    events = [one for body in bodies for one in outbound_message.parse(body, received_at=salesforce.NOW)]
    assert len({one.key for one in events}) == 100, "a notification's id counts once"


def _receiver(dsn: str, failpoint: str) -> ForkServerProcess:
    order = (dsn, salesforce.settings(), salesforce.PATH, salesforce.message(count=100), failpoint)
    child = context.Process(target=receive, args=order)
    child.start()
    return child


def _receive(dsn: str, failpoint: str) -> int | None:
    child = _receiver(dsn, failpoint)
    child.join(30)
    return child.exitcode
