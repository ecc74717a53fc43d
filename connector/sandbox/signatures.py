"""HubSpot's request signatures, seen from the sender: v1, v2 and v3."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

_DECODED = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def signed_uri(uri: str) -> str:
    """The URI as v3 signs it: only `: / ? @ ! $ ' ( ) * , ;` are decoded."""
    return _DECODED.sub(lambda found: chr(int(found.group(1), 16)), uri)


def sign_v1(secret: str, body: bytes) -> str:
    """Hex SHA-256 of secret + body (subscriptions)."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def sign_v2(secret: str, method: str, uri: str, body: bytes) -> str:
    """Hex SHA-256 of secret + method + URI + body (workflow webhooks)."""
    return hashlib.sha256(secret.encode() + method.encode() + uri.encode() + body).hexdigest()


def sign_v3(secret: str, method: str, uri: str, body: bytes, timestamp_ms: str) -> str:
    """Base64 HMAC-SHA256 of method + URI + body + time stamp."""
    source = method.encode() + signed_uri(uri).encode() + body + timestamp_ms.encode()
    return base64.b64encode(hmac.new(secret.encode(), source, hashlib.sha256).digest()).decode()


def signature_headers(versions: list[str], secret: str, uri: str, body: bytes, timestamp_ms: int) -> dict[str, str]:
    """The headers of a POST signed in the named versions (v1 and v2 share a header; the last named wins)."""
    headers: dict[str, str] = {}
    for version in versions:
        if version == "v3":
            stamp = str(timestamp_ms)
            headers["X-HubSpot-Signature-v3"] = sign_v3(secret, "POST", uri, body, stamp)
            headers["X-HubSpot-Request-Timestamp"] = stamp
        else:
            signed = sign_v1(secret, body) if version == "v1" else sign_v2(secret, "POST", uri, body)
            headers["X-HubSpot-Signature"] = signed
            headers["X-HubSpot-Signature-Version"] = version
    return headers
