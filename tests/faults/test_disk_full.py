"""A database without room: 503 and a name for it, nothing acknowledged, and it goes on when there is room again."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from connector.store import cluster, inbox
from connector.store.database import Database
from tests.conftest import TEMPLATE, whole_server
from tests.unit.webhooks import test_salesforce_receiver as salesforce
from webhooks.app import create_app
from webhooks.services import Postgres, Services

SIZE = "48m"


@pytest.fixture
def tiny_disk(postgres_dsn: str) -> Iterator[tuple[str, Path]]:
    """A database whose tables lie on a disk of a few megabytes, and that disk."""
    place = Path(tempfile.mkdtemp(prefix="tasuki-tiny-"))
    place.chmod(0o711)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        place.rmdir()
        pytest.skip("no disk can be mounted here; root may, where the kernel lets it")
    name = f"t_{uuid.uuid4().hex[:16]}"
    with whole_server(postgres_dsn) as conn:
        try:
            (data,) = conn.execute("SHOW data_directory").fetchone() or ("",)
            folder, server = place / "tables", Path(data).stat()
            folder.mkdir()
            os.chown(folder, server.st_uid, server.st_gid)
            conn.execute(f"CREATE TABLESPACE {name} OWNER {cluster.ROLE} LOCATION '{folder}'")
            conn.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} TABLESPACE {name} OWNER {cluster.ROLE}")
            yield make_conninfo(postgres_dsn, dbname=name), place
        finally:
            conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            conn.execute(f"DROP TABLESPACE IF EXISTS {name}")
            subprocess.run(["umount", place], check=True)
            place.rmdir()


@pytest.mark.fault("F15")
def test_a_full_disk_is_answered_with_503_told_and_survived(tiny_disk: tuple[str, Path]) -> None:
    dsn, place = tiny_disk
    storage = Postgres(dsn)
    services = Services(
        settings=salesforce.settings(), storage=storage, clock=lambda: datetime.now(UTC), wake=lambda: None
    )
    client = create_app(services).test_client()
    # of many kilobytes that cannot be packed: each takes pages of its own
    body = salesforce.message(title=os.urandom(200_000).hex())
    assert client.post(salesforce.PATH, data=body).status_code == 200
    _fill(place / "filler")
    statuses = [client.post(salesforce.PATH, data=body).status_code for _ in range(3)]
    assert statuses == [503, 503, 503]
    assert 'outcome="database_full",source="salesforce:main"} 3.0' in client.get("/metrics").text
    (place / "filler").unlink()
    assert client.post(salesforce.PATH, data=body).status_code == 200
    storage.close()
    with Database.open(dsn) as database:
        assert inbox.depth(database) == 2, "what was acknowledged, and nothing in part"


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 65_536)
        except OSError:
            return
