"""`tasuki work`: a worker, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import click

from connector.bootstrap import Runtime
from connector.bootstrap_salesforce import refuse_without_extra
from connector.cli.session import installation, opened, read_settings, refuse_played_time
from connector.jobs.listening import Listener
from connector.jobs.tasks import Jobs
from connector.jobs.worker import WorkerSettings, run_worker
from connector.sync.erasures import agree


@click.command(name="work")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 64), help="Jobs at the same time.")
def command(concurrency: int) -> None:
    """Run a worker: it reads deliveries and records, decides, and writes back. Start as many as you like.

    First it erases again whoever a restored backup brought back, by the file of tombstones (TASUKI_TOMBSTONES).
    With TASUKI_SALESFORCE_CHANGES one worker at a time follows the org's change events as well (extra `cdc`).
    SIGTERM or Ctrl-C lets running slices finish; what a killed worker held is taken over by others.
    """
    settings = read_settings(service=True)
    refuse_without_extra(settings.salesforce)
    follows = settings.salesforce is not None and settings.salesforce.changes is not None
    with opened(settings) as database:
        refuse_played_time(database, settings)
        agree(database, installation(database), settings.tombstone_file, thorough=True)
        runtime = Runtime(database, settings)
        jobs = Jobs(runtime)
        try:
            run_worker(
                database.dsn,
                jobs.tasks(),
                settings=WorkerSettings(concurrency=concurrency),
                on_wake=jobs.on_wake,
                listen=Listener(database.dsn, runtime.followed).run if follows else None,
            )
        finally:
            runtime.close()
