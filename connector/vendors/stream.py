"""A CRM's stream of changes, as the sync follows it: what it tells, where it stands, how it breaks off. No I/O here."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from connector.errors import RetryableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a stream told at once. `position` stands behind all of it; `body` is the delivery to store (None: nothing
    but the position is new); `is_bulk`: nobody waits for it."""

    position: bytes
    body: bytes | None = None
    is_bulk: bool = False


class PositionLostError(RetryableError):
    """The stream cannot go on where we stopped: what was told since is lost, and has to be looked for."""


class Stream(Protocol):
    """One account's stream of changes."""

    source: str  #: As which its deliveries are stored: the parser's name and the connection's.
    topic: str  #: What is followed; a position is good for one topic.

    def follow(self, after: bytes | None) -> Generator[Told | None]:
        """What is told behind this position (None: from now on), until the stream ends or the caller closes it.

        None comes every moment in which there is nothing. More is asked for only when the caller comes back for it,
        so whoever stores what it was given before that confirms nothing that is not stored. Raises `PositionLostError`,
        `RetryableError`, `AuthError` for our access, `RejectedError` for what a person must mend.
        """

    def missed(self, since: str) -> bytes:
        """The delivery that says that everything since this moment (ISO 8601) may have been missed."""
