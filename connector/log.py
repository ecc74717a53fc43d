"""Logs: a static event name and identifiers beside it; never a person's data, never a secret.

    log = structlog.get_logger(__name__)
    log.info("slice_delivered", connection_id=3, lane="hot", records=100, seconds=0.41)

Lines go to standard error, as JSON or, on a terminal, for people. The libraries' own records pass the same way.
Values under keys that hold personal data or secrets are not printed, and addresses and tokens are cut out of texts
(an error message of a library may quote them).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

#: Keys whose values speak of people: CRM fields as canonical policies and vendors name them, and whole records.
PERSONAL_KEYS = frozenset(
    # a word list reads better than one quoted word a line
    """
    email mail phone mobilephone mobile fax first_name last_name firstname lastname full_name contact_name lead_name
    owner_name company_name address street city postcode zip birthday job_title jobtitle need background note notes
    subject title text body payload raw submission properties value values old_value new_value kept lost form_data
    query_params
    """.split()  # noqa: SIM905
)
#: A key that has one of these words among its parts holds a secret: `client_secret`, `access_token`, `Set-Cookie`.
SECRET_WORDS = frozenset(
    "secret secrets token password passwd authorization cookie signature credential credentials dsn".split()  # noqa: SIM905
)
_SECRET_KEYS = frozenset({"api_key", "data_key", "secret_key", "private_key", "database_url", "conninfo", "headers"})

_TOO_TELLING = re.compile(
    r"[^\s<>\"'@,;:()=]+@[^\s<>\"'@,;:()=]+\.[^\s<>\"'@,;:()=]+"  # e-mail addresses
    r"|\bpat-[a-z0-9]+-[0-9a-fA-F-]{8,}"  # HubSpot's private-app tokens
    r"|\bBearer\s+\S+"
    r"|(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"  # user:password of a URL
    r"|\+?\b[0-9]{2,4}[-(][0-9]{2,4}[-)][0-9]{3,4}\b"  # telephone numbers as people write them
    r"|\+[0-9]{9,15}\b"
)
#: PostgreSQL quotes the offending row or key here.
_DATABASE_DETAIL = re.compile(r"^(DETAIL|CONTEXT|PARAMETERS):.*$", re.M)
_CONTROL = re.compile(r"[\x00-\x08\x0A-\x1F\x7F-\x9F\u2028\u2029]")


def configure(level: str = "info", *, as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Set logging up for this process; call once at its edge. `as_json` None: JSON unless `stream` is a terminal."""
    out = stream or sys.stderr
    json_lines = not out.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_ending(json_lines)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for chatty in ("urllib3", "procrastinate", "psycopg.pool"):
        logging.getLogger(chatty).setLevel(max(root.level, logging.WARNING))


def _ending(json_lines: bool) -> list[Processor]:
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json_lines
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
        renderer,
    ]


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what must not be printed; the last step before rendering, so that tracebacks pass it too."""
    return {key: REDACTED if _is_private(key) else _clean(value, key) for key, value in event.items()}


def _is_private(key: str) -> bool:
    plain = key.lower().replace("-", "_")
    return plain in PERSONAL_KEYS or plain in _SECRET_KEYS or not SECRET_WORDS.isdisjoint(plain.split("_"))


def _clean(value: object, key: str = "") -> object:
    if isinstance(value, str):
        return _clean_text(value, lines=key in ("exception", "stack"))
    if isinstance(value, Mapping):
        return {str(k): REDACTED if _is_private(str(k)) else _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _clean_text(str(value), lines=False)


def _clean_text(text: str, *, lines: bool) -> str:
    safe = _TOO_TELLING.sub(REDACTED, _DATABASE_DETAIL.sub(rf"\1: {REDACTED}", text))
    # a line feed in a value must not look like a line of ours; in a traceback it is one
    return safe if lines else _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), safe)
