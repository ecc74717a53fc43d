"""A process that uses the embedded server until its standard input closes: `python client.py DATA_DIR`.

It prints one JSON line when the server is up: its DSN, or why there is none.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from connector.errors import TasukiError
from connector.store.embedded import embedded_database


def main(data_dir: Path) -> None:
    """Hold the server."""
    try:
        with embedded_database(data_dir) as dsn:
            print(json.dumps({"dsn": dsn}), flush=True)
            sys.stdin.read()
    except TasukiError as error:
        print(json.dumps({"reason": error.reason, "message": error.message}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
