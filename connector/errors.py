"""The one tree of errors, sorted by who must act.

    TasukiError
    ├── PolicyError       an admin mends the YAML
    ├── UsageError        the person at the keyboard mends the call or the setting
    ├── InboundError      a delivery that we refuse; the sender gets a bare status
    ├── RetryableError    nobody: the same call is made again later
    ├── RejectedError     never retried: the vendor (or we) will always say no
    └── UncertainError    nobody knows whether it was applied: look before doing it again

The worker reads the class, never the text. Each error carries a machine `reason`
(snake_case, for metrics and tests) beside the message for people, which states the remedy.
"""

from __future__ import annotations


class TasukiError(Exception):
    """Something went wrong; the subclass says who must act."""

    def __init__(self, message: str | None = None, *, reason: str | None = None) -> None:
        self.message = message or (self.__doc__ or "").strip().splitlines()[0]
        self.reason = reason or "unspecified"
        super().__init__(self.message)


class PolicyError(TasukiError):
    """The policy has errors; mend the lines that are named and run `tasuki check` again."""


class UsageError(TasukiError):
    """The call or the settings are not usable as they are; the message names what to change."""


class InboundError(TasukiError):
    """The delivery is not acceptable: its sender is unproven or its form is not what the vendor sends."""

    def __init__(self, message: str | None = None, *, reason: str, status: int = 401) -> None:
        super().__init__(message, reason=reason)
        self.status = status


class RetryableError(TasukiError):
    """The same call may succeed later; it is made again after `retry_after_seconds` (None: the caller's back-off)."""

    def __init__(
        self,
        message: str | None = None,
        *,
        reason: str,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message, reason=reason)
        self.retry_after_seconds = retry_after_seconds


class QuotaError(RetryableError):
    """The vendor's limit is used up; calls of this kind wait until the window turns."""


class RejectedError(TasukiError):
    """The vendor refuses this for good; mend the cause that is named, then retry the parked item."""


class AuthError(RejectedError):
    """The vendor no longer accepts our credentials; connect the account again."""


class UncertainError(TasukiError):
    """The call went out and no answer came: it may have been applied. Look before doing it again."""
