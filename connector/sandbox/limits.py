"""Rate limits: rolling windows on machine time, the day on the sandbox clock, with HubSpot's headers and bodies."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connector.sandbox.clock import SandboxClock
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.wire import ApiRefusalError, Reply, correlation_id


class Window:
    """A rolling window of calls."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._times: deque[float] = deque()

    def used(self, now: float) -> int:
        """Calls inside the window."""
        times = self._times
        while times and times[0] <= now - self.seconds:
            times.popleft()
        return len(times)

    def add(self, now: float) -> None:
        """One more call."""
        self._times.append(now)


class Limits:
    """Counts calls per app (burst), per account (search, associations, day). Guarded by the portal's lock."""

    def __init__(self, settings: SandboxSettings, clock: SandboxClock) -> None:
        self._settings = settings
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """All windows empty, the day unused."""
        window = self._settings.burst_window_seconds
        self._burst = {"private": Window(window), "oauth": Window(window)}
        self._associations = Window(10.0)
        self._search = Window(1.0)
        self._day = ""
        self.used_today = 0
        #: refusals by kind
        self.refused = {"search": 0, "burst": 0, "associations": 0, "daily": 0}

    def check(self, app: str, group: str) -> dict[str, str]:
        """Count the call and give its headers; raises the 429 of the limit that it breaks.

        `group`: "search", "associations" or "" for the ordinary burst.
        """
        settings = self._settings
        now = time.monotonic()
        self._turn_day()
        if not settings.limits_enabled:
            return self._headers(app, group, now)
        if self.used_today >= settings.daily_max and app == "private":
            raise self._refused("daily", "DAILY", self._headers(app, "search", now))
        if group == "search":
            if self._search.used(now) >= settings.search_per_second:
                raise self._search_refused(app, now)
            self._search.add(now)
        else:
            if group == "associations":
                if self._associations.used(now) >= settings.associations_max:
                    raise self._refused("associations", "TEN_SECONDLY_ROLLING", self._headers(app, group, now))
                self._associations.add(now)
            burst = self._burst[app]
            if burst.used(now) >= self._maximum(app):
                raise self._refused("burst", "TEN_SECONDLY_ROLLING", self._headers(app, group, now))
            burst.add(now)
        self.used_today += 1
        return self._headers(app, group, now)

    def spend(self, calls: int) -> None:
        """Other apps of the account call so often."""
        self._turn_day()
        self.used_today += calls

    def _maximum(self, app: str) -> int:
        return self._settings.burst_max if app == "private" else self._settings.oauth_burst_max

    def _turn_day(self) -> None:
        zone = ZoneInfo(self._settings.time_zone)
        today = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).astimezone(zone).date().isoformat()
        if today != self._day:
            self._day, self.used_today = today, 0

    def _headers(self, app: str, group: str, now: float) -> dict[str, str]:
        """Search replies carry no window headers, OAuth apps no daily ones."""
        settings = self._settings
        headers: dict[str, str] = {}
        if app == "private":
            headers["X-HubSpot-RateLimit-Daily"] = str(settings.daily_max)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, settings.daily_max - self.used_today))
        if group != "search":
            maximum = self._maximum(app)
            left = max(0, maximum - self._burst[app].used(now))
            headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = str(int(settings.burst_window_seconds * 1000))
            headers["X-HubSpot-RateLimit-Max"] = str(maximum)
            headers["X-HubSpot-RateLimit-Remaining"] = str(left)
            headers["X-HubSpot-RateLimit-Secondly"] = str(maximum // 10)
            headers["X-HubSpot-RateLimit-Secondly-Remaining"] = str(min(left, maximum // 10))
        return headers

    def _search_refused(self, app: str, now: float) -> ApiRefusalError:
        self.refused["search"] += 1
        return ApiRefusalError(secondly_reply(self._headers(app, "search", now)), reason="secondly")

    def _refused(self, kind: str, policy: str, headers: dict[str, str]) -> ApiRefusalError:
        self.refused[kind] += 1
        return ApiRefusalError(policy_reply(policy, self._settings.app_id, headers), reason=policy.lower())


def secondly_reply(headers: dict[str, str] | None = None) -> Reply:
    """Search's 429: a category, no policyName, no Retry-After."""
    body = {
        "status": "error",
        "message": "You have reached your secondly limit.",
        "correlationId": correlation_id(),
        "category": "RATE_LIMITS",
    }
    return Reply(status=429, body=body, headers=headers or {})


def policy_reply(policy: str, app_id: int, headers: dict[str, str] | None = None) -> Reply:
    """The other 429: errorType and policyName (`TEN_SECONDLY_ROLLING` or `DAILY`)."""
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": correlation_id(),
        "policyName": policy,
        "groupName": f"publicapi:private-apps-api-calls-{app_id}",
    }
    return Reply(status=429, body=body, headers=headers or {})
