"""Where `tasuki` begins: Ctrl-C ends it with 130 and without a traceback from its first line on.

Half of a short command's time goes into imports. An interrupt within one is a traceback, or is swallowed by importlib;
so until a command has been imported it ends the process at once: nothing has been begun that had to be ended in order.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """The command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else whoever started us wants it otherwise
        signal.signal(signal.SIGINT, _leave)
    from connector.cli.main import main as commands

    commands()


def begun() -> None:
    """From here on an interrupt is an exception, so that what runs can end in order."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
