"""Is this request from HubSpot, and is it fresh? No I/O: bytes, headers and the time in, a version or an error out.

The rules are HubSpot's "Validate requests" page. v3 is an HMAC over method, URI, raw body and timestamp; v1 and v2
are bare hashes without a timestamp, so they resist no replay and are accepted only from senders that know nothing
else (v2: a workflow's webhook; v1: very old subscriptions).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import Enum

from connector.errors import InboundError

FRESH_SECONDS = 300
"""A v3 request is refused when its stamp is further than this from now, on either side."""

_SIGNATURE_V3 = "x-hubspot-signature-v3"
_SIGNATURE = "x-hubspot-signature"
_SIGNATURE_VERSION = "x-hubspot-signature-version"
_TIMESTAMP = "x-hubspot-request-timestamp"

#: All that `verify` looks at, so that a caller need not copy the other headers.
SIGNATURE_HEADERS = (_SIGNATURE_V3, _SIGNATURE, _SIGNATURE_VERSION, _TIMESTAMP)

#: The only escapes that HubSpot undoes before it signs. %20, %26 and %3D, above all, stay as they are.
_DECODED = {
    "3a": ":", "2f": "/", "3f": "?", "40": "@", "21": "!", "24": "$",
    "27": "'", "28": "(", "29": ")", "2a": "*", "2c": ",", "3b": ";",
}  # fmt: skip
_ESCAPE = re.compile("%(" + "|".join(_DECODED) + ")", re.IGNORECASE)
_MILLISECONDS = re.compile(r"[0-9]{10,15}", re.ASCII)


class SignatureVersion(Enum):
    """HubSpot's signature versions."""

    V1 = "v1"  #: sha256(secret + body): legacy webhook subscriptions.
    V2 = "v2"  #: sha256(secret + method + URI + body): workflow webhooks.
    V3 = "v3"  #: HMAC with timestamp: everything current.


def verify(
    headers: Mapping[str, str],
    method: str,
    url: str,
    body: bytes,
    *,
    secrets: Sequence[str],
    now: datetime,
    allow: Collection[SignatureVersion] = (SignatureVersion.V3,),
) -> SignatureVersion:
    """Return the version that proved the request; raise `InboundError` (401) for anything else.

    `url` is the public one (the configured base + raw path + raw query), `now` is aware machine time, `secrets`
    holds one client secret, or two while it is being rotated. The strongest version that the request carries is
    the one that must hold: a wrong v3 signature is not saved by a v1 beside it.
    """
    given = {name.lower(): value for name, value in headers.items()}
    version, signature = _claimed(given)
    if version not in allow:
        raise _refused("signature_version_not_allowed")
    if not secrets:
        raise _refused("no_secret_configured")
    stamp = _fresh_stamp(given, now) if version is SignatureVersion.V3 else ""
    sent = signature.encode("utf-8", "replace")
    # Every secret is tried, so that the time taken does not tell which one matched.
    matches = [
        hmac.compare_digest(_expected(version, secret, method, url, body, stamp=stamp), sent) for secret in secrets
    ]
    if not any(matches):
        raise _refused("signature_mismatch")
    return version


def signed_uri(url: str) -> str:
    """`url` as HubSpot signs it: twelve escapes undone, every other one left alone."""
    return _ESCAPE.sub(lambda match: _DECODED[match.group(1).lower()], url)


def sign(
    version: SignatureVersion, secret: str, method: str, url: str, body: bytes, *, timestamp_ms: int
) -> dict[str, str]:
    """The headers that HubSpot would send with this request (for tests, benchmarks and samples)."""
    stamp = str(timestamp_ms) if version is SignatureVersion.V3 else ""
    signature = _expected(version, secret, method, url, body, stamp=stamp).decode("ascii")
    if version is SignatureVersion.V3:
        return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return {"X-HubSpot-Signature": signature, "X-HubSpot-Signature-Version": version.value}


def _claimed(given: Mapping[str, str]) -> tuple[SignatureVersion, str]:
    """Which version the request claims, and its signature."""
    if _SIGNATURE_V3 in given:
        return SignatureVersion.V3, given[_SIGNATURE_V3]
    if _SIGNATURE in given:
        named = given.get(_SIGNATURE_VERSION, "v1")
        if named in (SignatureVersion.V1.value, SignatureVersion.V2.value):
            return SignatureVersion(named), given[_SIGNATURE]
        raise _refused("signature_version_unknown")
    raise _refused("signature_missing")


def _fresh_stamp(given: Mapping[str, str], now: datetime) -> str:
    """The timestamp header as sent, if it is within the window. The future is refused like the past."""
    stamp = given.get(_TIMESTAMP, "")
    if not _MILLISECONDS.fullmatch(stamp):
        raise _refused("timestamp_malformed")
    if abs(now.timestamp() - int(stamp) / 1000) > FRESH_SECONDS:
        raise _refused("timestamp_outside_window")
    return stamp


def _expected(version: SignatureVersion, secret: str, method: str, url: str, body: bytes, *, stamp: str) -> bytes:
    """The signature, as the bytes of its header."""
    key = secret.encode()
    if version is SignatureVersion.V3:
        proof = hmac.new(key, f"{method.upper()}{signed_uri(url)}".encode("utf-8", "replace"), hashlib.sha256)
        proof.update(body)
        proof.update(stamp.encode())
        return base64.b64encode(proof.digest())
    source = key + body
    if version is SignatureVersion.V2:
        source = key + f"{method.upper()}{url}".encode("utf-8", "replace") + body
    return hashlib.sha256(source).hexdigest().encode()


def _refused(reason: str) -> InboundError:
    """One error for every fault: the reason goes to our metrics, never to the sender."""
    return InboundError("The delivery carries no valid signature of ours; check the client secret.", reason=reason)
