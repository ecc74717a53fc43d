"""Deliveries that are signed with a secret of ours: an HMAC over time stamp and body.

X-Tasuki-Timestamp: 1767225600            seconds since 1970
X-Tasuki-Signature: hex HMAC-SHA256 of "<timestamp>.<raw body>", keyed by the sender's secret
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.errors import InboundError

FRESH_SECONDS = 300
TIMESTAMP_HEADER = "X-Tasuki-Timestamp"
SIGNATURE_HEADER = "X-Tasuki-Signature"
SIGNATURE_HEADERS = (TIMESTAMP_HEADER, SIGNATURE_HEADER)

_SECONDS = re.compile(r"[0-9]{9,12}", re.ASCII)


def verify(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime) -> None:
    """Return when the delivery is the sender's and fresh on both sides; else raise `InboundError` (401)."""
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get(TIMESTAMP_HEADER.lower(), "")
    if not _SECONDS.fullmatch(stamp):
        raise _refused("timestamp_malformed")
    if abs(now.timestamp() - int(stamp)) > FRESH_SECONDS:
        raise _refused("timestamp_outside_window")
    sent = given.get(SIGNATURE_HEADER.lower(), "").encode("utf-8", "replace")
    matches = [hmac.compare_digest(sign(secret, stamp, body).encode(), sent) for secret in secrets]
    if not any(matches):
        raise _refused("signature_mismatch")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature header's value for this body at this second."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _refused(reason: str) -> InboundError:
    return InboundError("The delivery carries no valid signature of this source; check its secret.", reason=reason)
