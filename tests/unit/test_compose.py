"""What `docker compose up` runs keeps its promises: erasures outlive a database that is restored."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ruamel.yaml import YAML

_ROOT = Path(__file__).parents[2]


def test_every_role_remembers_the_erased_in_a_volume_beside_the_databases() -> None:
    compose = YAML(typ="safe").load(_ROOT / "compose.yaml")
    database = {one.split(":")[0] for one in compose["services"]["database"]["volumes"]}
    for role in ("migrate", "service", "worker"):
        found = compose["services"][role]
        folder = str(PurePosixPath(found["environment"]["TASUKI_TOMBSTONES"]).parent)
        (volume,) = (one.split(":")[0] for one in found["volumes"] if one.split(":")[1] == folder)
        assert volume in compose["volumes"]
        assert volume not in database
        assert f"install -d -o 10001 -g 10001 -m 700 {folder}\n" in (_ROOT / "Dockerfile").read_text()
        assert not any(folder.startswith(one) for one in found["tmpfs"])
