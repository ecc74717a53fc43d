"""How texts and mail domains are compared: width, case and subdomains do not matter."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """The text as comparisons see it: NFKC (full and half width are one), without case."""
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=65_536)
def domain_of(text: str) -> str:
    """The domain of a mail address, a web address or a domain; `A@Mail.Example.JP` → `mail.example.jp`."""
    host = fold(text.strip()).rpartition("@")[2]
    host = host.rpartition("//")[2].partition("/")[0].partition(":")[0]
    return host.strip(".")


def parents(domain: str) -> Iterator[str]:
    """The domain and every domain above it: `a.b.jp`, `b.jp`, `jp`."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def belongs(text: str, domains: frozenset[str]) -> bool:
    """True when the domain of `text` is one of `domains` or lies below one."""
    domain = domain_of(text)
    while domain:
        if domain in domains:
            return True
        domain = domain.partition(".")[2]
    return False
