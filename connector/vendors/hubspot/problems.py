"""What provisioning finds and cannot mend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.policy.model import Policy
from connector.vendors.base import ActivityKind
from connector.vendors.hubspot.activities import ACTIVITIES
from connector.vendors.hubspot.client import HubSpotVendor
from connector.vendors.outcomes import outcome_values

_ACTIVITY, _OUTCOME = "activity", "outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that provisioning cannot mend. Only an `error` stops it."""

    severity: str  #: error | warning
    object_type: str
    property_name: str
    reason: str
    message: str


def outcome_problems(policy: Policy, vendor: HubSpotVendor) -> Iterator[Problem]:
    """Outcomes of activities that the policy names and the portal does not have: they never count."""
    named = list(_named(policy))
    labels = vendor.activity_outcomes() if named else {}
    for signal_id, kind, word in named:
        if outcome_values(ACTIVITIES, labels, kind, word):
            continue
        listed = ", ".join(labels.get(kind, {}).values()) or "none at all"
        yield Problem(
            severity="warning",
            object_type=kind.value,
            property_name=_OUTCOME,
            reason="outcome_unknown",
            message=f"No outcome of {kind.value}s in HubSpot is called {word} (signal {signal_id}): it has {listed}.",
        )


def _named(policy: Policy) -> Iterator[tuple[str, ActivityKind, str]]:
    for signal in policy.signals.values():
        for source in signal.sources:
            if source.kind == _ACTIVITY:
                for kind in source.match:
                    for word in source.where.get(_OUTCOME, ()):
                        yield signal.id, ActivityKind(kind), word
