"""No secrets in YAML: values that look like a token are errors, and are never repeated in a message."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from connector.policy.document import Where

_SHAPES = re.compile(
    r"\bpat-[a-z]{2}\d-[0-9a-f-]{20,}"  # HubSpot private app
    r"|\bxox[a-z]-[0-9A-Za-z-]{10,}"  # Slack token
    r"|hooks\.slack\.com/(services|workflows)/\S+"
    r"|\S+\.webhook\.office\.com/\S+|\S+\.logic\.azure\.com\S+"
    r"|chat\.googleapis\.com/v1/spaces/\S+"
    r"|\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"  # JWT
    r"|\b00D[0-9A-Za-z]{12,15}![0-9A-Za-z._]{20,}"  # Salesforce session
    r"|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{20,}|\bsk-[0-9A-Za-z_-]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|\bBearer\s+[0-9A-Za-z._~+/-]{16,}"
    r"|[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@"  # password in an address
)
_LONG = re.compile(r"[0-9A-Za-z_+/=-]{32,}")
_LEAST_BITS = (
    3.3  #: Bits a character: hexadecimal keys reach 3.7, words and identifiers stay below 3.2 or hold no digits.
)


def secret_places(data: Any, where: Where) -> Iterator[Where]:
    """Every place whose text looks like a secret."""
    if isinstance(data, dict):
        for key, value in data.items():
            if looks_secret(key):
                yield where / key
            yield from secret_places(value, where / key)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from secret_places(value, where / index)
    elif isinstance(data, str) and looks_secret(data):
        yield where


def looks_secret(text: str) -> bool:
    """True for the known shapes of tokens and for long runs of random letters and digits."""
    if len(text) < 16:
        return False
    return _SHAPES.search(text) is not None or any(_is_random(run[0]) for run in _LONG.finditer(text))


def _is_random(run: str) -> bool:
    digits = sum(character.isdigit() for character in run)
    if digits < 4 or digits == len(run) or run.isupper() or "_" in run.strip("_"):
        return False
    counts = Counter(run).values()
    bits = -sum(count / len(run) * math.log2(count / len(run)) for count in counts)
    return bits >= _LEAST_BITS
