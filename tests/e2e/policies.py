"""The shipped policy with changes, as an admin would make them."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.relay import POLICY


def changed_policy(folder: Path, file: str = "policy.yaml", **replaced: str) -> Path:
    """A copy of b2b-ja in `folder`; in `file` each `old` text of {name: "old => new"} becomes `new`.

    Without changes only its label differs: another version of the same rules. Its examples, which hold for the rules
    as shipped, stay behind.
    """
    shutil.copytree(POLICY, folder, ignore=shutil.ignore_patterns("examples.yaml"))
    path = folder / file
    text = path.read_text(encoding="utf-8")
    for change in replaced.values() or ("BtoB標準 => BtoB標準二",):
        old, _, new = change.partition(" => ")
        assert old in text, f"{file} has no {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return folder
