"""gunicorn's settings for the webhook service: 2 processes × 8 threads, small limits on headers.

HubSpot keeps at most ten deliveries in flight for an account and gives up after five seconds.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from typing import Any

from connector.settings import Settings

_settings = Settings.from_environ(os.environ)

bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
workers = _settings.serve_processes
threads = 8
worker_class = "webhooks.staying.StayingWorker"
keepalive = 75
timeout = 30
graceful_timeout = 10
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
accesslog = None
# a door into the process that nobody asked for
control_socket_disable = True
# The heartbeat files: a disk that stalls must not get a worker killed.
_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn creates its files there by mkstemp
worker_tmp_dir = _MEMORY if os.path.isdir(_MEMORY) else None

_metrics_dir = tempfile.mkdtemp(prefix="tasuki-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _metrics_dir


def when_ready(server: Any) -> None:
    """Before the first process is made: what all of them need is loaded once, and shared by all."""
    import webhooks.app  # noqa: F401

    gc.collect()
    gc.freeze()  # the collector of a process need not walk through it, which would copy it


def child_exit(server: Any, worker: Any) -> None:
    """A process that is gone no longer counts in gauges."""
    # not above: the library looks for the directory when it is imported
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(server: Any) -> None:
    """Remove the metrics files with the service."""
    shutil.rmtree(_metrics_dir, ignore_errors=True)
