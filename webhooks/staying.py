"""gunicorn's threaded worker, but for threads that stay with a connection whose next request comes at once.

gunicorn gives a connection back to the process's main loop after each answer, which waits for the next request and
finds a thread for it. While a sender has many deliveries to make that hand-over costs a fifth of all that a delivery
costs the service.
"""

from __future__ import annotations

import select
import socket
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

STAY_MS = 5


class StayingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no annotations
    """A thread waits `STAY_MS` for its connection's next request before the main loop does."""

    def handle(self, conn: Any) -> Any:
        """Answer one request, and those that follow it closely, as long as every connection can have a thread.

        Returns what gunicorn's own does: `True` when the main loop is to wait for the connection's next request.
        """
        result = super().handle(conn)
        while result is True and self._may_stay() and _comes(conn.sock):
            result = super().handle(conn)
        return result

    def _may_stay(self) -> bool:
        # with more connections than threads, one that never rests would keep another one waiting for ever
        return bool(self.alive and self.nr_conns <= self.cfg.threads)


def _comes(connection: socket.socket) -> bool:
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    return bool(waiting.poll(STAY_MS))
