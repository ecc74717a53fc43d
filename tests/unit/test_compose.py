"""What `docker compose up` runs is passed every setting, and remembers who was erased when a database is restored."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

from ruamel.yaml import YAML

from connector.settings import VARIABLES, Settings

_ROOT = Path(__file__).parents[2]
_ROLES = ("migrate", "service", "worker")
_OF_THE_IMAGE = {"TASUKI_HOME", "TASUKI_HOST", "TASUKI_PORT"}


def _compose() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(_ROOT / "compose.yaml")
    return read


def _filled(value: str) -> str:
    """What compose makes of `${NAME:-default}` where nothing is set, and of `${NAME:?what}` where it is."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "https://crm.example.co.jp", value)


def test_every_role_is_passed_every_setting() -> None:
    compose, image = _compose(), (_ROOT / "Dockerfile").read_text()
    assert all(re.search(rf"\b{name}=", image) for name in _OF_THE_IMAGE)
    wanted = {one.name + "_FILE" * one.secret for one in VARIABLES if one.name not in _OF_THE_IMAGE}
    for role in _ROLES:
        assert compose["services"][role]["environment"].keys() == wanted
        assert {*compose["services"][role]["secrets"], "database_password"} == compose["secrets"].keys()


def test_with_the_files_of_the_manual_it_is_set_up(tmp_path: Path) -> None:
    compose, manual = _compose(), (_ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (recipe,) = (
        block for block in re.findall(r"```bash\n(.*?)```", manual, re.DOTALL) if "secrets/secret_key" in block
    )
    making = "".join(line for line in recipe.splitlines(keepends=True) if not line.startswith("docker"))
    known = {"PATH": os.environ["PATH"], "CLIENT_SECRET": "the-client-secret", "ACCESS_TOKEN": "pat-na1-token"}
    subprocess.run(["/bin/bash", "-euc", making], cwd=tmp_path, env=known, check=True)
    assert {f"./secrets/{path.name}" for path in (tmp_path / "secrets").iterdir()} == {
        one["file"] for one in compose["secrets"].values()
    }
    environ = {name: _filled(value) for name, value in compose["services"]["worker"]["environment"].items()}
    environ = {name: value.replace("/run/secrets", str(tmp_path / "secrets")) for name, value in environ.items()}
    environ |= {"TASUKI_HUBSPOT_PORTAL_ID": "12345", "TASUKI_HOME": str(tmp_path)}
    environ |= {"TASUKI_POLICY": str(tmp_path), "TASUKI_TOMBSTONES": str(tmp_path / "tombstones.jsonl")}
    settings = Settings.from_environ(environ)
    password = (tmp_path / "secrets" / "database_password").read_text().strip()
    assert settings.database_url == f"postgresql://tasuki:{password}@database:5432/tasuki"
    assert settings.hubspot is not None
    assert (settings.hubspot.client_secrets, settings.hubspot.access_token) == (("the-client-secret",), "pat-na1-token")
    assert list(settings.form_secrets) == ["website"]
    assert (settings.metrics_token, settings.salesforce) == (None, None), "an empty file sets nothing"


def test_every_role_remembers_the_erased_in_a_volume_beside_the_databases() -> None:
    compose = _compose()
    database = {one.split(":")[0] for one in compose["services"]["database"]["volumes"]}
    for role in _ROLES:
        found = compose["services"][role]
        folder = str(PurePosixPath(found["environment"]["TASUKI_TOMBSTONES"]).parent)
        (volume,) = (one.split(":")[0] for one in found["volumes"] if one.split(":")[1] == folder)
        assert volume in compose["volumes"]
        assert volume not in database
        assert f"install -d -o 10001 -g 10001 -m 700 {folder}\n" in (_ROOT / "Dockerfile").read_text()
        assert not any(folder.startswith(one) for one in found["tmpfs"])
